/**
 * How things are compared: reference and ours alternate, a fixed piece of work before and after each pair tells whether the
 * machine changed its speed meanwhile, and the result is the median of the ratios of the pairs. Absolute values of a shared
 * machine are anecdotes.
 */
import { createHmac } from 'node:crypto'

/** A fixed piece of work that is timed around each pair. */
const CALIBRATION_BYTES = 64 * 2 ** 20
const CALIBRATION_SECONDS = 0.5
/** Two calibrations further apart than this spoil the pair between them. */
const CALIBRATION_SPREAD = 0.15
/** When ratios spread wider than this, more pairs are taken. */
const RATIO_SPREAD = 0.2

/** What one repetition took. */
export interface Cost {
  readonly wallSeconds: number
  /** User and system time of all threads (and, where the bench says so, of all processes). */
  readonly cpuSeconds: number
}

export interface Pair {
  readonly reference: number
  readonly ours: number
  /** ours / reference. */
  readonly ratio: number
  /** Bytes a second of the calibration before and after. */
  readonly calibration: readonly [number, number]
  readonly kept: boolean
}

export interface Comparison {
  readonly pairs: readonly Pair[]
  readonly discarded: number
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number }
  readonly ours: number
  readonly reference: number
}

export interface CompareOptions {
  /** Pairs to keep, at least. Default 5. */
  readonly pairs?: number
  /** Pairs to take at most, spoiled ones included. Default 3 times as many. */
  readonly most?: number
}

/** Time one run of `work`, threads included. */
export async function timed(work: () => unknown): Promise<Cost> {
  const cpu = process.cpuUsage()
  const wall = performance.now()
  await work()
  const wallSeconds = (performance.now() - wall) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { wallSeconds, cpuSeconds: (user + system) / 1e6 }
}

/**
 * Alternate `reference` and `ours`; each returns the figure to compare (a rate, or seconds). Both ran once before, unmeasured.
 * @throws Error when no pair could be kept
 */
export async function compare(
  reference: () => Promise<number>,
  ours: () => Promise<number>,
  options: CompareOptions = {},
): Promise<Comparison> {
  const wanted = options.pairs ?? 5
  const most = options.most ?? 3 * wanted
  await reference()
  await ours()
  const pairs: Pair[] = []
  let before = calibrate()
  while (pairs.length < most && !isEnough(pairs, wanted)) {
    const pair = { reference: await reference(), ours: await ours() }
    const after = calibrate()
    const kept = Math.abs(after / before - 1) <= CALIBRATION_SPREAD
    pairs.push({ ...pair, ratio: pair.ours / pair.reference, calibration: [before, after], kept })
    before = after
  }
  return summarise(pairs)
}

/** Statistics of the pairs that count. Pure. @throws Error when there is none */
export function summarise(pairs: readonly Pair[]): Comparison {
  const kept = pairs.filter((pair) => pair.kept)
  if (kept.length === 0) throw new Error('the machine was too unsteady: no pair could be kept')
  const ratios = kept.map(({ ratio }) => ratio)
  return {
    pairs,
    discarded: pairs.length - kept.length,
    ratio: { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) },
    ours: median(kept.map(({ ours }) => ours)),
    reference: median(kept.map(({ reference }) => reference)),
  }
}

/** Middle value; of an even number the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

function isEnough(pairs: readonly Pair[], wanted: number): boolean {
  const ratios = pairs.filter(({ kept }) => kept).map(({ ratio }) => ratio)
  if (ratios.length < wanted) return false
  return Math.max(...ratios) / Math.min(...ratios) - 1 <= RATIO_SPREAD || ratios.length >= 2 * wanted
}

/** Bytes a second of HMAC-SHA256 right now. */
function calibrate(): number {
  const chunk = new Uint8Array(2 ** 20)
  const start = performance.now()
  let bytes = 0
  while (performance.now() - start < CALIBRATION_SECONDS * 1000 && bytes < 1024 * CALIBRATION_BYTES) {
    const mac = createHmac('sha256', 'calibration')
    for (let i = 0; i < 16; i++) mac.update(chunk)
    mac.digest()
    bytes += 16 * chunk.length
  }
  return bytes / ((performance.now() - start) / 1000)
}

/** Pseudorandom bytes of a fixed seed: incompressible, and the same in every run. */
export function seededBytes(length: number, seed = 'holdfast bench'): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let block = createHmac('sha512', seed).update('0').digest()
  for (let at = 0; at < length; at += block.length) {
    bytes.set(block.subarray(0, Math.min(block.length, length - at)), at)
    block = createHmac('sha512', seed).update(block).digest()
  }
  return bytes
}
