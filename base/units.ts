/** Units: branded numbers, so that seconds are never added to money, and the few conversions between text and amounts. */
import { HoldfastError } from './errors.ts'

declare const unit: unique symbol
/** A `T` that carries its unit in the type and nowhere else. */
export type Unit<T, Name extends string> = T & { readonly [unit]: Name }

/** A span. Whole seconds. */
export type Seconds = Unit<number, 'Seconds'>
/** A moment of chain time (or wall time where said so). Whole seconds since 1970 UTC, a uint32. */
export type UnixTime = Unit<number, 'UnixTime'>
/** 10⁻¹⁸ HOLD (or ETH where said so). Prices are wei per GiB-month. */
export type Wei = Unit<bigint, 'Wei'>
/** 10⁻⁹ HOLD. All that settles is gwei: bounties, vouchers, deltas, bonds. */
export type Gwei = Unit<bigint, 'Gwei'>
/** 0 to 1. A float: no sum of money is computed from it. */
export type Probability = Unit<number, 'Probability'>

export const MINUTE = 60
export const HOUR = 3600
export const DAY = 86_400
/** The month of every price: 30 days. Seconds. protocol.md §5. */
export const MONTH = 2_592_000
export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const WEI_PER_GWEI = 1_000_000_000n
export const WEI_PER_HOLD = 10n ** 18n

/** @throws `INPUT_RANGE` unless a whole number ≥ 0. */
export function seconds(value: number): Seconds {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new HoldfastError('INPUT_RANGE', { name: 'seconds', expected: 'a whole number from 0', got: value })
  return value as Seconds
}

/** @throws `INPUT_RANGE` unless a uint32. */
export function unixTime(value: number): UnixTime {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new HoldfastError('INPUT_RANGE', { name: 'time', expected: 'whole seconds below 2^32', got: value })
  return value as UnixTime
}

/** @throws `INPUT_RANGE` when negative. */
export function wei(value: bigint): Wei {
  if (value < 0n) throw new HoldfastError('INPUT_RANGE', { name: 'wei', expected: 'at least 0', got: String(value) })
  return value as Wei
}

/** @throws `INPUT_RANGE` when negative or over a uint64. */
export function gwei(value: bigint): Gwei {
  if (value < 0n || value >= 1n << 64n)
    throw new HoldfastError('INPUT_RANGE', { name: 'gwei', expected: 'a uint64', got: String(value) })
  return value as Gwei
}

/** @throws `INPUT_RANGE` unless from 0 to 1. */
export function probability(value: number): Probability {
  if (!(value >= 0 && value <= 1))
    throw new HoldfastError('INPUT_RANGE', { name: 'probability', expected: 'from 0 to 1', got: value })
  return value as Probability
}

/** The smallest integer ≥ numerator / denominator; both at least 0 and 1. */
export function ceilDiv(numerator: bigint, denominator: bigint): bigint {
  return (numerator + denominator - 1n) / denominator
}

/** "0.412" (HOLD, or ETH) as wei: digits only, Number is never involved. @throws `INPUT_FORMAT`, `INPUT_RANGE`. */
export function parseHold(text: string): Wei {
  const match = /^(\d{1,30})(?:\.(\d{1,18}))?$/.exec(text.trim())
  if (!match)
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'amount',
      expected: 'a decimal like 0.412',
      got: text.slice(0, 80),
    })
  return wei(BigInt(match[1] as string) * WEI_PER_HOLD + BigInt((match[2] ?? '').padEnd(18, '0')))
}

/** Wei as a decimal of HOLD (or ETH) without trailing zeros: "0.412". Exact. */
export function formatHold(amount: bigint): string {
  const sign = amount < 0n ? '-' : ''
  const absolute = amount < 0n ? -amount : amount
  const fraction = (absolute % WEI_PER_HOLD).toString().padStart(18, '0').replace(/0+$/, '')
  return `${sign}${absolute / WEI_PER_HOLD}${fraction === '' ? '' : `.${fraction}`}`
}

/** Gwei of HOLD as a decimal of HOLD. Exact. */
export function formatGwei(amount: bigint): string {
  return formatHold(amount * WEI_PER_GWEI)
}

const SPAN = { s: 1, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY } as const
const SIZE = { '': 1, K: KiB, M: MiB, G: GiB, T: 1024 * GiB } as const

/** "30d", "12h", "90s", "2w", "1y" (365 d) or plain seconds. @throws `INPUT_FORMAT`. */
export function parseDuration(text: string): Seconds {
  const match = /^(\d{1,9})(s|m|h|d|w|y)?$/.exec(text.trim())
  if (!match)
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'duration',
      expected: 'like 30d, 12h or 90s',
      got: text.slice(0, 80),
    })
  const suffix = match[2] ?? 's'
  return seconds(Number(match[1]) * (suffix === 'y' ? 365 * DAY : SPAN[suffix as keyof typeof SPAN]))
}

/** "500G", "64M", "1048576": bytes, powers of 1024. @throws `INPUT_FORMAT`. */
export function parseSize(text: string): number {
  const match = /^(\d{1,12})([KMGT]?)(?:i?B)?$/i.exec(text.trim())
  const size = match ? Number(match[1]) * SIZE[(match[2] ?? '').toUpperCase() as keyof typeof SIZE] : Number.NaN
  if (!Number.isSafeInteger(size))
    throw new HoldfastError('INPUT_FORMAT', { name: 'size', expected: 'like 500G or 64M', got: text.slice(0, 80) })
  return size
}

/** 28991029248 as "27.0 GiB", for people. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
  let value = bytes
  let step = 0
  while (value >= 1024 && step < units.length - 1) {
    value /= 1024
    step++
  }
  return step === 0 ? `${Math.round(bytes)} B` : `${value.toFixed(value < 100 ? 1 : 0)} ${units[step]}`
}

/** A moment as ISO-8601 UTC, "2027-02-18T00:00:00Z". */
export function formatTime(time: number): string {
  return new Date(time * 1000).toISOString().replace('.000Z', 'Z')
}
