/**
 * The rules of time and trust for one placement: state and fact in, state and effects out. No I/O, no clock, no chance of its own; total
 * over all facts, replayable. What a crash leaves undone is found again by `outstandingEffects`, from the state alone.
 * The picture: docs/explanation/placement-states.md; the rules: protocol.md §3, §4, §8; docs/spec/schedule.md.
 */
import { DAY } from '../base/units.ts'
import {
  contractEffects,
  earliestEnd,
  intervalOf,
  isUnfinished,
  owesClosing,
  renewedPlacement,
  settleContract,
  tellContract,
  wantsMove,
} from './contract-life.ts'
import type { AlertCode, Effect, Fact, PostEffect } from './facts.ts'
import { missedRoundOf, openRoundOf, type PlacementState, type Round, rowsLeft } from './placement-state.ts'
import type { Policy } from './policy.ts'
import { isSettled, muteAt, REVOKE_PAUSE, wantsBisection, wantsRows, withProgress } from './progress.ts'
import { applyRoundFact, type RoundFact, turned } from './rounds.ts'
import { canOpen, type Draw, hourAtOrBefore, REVOKE_DELAY } from './schedule.ts'

export interface Env {
  /** Chain time. Seconds. */
  readonly now: number
  readonly policy: Policy
  readonly draw: Draw
  /** Price index, wei per GiB-month: bounds renewals. Absent: each placement's own price. */
  index?(): bigint
}

export interface Decision {
  readonly next: PlacementState
  /** New ones only; each id once per state that asks for it. */
  readonly effects: readonly Effect[]
}

/** Every check spends a row: who takes its bond back bit by bit is checked once in so long for it. Seconds. A week, a third of the 21 days. */
const UNBONDING_PAUSE = 7 * DAY

/** What a fact changes, and what is to be done about it now. */
export function decide(placement: PlacementState, fact: Fact, env: Env): Decision {
  const { policy, draw, now } = env
  const told = withProgress(apply(placement, fact, env), policy, draw)
  const next = withProgress(settle(told, env), policy, draw)
  const before = new Set(outstandingEffects(placement, policy).map((effect) => effect.id))
  const asked = outstandingEffects(next, policy).filter((effect) => !before.has(effect.id))
  return { next, effects: [...asked, ...alertsOf(placement, next, fact, now)] }
}

/**
 * Everything that is asked for and not done, as far as the state knows. A program that starts performs them all again: each id was either
 * performed before, and then nothing happens, or it was not, and then it must be. Alerts are not repeated.
 */
export function outstandingEffects(placement: PlacementState, policy: Policy): Effect[] {
  const { id, steward, blobId, rows, topUp, bisection } = placement
  const effects: Effect[] = placement.rounds.flatMap((round) => effectsOfRound(placement, round))
  const missed = bisection && missedRoundOf(placement)
  if (missed)
    effects.push({
      id: `bisect/${missed.docket}/${bisection.n}`,
      kind: 'bisect',
      placement: id,
      docket: missed.docket,
      steward,
    })
  if (topUp)
    effects.push({
      id: `top-up/${id}/${rows.total}/${topUp.n}`,
      kind: 'top-up',
      placement: id,
      steward,
      blobId,
      from: rows.total,
      count: policy.rows + Math.max(0, rows.next - rows.total),
    })
  effects.push(...contractEffects(placement))
  if (placement.state === 'mia') {
    const { ref, segment, share } = placement
    effects.push({ id: `repair/${id}`, kind: 'repair', placement: id, ref, segment, share })
  }
  return effects
}

function effectsOfRound(placement: PlacementState, round: Round): Effect[] {
  const { docket, asked } = round
  if (round.phase === 'posted' && asked?.what === 'revoke' && !asked.failed)
    return [
      { id: `revoke/${docket}/${asked.n}`, kind: 'revoke', placement: placement.id, docket, deadline: round.deadline },
    ]
  if (round.phase !== 'opening') return []
  const post: PostEffect = {
    id: `post/${placement.id}/${round.n}/${docket}`,
    kind: 'post',
    placement: placement.id,
    docket,
    round: round.n,
    retry: round.retry,
    steward: placement.steward,
    blobId: placement.blobId,
    row: round.row,
    due: round.due,
    deadline: round.deadline,
    from: round.from,
    cut: round.cut,
    price: round.price ?? placement.price,
    length: placement.length,
    ...(round.again ? { again: true } : {}),
  }
  if (round.offered) return [{ ...post, kind: 'offer', id: `offer/${placement.id}/${round.n}/${docket}` }]
  if (asked?.what !== 'cancel') return [post]
  return [post, { id: `cancel-post/${docket}/${asked.n}`, kind: 'cancel-post', placement: placement.id, docket }]
}

