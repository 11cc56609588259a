/** Clears a put's auction with pricing/'s rules and what the controller knows of the bidders. Pure. */
import type { Address } from '../base/curve.ts'
import { biddersOf, sealedOf, termsOf } from '../pool/clearing.ts'
import { NEWCOMER_AGE, newcomerLots, selectAwards } from '../pricing/auction.ts'
import { clusterCap, clustersOf } from '../pricing/clusters.ts'
import type { AwardedLot } from '../uploader/put-book.ts'
import type { Called, Described, Gathered, Invited } from './auctioneer.ts'
import { lotBytes, totalBytes } from './plan-sizes.ts'
import type { AuctionOutcome } from './put-desk.ts'

/** Lots that the spread rules leave to one operator cluster and to newcomers; 0: the rule is off. */
export function spreadOf(
  invited: readonly Invited[],
  k: number,
  n: number,
): { readonly perCluster: number; readonly newcomers: number } {
  return { perCluster: clustersOf(invited).isMeaningful ? clusterCap(k, n) : 0, newcomers: 1 }
}

/** Bytes of an uploader under live placements: in all, and with stewards that registered less than 30 days ago. */
export interface Spreading {
  readonly placed: number
  readonly withNewcomers: number
}

/** What is published of an auction before its bids are opened. @param confidence ppm, of one that registered then @param now chain time */
export function describeAuction(
  { put, lots, invited, holders, backing, maxPrice }: Called,
  spreading: Spreading,
  confidence: (since: number) => number,
  now: number,
): Described {
  const { plan, advert } = put
  const clusters = clustersOf([...invited, ...holders])
  const numbers = new Map([...new Set(clusters.of.values())].sort().map((cluster, i) => [cluster, i + 1]))
  const numberOf = (steward: Address) => numbers.get(clusters.of.get(steward) ?? '') ?? 0
  const total = totalBytes(plan)
  return {
    rules: {
      lots: [...lots],
      reserve: maxPrice !== undefined && maxPrice < put.reserve ? maxPrice : put.reserve,
      ...(advert.newcomers > 0
        ? { newcomers: Math.min(advert.newcomers, newcomerLots({ ...spreading, total, lot: lotBytes(plan) })) }
        : {}),
      held: holders.map(({ id }) => numberOf(id)),
    },
    of: ({ id, since }) => ({
      confidence: confidence(since),
      cluster: numberOf(id),
      newcomer: now - since < NEWCOMER_AGE ? 1 : 0,
      backing: backing.get(id) ?? 0n,
    }),
  }
}

/** Clears from what was published and nothing else, so that every bidder gets the same. */
export function clearPut({ put, invited, holders, rules, book, bids }: Gathered): AuctionOutcome {
  const clusters = clustersOf([...invited, ...holders])
  const cleared = selectAwards(sealedOf(book, bids), biddersOf(book), termsOf(put.advert, rules))
  const bidOf = new Map(bids.map(({ bid }) => [bid.steward, bid]))
  const addressesOf = new Map(invited.map(({ id, addresses }) => [id, addresses]))
  const lotFor = (steward: Address, lot: number, price: bigint): AwardedLot[] => {
    const bid = bidOf.get(steward)
    return bid
      ? [
          {
            lot,
            steward,
            addresses: addressesOf.get(steward) ?? [],
            price,
            egressPrice: bid.egressPrice,
            egressFree: bid.egressFree,
            bond: bid.bond,
          },
        ]
      : []
  }
  const winners = new Set(cleared.awards.map(({ steward }) => steward))
  return {
    lots: cleared.awards.flatMap(({ steward, lot, price }) => lotFor(steward, lot, price)),
    missing: cleared.missing,
    runnersUp: cleared.runnersUp.flatMap(({ steward, price }) => lotFor(steward, 0, price)),
    summary: {
      invited: invited.length,
      bids: bids.length,
      price: cleared.price,
      reserve: rules.reserve,
      thin: cleared.thin,
      clusterRule: clusters.isMeaningful,
      scores: cleared.scores.map(({ steward, bid, score }) => ({ steward, bid, score, won: winners.has(steward) })),
    },
  }
}
