/**
 * An auction as it is published (bid/1) in the terms of pricing/: both sides clear it from the same words, so that every bidder can compute
 * the uploader's clearing again, and show anybody a wrong one. market.md, step 5; docs/spec/auction.md.
 */
import { type Advert, type AuctionRules, type CommitEntry, lotBytes, type RevealEntry } from '../net/messages/bid.ts'
import { type AuctionTerms, type Bidder, lossOfLot, NEWCOMER_AGE } from '../pricing/auction.ts'
import type { SealedBid } from '../pricing/bids.ts'
import type { PublishedClearing } from '../pricing/recompute.ts'

/** All that was said in an auction after its commits were in. */
export interface PublishedAuction {
  readonly advert: Advert
  readonly rules: AuctionRules
  readonly entries: readonly CommitEntry[]
  readonly reveals: readonly RevealEntry[]
  /** Wei per GiB-month. */
  readonly price: bigint
}

/** Terms of pricing/ for what an advert and the published rules say. */
export function termsOf(advert: Advert, rules: AuctionRules): AuctionTerms {
  const bytes = lotBytes(advert)
  const { lots, reserve, newcomers, held } = rules
  return {
    lots,
    k: advert.k,
    n: advert.n,
    bytes,
    term: advert.term,
    reserve,
    loss: lossOfLot({ bytes, k: advert.k, egressPrice: advert.egressPrice, reserve }),
    egressPrice: advert.egressPrice,
    ...(advert.bond === undefined ? {} : { bond: advert.bond }),
    ...(advert.perCluster > 0 ? { perCluster: advert.perCluster } : {}),
    ...(newcomers === undefined ? {} : { newcomers }),
    // Who holds a lot already was not asked; only its cluster counts.
    holders: held.map((cluster) => ({ steward: NOBODY, ...clusterField(cluster) })),
  }
}

/** What was published of each bidder with its commit. */
export function biddersOf(entries: readonly CommitEntry[]): readonly Bidder[] {
  return entries.map(({ steward, confidence, cluster, newcomer, backing }) => ({
    steward,
    confidence,
    age: newcomer === 1 ? 0 : NEWCOMER_AGE,
    backing,
    ...clusterField(cluster),
  }))
}

/** Every commit, with its reveal where there is one. */
export function sealedOf(
  entries: readonly CommitEntry[],
  reveals: readonly Pick<RevealEntry, 'bid' | 'salt'>[],
): readonly SealedBid[] {
  const opened = new Map(reveals.map((entry) => [entry.bid.steward, entry]))
  return entries.map(({ steward, commit }) => {
    const reveal = opened.get(steward)
    return { steward, commit, ...(reveal ? { bid: reveal.bid, salt: reveal.salt } : {}) }
  })
}

/** For `recomputeClearing`. */
export function publishedClearing({ advert, rules, entries, reveals, price }: PublishedAuction): PublishedClearing {
  return {
    terms: termsOf(advert, rules),
    bidders: biddersOf(entries),
    sealed: sealedOf(entries, reveals),
    price,
    lots: new Map(reveals.flatMap(({ bid, lot }) => (lot === undefined ? [] : [[bid.steward, lot] as const]))),
  }
}

const NOBODY = `0x${'0'.repeat(40)}` as const

/** Clusters are numbers on the wire; 0: the steward stands alone. */
function clusterField(cluster: number): { readonly cluster?: string } {
  return cluster === 0 ? {} : { cluster: `cluster ${cluster}` }
}
