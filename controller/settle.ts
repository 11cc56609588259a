/**
 * Which way a round is settled: by a bounty on chain, or off chain by a voucher. Pure. market.md, Accounts; protocol.md §4, §9;
 * docs/spec/settlement.md. The evidence is the same on both ways, and a round that comes to nothing off chain goes on chain.
 */
import type { PlacementState } from './placement-state.ts'
import type { Policy } from './policy.ts'

/** `small`: worth less than its gas. `unanswered`: it was tried off chain, and went on chain. The others explain themselves in `REASONS`. */
export type WayReason = 'wanted' | 'retry' | 'standing' | 'late' | 'silent' | 'new' | 'worth' | 'small' | 'unanswered'

export interface Way {
  readonly way: 'chain' | 'voucher'
  readonly why: WayReason
}

/** For people: why a round goes the way it goes. */
export const REASONS: Readonly<Record<Way['way'], Readonly<Record<WayReason, string>>>> = {
  chain: {
    wanted: 'controller.settle says so',
    retry: 'what was missed is asked again on chain',
    standing: 'its steward gets no requests',
    late: 'its steward missed a round in the last 30 days',
    silent: 'its steward did not settle off chain in the last 30 days',
    new: 'its steward has not proved itself often enough yet',
    worth: 'it is worth its gas',
    small: '',
    unanswered: 'it came to nothing off chain',
  },
  voucher: {
    wanted: 'controller.settle says so',
    retry: '',
    standing: '',
    late: '',
    silent: '',
    new: '',
    worth: '',
    small: 'it is worth less than its gas',
    unanswered: '',
  },
}

/** What is known of a counter-party. Times of chain; 0: never. */
export interface Peer {
  /** Most checks that one of its placements passed. */
  readonly checks: number
  readonly lastMiss: number
  /** The last round that came to nothing off chain. */
  readonly silentAt: number
  readonly hasStanding: boolean
}

export const STRANGER: Peer = { checks: 0, lastMiss: 0, silentAt: 0, hasStanding: true }

/** What placements say of their stewards. One pass. @param silentAt by steward */
export function peersOf(
  placements: Iterable<PlacementState>,
  silentAt: (steward: PlacementState['steward']) => number,
): ReadonlyMap<PlacementState['steward'], Peer> {
  const peers = new Map<PlacementState['steward'], Peer>()
  for (const { steward, totals, outcast } of placements) {
    const known = peers.get(steward) ?? { ...STRANGER, silentAt: silentAt(steward) }
    peers.set(steward, {
      ...known,
      checks: Math.max(known.checks, totals.checks),
      lastMiss: Math.max(known.lastMiss, totals.lastMiss),
      hasStanding: known.hasStanding && outcast === undefined,
    })
  }
  return peers
}

/**
 * The way of one docket.
 * @param amount gwei it pays
 * @param worth gwei that a docket must pay to be worth its gas: `chain.worth-factor` times what post and sweep cost; 0: every one is
 */
export function wayOf(
  docket: { readonly amount: bigint; readonly retry: boolean },
  peer: Peer,
  { worth, now }: { readonly worth: bigint; readonly now: number },
  { settle, settleAfter, barred }: Pick<Policy, 'settle' | 'settleAfter' | 'barred'>,
): Way {
  const chain = (why: WayReason): Way => ({ way: 'chain', why })
  const isLately = (at: number) => at > 0 && now < at + barred
  if (settle === 'chain') return chain('wanted')
  if (docket.retry) return chain('retry')
  if (!peer.hasStanding) return chain('standing')
  if (isLately(peer.lastMiss)) return chain('late')
  if (isLately(peer.silentAt)) return chain('silent')
  if (settle === 'vouchers') return { way: 'voucher', why: 'wanted' }
  if (docket.amount >= worth) return chain('worth')
  if (peer.checks < settleAfter) return chain('new')
  return { way: 'voucher', why: 'small' }
}
