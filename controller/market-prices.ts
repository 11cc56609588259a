/** What storage costs now, as far as this controller knows: its own clearings, the reference, and what follows from both. Pure. */
import type { Address } from '../base/curve.ts'
import type { UnixTime, Wei } from '../base/units.ts'
import { type IndexedClearing, priceIndex } from '../pricing/price-index.ts'
import { defaultReserve, floorPrice, referencePrice } from '../pricing/reference.ts'
import type { Award } from '../uploader/put-book.ts'
import { lotBytes } from './plan-sizes.ts'
import type { PutRecord } from './records.ts'

/** All wei of HOLD per GiB-month. */
export interface MarketPrices {
  readonly index: Wei
  readonly reference: Wei
  /** Of the default bidder. */
  readonly floor: Wei
  /** Highest score an advert of ours takes unless told otherwise. */
  readonly reserve: Wei
  /** What the cheapest known takes: the floor, or less where something was cleared for less. */
  readonly cheapest: bigint
}

/** What the index counts of our own puts: each award, at the prices its placements pay. */
export function ownClearings(puts: Iterable<PutRecord>, uploader: Address): readonly IndexedClearing[] {
  return [...puts].flatMap(({ award, plan }) =>
    award && award.lots.length > 0
      ? [
          {
            uploader,
            at: award.start,
            feePaid: true, // an auction is held only when the chain shows the fee
            awards: award.lots.map(({ steward, price }) => ({ steward, bytes: lotBytes(plan), price })),
          },
        ]
      : [],
  )
}

/** @param since when the market was created: the reference falls from there */
export function marketPrices(
  puts: Iterable<PutRecord>,
  uploader: Address,
  now: UnixTime,
  since: UnixTime,
): MarketPrices {
  const all = [...puts]
  const reference = referencePrice(Math.max(0, now - since))
  const index = priceIndex(ownClearings(all, uploader), now, reference)
  const floor = floorPrice(reference)
  const cleared = all.flatMap(({ award }: { readonly award?: Award }) =>
    award && award.summary.price > 0n ? [award.summary.price] : [],
  )
  return {
    index,
    reference,
    floor,
    reserve: defaultReserve(index, defaultReserve(reference)),
    cheapest: cleared.reduce<bigint>((least, price) => (price < least ? price : least), floor),
  }
}
