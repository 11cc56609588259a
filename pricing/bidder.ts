/**
 * The default bidder: what a steward asks for a lot, or why it asks nothing. All winners are paid the first losing score, so for a bidder
 * with one lot to win the truth is the best bid: its own cost, its own target, and how full it is. market.md, step 4. Pure and integer.
 */

import type { Address } from '../base/curve.ts'
import { ceilDiv, DAY, type Seconds, seconds, type Wei, wei } from '../base/units.ts'
import type { Bid } from './bids.ts'
import { advertValue, docketAmount } from './rates.ts'
import { floorPrice } from './reference.ts'

const PPM = 1_000_000n
/** Terms that are accepted. market.md, Contracts: 30–180 days. */
export const SHORTEST_TERM: Seconds = seconds(30 * DAY)
export const LONGEST_TERM: Seconds = seconds(180 * DAY)

/** How a steward makes its price. Parts are in millionths. */
export interface CostModel {
  /** What keeping a GiB for a month costs it, wei: disk, power, line. `undefined`: nobody measured; 0.8 of the reference stands in. */
  readonly cost?: bigint
  /** What it wants on top of its cost. */
  readonly target: number
  /** What it wants on top when its disk is full; grows with the square of the fill, so that an empty disk bids at cost and target. */
  readonly fullPremium: number
  /** A price set by hand, wei per GiB-month; then nothing else counts. */
  readonly fixed?: bigint
  /** Price of reading a GiB, in parts of the price of keeping it for a month. */
  readonly egress: number
  /** Bond offered, as rent of so many seconds. */
  readonly bond: Seconds
}

/** Defaults, reasons in docs/spec/auction.md. The bond is eight weeks of price (market.md). */
export const COST_MODEL: CostModel = {
  target: 100_000,
  fullPremium: 350_000,
  egress: 1_000_000,
  bond: seconds(56 * DAY),
}
/** Cost in parts of the reference price, where nothing was measured. */
const UNMEASURED_COST = 800_000n

/** The steward's disk, in bytes. */
export interface Capacity {
  /** What its operator offers in all. */
  readonly quota: number
  /** Kept free on the volume, so that reads and deletions always go on. */
  readonly reserve: number
  /** Held under placements that live. */
  readonly used: number
  /** Won and not delivered yet. */
  readonly promised: number
  /** Free on the volume itself, as last measured; absent: unknown. */
  readonly free?: number
}

/** What an advert offers, as far as the price depends on it. */
export interface Offer {
  /** Bytes of one lot and of all lots. */
  readonly lotBytes: number
  readonly totalBytes: number
  readonly term: number
  /** Wei per GiB-month. */
  readonly reserve: bigint
  /** Most it pays for reading, wei per GiB; and the bytes a placement's reader gets free in 30 days. */
  readonly egressPrice: bigint
  readonly egressFree: number
  /** Least bond it asks for, gwei; absent: any. */
  readonly leastBond?: bigint
  /** Value the advert fee was paid for, gwei, as seen on chain. */
  readonly paidValue: bigint
}

/** Why no bid is made. */
export type NoBid =
  | 'term' // outside 30–180 days
  | 'fee' // the advert fee was paid for less than it asks for
  | 'full' // the lot does not fit
  | 'bond' // it asks for more bond than this steward offers
  | 'price' // the reserve is below what this steward asks

/** Bytes that can still be taken: what is left of the quota, and never more than the volume has beyond its reserve. */
export function roomIn(capacity: Capacity): number {
  const offered = capacity.quota - capacity.used - capacity.promised
  const free = capacity.free === undefined ? offered : capacity.free - capacity.reserve - capacity.promised
  return Math.max(0, Math.min(offered, free))
}

/** What a steward asks per GiB-month: cost · (1 + target) · (1 + premium · fill²), never under the floor. Rounded up, in its own favour. */
export function askingPrice(model: CostModel, capacity: Capacity, reference: Wei): Wei {
  if (model.fixed !== undefined) return wei(model.fixed > 0n ? model.fixed : 1n) // a bid of nothing is refused
  const cost = model.cost ?? (reference * UNMEASURED_COST) / PPM
  const offered = Math.max(1, capacity.quota)
  const fill = BigInt(Math.min(1_000_000, Math.round(((capacity.used + capacity.promised) / offered) * 1_000_000)))
  const premium = (BigInt(model.fullPremium) * fill * fill) / (PPM * PPM)
  const price = ceilDiv(cost * (PPM + BigInt(model.target)) * (PPM + premium), PPM * PPM)
  const floor = floorPrice(reference)
  return price > floor ? wei(price) : floor
}

/** The bid for one lot, or why there is none. */
export function priceBid(
  steward: Address,
  offer: Offer,
  capacity: Capacity,
  model: CostModel,
  reference: Wei,
): { readonly bid: Bid } | { readonly none: NoBid } {
  if (offer.term < SHORTEST_TERM || offer.term > LONGEST_TERM) return { none: 'term' }
  if (advertValue(offer.totalBytes, wei(offer.reserve), offer.term) > offer.paidValue) return { none: 'fee' }
  const room = roomIn(capacity)
  if (offer.lotBytes > room) return { none: 'full' }
  const price = askingPrice(model, capacity, reference)
  if (price > offer.reserve) return { none: 'price' }
  const bond = docketAmount([{ price, length: offer.lotBytes, seconds: model.bond }])
  if (offer.leastBond !== undefined && bond < offer.leastBond) return { none: 'bond' }
  const egress = ceilDiv(price * BigInt(model.egress), PPM)
  return {
    bid: {
      steward,
      price,
      egressPrice: egress < offer.egressPrice ? egress : offer.egressPrice,
      egressFree: offer.egressFree,
      bond,
      capacity: room,
    },
  }
}
