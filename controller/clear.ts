/** Clears a put's auction with pricing/'s rules and what the controller knows of the bidders. Pure. */
import type { Address } from '../base/curve.ts'
import { type AuctionTerms, type Bidder, lossOfLot, selectAwards } from '../pricing/auction.ts'
import { clusterCap, clustersOf } from '../pricing/clusters.ts'
import type { AwardedLot } from '../uploader/put-book.ts'
import type { Clearing, Invited, OpenedBid } from './auctioneer.ts'
import { lotBytes } from './put-desk.ts'
import type { PutRecord } from './records.ts'

export interface ClearingInputs {
  readonly put: PutRecord
  readonly bids: readonly OpenedBid[]
  readonly invited: readonly Invited[]
  /** Wei of HOLD per GiB-month; lower than the advert's reserve, it counts instead. */
  readonly maxPrice?: bigint
  /** Chain time. */
  readonly now: number
}

/** Lots that the spread rules leave to one operator cluster and to newcomers; 0: the rule is off. */
export function spreadOf(invited: readonly Invited[], k: number, n: number): { readonly perCluster: number; readonly newcomers: number } {
  return { perCluster: clustersOf(invited).isMeaningful ? clusterCap(k, n) : 0, newcomers: 1 }
}

export function clearPut({ put, bids, invited, maxPrice, now }: ClearingInputs): Clearing {
  const { plan, advert } = put
  const clusters = clustersOf(invited)
  const reserve = maxPrice !== undefined && maxPrice < put.reserve ? maxPrice : put.reserve
  const bytes = lotBytes(plan)
  const terms: AuctionTerms = {
    lots: Array.from({ length: plan.n }, (_, lot) => lot),
    k: plan.k,
    n: plan.n,
    bytes,
    term: plan.term,
    reserve,
    loss: lossOfLot({ bytes, k: plan.k, egressPrice: advert.egressPrice, reserve }),
    egressPrice: advert.egressPrice,
    ...(advert.perCluster > 0 ? { perCluster: advert.perCluster } : {}),
    ...(advert.newcomers > 0 ? { newcomers: advert.newcomers } : {}),
  }
  const confidence = new Map(bids.map((bid) => [bid.steward, bid.confidence]))
  const bidders: Bidder[] = invited.map(({ id, since }) => {
    const cluster = clusters.of.get(id)
    // Until there is a stake pool no bond is backed by anything, so none counts.
    return { steward: id, confidence: confidence.get(id) ?? 0, age: Math.max(0, now - since), backing: 0n, ...(cluster === undefined ? {} : { cluster }) }
  })
  const cleared = selectAwards(bids, bidders, terms)
  const bidOf = new Map(bids.map(({ bid }) => [bid.steward, bid]))
  const addressesOf = new Map(invited.map(({ id, addresses }) => [id, addresses]))
  const lotFor = (steward: Address, lot: number, price: bigint): AwardedLot[] => {
    const bid = bidOf.get(steward)
    return bid ? [{ lot, steward, addresses: addressesOf.get(steward) ?? [], price, egressPrice: bid.egressPrice, egressFree: bid.egressFree, bond: bid.bond }] : []
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
