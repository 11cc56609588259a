/**
 * What follows from a placement's rounds: totals, state, next due time. Computed anew at the end of every decision, so that a round the
 * chain takes back takes with it all that rested on it.
 */
import { HOUR } from '../base/units.ts'
import { closingDueOf, contractTimeOf, isUnfinished } from './contract-life.ts'
import {
  isOpen,
  missedRoundOf,
  openRoundOf,
  type PlacementState,
  type Round,
  rowsLeft,
  type ShareState,
  type Totals,
} from './placement-state.ts'
import type { Policy } from './policy.ts'
import { type Draw, gapOf, hourAtOrAfter, REVOKE_DELAY } from './schedule.ts'

/** Closed rounds kept as they are: a reorganisation of the chain can undo so many and no more. About a quarter of a year of checks. */
const REMEMBERED_ROUNDS = 4

/** Pause before a revoke that the chain refused is sent again. Seconds. One hour: the chain's clock may lag behind ours, never by so much. */
export const REVOKE_PAUSE = HOUR

/** Totals with one more round. `readAt`: the last verified read, which ends a row of misses like any proof. */
function addRound(totals: Totals, round: Round, readAt: number): Totals {
  const rounds = totals.rounds + 1
  if (round.phase === 'failed') return { ...totals, rounds, lastFailure: Math.max(totals.lastFailure, round.at) }
  const next = { ...totals, rounds, cut: Math.max(totals.cut, round.cut) }
  if (!round.final) return next
  const seconds = round.cut - round.from
  const wasRead = readAt > totals.lastMiss && readAt <= round.at
  if (round.phase === 'swept')
    return {
      ...next,
      checks: totals.checks + 1,
      streak: (totals.streak === 0 && totals.lastMiss > 0 && wasRead ? 1 : totals.streak) + 1,
      misses: 0,
      lastProof: Math.max(totals.lastProof, round.at),
      paid: totals.paid + seconds,
      ...earnedWith(totals, round.price, seconds),
    }
  if (round.phase === 'revoked' && round.withheld) return { ...next, forfeited: totals.forfeited + seconds }
  if (round.phase === 'revoked')
    return {
      ...next,
      streak: 0,
      misses: (wasRead ? 0 : totals.misses) + 1,
      lastMiss: Math.max(totals.lastMiss, round.at),
      forfeited: totals.forfeited + seconds,
    }
  return next // posted: nothing has come of it yet
}

/** Unknown stays unknown: a ledger from before prices changed has rounds without one. */
function earnedWith(
  { earned, paid }: Totals,
  price: bigint | undefined,
  seconds: number,
): { readonly earned?: bigint } {
  const before = paid === 0 ? 0n : earned
  return before === undefined || price === undefined ? {} : { earned: before + price * BigInt(seconds) }
}

function totalsOf(placement: PlacementState): Totals {
  const readAt = placement.readAt ?? 0
  const sum = placement.rounds.reduce((totals, round) => addRound(totals, round, readAt), placement.folded)
  const wasRead = readAt > sum.lastMiss
  return {
    ...sum,
    misses: wasRead ? 0 : sum.misses,
    streak: wasRead && sum.streak === 0 && sum.lastMiss > 0 ? 1 : sum.streak,
    lastProof: Math.max(sum.lastProof, readAt, placement.bookedAt ?? 0),
  }
}

function stateOf(placement: PlacementState, totals: Totals): ShareState {
  if (placement.replacedAt !== undefined || placement.endedAt !== undefined) return 'ended'
  if (placement.bookedAt === undefined) return 'placing'
  const gone = placement.goneAt !== undefined && placement.goneAt > totals.lastProof
  if (totals.misses >= 2 || gone) return placement.mending ?? 'mia'
  return totals.misses === 1 ? 'suspect' : 'held'
}

/**
 * When the next round is due, and the gap that leads there. Gaps run from cut to cut, whatever the time of the sweep; the last cut is the
 * end of the term, and a rest shorter than a quarter of the gap joins the round before it.
 */
function dueOf(
  placement: PlacementState,
  totals: Totals,
  state: ShareState,
  policy: Policy,
  draw: Draw,
): { readonly gap: number; readonly nextDue?: number } {
  if ((state !== 'held' && state !== 'suspect') || openRoundOf(placement)) return { gap: 0 }
  const notBefore = totals.lastFailure > 0 ? hourAtOrAfter(totals.lastFailure + policy.postPause) : 0
  const closing = closingDueOf({ ...placement, totals, state })
  if (closing !== undefined) return { gap: policy.longestGap, nextDue: Math.max(closing, notBefore) }
  if (totals.cut >= placement.end) return { gap: 0 }
  const asked = placement.unbondingAt
  if (state === 'held' && asked !== undefined && totals.cut < asked && totals.lastProof < asked) {
    const atOnce = hourAtOrAfter(asked)
    const { unbondingAt: _, ...usual } = placement
    const planned = dueOf(usual, totals, state, policy, draw)
    return { gap: planned.gap, nextDue: Math.max(Math.min(planned.nextDue ?? atOnce, atOnce), notBefore) }
  }
  // Also past its end: the last interval is paid with the next docket, before the steward's rule for silence bites.
  if (placement.rides && state === 'held')
    return {
      gap: policy.longestGap,
      nextDue: Math.max(hourAtOrAfter(totals.cut + policy.longestGap), notBefore),
    }
  const isBisected = wantsBisection({ ...placement, state }, policy)
  const gap = isBisected ? policy.bisectFor : gapOf(totals.streak, draw(placement.steward, totals.rounds), policy)
  const anchor =
    state === 'suspect'
      ? totals.lastMiss
      : totals.rounds === 0
        ? Math.max(totals.cut, placement.bookedAt ?? 0)
        : totals.cut
  const planned = hourAtOrAfter(anchor + gap)
  const end = hourAtOrAfter(placement.end)
  const closes = end - planned <= gap * policy.groupWithin && end - totals.cut <= policy.longestGap
  const due = planned >= end || closes ? end : planned
  return { gap, nextDue: Math.max(due, notBefore) }
}

