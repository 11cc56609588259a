/**
 * The rules of time and trust for one placement: state and fact in, state and effects out. No I/O, no clock, no chance of its own; total
 * over all facts, replayable. What a crash leaves undone is found again by `outstandingEffects`, from the state alone.
 * The picture: docs/explanation/placement-states.md; the rules: protocol.md §3, §4, §8; docs/spec/schedule.md.
 */
import type { AlertCode, Effect, Fact } from './facts.ts'
import { openRoundOf, type PlacementState, type Round, rowsLeft } from './placement-state.ts'
import type { Policy } from './policy.ts'
import { isSettled, mayRenew, REVOKE_PAUSE, wantsRows, withProgress } from './progress.ts'
import { applyRoundFact, type RoundFact } from './rounds.ts'
import { canOpen, type Draw, hourAtOrBefore, REVOKE_DELAY } from './schedule.ts'

export interface Env {
  /** Chain time. Seconds. */
  readonly now: number
  readonly policy: Policy
  readonly draw: Draw
}

export interface Decision {
  readonly next: PlacementState
  /** New ones only; each id once per state that asks for it. */
  readonly effects: readonly Effect[]
}

/** Share of a window after which people are warned. reliability.md R19. */
const WARN_AT = [0.5, 0.75, 0.9] as const

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
  const { id, steward, blobId, rows, topUp, renewal } = placement
  const effects: Effect[] = placement.rounds.flatMap((round) => effectsOfRound(placement, round))
  if (topUp)
    effects.push({
      id: `top-up/${id}/${rows.total}/${topUp.n}`,
      kind: 'top-up',
      placement: id,
      steward,
      blobId,
      from: rows.total,
      count: policy.rows,
    })
  if (renewal) {
    const { version, end, n } = renewal
    effects.push({
      id: `renew/${id}/${version}/${n}`,
      kind: 'renew',
      placement: id,
      steward,
      version,
      end,
      price: placement.price,
    })
  }
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
  const post: Effect = {
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
    price: placement.price,
    length: placement.length,
  }
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
    case 'read-verified':
      return onRead(placement, fact)
    case 'renewed':
      return onRenewed(placement, fact)
    case 'terminated':
      return {
        ...placement,
        terminated: true,
        end: Math.min(placement.end, Math.max(fact.at, placement.totals.cut, placement.start)),
      }
    case 'repair-started':
      return isMissing(placement) ? { ...placement, mending: 'repairing' } : placement
    case 'segment-lost':
      return isMissing(placement) ? { ...placement, mending: 'lost' } : placement
    case 'replaced':
      return placement.replacedAt === undefined ? { ...placement, replacedAt: env.now } : placement
    default:
      return onRound(placement, fact, env.now)
  }
}

/** A row is used the moment a round is decided: never again, whatever becomes of the post. protocol.md §3. */
function onOpen(placement: PlacementState, fact: Fact & { kind: 'open' }, env: Env): PlacementState {
  const { totals, rows, rounds, end } = placement
  if (fact.due > env.now || !canOpen(placement, fact.due) || fact.retry !== (placement.state === 'suspect'))
    return placement
  if (rounds.some((round) => round.docket === fact.docket)) return placement
  const round: Round = {
    n: totals.rounds,
    docket: fact.docket,
    row: rows.next,
    retry: fact.retry,
    due: fact.due,
    deadline: fact.deadline,
    from: totals.cut,
    cut: Math.min(hourAtOrBefore(fact.due), end),
    openedAt: env.now,
    phase: 'opening',
    final: false,
    at: env.now,
  }
  return { ...placement, rows: { ...rows, next: rows.next + 1 }, rounds: [...rounds, round] }
}

/** Any verified read of the whole blob is a proof; it may bring new rows. protocol.md §8. */
function onRead(placement: PlacementState, fact: Fact & { kind: 'read-verified' }): PlacementState {
  const { mending: _, ...rest } = placement
  const { total, next } = placement.rows
  return {
    ...rest,
    readAt: Math.max(fact.at, placement.readAt ?? 0),
    rows: { total: Math.max(total, fact.rows ?? 0), next },
  }
}

function onRenewed(placement: PlacementState, fact: Fact & { kind: 'renewed' }): PlacementState {
  if (fact.version <= placement.version) return placement
  const { renewal: _, endedAt, ...rest } = placement
  const end = Math.max(fact.end, placement.end)
  return { ...rest, version: fact.version, end, ...(endedAt === undefined || end > endedAt ? {} : { endedAt }) }
}