function apply(placement: PlacementState, fact: Fact, env: Env): PlacementState {
  switch (fact.kind) {
    case 'tick':
      return placement
    case 'booked':
      return placement.bookedAt === undefined ? { ...placement, bookedAt: fact.at } : placement
    case 'open':
      return onOpen(placement, fact, env)
    case 'adopted':
      return onAdopted(placement, fact, env)
    case 'rows-skipped':
      return fact.next > placement.rows.next
        ? { ...placement, rows: { ...placement.rows, next: fact.next } }
        : placement
    case 'rows-lost':
      return { ...placement, rows: { ...placement.rows, next: Math.max(placement.rows.next, placement.rows.total) } }
    case 'read-verified':
      return onRead(placement, fact)
    case 'disproved':
      return missedRoundOf(placement)?.docket === fact.docket
        ? { ...placement, goneAt: Math.max(fact.at, placement.totals.lastMiss), goneWhy: 'disproved' }
        : placement
    case 'renewed':
      return renewedPlacement(placement, fact)
    case 'contract':
      // what the time asks for comes first: told twice at a moment, the second one finds what the first one found
      return tellContract(settleContract(placement, env), fact.fact, env)
    case 'terminated':
      return {
        ...placement,
        terminated: true,
        end: Math.min(placement.end, Math.max(fact.at, earliestEnd(placement))),
      }
    case 'standing':
      return onStanding(placement, fact)
    case 'unbonding':
      return fact.at < (placement.unbondingAt ?? -UNBONDING_PAUSE) + UNBONDING_PAUSE || placement.state === 'ended'
        ? placement
        : { ...placement, unbondingAt: fact.at }
    case 'repair-started':
      return isMissing(placement) ? { ...placement, mending: 'repairing' } : placement
    case 'segment-lost':
      return isMissing(placement) ? { ...placement, mending: 'lost' } : placement
    case 'replaced':
      // whoever leaves is paid to its end, and asked for its last answer, also when another one has the share by then
      if (wantsMove(placement)) return tellContract(placement, { kind: 'handed-over' }, env)
      return placement.replacedAt === undefined ? { ...placement, replacedAt: env.now } : placement
    default:
      return onRound(placement, fact, env.now)
  }
}

/** A row is used the moment a round is decided: never again, whatever becomes of the post. protocol.md §3. */
function onOpen(placement: PlacementState, fact: Fact & { kind: 'open' }, env: Env): PlacementState {
  if (fact.due > env.now || !canOpen(placement, fact.due) || fact.retry !== (placement.state === 'suspect'))
    return placement
  return placement.rounds.some((round) => round.docket === fact.docket)
    ? placement
    : withRound(placement, fact, placement.rows.next, env)
}

/** What was posted stands, whatever rows this ledger has answers for. A round beside another one is only a row that is gone. */
function onAdopted(placement: PlacementState, fact: Fact & { kind: 'adopted' }, env: Env): PlacementState {
  const { state, rows, rounds } = placement
  if (rounds.some((round) => round.docket === fact.docket)) return placement
  const isAlive = state === 'held' || state === 'suspect'
  if (isAlive && openRoundOf(placement) === undefined) return withRound(placement, fact, fact.row, env)
  return { ...placement, rows: { ...rows, next: Math.max(rows.next, fact.row + 1) } }
}

