/**
 * What things cost. Prices are wei of HOLD per GiB and month of 30 days; all that settles is gwei, rounded up once, in favour of whoever is
 * paid. Source: protocol.md §5; vectors: "money" in test/vectors/protocol.json; docs/spec/auction.md for fees and estimates.
 */
import { HoldfastError } from '../base/errors.ts'
import { ceilDiv, GiB, type Gwei, gwei, MONTH, WEI_PER_GWEI, type Wei, wei } from '../base/units.ts'

/** One placement's part of a docket: what is paid for. */
export interface RentItem {
  /** Wei of HOLD per GiB and 30 days. */
  readonly price: bigint
  /** Bytes of the blob. */
  readonly length: number
  /** The interval, from the previous cut to this one. Whole seconds. */
  readonly seconds: number
}

/** A price is for 2³⁰ bytes over 2,592,000 seconds. */
const PRICE_UNIT = BigInt(GiB) * BigInt(MONTH)
/** An advert pays at least this part of its value. contracts.md, Market: fee = max(⌈value / 50⌉, floor). */
const ADVERT_FEE_DIVISOR = 50n

/** Σ price · length · seconds: wei, but for the one division that is still to come. @throws `INPUT_RANGE` for anything negative or broken. */
function weighedSum(items: Iterable<RentItem>): bigint {
  let sum = 0n
  for (const { price, length, seconds } of items) {
    if (price < 0n)
      throw new HoldfastError('INPUT_RANGE', { name: 'price', expected: 'at least 0', got: String(price) })
    if (!Number.isSafeInteger(length) || length < 0)
      throw new HoldfastError('INPUT_RANGE', { name: 'length', expected: 'whole bytes', got: length })
    if (!Number.isSafeInteger(seconds) || seconds < 0)
      throw new HoldfastError('INPUT_RANGE', { name: 'seconds', expected: 'whole seconds', got: seconds })
    sum += price * BigInt(length) * BigInt(seconds)
  }
  return sum
}

/**
 * What a docket pays: `ceil(Σ price · length · seconds / (2³⁰ · 2,592,000 · 10⁹))` gwei, one division at the end, so that a docket of many
 * blobs rounds up once and not once a blob. Rounded in favour of the steward. protocol.md §5.
 * @throws `INPUT_RANGE` when an item is negative or the sum does not fit a uint64
 */
export function docketAmount(items: Iterable<RentItem>): Gwei {
  return gwei(ceilDiv(weighedSum(items), PRICE_UNIT * WEI_PER_GWEI))
}

/** Rent of some bytes over some time, wei, rounded up: an estimate for quotes and budgets; what settles is `docketAmount`. */
export function rentOf(items: Iterable<RentItem>): Wei {
  return wei(ceilDiv(weighedSum(items), PRICE_UNIT))
}

/**
 * What was earned so far by one placement, in wei, rounded down: a statement for people. Dockets round up by at most one gwei each, so the
 * sum of what was really paid lies between this and this plus one gwei for every docket.
 */
export function earnedOf(item: RentItem): Wei {
  return wei(weighedSum([item]) / PRICE_UNIT)
}

/**
 * The fee of an advert: `max(⌈value / 50⌉, floor)` gwei; it leaves the uploader's balance and goes to nobody who stores. Rounded up.
 * @param value what the advert is worth, bytes × reserve × term. Gwei
 * @param floor smallest fee, a constant of the market contract. Gwei
 */
export function advertFee(value: Gwei, floor: Gwei): Gwei {
  const part = ceilDiv(value, ADVERT_FEE_DIVISOR)
  return gwei(part > floor ? part : floor)
}

/** What an advert must declare: bytes × reserve × term, gwei, rounded up. A bidder refuses an advert whose declared value is less. */
export function advertValue(bytes: number, reserve: Wei, term: number): Gwei {
  return docketAmount([{ price: reserve, length: bytes, seconds: term }])
}

/**
 * What reading costs in one 30-day window counted from the placement's start: `ceil(bytes over the allowance · egressPrice / (2³⁰ · 10⁹))`
 * gwei, rounded up in favour of the steward. protocol.md §5.
 */
export function egressCost(read: {
  readonly bytes: number
  readonly egressFree: number
  readonly egressPrice: bigint
}): Gwei {
  if (!Number.isSafeInteger(read.bytes) || read.bytes < 0)
    throw new HoldfastError('INPUT_RANGE', { name: 'bytes', expected: 'whole bytes', got: read.bytes })
  const beyond = Math.max(0, read.bytes - read.egressFree)
  return gwei(ceilDiv(BigInt(beyond) * read.egressPrice, BigInt(GiB) * WEI_PER_GWEI))
}
