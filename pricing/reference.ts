/**
 * Reference prices, wei of HOLD per GiB-month. Nobody is refused for being far from them; they set what a default bidder will not go below
 * and what a default uploader will not go above. market.md, Placement auction; docs/spec/auction.md.
 */
import { HoldfastError } from '../base/errors.ts'
import { ceilDiv, DAY, WEI_PER_HOLD, type Wei, wei } from '../base/units.ts'

/** Price at a pool's creation: 5.3 HOLD per TiB-month, rounded down to wei. market.md. */
export const REFERENCE_AT_START: Wei = wei((53n * WEI_PER_HOLD) / 10n / 1024n)

const ONE = 10n ** 18n
/**
 * What a day leaves of a price when storage gets cheaper by a factor of 1.15 a year (Kryder): 1.15^(−1/365) in units of 10⁻¹⁸, rounded
 * down. Fixed point and whole days, so that every program gets the same wei. True value 0.9996171638692953081…
 */
const DAILY = 999_617_163_869_295_308n

/** `R₀ · e^{−κt}`, κ = ln 1.15 a year, by whole days since the pool's creation. @param age seconds, ≥ 0 */
export function referencePrice(age: number, start: Wei = REFERENCE_AT_START): Wei {
  if (!(age >= 0))
    throw new HoldfastError('INPUT_RANGE', { name: 'age of the pool', expected: 'at least 0 s', got: age })
  let factor = ONE
  let power = DAILY
  for (let days = Math.floor(age / DAY); days > 0; days = Math.floor(days / 2)) {
    if (days % 2 === 1) factor = (factor * power) / ONE
    power = (power * power) / ONE
  }
  return wei((start * factor) / ONE)
}

/** 0.55 of the reference, rounded up: who bids less gives away more than disks can get cheaper. market.md. */
export function floorPrice(reference: Wei): Wei {
  return wei(ceilDiv(reference * 55n, 100n))
}

/** What an uploader pays at most unless told otherwise: 2.5 times the index, and never more than storing elsewhere would cost. */
export function defaultReserve(index: Wei, outsideOption?: Wei): Wei {
  const reserve = (index * 5n) / 2n
  return wei(outsideOption !== undefined && outsideOption < reserve ? outsideOption : reserve)
}
