/**
 * Why a placement is in its state, and what comes next: sentences for `stat`, `plan` and `status`. Pure; nothing is decided here. All numbers
 * are those of decide.ts, rounds.ts and repair-plan.ts. Times are chain time, to the minute.
 */
import { formatTime, HOUR } from '../base/units.ts'
import { countedAs, missedRoundOf, openRoundOf, type PlacementState, type Round, rowsLeft } from './placement-state.ts'
import type { Policy } from './policy.ts'
import { muteAt } from './progress.ts'
import type { BountyRecord } from './records.ts'
import { askDueOf } from './release.ts'
import type { Part } from './repair-plan.ts'
import { REVOKE_DELAY } from './schedule.ts'
import { REASONS } from './settle.ts'

/** What a sentence may need beside the placement itself. */
export interface Around {
  readonly now: number
  readonly policy: Policy
  /** The bounty of a docket (plan). */
  bountyOf(docket: string): BountyRecord | undefined
  /** The segment's shares, or the manifest's copies; absent for a put that is not finished. */
  readonly part: Part | undefined
  /** Of a backup of the ledger: it is not mended, the next one takes its place. */
  readonly isBackup: boolean
  /** Shares of a segment. */
  readonly n: number
}

export interface Explanation {
  readonly why?: string
  readonly next?: string
}

/** Empty for what is held with nothing under way: its next check is all there is to say. */
export function explain(placement: PlacementState, around: Around): Explanation {
  if (countedAs(placement) === 'outcast') return explainOutcast(placement, around)
  switch (placement.state) {
    case 'placing':
      return { why: 'offered, and not countersigned yet', next: 'held when both signatures are there' }
    case 'held':
      return explainHeld(placement, around)
    case 'suspect':
      return { why: whyMissed(placement), next: nextOfSuspect(placement, around) }
    case 'mia':
    case 'repairing':
    case 'lost':
      return { why: whyGone(placement), next: nextOfGone(placement, around) }
    case 'ended':
      return { why: whyEnded(placement) }
  }
}

/** There, and not asked for: P5. Its bounties are posted as before. */
function explainOutcast({ outcast, kind }: PlacementState, { part, n, isBackup }: Around): Explanation {
  const why = `its steward is ${outcast?.standing}, known since ${momentOf(outcast?.at ?? 0)}: it gets no requests`
  if (isBackup) return { why, next: 'the next backup takes its place' }
  const what = kind === 'copy' ? 'copies' : 'shares'
  if (!part) return { why, next: 'to be made again elsewhere, unless its standing is restored' }
  const { confirmed, threshold, needsRepair, isMendable } = part.health
  if (!isMendable)
    return { why, next: `too few ${what} are with stewards in good standing to make it again: waits for its standing` }
  return {
    why,
    next: needsRepair
      ? `made again elsewhere now, unless its standing is restored: ${confirmed} of ${n} ${what} confirmed`
      : `made again elsewhere when ${threshold} of ${n} ${what} are confirmed, now ${confirmed}; or now: holdfast repair`,
  }
}

/** One line of both. */
export function noteOf({ why, next }: Explanation): string | undefined {
  if (why === undefined) return next
  return next === undefined ? why : `${why}; next: ${next}`
}

/** To the minute, UTC. */
export function momentOf(time: number): string {
  return formatTime(time).slice(0, 16).replace('T', ' ')
}

function explainHeld(placement: PlacementState, around: Around): Explanation {
  const round = openRoundOf(placement)
  if (!round) {
    const mute = muteAt(placement, around.policy)
    if (mute === undefined) return {}
    return {
      why: 'no answer is left to ask with',
      next: `reads of the blob, which make new ones, are tried daily; MIA at ${momentOf(mute)}`,
    }
  }
  const what = `round ${round.n}${round.again ? ', again over what a release left,' : ''}`
  switch (round.phase) {
    case 'opening':
      if (round.offered)
        return {
          why: `${what} offered off chain ${momentOf(round.openedAt)}${whyOf(round, around)}`,
          next: `paid by voucher, or on chain from ${momentOf(round.openedAt + around.policy.offerPatience)}`,
        }
      return { why: `${what} decided ${momentOf(round.openedAt)}`, next: 'its post reaches the chain' }
    case 'posted':
      return { why: `${what} posted ${momentOf(round.at)}, unclaimed`, next: nextOfPosted(round, around) }
    default:
      return { why: `${what} ${round.phase} ${momentOf(round.at)}`, next: 'final in a few blocks' }
  }
}

