/** Clears a put's auction with pricing/'s rules and what the controller knows of the bidders. Pure. */
import type { Address } from '../base/curve.ts'
import { type AuctionTerms, type Bidder, lossOfLot, selectAwards } from '../pricing/auction.ts'
import { clusterCap, clustersOf } from '../pricing/clusters.ts'
import type { AwardedLot } from '../uploader/put-book.ts'
import type { Gathered, Invited } from './auctioneer.ts'
import { type AuctionOutcome, lotBytes } from './put-desk.ts'

/** Lots that the spread rules leave to one operator cluster and to newcomers; 0: the rule is off. */
export function spreadOf(
  invited: readonly Invited[],
  k: number,
  n: number,
): { readonly perCluster: number; readonly newcomers: number } {
  return { perCluster: clustersOf(invited).isMeaningful ? clusterCap(k, n) : 0, newcomers: 1 }
}

/** @param now chain time */
export function clearPut({ put, lots, bids, invited, maxPrice }: Gathered, now: number): AuctionOutcome {
  const { plan, advert } = put
  const held = put.award?.lots ?? []
  const clusters = clustersOf([...invited, ...held.map(({ steward, addresses }) => ({ id: steward, addresses }))])
  const reserve = maxPrice !== undefined && maxPrice < put.reserve ? maxPrice : put.reserve
  const bytes = lotBytes(plan)
  const clustered = (steward: Address) => {
    const cluster = clusters.of.get(steward)
    return { steward, ...(cluster === undefined ? {} : { cluster }) }
  }
  const terms: AuctionTerms = {
    lots,
    k: plan.k,
    n: plan.n,
    bytes,
    term: plan.term,
    reserve,
    loss: lossOfLot({ bytes, k: plan.k, egressPrice: advert.egressPrice, reserve }),
    egressPrice: advert.egressPrice,
    ...(advert.perCluster > 0 ? { perCluster: advert.perCluster } : {}),
    ...(advert.newcomers > 0 ? { newcomers: advert.newcomers } : {}),
    holders: held.map(({ steward }) => clustered(steward)),
  }
  const confidence = new Map(bids.map((bid) => [bid.steward, bid.confidence]))
  // Until there is a stake pool no bond is backed by anything, so none counts.
  const bidders: Bidder[] = invited.map(({ id, since }) => ({
    ...clustered(id),
    confidence: confidence.get(id) ?? 0,
    age: Math.max(0, now - since),
    backing: 0n,
  }))
  const cleared = selectAwards(bids, bidders, terms)
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
      reserve,
      thin: cleared.thin,
      clusterRule: clusters.isMeaningful,
      scores: cleared.scores.map(({ steward, bid, score }) => ({ steward, bid, score, won: winners.has(steward) })),
    },
  }
}
