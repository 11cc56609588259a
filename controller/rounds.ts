/** How one round moves with what the chain says. Total: every fact in every phase gives a round. */
import type { Fact } from './facts.ts'
import type { Round, RoundPhase } from './placement-state.ts'

/** Facts that name a docket, but for the one that opens it. */
export type RoundFact = Exclude<Extract<Fact, { readonly docket: string }>, { readonly kind: 'open' }>

/**
 * The round after the fact. What is final stays until the chain says otherwise (`un…`); a repeated fact changes nothing.
 * @param now chain time, for facts that have no block of their own
 */
export function applyRoundFact(round: Round, fact: RoundFact, now: number): Round {
  switch (fact.kind) {
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
      return settleAs(round, 'revoked', now)
    case 'unrevoked':
      return round.phase === 'revoked' ? to(round, 'posted', now) : round
    case 'revoke-failed':
      return round.asked?.what === 'revoke' ? { ...round, asked: { ...round.asked, failed: true } } : round
    case 'released':
      return onReleased(round, fact, now)
  }
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
  if (fact.lost) return { ...to(round, 'revoked', fact.at), final: true }
  if (!fact.again) return to(round, 'failed', now)
  const { asked: _, abandoned: __, ...rest } = to(round, 'opening', now)
  return { ...rest, docket: fact.again.docket, deadline: Math.max(round.deadline, fact.again.deadline), openedAt: now }
}

function isSettled(round: Round): boolean {
  return round.final && (round.phase === 'swept' || round.phase === 'revoked')
}

function settleAs(round: Round, phase: 'swept' | 'revoked', now: number): Round {
  if (isSettled(round)) return round
  return { ...(round.phase === phase ? round : to(round, phase, now)), final: true }
}

function to(round: Round, phase: RoundPhase, at: number): Round {
  return { ...round, phase, final: false, at }
}
