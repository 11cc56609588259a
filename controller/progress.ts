/**
 * What follows from a placement's rounds: totals, state, next due time. Computed anew at the end of every decision, so that a round the
 * chain takes back takes with it all that rested on it.
 */
import { HOUR } from '../base/units.ts'
import {
  isOpen,
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
    }
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
  if ((state !== 'held' && state !== 'suspect') || openRoundOf(placement) || totals.cut >= placement.end)
    return { gap: 0 }
  const gap = gapOf(totals.streak, draw(placement.steward, totals.rounds), policy)
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
  const notBefore = totals.lastFailure > 0 ? hourAtOrAfter(totals.lastFailure + policy.postPause) : 0
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
  const { state, totals, end, topUp, renewal } = placement
  for (const round of placement.rounds) {
    const { asked } = round
    if (round.phase === 'opening' && asked?.what !== 'cancel') times.push(round.openedAt + policy.postPatience)
    if (round.phase === 'posted' && asked?.what !== 'revoke') times.push(round.deadline + REVOKE_DELAY)
    if (round.phase === 'posted' && asked?.failed) times.push(asked.at + REVOKE_PAUSE)
  }
  if (state !== 'placing' && state !== 'ended') {
    const isIdle = openRoundOf(placement) === undefined
    if (placement.nextDue !== undefined && rowsLeft(placement) > 0) times.push(placement.nextDue)
    if (isIdle) times.push(isSettled(placement) ? end : end + policy.closeAfter)
    if (isIdle && state === 'suspect' && rowsLeft(placement) === 0) times.push(totals.lastMiss + policy.retryWindow)
    if (topUp && wantsRows(placement, policy)) times.push(topUp.at + policy.tryAgain)
    if (mayRenew(placement, policy, now)) times.push(renewal ? renewal.at + policy.tryAgain : end - policy.renewFrom)
  }
  return times.length === 0 ? undefined : Math.min(...times)
}

/** No interval of the term is left to be asked for, or nobody is left to ask. */
export function isSettled(placement: PlacementState): boolean {
  return placement.totals.cut >= placement.end || !(placement.state === 'held' || placement.state === 'suspect')
}

/** Few rows are left, and there will be rounds to spend them on. */
export function wantsRows(placement: PlacementState, policy: Policy): boolean {
  return !isSettled(placement) && rowsLeft(placement) <= policy.rowsLow
}

/** A renewal would be offered when its time comes. Only what is held is renewed; a suspect first proves itself; what is over is over. */
export function mayRenew(placement: PlacementState, policy: Policy, now: number): boolean {
  return policy.renew && placement.terminated !== true && placement.state === 'held' && now < placement.end
}