function onRound(placement: PlacementState, fact: RoundFact, now: number): PlacementState {
  const at = placement.rounds.findLastIndex((round) => round.docket === fact.docket)
  const round = placement.rounds[at]
  if (!round) return placement
  const rounds = placement.rounds.with(at, applyRoundFact(round, fact, now))
  // What the steward itself reports lost is given up at once. protocol.md §8, Damage.
  const isLost = fact.kind === 'released' && fact.lost && !(round.final && round.phase !== 'posted')
  return { ...placement, rounds, ...(isLost ? { goneAt: now } : {}) }
}

/** What the moment asks for, whatever the fact was. Asks once; the answer is another fact. */
function settle(placement: PlacementState, env: Env): PlacementState {
  return [settleRounds, settleSilence, settleEnd, settleRows, settleRenewal].reduce(
    (state, step) => step(state, env),
    placement,
  )
}

function settleRounds(placement: PlacementState, { now, policy }: Env): PlacementState {
  const ask = (round: Round, what: 'cancel' | 'revoke'): Round => ({
    ...round,
    asked: { what, n: (round.asked?.n ?? 0) + 1, at: now },
  })
  const rounds = placement.rounds.map((round) => {
    const { phase, asked } = round
    if (phase === 'opening' && asked?.what !== 'cancel' && now >= round.openedAt + policy.postPatience)
      return ask(round, 'cancel')
    if (phase !== 'posted' || now < round.deadline + REVOKE_DELAY) return round
    const isAsked = asked?.what === 'revoke' && !(asked.failed && now >= asked.at + REVOKE_PAUSE)
    return isAsked ? round : ask(round, 'revoke')
  })
  return rounds.some((round, i) => round !== placement.rounds[i]) ? { ...placement, rounds } : placement
}

/** A suspect that cannot be asked again (no row is left and no read succeeds) is given up when the time for the retry is over. */
function settleSilence(placement: PlacementState, { now, policy }: Env): PlacementState {
  const isMute = placement.state === 'suspect' && !openRoundOf(placement) && rowsLeft(placement) === 0
  return isMute && now >= placement.totals.lastMiss + policy.retryWindow
    ? { ...placement, state: 'mia', goneAt: now }
    : placement
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
  const isOver = now >= end && (isSettled(placement) || now >= end + policy.closeAfter)
  return isOver ? { ...placement, state: 'ended', endedAt: now } : placement
}

function settleRows(placement: PlacementState, { now, policy }: Env): PlacementState {
  const { topUp, ...rest } = placement
  if (!wantsRows(placement, policy)) return topUp ? rest : placement
  if (topUp && now < topUp.at + policy.tryAgain) return placement
  return { ...rest, topUp: { n: (topUp?.n ?? 0) + 1, at: now } }
}

function settleRenewal(placement: PlacementState, { now, policy }: Env): PlacementState {
  const { renewal, ...rest } = placement
  const { end } = placement
  if (!mayRenew(placement, policy, now) || now < end - policy.renewFrom) return renewal ? rest : placement
  if (renewal && now < renewal.at + policy.tryAgain) return placement
  const gone = (now - (end - policy.renewFrom)) / policy.renewFrom
  const warned = WARN_AT.filter((part) => gone >= part).length
  const version = placement.version + 1
  return { ...rest, renewal: { n: (renewal?.n ?? 0) + 1, at: now, version, end: end + placement.term, warned } }
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
    'docket' in fact && fact.kind !== 'open'
      ? before.rounds.findLast((round) => round.docket === fact.docket)
      : undefined
  if ('docket' in fact && fact.kind !== 'open' && !known)
    alert('unknown-docket', `${fact.kind}/${fact.docket}`, fact.docket)
  if (known?.final && (fact.kind === 'unposted' || fact.kind === 'unswept' || fact.kind === 'unrevoked'))
    alert('undone', `${now}`, known.docket)
  if (next.totals.forfeited > before.totals.forfeited) alert('missed', next.totals.lastMiss, known?.docket)
  if (next.totals.lastFailure > before.totals.lastFailure) alert('post-failed', next.totals.lastFailure, known?.docket)
  if (next.state === 'mia' && before.state !== 'mia') alert('mia', now)
  if (rowsLeft(next) === 0 && rowsLeft(before) > 0) alert('rows-out', next.rows.total)
  const warned = next.renewal?.warned ?? 0
  if (warned > (before.renewal?.warned ?? 0)) alert('renewal-late', `${next.version}/${warned}`)
  if (next.state === 'ended' && before.state !== 'ended' && next.replacedAt === undefined && next.totals.cut < next.end)
    alert('ended-unpaid', next.end)
  return alerts
}