/** Why a round goes the way it goes. */
function whyOf({ docket }: Round, { bountyOf }: Around): string {
  const why = bountyOf(docket)?.why
  return why === undefined || REASONS.voucher[why] === '' ? '' : `: ${REASONS.voucher[why]}`
}

function nextOfPosted(round: Round, { now, policy, bountyOf }: Around): string {
  const bounty = bountyOf(round.docket)
  if (bounty?.release) {
    const { lost } = bounty.release
    return `its steward gives the bounty back, ${lost.length} of ${bounty.placements.length} blobs lost: taken back, then the rest is posted again`
  }
  const close = round.deadline + REVOKE_DELAY
  if (now > round.deadline) return `taken back from ${momentOf(close)}, then ${round.retry ? 'MIA' : 'suspect'}`
  const due = bounty && askDueOf(bounty, policy)
  const ask = due === undefined ? '' : `; its steward is asked at ${momentOf(due)} whether it gives it back`
  return `swept until ${momentOf(round.deadline)}, or it is a miss${ask}`
}

function whyMissed({ rounds, totals }: PlacementState): string {
  const missed = rounds.findLast(({ phase, final, withheld }) => phase === 'revoked' && final && !withheld)
  return missed
    ? `round due ${momentOf(missed.due)} unclaimed`
    : `a round unclaimed, taken back ${momentOf(totals.lastMiss)}`
}

function nextOfSuspect(placement: PlacementState, around: Around): string {
  const { nextDue, bisection, totals } = placement
  const { now, policy } = around
  const round = openRoundOf(placement)
  if (round?.phase === 'opening')
    return `retry decided ${momentOf(round.openedAt)}, deadline ${momentOf(round.deadline)}`
  if (round) return `retry posted ${momentOf(round.at)}, deadline ${momentOf(round.deadline)}; missed too, it is MIA`
  const missed = missedRoundOf(placement)
  if (bisection && missed) {
    const until = totals.lastMiss + policy.bisectFor
    const again = Math.min(bisection.at + policy.bisectAgain, until)
    return `its steward is asked over parts of the docket of ${missed.entries} which blobs are there (try ${bisection.n}, again ${momentOf(again)}); without an answer a retry from ${momentOf(until)}`
  }
  if (rowsLeft(placement) === 0) {
    const until = totals.lastMiss + policy.retryWindow
    return `no answer is left to ask with: reads of the blob are tried daily; MIA at ${momentOf(until)}`
  }
  if (nextDue === undefined) return `ended with its term on ${momentOf(placement.end)}`
  return nextDue > now
    ? `retry due ${momentOf(nextDue)}, answered within 72 to 78 hours, or it is MIA`
    : 'the retry is due now'
}

function whyGone({ goneWhy, goneAt, totals }: PlacementState): string {
  const since = momentOf(Math.max(goneAt ?? 0, totals.lastMiss))
  const isGone = goneAt !== undefined && goneAt >= totals.lastProof
  if (isGone && goneWhy === 'reported') return `its steward reported it lost ${since}`
  if (isGone && goneWhy === 'disproved') return `its steward had no answer for it alone ${since}`
  if (isGone && goneWhy === 'mute')
    return `no way to ask ${totals.lastMiss > 0 ? 'again ' : ''}within seven days, until ${since}`
  return `missed twice, last ${momentOf(totals.lastMiss)}`
}

function nextOfGone({ state, kind }: PlacementState, { part, n, isBackup }: Around): string {
  if (isBackup) return 'the next backup takes its place'
  const what = kind === 'copy' ? 'copies' : 'shares'
  if (state === 'lost' || part?.health.isLost)
    return `too few ${what} are left to make it again; its steward is asked for it every day`
  if (state === 'repairing') return 'a new blob takes its place at another steward'
  if (!part) return 'to be made again elsewhere'
  const { confirmed, threshold, needsRepair } = part.health
  return needsRepair
    ? `made again elsewhere now: ${confirmed} of ${n} ${what} confirmed`
    : `made again elsewhere when ${threshold} of ${n} ${what} are confirmed, now ${confirmed}; or now: holdfast repair`
}

function whyEnded({ replacedAt, end, totals }: PlacementState): string {
  if (replacedAt !== undefined) return `replaced on ${momentOf(replacedAt)} by a blob with another steward`
  const unasked = end - totals.cut
  const rest = unasked >= HOUR ? `; its last ${Math.round(unasked / HOUR)} h were never asked for` : ''
  return `its term was over ${momentOf(end)}${rest}`
}
