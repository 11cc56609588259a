/** Valid bids, bidders and terms for the tests of the auction. */
import type { Address } from '../../base/curve.ts'
import { DAY, GiB, MONTH } from '../../base/units.ts'
import type { AuctionTerms, Bidder } from '../../pricing/auction.ts'
import { type Bid, commitOf, type SealedBid } from '../../pricing/bids.ts'

export const stewardOf = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`

export function aBid(n: number, price: bigint, changes: Partial<Bid> = {}): Bid {
  return { steward: stewardOf(n), price, egressPrice: 0n, egressFree: 0, bond: 0n, ...changes }
}

export function aSealedBid(n: number, price: bigint, changes: Partial<Bid> = {}): SealedBid {
  const bid = aBid(n, price, changes)
  const salt = new Uint8Array(32).fill(n & 255)
  return { steward: stewardOf(n), bid, salt, commit: commitOf(bid, salt) }
}

export function aBidder(n: number, changes: Partial<Bidder> = {}): Bidder {
  return { steward: stewardOf(n), confidence: 900_000, age: 60 * DAY, backing: 0n, ...changes }
}

/** Ten lots of a GiB for three months; losing one costs nothing, so that scores are bids. */
export function someTerms(changes: Partial<AuctionTerms> = {}): AuctionTerms {
  const lots = Array.from({ length: 10 }, (_, lot) => lot)
  return { lots, k: 3, n: 10, bytes: GiB, term: 3 * MONTH, reserve: 1000n, loss: 0n, ...changes }
}
