/**
 * What becomes of a member's standing: (subject, fact, env) -> decision. Pure, total over all facts, no clock of its own. The way down is
 * compliant, probation, violation, banned, a step at a time and each on its own evidence; the way up is an appeal, or a clean window.
 * Below seven independent monitors a panel only advises, and advice ends at probation. Silence convicts of nothing: no reason that rests on
 * it moves a standing. pool.md "Evidence and judgement"; docs/explanation/standing.md.
 */
import { toHex } from '../base/bytes.ts'
import { encodeCbor } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import type { UnixTime } from '../base/units.ts'
import type { Standing } from '../chain/registry-members.ts'
import { acquits as acquitsBy } from './panel.ts'
import { codeOf, type Reason, reasonOf } from './reasons.ts'
import {
  BANNED,
  GROUNDS,
  type Ground,
  lapseOne,
  rankOf,
  reconcile,
  SCALE,
  type StandingPolicy,
  type Step,
  type Subject,
  standingAfter,
  votesToConvict,
} from './standing-steps.ts'

/** A monitor's verdict, as far as the rules need it. net/messages/report.ts has the whole. */
export interface Judgement {
  /** Undefined: found by the manager itself. */
  readonly monitor?: Address | undefined
  readonly reason: number
  /** Hex, 32 bytes. */
  readonly evidenceHash: string
  readonly class: 'self-verifying' | 'panel' | 'advice'
  /** Chain time. */
  readonly at: UnixTime
  readonly panel?: { readonly drawn: number; readonly voted: number; readonly convicting: number } | undefined
}

/** What the manager's own look at evidence gives. `unknown`: it cannot check this kind. */
export type Recheck = 'holds' | 'fails' | 'unknown'

export type StandingFact =
  | {
      readonly kind: 'verdict'
      readonly verdict: Judgement
      readonly recheck: Recheck
      /** Why it fails. */
      readonly why?: string | undefined
      /** Monitors in good standing of other clusters than the accused's, by the manager's own view. */
      readonly independent: number
      /** Its monitor looked again because of an appeal: it answers that, and takes nobody down. */
      readonly isSecondLook?: boolean
    }
  /** The convicted one's own, signed; `recheck`: of what the step rests on, with the appeal's evidence beside it. */
  | { readonly kind: 'appeal'; readonly about: string; readonly recheck: Recheck }
  /** A verdict that its evidence does not bear out any more: its monitor was caught. */
  | { readonly kind: 'refuted'; readonly about: string }
  /** Chain time went on. `renewedUntil`: its renewal holds so long. */
  | { readonly kind: 'time'; readonly renewedUntil: UnixTime }
  /** A delegate that was not entitled had changed it from `to`. `about`: the evidence hash that stands with that change. */
  | { readonly kind: 'undone'; readonly to: Standing; readonly about: string }

export type Decision =
  /** To be committed and sent. `evidence`: what stands behind the hash when it is not a verdict's. */
  | {
      readonly kind: 'change'
      readonly next: Standing
      readonly reason: number
      readonly evidenceHash: string
      readonly evidence?: Uint8Array
      readonly subject: Subject
      readonly why: string
      readonly back: string
    }
  /** Remembered; the standing stays. */
  | { readonly kind: 'noted'; readonly subject: Subject; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }

export interface StandingEnv {
  /** Chain time. */
  readonly now: UnixTime
  readonly policy: StandingPolicy
}

/** A statement from the future by more than this is refused. Seconds. */
const AHEAD = 600

export function decideStanding(given: Subject, fact: StandingFact, env: StandingEnv): Decision {
  const subject = reconcile(given)
  switch (fact.kind) {
    case 'verdict':
      return onVerdict(subject, fact, env)
    case 'appeal':
      return onAppeal(subject, fact, env)
    case 'refuted': {
      const step = subject.steps.find(({ evidenceHash }) => evidenceHash === fact.about)
      return step === undefined ? refuse('nothing rests on that evidence') : lift(subject, step, env)
    }
    case 'time':
      return onTime(subject, fact.renewedUntil, env)
    case 'undone':
      return onUndone(subject, fact, env)
  }
}

// Down

