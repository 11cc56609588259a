/**
 * A member's standing as the sum of its steps: each step down rests on one evidence hash, so taking it back on appeal leaves what the
 * others rest on. What other delegates decide stands on chain; the steps are brought in line with it, never against it. Pure.
 */
import type { Address } from '../base/curve.ts'
import { DAY, type UnixTime, unixTime } from '../base/units.ts'
import type { Standing } from '../chain/registry-members.ts'
import { neededOf } from './panel.ts'

/** The way down, a rank each. `abandoned` and `compromised` lie beside it. */
export const SCALE = ['compliant', 'probation', 'violation', 'banned'] as const satisfies readonly Standing[]
/** Rank of a ban. */
export const BANNED = 3

/** What a step rests on, weakest first; `by-hand`: another delegate's decision, which time does not lift. */
export const GROUNDS = ['advice', 'panel', 'self-verifying', 'by-hand'] as const
export type Ground = (typeof GROUNDS)[number]

/** One step down. */
export interface Step {
  /** Hex, 32 bytes: what stands on chain with it. */
  readonly evidenceHash: string
  /** Code of pool/reasons.ts. */
  readonly reason: number
  readonly ground: Ground
  /** When it was decided. Chain time. */
  readonly at: UnixTime
  /** How far down; time takes them away one by one. 1 to 3. */
  readonly ranks: number
  /** Whose verdict it was; undefined for what a manager found, and for decisions by hand. */
  readonly monitor?: Address | undefined
  /** The convicted one appealed then, and is heard. An appeal is made once. */
  readonly appealed?: { readonly at: UnixTime; readonly isOpen: boolean }
}

/** A member as its manager judges it. */
export interface Subject {
  readonly id: Address
  /** On chain now. */
  readonly standing: Standing
  /** Oldest first. */
  readonly steps: readonly Step[]
  /** Of the last step, down or up: the clean window runs from here. Chain time; 0: never. */
  readonly since: UnixTime
}

/** Times of the rules, and the panel. pool.md "Evidence and judgement"; the panel's numbers are the pool's policy. */
export interface StandingPolicy {
  /** Monitors drawn; how many of them convict; below how many independent ones a panel only advises. */
  readonly panelSeats: number
  readonly panelVotes: number
  readonly panelLeast: number
  /** Verdicts older than this move nothing. Seconds. */
  readonly window: number
  /** So long without a finding lifts a standing by one rank. Seconds. */
  readonly cleanWindow: number
  /** So long after a step no second one follows on evidence of the same ground or weaker: there must be time to mend. Seconds. */
  readonly mend: number
  /** An appeal against monitors' judgement is answered within this, or an advice falls. Seconds; the 14 days of every notice. */
  readonly hearing: number
}

export const STANDING_POLICY: StandingPolicy = {
  panelSeats: 31,
  panelVotes: 21,
  panelLeast: 7,
  window: 30 * DAY,
  cleanWindow: 30 * DAY,
  mend: DAY,
  hearing: 14 * DAY,
}

/** Rank on the scale; undefined for what lies beside it. */
export function rankOf(standing: Standing): number | undefined {
  const rank = (SCALE as readonly Standing[]).indexOf(standing)
  return rank < 0 ? undefined : rank
}

/** Where the steps alone would put a member. */
export function standingAfter(steps: readonly Step[]): (typeof SCALE)[number] {
  return SCALE[sum(steps)] as (typeof SCALE)[number]
}

/** The steps as the chain knows them: what others lifted falls, newest first; what others imposed is a step by hand. */
export function reconcile(subject: Subject): Subject {
  const rank = rankOf(subject.standing)
  if (rank === undefined) return subject
  let steps = subject.steps
  while (steps.reduce((total, { ranks }) => total + ranks, 0) > rank) {
    const last = steps.at(-1) as Step
    const over = steps.reduce((total, { ranks }) => total + ranks, 0) - rank
    steps = [...steps.slice(0, -1), ...(last.ranks > over ? [{ ...last, ranks: last.ranks - over }] : [])]
  }
  const missing = rank - steps.reduce((total, { ranks }) => total + ranks, 0)
  if (missing > 0)
    steps = [...steps, { evidenceHash: '', reason: 64, ground: 'by-hand', at: subject.since, ranks: missing }]
  return steps === subject.steps ? subject : { ...subject, steps }
}

/** One rank less of the oldest step that time may lift; undefined when there is none. */
export function lapseOne(steps: readonly Step[]): { readonly steps: readonly Step[]; readonly step: Step } | undefined {
  const at = steps.findIndex(({ ground }) => ground !== 'by-hand')
  const step = steps[at]
  if (step === undefined) return undefined
  const rest = step.ranks > 1 ? [{ ...step, ranks: step.ranks - 1 }] : []
  return { steps: [...steps.slice(0, at), ...rest, ...steps.slice(at + 1)], step }
}

/** When time does something next: an appeal's hearing ends, or a clean window does. Chain time. */
export function nextDueOf(given: Subject, policy: StandingPolicy): UnixTime | undefined {
  const subject = reconcile(given)
  const rank = rankOf(subject.standing)
  if (rank === undefined) return undefined
  const hearings = subject.steps.flatMap(({ appealed }) =>
    appealed?.isOpen === true ? [appealed.at + policy.hearing] : [],
  )
  const canLapse = rank > 0 && rank < BANNED && lapseOne(subject.steps) !== undefined
  const dues = [...hearings, ...(canLapse ? [subject.since + policy.cleanWindow] : [])]
  return dues.length === 0 ? undefined : unixTime(Math.min(...dues))
}

/** Votes that convict on a panel of `drawn`: the same rule by which monitors count. */
export function votesToConvict(drawn: number, { panelSeats, panelVotes, panelLeast }: StandingPolicy): number {
  return neededOf(drawn, { seats: panelSeats, votes: panelVotes, least: panelLeast })
}

function sum(steps: readonly Step[]): number {
  return Math.min(
    BANNED,
    steps.reduce((total, { ranks }) => total + ranks, 0),
  )
}
