/**
 * get: cap → locator → a manifest copy and the newest successor record → blobs from the fastest holders → plaintext, in order
 * (architecture.md, "get"). Nothing unverified is written: a blob is checked against its id, a segment against its tag, the manifest
 * against the cap. Needs no ledger.
 */
import { createHash } from 'node:crypto'
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { locatorOf } from '../blob/cap.ts'
import {
  type DirectManifest,
  decodeLargeManifest,
  isIndirect,
  MAX_LARGE_MANIFEST_BYTES,
  type ManifestFields,
} from '../blob/manifest.ts'
import { readKeyOf, repairKeyOf } from '../blob/object-keys.ts'
import { planObject, type SegmentPlan } from '../blob/segment.ts'
import type { SignedSuccessor } from '../blob/successor.ts'
import { type FetchedSegment, fetchSegment, type HolderTrouble, type ShareBlob } from './fetch-segment.ts'
import { findManifest } from './find-manifest.ts'
import { createSpeedBoard, type FetchBlob, type Finder, type SpeedBoard } from './holders.ts'
import { RACE_LIMITS, type RaceLimits } from './race.ts'
import type { Sink } from './source.ts'

/** Segments fetched at once: the one being written, and the next. */
const AHEAD = 2
/** Longest time without news before a get gives up. Milliseconds. */
const PATIENCE_MS = 20_000

export type GetProgress =
  | { readonly kind: 'phase'; readonly phase: 'finding' | 'fetching' }
  /** The manifest is open: what will come. */
  | { readonly kind: 'object'; readonly fields: ManifestFields }
  /** Plaintext bytes written, and all that will be. */
  | { readonly kind: 'bytes'; readonly written: number; readonly total: number }
  /** A fetch was replaced by another. */
  | { readonly kind: 'trouble'; readonly trouble: HolderTrouble }

export interface GetDeps {
  readonly finder: Finder
  readonly fetch: FetchBlob
  readonly clock: Clock
  readonly log: Log
  onProgress?(event: GetProgress): void
  readonly limits?: RaceLimits
  readonly patienceMs?: number
}

export interface GetOptions {
  /** Plaintext bytes from `from` up to, not including, `to`; default all. */
  readonly range?: { readonly from: number; readonly to: number }
  readonly signal?: AbortSignal
}

export interface GetSummary {
  /** Locator. */
  readonly id: Uint8Array
  readonly size: number
  readonly written: number
  readonly segments: number
  readonly shares: { readonly need: number; readonly total: number }
  readonly name?: string
  readonly type?: string
  /** SHA-256 of what was written. */
  readonly contentHash: Uint8Array
  /** Holders whose blobs were used; and how many fetches were replaced because the holder was slow, wrong, or failed. */
  readonly holders: readonly Address[]
  readonly slow: number
  readonly bad: number
  readonly failed: number
}

/**
 * Fetches an object into a sink.
 * @throws `OBJECT_UNKNOWN`, `OBJECT_UNAVAILABLE`, `OBJECT_CORRUPT`, `OBJECT_MANIFEST`, `INPUT_RANGE` for a range outside, the signal's reason
 */
export async function getObject(
  deps: GetDeps,
  cap: Uint8Array,
  sink: Sink,
  options: GetOptions = {},
): Promise<GetSummary> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  const trouble = { slow: 0, bad: 0, failed: 0 }
  const reader: Reader = {
    deps,
    board: createSpeedBoard(),
    signal,
    onTrouble: (event) => {
      trouble[event.kind]++
      deps.onProgress?.({ kind: 'trouble', trouble: event })
    },
  }
  try {
    deps.onProgress?.({ kind: 'phase', phase: 'finding' })
    const { manifest, successor } = await openObject(reader, cap)
    deps.onProgress?.({ kind: 'object', fields: manifest })
    const range = options.range ?? { from: 0, to: manifest.size }
    if (!(range.from >= 0 && range.from <= range.to && range.to <= manifest.size))
      throw new HoldfastError('INPUT_RANGE', {
        name: 'range',
        expected: `within 0 to ${manifest.size}`,
        got: `${range.from} to ${range.to}`,
      })
    deps.onProgress?.({ kind: 'phase', phase: 'fetching' })
    const whole = createHash('sha256')
    const holders = new Set<Address>()
    let written = 0
    const segments = await readObject(reader, cap, manifest, successor, range, async (bytes, used) => {
      await sink.write(bytes)
      whole.update(bytes)
      for (const holder of used) holders.add(holder)
      written += bytes.length
      deps.onProgress?.({ kind: 'bytes', written, total: range.to - range.from })
    })
    const { size, k, n, name, type } = manifest
    return {
      id: locatorOf(cap),
      size,
      written,
      segments,
      shares: { need: k, total: n },
      ...(name === undefined ? {} : { name }),
      ...(type === undefined ? {} : { type }),
      contentHash: whole.digest(),
      holders: [...holders],
      ...trouble,
    }
  } finally {
    stop.abort(new HoldfastError('INTERRUPTED'))
  }
}

