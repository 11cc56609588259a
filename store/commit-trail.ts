/**
 * How a store knows that nothing it acknowledged is missing. Level verifies neither the blocks of its tables nor, when it replays its
 * log, that none was dropped: one flipped bit in the log silently takes all later commits of its block along (docs/trophies.md). So
 *
 * - every value carries a CRC-32 over key and value: what was altered is not taken for what was written;
 * - every commit leaves a marker with its number, and the last `WINDOW` of them are kept: a hole is a lost commit;
 * - a small file beside the database says how many commits there are at least: a lost end is noticed, too. It is written after the
 *   commits it speaks of, every two seconds at most, so that it costs no commit a second sync.
 */
import { crc32 } from 'node:zlib'
import { HoldfastError } from '../base/errors.ts'
import { readJson, writeJson } from './json-file.ts'

/** Keys below this one are the store's own. */
export const FIRST_KEY = '\u0001'
export const FORMAT_KEY = '\u0000format'
/** Of the records' form. 1 had no checksums. */
export const FORMAT = 2
const MARKERS = '\u0000commit/'
/** Markers kept: more commits than Level's log holds before it becomes a table (4 MB). */
const WINDOW = 4096

/** A value as it stands in the database: itself, then CRC-32 of key and value. */
export function sealValue(key: string, value: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(value.length + 4)
  sealed.set(value)
  new DataView(sealed.buffer).setUint32(value.length, checkOf(key, value))
  return sealed
}

/** The value, or undefined when it is not what was written under this key. */
export function openValue(key: string, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - 4
  if (length < 0) return undefined
  const value = sealed.subarray(0, length)
  const check = new DataView(sealed.buffer, sealed.byteOffset + length, 4).getUint32(0)
  return check === checkOf(key, value) ? value : undefined
}

function checkOf(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key))
}

/** What commit `number` (from 1) writes beside its own changes. */
export function markersOf(number: number): readonly { readonly key: string; readonly value: Uint8Array | undefined }[] {
  const old = number - WINDOW
  return [
    { key: markerKey(number), value: new Uint8Array() },
    ...(old > 0 ? [{ key: markerKey(old), value: undefined }] : []),
  ]
}

const markerKey = (number: number) => `${MARKERS}${String(number).padStart(15, '0')}`

/** Bounds for listing all markers. */
export const MARKER_RANGE = { gte: MARKERS, lt: `${MARKERS}:` } as const

/** Commits that were acknowledged and are not there: first and last number. */
export type Hole = readonly [first: number, last: number]

/**
 * The number of the last commit, and the holes in the trail up to it.
 * @param keys of all markers, ascending
 * @param anchor commits there must be at least
 */
export function readTrail(
  keys: readonly string[],
  anchor: number,
): { readonly last: number; readonly holes: readonly Hole[] } {
  const numbers = keys.map((key) => Number(key.slice(MARKERS.length)))
  const holes: Hole[] = []
  const end = numbers.at(-1) ?? 0
  let before = Math.max(0, end - WINDOW)
  for (const number of numbers) {
    if (number > before + 1) holes.push([before + 1, number - 1])
    before = Math.max(before, number)
  }
  if (end < anchor) holes.push([end + 1, anchor])
  return { last: Math.max(end, anchor), holes }
}

export function describeHoles(holes: readonly Hole[]): string {
  const spans = holes.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`))
  return `commits that were acknowledged are missing: number ${spans.join(', ')}`
}

/** Markers that fill the holes: what is lost is told once. */
export function fillersOf(holes: readonly Hole[]): readonly { readonly key: string; readonly value: Uint8Array }[] {
  return holes.flatMap(([first, last]) =>
    Array.from({ length: Math.min(WINDOW, last - first + 1) }, (_, at) => ({
      key: markerKey(last - at),
      value: new Uint8Array(),
    })),
  )
}

/** Reads the anchor; 0 when there is none or it is damaged itself: it only ever adds a reason for doubt. */
export async function readAnchor(path: string): Promise<number> {
  try {
    const { commits, check } = ((await readJson(path, 4096)) ?? {}) as { commits?: unknown; check?: unknown }
    return typeof commits === 'number' && Number.isSafeInteger(commits) && check === crc32(`${commits}`) ? commits : 0
  } catch (cause) {
    if (cause instanceof HoldfastError && cause.code === 'CONFIG_INVALID') return 0
    throw cause
  }
}

export async function writeAnchor(path: string, commits: number): Promise<void> {
  await writeJson(path, { commits, check: crc32(`${commits}`) })
}