/** The placement with everything that follows from its facts; rounds too old to be undone become part of the totals. */
export function withProgress(placement: PlacementState, policy: Policy, draw: Draw): PlacementState {
  const settled = fold(placement)
  const totals = totalsOf(settled)
  const state = stateOf(settled, totals)
  const { nextDue: _, ...rest } = settled
  return { ...rest, totals, state, ...dueOf(settled, totals, state, policy, draw) }
}

function fold(placement: PlacementState): PlacementState {
  const { rounds } = placement
  const excess = rounds.length - REMEMBERED_ROUNDS
  const oldest = rounds[0]
  if (excess <= 0 || oldest === undefined || isOpen(oldest)) return placement
  return fold({
    ...placement,
    rounds: rounds.slice(1),
    folded: addRound(placement.folded, oldest, placement.readAt ?? 0),
  })
}

/**
 * The earliest chain time at which a tick will do something, or a docket will be due. Undefined when nothing is left to wait for but facts
 * of others. After `decide` at `now` it lies later than `now`, but for rounds that are due and were not opened.
 */
export function nextDueOf(placement: PlacementState, policy: Policy, now: number): number | undefined {
  const times: number[] = []
  const { state, totals, end, topUp, bisection } = placement
  for (const round of placement.rounds) {
    const { asked } = round
    if (round.phase === 'opening' && round.offered) times.push(round.openedAt + policy.offerPatience)
    else if (round.phase === 'opening' && asked?.what !== 'cancel') times.push(round.openedAt + policy.postPatience)
    if (round.phase === 'posted' && asked?.what !== 'revoke') times.push(round.deadline + REVOKE_DELAY)
    if (round.phase === 'posted' && asked?.failed) times.push(asked.at + REVOKE_PAUSE)
  }
  if (state !== 'placing' && state !== 'ended') {
    const isIdle = openRoundOf(placement) === undefined
    if (placement.nextDue !== undefined && rowsLeft(placement) > 0) times.push(placement.nextDue)
    if (isIdle && !isUnfinished(placement)) times.push(isSettled(placement) ? end : end + policy.closeAfter)
    const mute = muteAt(placement, policy)
    if (mute !== undefined) times.push(mute)
    if (bisection && isIdle) times.push(Math.min(bisection.at + policy.bisectAgain, totals.lastMiss + policy.bisectFor))
    if (topUp && wantsRows(placement, policy)) times.push(topUp.at + policy.tryAgain)
    const moves = contractTimeOf(placement, policy, now)
    if (moves !== undefined) times.push(moves)
  }
  return times.length === 0 ? undefined : Math.min(...times)
}

/**
 * When a placement that has no row left is given up, unless a read brings new ones: a suspect when the time for its retry is over, one that
 * is held so long after its next round was due and its last proof. Undefined: it can be asked, or need not be.
 */
export function muteAt(placement: PlacementState, policy: Policy): number | undefined {
  const { state, totals, nextDue } = placement
  if (openRoundOf(placement) || rowsLeft(placement) > 0) return undefined
  if (state === 'suspect') return totals.lastMiss + policy.retryWindow
  if (state !== 'held' || nextDue === undefined) return undefined
  return Math.max(nextDue, totals.lastProof) + policy.retryWindow
}

/** No interval of the term is left to be asked for, or nobody is left to ask. */
export function isSettled(placement: PlacementState): boolean {
  return placement.totals.cut >= placement.end || !(placement.state === 'held' || placement.state === 'suspect')
}

/** What was missed last was one of many on a docket: its steward is asked over parts of it first, its own retry comes later. */
export function wantsBisection(placement: PlacementState, policy: Policy): boolean {
  return placement.outcast === undefined && (missedRoundOf(placement)?.entries ?? 1) >= policy.bisectFrom
}

/** Few rows are left, there will be rounds to spend them on, and its steward may be asked to be read. */
export function wantsRows(placement: PlacementState, policy: Policy): boolean {
  return placement.outcast === undefined && !isSettled(placement) && rowsLeft(placement) <= policy.rowsLow
}
