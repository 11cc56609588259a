/**
 * The erasure code: k primary shares, from which any of n shares can be made, and which any k of the n give back.
 * Bit-compatible with zfec. Pure; shares are byte arrays of one length. Rows: galois.ts; bulk work: erasure-kernel.ts.
 * Source: protocol.md §2.3.
 */
import { HoldfastError } from '../base/errors.ts'
import { type Combine, createKernel, selectKernelKind } from './erasure-kernel.ts'
import { deriveRows } from './galois.ts'

/** Most shares of a segment: the field has 256 points. */
export const MAX_SHARES = 256

/** How to code, where the defaults do not do. */
export interface CodingOptions {
  /**
   * Arrays to make the shares in, at least as long as a share, none of them an input; the results are views of them.
   * Fresh memory costs several times the coding itself, so whoever codes segment after segment keeps its arrays.
   */
  readonly buffers?: readonly Uint8Array[] | undefined
  /** Another kernel than the fastest. */
  readonly combine?: Combine | undefined
}

let selected: Combine | undefined

/** The thread's own kernel, made at first use: a command that codes nothing compiles nothing. */
function defaultKernel(): Combine {
  selected ??= createKernel(selectKernelKind())
  return selected
}

/** @throws `INPUT_RANGE` unless 1 ≤ k ≤ n ≤ 256. */
export function assertCode(k: number, n: number): void {
  assertInteger(n, 1, MAX_SHARES, 'n')
  assertInteger(k, 1, n, 'k')
}

/** The n×k matrix of the code; row i makes share i out of the primaries. @throws `INPUT_RANGE` unless 1 ≤ k ≤ n ≤ 256. */
export function encodingMatrix(k: number, n: number): Uint8Array[] {
  assertCode(k, n)
  return deriveRows(upTo(k), upTo(n))
}

/**
 * Makes shares out of the primaries.
 * @param primary all k, of equal length
 * @param wanted indices below n, each once
 * @returns in the order of `wanted`; primaries are returned as they came in, not copied
 * @throws `INPUT_RANGE` for k, n, an index or the lengths
 */
export function encodeShares(
  primary: readonly Uint8Array[],
  k: number,
  n: number,
  wanted: readonly number[],
  options: CodingOptions = {},
): Uint8Array[] {
  assertCode(k, n)
  if (primary.length !== k)
    throw new HoldfastError('INPUT_RANGE', { name: 'primary', expected: `${k} shares`, got: primary.length })
  return rebuildShares(new Map(primary.entries()), k, n, wanted, options)
}

/**
 * The k primary shares out of any k shares.
 * @param shares by index below n; of more than k, the primaries are taken first, then the lowest
 * @returns the primaries in order; those that were given are returned as they came in
 * @throws `INPUT_RANGE` for fewer than k shares, for k, n, an index or the lengths
 */
export function decodeShares(
  shares: ReadonlyMap<number, Uint8Array>,
  k: number,
  n: number,
  options: CodingOptions = {},
): Uint8Array[] {
  assertCode(k, n)
  return rebuildShares(shares, k, n, upTo(k), options)
}

/** Any shares out of any k, for repair: what is missing is made directly, without the primaries in between. Else as `decodeShares`. */
export function rebuildShares(
  shares: ReadonlyMap<number, Uint8Array>,
  k: number,
  n: number,
  wanted: readonly number[],
  options: CodingOptions = {},
): Uint8Array[] {
  assertCode(k, n)
  const length = assertShares(shares, k, n)
  assertWanted(wanted, n)
  const missing = wanted.filter((index) => !shares.has(index))
  const buffers = takeBuffers(options.buffers, missing.length, length)
  const made = new Map(missing.map((index, at) => [index, buffers[at] as Uint8Array]))
  if (missing.length > 0 && length > 0) {
    const known = [...shares.keys()].sort((a, b) => a - b).slice(0, k)
    const combine = options.combine ?? defaultKernel()
    combine(
      deriveRows(known, missing),
      known.map((index) => shares.get(index) as Uint8Array),
      [...made.values()],
    )
  }
  return wanted.map((index) => (shares.get(index) ?? made.get(index)) as Uint8Array)
}

/** @returns `count` arrays of `length` bytes */
function takeBuffers(buffers: readonly Uint8Array[] | undefined, count: number, length: number): Uint8Array[] {
  if (buffers === undefined) return Array.from({ length: count }, () => new Uint8Array(length))
  const fitting = buffers.slice(0, count).filter((buffer) => buffer.length >= length)
  if (fitting.length < count)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'buffers',
      expected: `${count} of ${length} bytes`,
      got: fitting.length,
    })
  return fitting.map((buffer) => buffer.subarray(0, length))
}

/** @returns the common length in bytes */
function assertShares(shares: ReadonlyMap<number, Uint8Array>, k: number, n: number): number {
  if (shares.size < k)
    throw new HoldfastError('INPUT_RANGE', { name: 'shares', expected: `at least ${k}`, got: shares.size })
  let length: number | undefined
  for (const [index, share] of shares) {
    assertInteger(index, 0, n - 1, 'share index')
    length ??= share.length
    if (share.length !== length)
      throw new HoldfastError('INPUT_RANGE', { name: `share ${index}`, expected: `${length} bytes`, got: share.length })
  }
  return length ?? 0
}

function assertWanted(wanted: readonly number[], n: number): void {
  for (const index of wanted) assertInteger(index, 0, n - 1, 'wanted share')
  if (new Set(wanted).size !== wanted.length)
    throw new HoldfastError('INPUT_RANGE', { name: 'wanted', expected: 'each share once', got: wanted.join(' ') })
}

function assertInteger(value: number, min: number, max: number, name: string): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new HoldfastError('INPUT_RANGE', { name, expected: `an integer from ${min} to ${max}`, got: value })
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
