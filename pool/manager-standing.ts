/**
 * The manager's judgement with its journal: a fact comes in, the pure rule decides, and evidence, decision, the member's steps and the
 * transaction are one synced batch. A crash on either side of it neither doubles nor loses an act: before, nothing was said to whoever sent
 * the verdict; after, the outbox sends what stands in the journal.
 */
import { toHex } from '../base/bytes.ts'
import { decodeCbor, encodeCbor } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Change } from '../base/ports.ts'
import { type UnixTime, unixTime } from '../base/units.ts'
import type { Standing } from '../chain/registry-members.ts'
import { only } from '../net/messages/fields.ts'
import { type Appeal, decodeReportMessage, encodeReportMessage, type Verdict } from '../net/messages/report.ts'
import { assertAppeal, assertVerdict, independentMonitors } from './check-verdict.ts'
import { type Decision, decideStanding, type StandingEnv, type StandingFact } from './decide-standing.ts'
import { createHearings, type Hearings } from './manager-hearings.ts'
import type { ManagerParts } from './manager-parts.ts'
import { KEYS, type KeptDecision, type KeptSubject, put, readRecords } from './manager-records.ts'
import type { PanelPolicy } from './panel.ts'
import { isSecondLook, panelOf } from './recheck.ts'
import type { MemberView } from './registry-view.ts'
import { nextDueOf, reconcile, type Subject } from './standing-steps.ts'
import { planUndo, type Undo } from './undo-acts.ts'

/** What an appeal came to. */
export interface Heard {
  readonly outcome: 'granted' | 'open' | 'dismissed'
  readonly why: string
}

export interface Judging {
  /** Reads the journal. */
  open(): Promise<void>
  /** @throws `POOL_VERDICT` when nothing follows from it; a verdict that was taken before is taken again without effect */
  take(verdict: Verdict): Promise<Decision>
  /** @throws `POOL_APPEAL` */
  hear(appeal: Appeal): Promise<Heard>
  /** What time does: hearings, clean windows, renewals of the abandoned. */
  pass(): Promise<void>
  /** Puts back what a delegate did from then on. @returns what is put back */
  undo(delegate: Address, since: UnixTime): Promise<readonly Undo[]>
  /** Chain time of the next thing that time does. */
  nextDue(): UnixTime | undefined
  subject(id: Address): Subject | undefined
  /** Appeals that monitors are told of. */
  readonly hearings: Hearings
}

/** Largest verdict in the journal. Bytes. */
const MAX_VERDICT = 65 * 1024

