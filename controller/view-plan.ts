/** What the controller is going to do, and why. Pure over (ledger, now). */
import { toHex } from '../base/bytes.ts'
import { DAY, formatGwei, formatTime } from '../base/units.ts'
import { docketAmount } from '../pricing/rates.ts'
import type { PlannedAct } from './api-types.ts'
import { mayRenew } from './contract-life.ts'
import type { Outlook } from './outlook.ts'
import { missedRoundOf, openRoundOf, type PlacementState, rowsLeft } from './placement-state.ts'
import type { BountyRecord, ObjectRecord } from './records.ts'
import { askDueOf } from './release.ts'
import { surveyObject } from './repair-plan.ts'
import { REVOKE_DELAY } from './schedule.ts'
import { peersOf, REASONS, type WayReason, wayOf } from './settle.ts'

/** What will be done in the next `days`, as far as it is known now: nothing after the outcome of a round is guessed. */
export function viewPlan({ ledger, policy, now, worth = 0n }: Outlook, days: number): PlannedAct[] {
  const until = now + days * DAY
  const acts: (PlannedAct & { readonly at: number })[] = []
  const act = (at: number, rest: Omit<PlannedAct, 'when'>) => {
    if (at <= until) acts.push({ at, when: formatTime(at), ...rest })
  }
  const due = Map.groupBy(
    [...ledger.placements.values()].filter(({ nextDue, state }) => nextDue !== undefined && state !== 'ended'),
    ({ steward, nextDue, state }) => `${steward}/${nextDue}/${state}`,
  )
  const peers = peersOf(ledger.placements.values(), (steward) => ledger.promises.get(steward)?.silentAt ?? 0)
  for (const group of due.values()) {
    const [first] = group
    if (first?.nextDue === undefined) continue
    const at = first.nextDue
    const amount = docketAmount(
      group.map((p) => ({
        price: p.price,
        length: p.length,
        seconds: Math.max(0, Math.min(at, p.end) - p.totals.cut),
      })),
    )
    const gap = Math.round(first.gap / DAY)
    const why =
      first.state === 'suspect'
        ? 'retry after a miss, bound like the first; missed too, it is MIA'
        : `${gap} d after the last one; check ${first.totals.streak + 1} in a row`
    const peer = peers.get(first.steward)
    const way = peer && wayOf({ amount, retry: first.state === 'suspect' }, peer, { worth, now }, policy)
    const isVoucher = way?.way === 'voucher'
    act(at, {
      what: isVoucher ? 'voucher' : 'bounty',
      steward: first.steward,
      placements: group.length,
      amount: formatGwei(amount),
      why:
        isVoucher || isTelling(way?.why)
          ? `${why}; ${way?.way}: ${REASONS[way?.way ?? 'chain'][way?.why ?? 'wanted']}`
          : why,
    })
  }
  for (const bounty of ledger.postedBounties.values()) planBounty(bounty)
  planSuspects()
  for (const object of ledger.objects.values())
    if (object.backup === undefined && object.removedAt === undefined) planRepair(object)
  const renewals = Map.groupBy(
    [...ledger.placements.values()].filter((p) => mayRenew(p, policy, now)),
    (p) => `${p.steward}/${p.end}`,
  )
  for (const group of renewals.values()) {
    const [first] = group
    if (first)
      act(Math.max(now, first.end - policy.renewFrom), {
        what: 'renewal',
        steward: first.steward,
        placements: group.length,
        why: `the term ends ${formatTime(first.end)}`,
      })
  }
  return acts.sort((a, b) => a.at - b.at).map(({ at: _, ...rest }) => rest)

  function planBounty(bounty: BountyRecord): void {
    const { steward, placements, amount, deadline, release, asked } = bounty
    const [count, gwei] = [placements.length, formatGwei(amount)]
    if (release) {
      const why = `its steward gave it back, ${release.lost.length} of ${count} blobs lost; the rest is posted again`
      act(release.at, { what: 'revoke', steward, placements: count, amount: gwei, why })
      return
    }
    const due = askDueOf(bounty, policy)
    if (due !== undefined) {
      const why = `not swept yet: does its steward give it back? asked ${asked?.n ?? 0} times`
      act(due, { what: 'ask', steward, placements: count, why })
    }
    const why = 'if it is not swept until an hour before'
    act(deadline + REVOKE_DELAY, { what: 'revoke', steward, placements: count, amount: gwei, why })
  }

  /** Bisections under way, and suspects that can only be read. */
  function planSuspects(): void {
    const dockets = Map.groupBy(
      [...ledger.placements.values()].filter(({ bisection }) => bisection !== undefined),
      (placement) => missedRoundOf(placement)?.docket ?? '',
    )
    for (const group of dockets.values()) {
      const [first] = group
      if (!first?.bisection) continue
      const at = Math.min(first.bisection.at + policy.bisectAgain, first.totals.lastMiss + policy.bisectFor)
      const why = `missed together; tried ${first.bisection.n} times, then each blob alone`
      act(at, { what: 'bisection', steward: first.steward, placements: group.length, why })
    }
    for (const placement of ledger.placements.values())
      if (placement.state === 'suspect' && !openRoundOf(placement) && rowsLeft(placement) === 0)
        act(placement.totals.lastMiss + policy.retryWindow, {
          what: 'give-up',
          steward: placement.steward,
          placements: 1,
          why: 'no answer is left to ask with: MIA unless a read succeeds',
        })
  }

  function planRepair(object: ObjectRecord): void {
    for (const { kind, segment, health, missing, outcast } of surveyObject(
      object,
      ledger.placementsOf(object.ref),
      now,
      policy,
    )) {
      if (!health.needsRepair || missing.length === 0) continue
      const what = kind === 'copy' ? 'copies' : `shares of segment ${segment}`
      const why = `${object.name ?? toHex(object.id).slice(0, 8)}: ${health.confirmed} of ${object.n} ${what} confirmed, repair at ${health.threshold}${whyOutcast(outcast)}`
      act(now, { what: 'repair', placements: missing.length, why })
    }
  }
}

/** What went off chain before, or would, and does not: people want to know why. */
function isTelling(why: WayReason | undefined): boolean {
  return why === 'silent' || why === 'late' || why === 'new'
}

/** What a plan adds about stewards that get no requests. */
function whyOutcast(outcast: readonly PlacementState[]): string {
  if (outcast.length === 0) return ''
  const standings = [...new Set(outcast.map((placement) => placement.outcast?.standing))].sort().join(', ')
  return `; ${outcast.length} with stewards that get no requests (${standings})`
}