function onVerdict(
  subject: Subject,
  { verdict, recheck, why, independent, isSecondLook = false }: Extract<StandingFact, { readonly kind: 'verdict' }>,
  env: StandingEnv,
): Decision {
  const { now, policy } = env
  const reason = reasonOf(verdict.reason)
  if (reason === undefined) return refuse(`reason ${verdict.reason} is not known`)
  if (reason.proof === 'none') return refuse(`${reason.name} moves no standing: ${reason.say}`)
  if (verdict.at > now + AHEAD) return refuse('it is from the future')
  if (verdict.at + policy.window < now) return refuse('it is older than the window')
  if (verdict.class === 'self-verifying' && reason.proof !== 'self-verifying')
    return refuse(`${reason.name} does not verify itself`)
  if (recheck === 'fails') return refuse(`its evidence does not hold${why === undefined ? '' : `: ${why}`}`)
  const ground = groundOf(verdict, recheck, independent, policy)
  if (typeof ground !== 'string') return refuse(ground.why)
  const acquits = isAcquittal(verdict, policy)
  // a monitor may take back what it found, and not confirm itself
  const heard = subject.steps.find(
    ({ appealed, monitor, reason: code }) =>
      appealed?.isOpen === true &&
      code === verdict.reason &&
      (acquits || monitor !== verdict.monitor) &&
      verdict.at > appealed.at,
  )
  if (heard !== undefined && ground !== 'self-verifying') return afterHearing(subject, heard, ground, verdict, env)
  if (isSecondLook) return { kind: 'noted', subject, why: 'no appeal is open that it could answer' }
  if (!convicts(verdict, policy)) return refuse('its panel did not convict')
  return stepDown(subject, ground, reason, verdict, env)
}

/** What a verdict counts as: never for more than the manager can see for itself. */
function groundOf(
  verdict: Judgement,
  recheck: Recheck,
  independent: number,
  policy: StandingPolicy,
): Ground | { readonly why: string } {
  if (verdict.class === 'self-verifying') return recheck === 'holds' ? 'self-verifying' : 'advice'
  if (verdict.class === 'advice') return 'advice'
  const { drawn, voted, convicting } = verdict.panel ?? { drawn: 0, voted: 0, convicting: 0 }
  if (voted > drawn || convicting > voted) return { why: 'its panel does not add up' }
  if (drawn > independent) return { why: `${drawn} were drawn where ${independent} are independent of the accused` }
  return drawn < policy.panelLeast ? 'advice' : 'panel'
}

/** Its panel, where it had one, convicts. */
function convicts({ class: kind, panel }: Judgement, policy: StandingPolicy): boolean {
  if (panel === undefined) return kind !== 'panel'
  return panel.convicting >= votesToConvict(panel.drawn, policy)
}

/** Its panel acquits: so many saw the contrary that those who said nothing could not have convicted. */
function isAcquittal({ panel }: Judgement, policy: StandingPolicy): boolean {
  return panel !== undefined && acquitsBy(panel, votesToConvict(panel.drawn, policy))
}

function stepDown(
  subject: Subject,
  ground: Ground,
  reason: Reason,
  { evidenceHash, at, monitor }: Judgement,
  { now, policy }: StandingEnv,
): Decision {
  const rank = rankOf(subject.standing)
  if (subject.steps.some((step) => step.evidenceHash === evidenceHash))
    return refuse('that evidence has counted already')
  if (isLost(reason) && subject.standing !== 'compromised' && ground === 'self-verifying')
    return change(subject, 'compromised', reason, evidenceHash, { ...subject, standing: 'compromised', since: now })
  if (rank === undefined) return refuse(`it is ${subject.standing} and serves nobody`)
  if (rank === BANNED) return refuse('it is banned already')
  if (ground === 'advice' && rank > 0) return refuse('advice takes nobody beyond probation')
  const last = subject.steps.at(-1)
  const isStronger = last === undefined || GROUNDS.indexOf(ground) > GROUNDS.indexOf(last.ground)
  if (last !== undefined && !isStronger && last.ground !== 'by-hand' && at < last.at + policy.mend)
    return refuse('the last step is less than a day old: there must be time to mend')
  // What anybody can check takes it out of service at once; what monitors judged gives it a warning first.
  const ranks = ground === 'self-verifying' && rank < 2 ? 2 - rank : 1
  const step: Step = { evidenceHash, reason: reason.code, ground, at: now, ranks, monitor }
  const next = SCALE[rank + ranks] as Standing
  return change(subject, next, reason, evidenceHash, {
    ...subject,
    standing: next,
    steps: [...subject.steps, step],
    since: now,
  })
}

/** The key is not its owner's alone any more: no time and no appeal brings that back. */
function isLost({ name }: Reason): boolean {
  return name === 'key-stolen' || name === 'key-mismatch'
}

// Up

