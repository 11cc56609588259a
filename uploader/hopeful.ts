/** Whether an advert can come to anything. Its fee is gone once it is paid, so what cannot succeed is refused before. */
import { HoldfastError } from '../base/errors.ts'
import { formatHold } from '../base/units.ts'
import type { PutPlan, Quote } from './put-book.ts'

type Market = Pick<Quote, 'price' | 'floor' | 'stewards' | 'before'>
type Code = Pick<PutPlan, 'k' | 'n'>

/** What a put insists on. */
export interface Demands {
  /** Wei of HOLD per GiB-month. */
  readonly maxPrice?: bigint
  /** Any number of shares will do, as long as the object can be read. */
  readonly allowShort: boolean
}

/**
 * Passes what an earlier run has paid for: there is nothing to be saved any more.
 * @throws `AUCTION_FEW` when too few stewards are known, `FUNDS_PRICE` when the cap is below what anybody is known to take
 */
export function assertHopeful({ k, n }: Code, market: Market, { maxPrice, allowShort }: Demands): void {
  const { price, floor, stewards, before } = market
  if (before !== undefined) return
  if (stewards < (allowShort ? k : leastShares({ k, n })))
    throw new HoldfastError('AUCTION_FEW', { have: stewards, need: n, option: optionFor({ k, n }, stewards) })
  if (maxPrice !== undefined && maxPrice < floor) throw priceError(maxPrice, price)
}

/** An object that starts with fewer shares would be in need of repair at once. protocol.md §8. */
export function leastShares({ k, n }: Code): number {
  return Math.min(n, n - Math.ceil((n - k) / 4) + 1)
}

/** Nobody takes `maxPrice`; at `likely` somebody probably would. Wei of HOLD per GiB-month. */
export function priceError(maxPrice: bigint, likely: bigint, options?: { readonly cause?: unknown }): HoldfastError {
  const max = `${formatHold(maxPrice)} HOLD per GiB-month`
  return new HoldfastError('FUNDS_PRICE', { max, likely: formatHold(roundedUp(likely)) }, options)
}

/** What else could be given: a code of about the same strength for the stewards there are; what can be placed now, if that can be read. */
function optionFor({ k, n }: Code, stewards: number): string {
  if (stewards === 0) return ''
  const least = Math.min(stewards, Math.max(1, Math.round((k * stewards) / n)))
  const short = stewards >= k ? ', or --allow-short to place the rest later' : ''
  return `give --code ${least}/${stewards}${short}, or `
}

/** To three digits. */
function roundedUp(amount: bigint): bigint {
  const step = 10n ** BigInt(Math.max(0, amount.toString().length - 3))
  return ((amount + step - 1n) / step) * step
}
