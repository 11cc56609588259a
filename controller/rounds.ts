/** How one round moves with what the chain says. Total: every fact in every phase gives a round. */
import type { Fact } from './facts.ts'
import type { Round, RoundPhase } from './placement-state.ts'

/** Facts that name a docket and move its round. */
export type RoundFact = Exclude<
  Extract<Fact, { readonly docket: string }>,
  { readonly kind: 'open' | 'adopted' | 'disproved' }
>

/**
 * The round after the fact. What is final stays until the chain says otherwise (`un…`); a repeated fact changes nothing.
 * @param now chain time, for facts that have no block of their own
 */
export function applyRoundFact(round: Round, fact: RoundFact, now: number): Round {
  if (isVouched(round)) return round
  switch (fact.kind) {
    case 'vouched':
      return round.phase === 'opening' && round.offered ? { ...round, phase: 'swept', final: true, at: fact.at } : round
    case 'turned':
      return turned(round)
    case 'posted':
      return round.phase === 'opening' || round.phase === 'failed' ? to(round, 'posted', fact.at) : round
    case 'posted-final':
      if (round.phase === 'opening') return { ...to(round, 'posted', now), final: true }
      return round.phase === 'posted' ? { ...round, final: true } : round
    case 'unposted':
      return onUnposted(round, now)
    case 'post-failed':
      return onPostFailed(round, now)
    case 'swept':
      return isSettled(round) ? round : to(round, 'swept', fact.at)
    case 'swept-final':
      return settleAs(round, 'swept', now)
    case 'unswept':
      return round.phase === 'swept' ? to(round, 'posted', now) : round
    case 'revoked':
      return isSettled(round) ? round : to(round, 'revoked', fact.at)
    case 'revoked-final':
      return isSettled(round) || !fact.withheld
        ? settleAs(round, 'revoked', now)
        : { ...settleAs(round, 'revoked', now), withheld: true }
    case 'unrevoked':
      return round.phase === 'revoked' ? to(round, 'posted', now) : round
    case 'revoke-failed':
      return round.asked?.what === 'revoke' ? { ...round, asked: { ...round.asked, failed: true } } : round
    case 'released':
      return onReleased(round, fact, now)
  }
}

/** Paid by voucher: the chain knows nothing of it and can take nothing back. */
function isVouched({ phase, offered }: Round): boolean {
  return phase === 'swept' && offered === true
}

/** The round goes on chain: the same row, the same interval, the same deadline. */
export function turned(round: Round): Round {
  const { offered, ...rest } = round
  return offered && round.phase === 'opening' ? rest : round
}

/** The post waits to be taken in again, unless its sender has given it up. */
function onUnposted(round: Round, now: number): Round {
  if (round.phase === 'opening' || round.phase === 'failed') return round
  return round.abandoned ? to(round, 'failed', now) : to(round, 'opening', round.openedAt)
}

/** Sender and feed are two sources: what the feed has seen on the chain counts, and what the sender said is kept for its undoing. */
function onPostFailed(round: Round, now: number): Round {
  return { ...(round.phase === 'opening' ? to(round, 'failed', now) : round), abandoned: true }
}

/** What is left of a released docket is asked again over the same row, in the same round, for the same interval. protocol.md §8. */
function onReleased(round: Round, fact: Fact & { readonly kind: 'released' }, now: number): Round {
  if (isSettled(round)) return round
  if (fact.lost) return settleAs(round, 'revoked', fact.at)
  if (!fact.again) return to(round, 'failed', now)
  const { asked: _, abandoned: __, entries: ___, ...rest } = to(round, 'opening', now)
  const { docket, deadline, entries } = fact.again
  return {
    ...rest,
    docket,
    deadline: Math.max(round.deadline, deadline),
    openedAt: now,
    again: true,
    ...(entries === undefined ? {} : { entries }),
  }
}

function isSettled(round: Round): boolean {
  return round.final && (round.phase === 'swept' || round.phase === 'revoked')
}

function settleAs(round: Round, phase: 'swept' | 'revoked', now: number): Round {
  if (isSettled(round)) return round
  return { ...(round.phase === phase ? round : to(round, phase, now)), final: true }
}

function to(round: Round, phase: RoundPhase, at: number): Round {
  const { withheld: _, offered: __, ...rest } = round
  return { ...rest, phase, final: false, at }
}