export function createJudging(parts: ManagerParts): Judging {
  const { me, pool, registry, journal, outbox, chain, log } = parts
  let kept = new Map<Address, KeptSubject>()
  const hearings = createHearings(parts, subject)

  /** As decided: what is on its way counts already. */
  function subjectOf(member: MemberView): Subject {
    const { steps, since, pending } = kept.get(member.id) ?? { steps: [], since: unixTime(0) }
    const standing = pending?.next ?? (member.standing as Standing)
    return reconcile({ id: member.id, standing, steps, since })
  }
  function subject(id: Address): Subject | undefined {
    const member = registry.member(id)
    return member === undefined ? undefined : subjectOf(member)
  }
  const env = () => ({ now: chain.now(), policy: parts.policy().standing })

  /** A panel is weighed by the policy under which it sat, also when the master has changed it since. */
  function envOf(panel: PanelPolicy | undefined): StandingEnv {
    const now = env()
    if (panel === undefined) return now
    const { seats: panelSeats, votes: panelVotes, least: panelLeast } = panel
    return { ...now, policy: { ...now.policy, panelSeats, panelVotes, panelLeast } }
  }

  /** Commits what a decision leads to, with what the fact brings along. */
  async function carryOut(
    before: Subject,
    decision: Exclude<Decision, { readonly kind: 'refused' }>,
    more: readonly Change[],
    monitor?: Address,
  ): Promise<void> {
    const { steps, since } = decision.subject
    const { now } = env()
    if (decision.kind === 'noted') {
      const pending = kept.get(before.id)?.pending
      const next: KeptSubject = { steps, since, ...(pending === undefined ? {} : { pending }) }
      await journal.commit([put(KEYS.subject(before.id), next), ...more])
      kept.set(before.id, next)
      log.info('manager.noted', { id: before.id, why: decision.why })
      return
    }
    const { next, reason, evidenceHash, evidence, why, back } = decision
    const intent = `standing/${before.id}/${evidenceHash}/${next}`
    const record: KeptSubject = { steps, since, pending: { intent, next } }
    const entry: KeptDecision = {
      id: before.id,
      from: before.standing,
      next,
      reason,
      evidenceHash,
      why,
      back,
      at: now,
      monitor,
      intent,
    }
    await journal.commit([
      put(KEYS.subject(before.id), record),
      put(KEYS.decision(now, evidenceHash), entry),
      ...(evidence === undefined ? [] : [{ key: KEYS.evidence(evidenceHash), value: evidence }]),
      ...more,
      ...outbox.intent(intent, { kind: 'standing', id: before.id, standing: next, reason, evidenceHash }),
    ])
    kept.set(before.id, record)
    outbox.kick()
    log.warn('manager.decision', { id: before.id, why, reason, evidence: evidenceHash, back })
  }

  async function decide(member: MemberView, fact: StandingFact): Promise<Decision> {
    const before = subjectOf(member)
    const decision = decideStanding(before, fact, env())
    if (decision.kind !== 'refused') await carryOut(before, decision, [])
    return decision
  }

  outbox.onSettled((intent) => {
    for (const [id, subject] of kept) {
      if (subject.pending?.intent !== intent) continue
      const { pending: _, ...rest } = subject
      kept.set(id, rest)
      return [put(KEYS.subject(id), rest)]
    }
    return undefined
  })

  return {
    async open() {
      kept = (await readRecords<KeptSubject>(journal, KEYS.subjects)) as Map<Address, KeptSubject>
      await hearings.open()
    },

    async take(verdict) {
      await registry.refresh()
      const accused = assertVerdict(verdict, { me, pool, registry })
      const hash = toHex(verdict.evidenceHash)
      const spent = await journal.get(KEYS.spent(`${verdict.accused}/${hash}`))
      const before = subjectOf(accused)
      if (spent !== undefined)
        return { kind: 'noted', subject: before, why: 'that evidence has been decided on before' }
      const rechecked = await parts.recheck(verdict, true)
      const fact: StandingFact = {
        kind: 'verdict',
        verdict: { ...verdict, evidenceHash: hash, at: unixTime(verdict.at) },
        recheck: rechecked.found,
        why: rechecked.why,
        isSecondLook: isSecondLook(verdict),
        independent: independentMonitors(registry, verdict.accused),
      }
      const decision = decideStanding(before, fact, envOf(rechecked.policy))
      if (decision.kind === 'refused') throw new HoldfastError('POOL_VERDICT', { what: decision.why })
      await carryOut(
        before,
        decision,
        [
          { key: KEYS.evidence(hash), value: verdict.evidence },
          { key: KEYS.verdict(hash), value: encodeCbor(encodeReportMessage({ kind: 'verdict', verdict })) },
          put(KEYS.spent(`${verdict.accused}/${hash}`), { at: env().now, monitor: verdict.monitor }),
        ],
        verdict.monitor,
      )
      return decision
    },

    async hear(appeal) {
      await registry.refresh()
      const member = assertAppeal(appeal, { me, pool, registry })
      const about = toHex(appeal.about)
      const kept = await journal.get(KEYS.verdict(about))
      // Looked at again as it was taken: what this program has learnt to check since counts, too.
      const verdict =
        kept === undefined ? undefined : only(decodeReportMessage(decodeCbor(kept, MAX_VERDICT)), 'verdict').verdict
      const recheck = verdict === undefined ? 'unknown' : (await parts.recheck(verdict, false)).found
      const before = subjectOf(member)
      const decision = decideStanding(before, { kind: 'appeal', about, recheck }, env())
      if (decision.kind === 'refused') {
        const isOpen = before.steps.some(
          ({ evidenceHash, appealed }) => evidenceHash === about && appealed?.isOpen === true,
        )
        return { outcome: isOpen ? 'open' : 'dismissed', why: decision.why }
      }
      const evidence = { key: KEYS.evidence(toHex(sha256(appeal.evidence))), value: appeal.evidence }
      // monitors look again at what a panel found; a pattern is not to be seen by looking
      const hearing =
        decision.kind === 'noted' && verdict !== undefined && panelOf(verdict.evidence) !== undefined
          ? hearings.begin(member.id, about)
          : undefined
      await carryOut(before, decision, [evidence, ...(hearing === undefined ? [] : [hearing.change])])
      hearing?.takeUp()
      hearings.kick()
      return { outcome: decision.kind === 'change' ? 'granted' : 'open', why: decision.why }
    },

    async pass() {
      for (const member of registry.members()) {
        if (member.level !== 'agent' || member.manager !== me) continue
        if (!kept.has(member.id) && member.standing === 'compliant') continue
        await decide(member, { kind: 'time', renewedUntil: unixTime(member.renewedAt + member.period) })
      }
    },

    async undo(delegate, since) {
      await registry.refresh()
      const planned = planUndo(await chain.standingActs(), delegate, since).filter(({ id }) => id !== me)
      const undone: Undo[] = []
      for (const undo of planned) {
        const member = registry.member(undo.id)
        if (member === undefined) continue
        const { kind } = await decide(member, { kind: 'undone', to: undo.to, about: undo.about })
        if (kind !== 'refused') undone.push(undo)
      }
      return undone
    },

    nextDue() {
      const { policy } = env()
      const dues: number[] = [hearings.nextDue()].filter((due) => due !== undefined)
      for (const id of kept.keys()) {
        const member = registry.member(id)
        if (member === undefined || member.manager !== me) continue
        const due = nextDueOf(subjectOf(member), policy)
        if (due !== undefined) dues.push(due)
      }
      return dues.length === 0 ? undefined : unixTime(Math.min(...dues))
    },

    subject,
    hearings,
  }
}