function onAppeal(
  subject: Subject,
  { about, recheck }: Extract<StandingFact, { readonly kind: 'appeal' }>,
  env: StandingEnv,
): Decision {
  const step = subject.steps.find(({ evidenceHash, ground }) => evidenceHash === about && ground !== 'by-hand')
  if (step === undefined) return refuse('its standing does not rest on that evidence')
  if (recheck === 'fails') return lift(subject, step, env)
  if (step.ground === 'self-verifying') return refuse('the evidence holds, as anybody can check')
  if (step.appealed !== undefined) return refuse('that was appealed against before')
  const appealed: Step = { ...step, appealed: { at: env.now, isOpen: true } }
  const days = env.policy.hearing / 86_400
  return {
    kind: 'noted',
    subject: { ...subject, steps: subject.steps.map((one) => (one === step ? appealed : one)) },
    why:
      step.ground === 'panel'
        ? `another panel may acquit within ${days} days; until then the standing is kept`
        : `it falls in ${days} days unless another monitor confirms it`,
  }
}

/** Another monitor has looked after an appeal. */
function afterHearing(subject: Subject, step: Step, ground: Ground, verdict: Judgement, env: StandingEnv): Decision {
  const weight = (one: Ground) => GROUNDS.indexOf(one)
  if (weight(ground) < weight(step.ground)) return refuse('it is weaker than what it is about')
  if (isAcquittal(verdict, env.policy)) return lift(subject, step, env)
  if (!convicts(verdict, env.policy)) return refuse('its panel neither confirms nor acquits')
  return { kind: 'noted', subject: close(subject, step), why: 'another monitor confirms it: the appeal is dismissed' }
}

function onTime(subject: Subject, renewedUntil: UnixTime, env: StandingEnv): Decision {
  const { now, policy } = env
  if (subject.standing === 'abandoned' && renewedUntil > now) {
    const next = standingAfter(subject.steps)
    return changeBy(subject, next, 'renewed', '', { ...subject, standing: next, since: now }, env)
  }
  const rank = rankOf(subject.standing)
  if (rank === undefined) return refuse('time changes nothing')
  const over = subject.steps.find(({ appealed }) => appealed?.isOpen === true && appealed.at + policy.hearing <= now)
  if (over?.ground === 'advice') return lift(subject, over, env)
  if (over !== undefined) return { kind: 'noted', subject: close(subject, over), why: 'no panel acquitted it in time' }
  if (rank === 0 || rank === BANNED || subject.since + policy.cleanWindow > now) return refuse('time changes nothing')
  const lapsed = lapseOne(subject.steps)
  if (lapsed === undefined) return refuse('another delegate decided: only an appeal to it helps')
  const next = standingAfter(lapsed.steps)
  const after = { ...subject, standing: next, steps: lapsed.steps, since: now }
  return changeBy(subject, next, 'clean-window', lapsed.step.evidenceHash, after, env)
}

function onUndone(
  subject: Subject,
  { to, about }: Extract<StandingFact, { readonly kind: 'undone' }>,
  env: StandingEnv,
): Decision {
  if (subject.standing === to) return refuse('it stands so already')
  return changeBy(subject, to, 'undone', about, reconcile({ ...subject, standing: to, since: env.now }), env)
}

/** Takes a step back, wherever it stands among the others. */
function lift(subject: Subject, step: Step, env: StandingEnv): Decision {
  const steps = subject.steps.filter((one) => one !== step)
  const rank = rankOf(subject.standing)
  if (rank === undefined) return { kind: 'noted', subject: { ...subject, steps }, why: `it is ${subject.standing}` }
  const next = standingAfter(steps)
  const after = { ...subject, standing: next, steps, since: env.now }
  return changeBy(subject, next, 'appeal-granted', step.evidenceHash, after, env)
}

function close(subject: Subject, step: Step): Subject {
  const at = step.appealed?.at as UnixTime
  const closed = { ...step, appealed: { at, isOpen: false } }
  return { ...subject, steps: subject.steps.map((one) => (one === step ? closed : one)) }
}

// Decisions

function refuse(why: string): Decision {
  return { kind: 'refused', why }
}

function change(before: Subject, next: Standing, reason: Reason, evidenceHash: string, subject: Subject): Decision {
  const why = `${before.standing} -> ${next}: ${reason.say}`
  return { kind: 'change', next, reason: reason.code, evidenceHash, subject, why, back: reason.back }
}

/** A change that rests on the rules themselves: its evidence is what the rules were given. */
function changeBy(
  before: Subject,
  next: Standing,
  name: 'renewed' | 'clean-window' | 'appeal-granted' | 'undone',
  about: string,
  subject: Subject,
  { now }: StandingEnv,
): Decision {
  const reason = reasonOf(codeOf(name)) as Reason
  const basis = { id: before.id, from: before.standing, to: next, reason: reason.code, about, at: now }
  const evidence = encodeCbor({ form: 'holdfast/decision/1', ...basis })
  const why = `${before.standing} -> ${next}: ${reason.say}`
  const evidenceHash = toHex(sha256(evidence))
  return { kind: 'change', next, reason: reason.code, evidenceHash, evidence, subject, why, back: reason.back }
}