function withRound(
  placement: PlacementState,
  fact: {
    readonly docket: string
    readonly due: number
    readonly deadline: number
    readonly entries?: number
    readonly offered?: true
  },
  row: number,
  { now }: Env,
): PlacementState {
  const { totals, rows, rounds, state } = placement
  const { docket, due, deadline, entries, offered } = fact
  const round: Round = {
    n: totals.rounds,
    docket,
    row,
    retry: state === 'suspect',
    ...(entries === undefined || entries < 2 ? {} : { entries }),
    ...(offered ? { offered } : {}),
    due,
    deadline,
    ...intervalOf(placement, hourAtOrBefore(due)),
    ...(owesClosing(placement) && totals.cut >= placement.end ? { closing: true as const } : {}),
    price: placement.price,
    openedAt: now,
    phase: 'opening',
    final: false,
    at: now,
  }
  return { ...placement, rows: { ...rows, next: Math.max(rows.next, row + 1) }, rounds: [...rounds, round] }
}

/** Any verified read of the whole blob is a proof, later than the misses known so far; it may bring new rows. protocol.md §8. */
function onRead(placement: PlacementState, fact: Fact & { kind: 'read-verified' }): PlacementState {
  const { mending: _, ...rest } = placement
  const { total, next } = placement.rows
  const { lastMiss } = placement.totals
  return {
    ...rest,
    readAt: Math.max(fact.at, placement.readAt ?? 0, lastMiss === 0 ? 0 : lastMiss + 1),
    rows: { total: Math.max(total, fact.rows ?? 0), next },
  }
}

/**
 * A verdict is no miss: whatever was proved stays proved, and what is due is posted as before, since the chain is no request. Only requests
 * end (P5), and the share counts as missing until another one takes its place or the standing is restored. docs/spec/schedule.md.
 */
function onStanding(placement: PlacementState, fact: Fact & { kind: 'standing' }): PlacementState {
  const { outcast, ...rest } = placement
  if (placement.state === 'ended' || outcast?.standing === fact.standing) return placement
  if (fact.standing === undefined) return rest
  return { ...rest, outcast: { standing: fact.standing, at: outcast?.at ?? fact.at } }
}

function onRound(placement: PlacementState, fact: RoundFact, now: number): PlacementState {
  const at = placement.rounds.findLastIndex((round) => round.docket === fact.docket)
  const round = placement.rounds[at]
  if (!round) return placement
  const rounds = placement.rounds.with(at, applyRoundFact(round, fact, now))
  // What the steward itself reports lost is given up at once. protocol.md §8, Damage.
  const isLost = fact.kind === 'released' && fact.lost && !(round.final && round.phase !== 'posted')
  return { ...placement, rounds, ...(isLost ? { goneAt: now, goneWhy: 'reported' } : {}) }
}

/** What the moment asks for, whatever the fact was. Asks once; the answer is another fact. */
function settle(placement: PlacementState, env: Env): PlacementState {
  return [settleRounds, settleBisection, settleSilence, settleContract, settleEnd, settleRows].reduce(
    (state, step) => step(state, env),
    placement,
  )
}

function settleRounds(placement: PlacementState, { now, policy }: Env): PlacementState {
  const ask = (round: Round, what: 'cancel' | 'revoke'): Round => ({
    ...round,
    asked: { what, n: (round.asked?.n ?? 0) + 1, at: now },
  })
  const rounds = placement.rounds.map((given) => {
    const round = now >= given.openedAt + policy.offerPatience ? turned(given) : given
    const { phase, asked } = round
    if (
      phase === 'opening' &&
      !round.offered &&
      asked?.what !== 'cancel' &&
      now >= round.openedAt + policy.postPatience
    )
      return ask(round, 'cancel')
    if (phase !== 'posted' || now < round.deadline + REVOKE_DELAY) return round
    const isAsked = asked?.what === 'revoke' && !(asked.failed && now >= asked.at + REVOKE_PAUSE)
    return isAsked ? round : ask(round, 'revoke')
  })
  return rounds.some((round, i) => round !== placement.rounds[i]) ? { ...placement, rounds } : placement
}

/** Many blobs missed together are not asked one by one before it is known which of them are at fault. protocol.md §8. */
function settleBisection(placement: PlacementState, { now, policy }: Env): PlacementState {
  const { bisection, ...rest } = placement
  if (!wantsBisection(placement, policy) || now >= placement.totals.lastMiss + policy.bisectFor)
    return bisection ? rest : placement
  if (bisection && now < bisection.at + policy.bisectAgain) return placement
  return { ...rest, bisection: { n: (bisection?.n ?? 0) + 1, at: now } }
}