interface Reader {
  readonly deps: GetDeps
  readonly board: SpeedBoard
  readonly signal: AbortSignal
  onTrouble(trouble: HolderTrouble): void
}

interface OpenedObject {
  readonly manifest: DirectManifest
  readonly successor: SignedSuccessor | undefined
}

/** The manifest with its list of shares, which may be an object itself. */
async function openObject(reader: Reader, cap: Uint8Array): Promise<OpenedObject> {
  const found = await findManifest(partsOf(reader), cap)
  if (!isIndirect(found.manifest)) return { manifest: found.manifest, successor: found.successor }
  const inner = await findManifest(partsOf(reader), found.manifest.indirect)
  if (isIndirect(inner.manifest))
    throw new HoldfastError('OBJECT_MANIFEST', { what: 'the list of shares is itself a list of lists' })
  // its size is the sharer's word: refused before memory is spent on it
  if (inner.manifest.size > MAX_LARGE_MANIFEST_BYTES)
    throw new HoldfastError('OBJECT_MANIFEST', { what: `a list of shares of ${inner.manifest.size} bytes` })
  const list = new Uint8Array(inner.manifest.size)
  let at = 0
  await readObject(
    reader,
    found.manifest.indirect,
    inner.manifest,
    inner.successor,
    { from: 0, to: list.length },
    async (bytes) => {
      list.set(bytes, at)
      at += bytes.length
    },
  )
  return { manifest: decodeLargeManifest(found.manifest, list), successor: found.successor }
}

/** Writes a range of an object in order. Returns how many segments it took. */
async function readObject(
  reader: Reader,
  cap: Uint8Array,
  manifest: DirectManifest,
  successor: SignedSuccessor | undefined,
  range: { readonly from: number; readonly to: number },
  write: (bytes: Uint8Array, holders: readonly Address[]) => Promise<void>,
): Promise<number> {
  const { objectKey, k, n } = manifest
  const keys = { readKey: readKeyOf(objectKey), repairKey: repairKeyOf(objectKey), k, n }
  const segments = planObject(manifest.size, manifest).segments.filter((segment) =>
    touches(segment, range, manifest.size),
  )
  const longest = segments.reduce((most, { length }) => Math.max(most, length), 0)
  const blobsOf = shareBlobs(manifest, successor)
  const deps = { ...partsOf(reader), id: toHex(locatorOf(cap)) }
  const coming: Promise<FetchedSegment>[] = []
  // a segment is begun after the one AHEAD of it was written, so its plaintext may take that one's memory
  const buffers = Array.from({ length: Math.min(AHEAD, segments.length) }, () => new Uint8Array(longest))
  let begun = 0
  for (const { index, offset } of segments) {
    while (begun < segments.length && coming.length < AHEAD) {
      const into = buffers[begun % AHEAD]
      const next = segments[begun++] as SegmentPlan
      const fetched = fetchSegment(deps, keys, next, blobsOf(next.index), into)
      fetched.catch(() => {}) // heard when its turn comes
      coming.push(fetched)
    }
    const { plaintext, holders } = await (coming.shift() as Promise<FetchedSegment>)
    reader.deps.log.debug('get.segment', { segment: index, holders: holders.length })
    await write(
      plaintext.subarray(Math.max(0, range.from - offset), Math.min(plaintext.length, range.to - offset)),
      holders,
    )
  }
  return segments.length
}

/** An empty object has one empty segment, and its tag is checked as well. */
function touches(
  { offset, length }: SegmentPlan,
  { from, to }: { readonly from: number; readonly to: number },
  size: number,
): boolean {
  return size === 0 || (from < to && offset < to && offset + length > from)
}

/** For each segment the blobs that stand for its shares now, and, where a share was repaired, the one it had before. */
function shareBlobs(
  manifest: DirectManifest,
  successor: SignedSuccessor | undefined,
): (segment: number) => ShareBlob[] {
  const repaired = new Map<number, ShareBlob[]>()
  for (const { segment, share, salt, blobId } of successor?.entries ?? []) {
    if (segment >= manifest.segments.length || share >= manifest.n)
      throw new HoldfastError('NET_MALFORMED', { what: `a successor record for share ${share} of segment ${segment}` })
    repaired.set(segment, [...(repaired.get(segment) ?? []), { share, salt, blobId, original: false }])
  }
  return (segment) => {
    const { salts, blobIds } = manifest.segments[segment] as DirectManifest['segments'][number]
    const originals = salts.map((salt, share) => ({
      share,
      salt,
      blobId: blobIds[share] as Uint8Array,
      original: true,
    }))
    return [...originals, ...(repaired.get(segment) ?? [])]
  }
}

function partsOf({ deps, board, signal, onTrouble }: Reader) {
  const { finder, fetch, clock, log, limits = RACE_LIMITS, patienceMs = PATIENCE_MS } = deps
  return { finder, fetch, clock, log, limits, patienceMs, board, signal, onTrouble }
}
