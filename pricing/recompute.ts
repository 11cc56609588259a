/**
 * A published clearing, computed again by whoever took part (market.md, step 5). Everything a clearing follows from was published under a
 * root before any bid was opened, so one that does not follow from it convicts its maker. Pure: the signatures are its caller's business.
 */
import type { Address } from '../base/curve.ts'
import { type AuctionTerms, type Bidder, type Clearing, selectAwards } from './auction.ts'
import type { SealedBid } from './bids.ts'

/** What the auctioneer published, as read from its signed messages. */
export interface PublishedClearing {
  readonly terms: AuctionTerms
  /** What was published of each with the commits. */
  readonly bidders: readonly Bidder[]
  /** Every commit, with its reveal where there is one. */
  readonly sealed: readonly SealedBid[]
  /** The uniform price, wei per GiB-month. */
  readonly price: bigint
  /** Who got which lot. */
  readonly lots: ReadonlyMap<Address, number>
}

/** One thing that does not follow from the bids. */
export interface ClearingFault {
  readonly kind:
    | 'price' // the uniform price is another one
    | 'award' // a lot went to somebody else, or to nobody
    | 'winner' // somebody has a lot who could not win one
    | 'stranger' // a reveal without a commit
  /** Whom it concerns; absent: all. */
  readonly steward?: Address
  readonly published: string
  readonly expected: string
}

/** What a published clearing should have been, and how it differs; no faults: it is right. @throws `INPUT_RANGE` for terms that make no sense */
export function recomputeClearing(published: PublishedClearing): {
  readonly expected: Clearing
  readonly faults: readonly ClearingFault[]
} {
  const { terms, bidders, sealed, price, lots } = published
  const expected = selectAwards(sealed, bidders, terms)
  const faults: ClearingFault[] = []
  if (price !== expected.price)
    faults.push({ kind: 'price', published: String(price), expected: String(expected.price) })
  const due = new Map(expected.awards.map(({ steward, lot }) => [steward, lot]))
  const committed = new Set(sealed.map(({ steward }) => steward))
  for (const [steward, lot] of due) {
    const got = lots.get(steward)
    if (got !== lot)
      faults.push({
        kind: 'award',
        steward,
        published: got === undefined ? 'no lot' : `lot ${got}`,
        expected: `lot ${lot}`,
      })
  }
  for (const [steward, lot] of lots) {
    if (due.has(steward)) continue
    const why = expected.refused.find((refused) => refused.steward === steward)?.why
    const kind = committed.has(steward) ? 'winner' : 'stranger'
    faults.push({ kind, steward, published: `lot ${lot}`, expected: why === undefined ? 'no lot' : `no lot: ${why}` })
  }
  return { expected, faults }
}