/** What cannot be asked any more (no row is left and no read succeeds) is given up: unknown is not healthy (reliability.md R25). */
function settleSilence(placement: PlacementState, { now, policy }: Env): PlacementState {
  const until = muteAt(placement, policy)
  return until !== undefined && now >= until ? { ...placement, state: 'mia', goneAt: now, goneWhy: 'mute' } : placement
}

/** Over when the last interval has its outcome, or long after the end when it could never be asked for. */
function settleEnd(placement: PlacementState, { now, policy }: Env): PlacementState {
  const { endedAt, state, end } = placement
  if (openRoundOf(placement)) {
    if (endedAt === undefined) return placement
    const { endedAt: _, ...rest } = placement // the chain took back the outcome of its last round
    return rest
  }
  if (state === 'placing' || state === 'ended') return placement
  if (isUnfinished(placement)) return placement
  const isOver = now >= end && (isSettled(placement) || now >= end + policy.closeAfter)
  return isOver ? { ...placement, state: 'ended', endedAt: now } : placement
}

function settleRows(placement: PlacementState, { now, policy }: Env): PlacementState {
  const { topUp, ...rest } = placement
  if (!wantsRows(placement, policy)) return topUp ? rest : placement
  if (topUp && now < topUp.at + policy.tryAgain) return placement
  return { ...rest, topUp: { n: (topUp?.n ?? 0) + 1, at: now } }
}

function isMissing(placement: PlacementState): boolean {
  return placement.state === 'mia' || placement.state === 'repairing' || placement.state === 'lost'
}

function alertsOf(before: PlacementState, next: PlacementState, fact: Fact, now: number): Effect[] {
  const alerts: Effect[] = []
  const alert = (code: AlertCode, step: string | number, docket?: string) =>
    alerts.push({
      id: `alert/${code}/${next.id}/${step}`,
      kind: 'alert',
      placement: next.id,
      code,
      ...(docket ? { docket } : {}),
    })
  const known =
    'docket' in fact && fact.kind !== 'open' && fact.kind !== 'adopted'
      ? before.rounds.findLast((round) => round.docket === fact.docket)
      : undefined
  if ('docket' in fact && fact.kind !== 'open' && fact.kind !== 'adopted' && !known)
    alert('unknown-docket', `${fact.kind}/${fact.docket}`, fact.docket)
  if (known?.final && (fact.kind === 'unposted' || fact.kind === 'unswept' || fact.kind === 'unrevoked'))
    alert('undone', `${now}`, known.docket)
  const isWithheld = fact.kind === 'revoked-final' && fact.withheld === true
  if (next.totals.forfeited > before.totals.forfeited)
    isWithheld ? alert('withheld', fact.docket, fact.docket) : alert('missed', next.totals.lastMiss, known?.docket)
  if (next.totals.lastFailure > before.totals.lastFailure) alert('post-failed', next.totals.lastFailure, known?.docket)
  if (next.state === 'mia' && before.state !== 'mia') alert('mia', now)
  if (next.outcast && next.outcast.standing !== before.outcast?.standing) alert('outcast', next.outcast.standing)
  if (rowsLeft(next) === 0 && rowsLeft(before) > 0) alert('rows-out', next.rows.total)
  const warned = next.contract?.warned ?? 0
  if (warned > (before.contract?.warned ?? 0)) alert('renewal-late', `${next.version}/${warned}`)
  if (next.unbondingAt !== before.unbondingAt) alert('unbonding', next.unbondingAt ?? 0)
  if (fact.kind === 'terminated' && fact.why === 'budget' && !before.terminated) alert('budget-reached', next.end)
  if (next.contract?.notice && !before.contract?.notice) alert('notice', next.version)
  if (next.state === 'ended' && before.state !== 'ended' && next.replacedAt === undefined && next.totals.cut < next.end)
    alert('ended-unpaid', next.end)
  return alerts
}
