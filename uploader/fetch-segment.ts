/**
 * One segment back from its shares: which blobs to ask whom for, and the plaintext of any k that fit together. Every blob has been checked
 * against its id before it comes here; the segment's own tag has the last word (protocol.md §2.7, §2.8).
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { decodeShares } from '../blob/erasure.ts'
import { readTokenOf } from '../blob/object-keys.ts'
import { decryptSegment, type SegmentPlan } from '../blob/segment.ts'
import { whitenInPlace } from '../blob/whiten.ts'
import type { FetchBlob, Finder, Holder, SpeedBoard } from './holders.ts'
import { type RaceLimits, race } from './race.ts'

/** A blob that stands for a share. A share that was repaired has two: the manifest's and its successor. */
export interface ShareBlob {
  readonly share: number
  readonly salt: Uint8Array
  readonly blobId: Uint8Array
  /** As the manifest has it; the other kind is only as good as the tag proves. */
  readonly original: boolean
}

export interface SegmentKeys {
  readonly readKey: Uint8Array
  readonly repairKey: Uint8Array
  readonly k: number
  readonly n: number
}

/** What went wrong with a holder, for progress and the summary. */
export interface HolderTrouble {
  readonly holder: Address
  readonly kind: 'slow' | 'bad' | 'failed'
  readonly code?: string
}

export interface FetchSegmentDeps {
  readonly finder: Finder
  readonly fetch: FetchBlob
  readonly board: SpeedBoard
  readonly clock: Clock
  readonly log: Log
  readonly limits: RaceLimits
  /** Longest time without a new share before a segment is given up. Milliseconds. */
  readonly patienceMs: number
  /** Object id in hex, for messages. */
  readonly id: string
  readonly signal: AbortSignal
  onBytes?(count: number): void
  onTrouble?(trouble: HolderTrouble): void
}

export interface FetchedSegment {
  readonly plaintext: Uint8Array
  /** Whose blobs it was made of. */
  readonly holders: readonly Address[]
}

/** A blob at a holder. */
interface Candidate extends ShareBlob {
  readonly holder: Holder
}

/** A share that came, made plain. */
interface Have extends ShareBlob {
  readonly bytes: Uint8Array
  readonly holder: Address
}

/** How long to wait before holders are looked for again. Milliseconds. */
const LOOK_AGAIN_MS = 1_000
/** Subsets tried at most when tags fail: with one wrong share in ten, four fetches suffice. */
const MAX_SUBSETS = 256

/**
 * Fetches and decodes a segment.
 * @param into where the plaintext goes, if not into new memory; at least as long
 * @throws `OBJECT_UNAVAILABLE` with counts when fewer than k shares could be had, `OBJECT_CORRUPT` when no subset of all passes the tag
 */
export async function fetchSegment(
  deps: FetchSegmentDeps,
  keys: SegmentKeys,
  segment: SegmentPlan,
  blobs: readonly ShareBlob[],
  into?: Uint8Array,
): Promise<FetchedSegment> {
  const { clock, signal } = deps
  const { k } = keys
  const have: Have[] = []
  const useless = new Set<string>()
  let decoded = 0
  let subsets = 0
  let lastNews = clock.monotonic()
  for (let round = 0; ; ) {
    const before = have.length
    const candidates = await findCandidates(deps, blobs, round > 0)
    // k different shares; one blob more each time the tag fails
    const needed = () => Math.max(k - sharesOf(have).size, decoded === 0 ? 0 : decoded + 1 - have.length)
    await gatherShares(deps, keys, segment, candidates, have, needed, useless)
    if (have.length > before) lastNews = clock.monotonic()
    const shares = sharesOf(have).size
    if (shares >= k && have.length > decoded) {
      const attempt = decodeAny(keys, segment, have, decoded, MAX_SUBSETS - subsets, into)
      if (attempt.plaintext !== undefined)
        return { plaintext: attempt.plaintext, holders: attempt.used.map(({ holder }) => holder) }
      subsets += attempt.subsets
      decoded = have.length
      deps.log.warn('get.tag', { segment: segment.index, blobs: decoded })
      if (subsets < MAX_SUBSETS) continue
    }
    if (
      decoded > 0 &&
      (subsets >= MAX_SUBSETS ||
        candidates.every((candidate) => useless.has(nameOf(candidate)) || isHad(have, candidate)))
    )
      throw new HoldfastError('OBJECT_CORRUPT', {
        what: `segment ${segment.index} fails its tag with all ${decoded} blobs tried`,
      })
    if (clock.monotonic() - lastNews >= deps.patienceMs)
      throw new HoldfastError('OBJECT_UNAVAILABLE', { segment: segment.index, have: shares, need: k, id: deps.id })
    await clock.sleep(Math.min(LOOK_AGAIN_MS * ++round, 5_000), signal)
  }
}

/** All blobs at all holders that are known or guessed. */
async function findCandidates(
  { finder, signal }: FetchSegmentDeps,
  blobs: readonly ShareBlob[],
  widely: boolean,
): Promise<Candidate[]> {
  const found = await finder.blobs(
    blobs.map(({ blobId }) => blobId),
    { widely, signal },
  )
  return blobs.flatMap((blob) => (found.get(toHex(blob.blobId)) ?? []).map((holder) => ({ ...blob, holder })))
}

const nameOf = ({ blobId, holder }: Candidate) => `${toHex(blobId)} ${holder.id}`
const sharesOf = (have: readonly ShareBlob[]) => new Set(have.map(({ share }) => share))
const isHad = (have: readonly Have[], { blobId }: ShareBlob) => have.some((known) => equalBytes(known.blobId, blobId))

/** Runs one race over the candidates; what comes is added to `have`. */
function gatherShares(
  deps: FetchSegmentDeps,
  keys: SegmentKeys,
  { index, shareLength }: SegmentPlan,
  candidates: readonly Candidate[],
  have: Have[],
  needed: () => number,
  useless: Set<string>,
): Promise<boolean> {
  const { board } = deps
  const left = new Set(candidates.filter((candidate) => !useless.has(nameOf(candidate)) && !isHad(have, candidate)))
  return race<Candidate, Uint8Array>({
    clock: deps.clock,
    limits: deps.limits,
    signal: deps.signal,
    needed,
    next: (running) => {
      const asked = sharesOf([...running])
      const busy = new Map<Address, number>()
      for (const { holder } of running) busy.set(holder.id, (busy.get(holder.id) ?? 0) + 1)
      let best: { readonly candidate: Candidate; readonly cost: number } | undefined
      for (const candidate of left) {
        if (asked.has(candidate.share) || isHad(have, candidate)) continue
        // originals are certain to fit together; primaries need no decoding; whoever serves one now is slower at two
        const cost =
          board.expected(candidate.holder.id, shareLength) *
            (1 + (busy.get(candidate.holder.id) ?? 0)) *
            (candidate.share < keys.k ? 0.95 : 1) +
          (candidate.original ? 0 : 1)
        if (best === undefined || cost < best.cost) best = { candidate, cost }
      }
      if (best !== undefined) left.delete(best.candidate)
      return best?.candidate
    },
    fetch: async ({ holder, blobId }, signal, moved) => {
      const { bytes } = await deps.fetch(holder, {
        blobId,
        token: readTokenOf(keys.repairKey, blobId),
        length: shareLength,
        signal,
        onBytes: (count) => {
          moved(count)
          deps.onBytes?.(count)
        },
      })
      return bytes
    },
    onResult: (candidate, bytes, ms) => {
      board.finished(candidate.holder.id, bytes.length, ms)
      if (isHad(have, candidate)) return
      const { share, salt, blobId, original, holder } = candidate
      whitenInPlace(keys.repairKey, index, share, salt, bytes)
      have.push({ share, salt, blobId, original, holder: holder.id, bytes })
    },
    onFailure: (candidate, why) => {
      const bad = hasCode(why, 'BLOB_CORRUPT', 'NET_MALFORMED', 'NET_OVERSIZE', 'NET_PROTOCOL')
      // what will be the same tomorrow is not asked again
      if (bad || hasCode(why, 'BLOB_UNKNOWN', 'GRANT_WRONG')) useless.add(nameOf(candidate))
      if (!hasCode(why, 'BLOB_UNKNOWN')) board.failed(candidate.holder.id, bad)
      deps.log.debug('get.failed', {
        segment: index,
        share: candidate.share,
        holder: candidate.holder.id,
        code: why.code,
        what: why.message,
      })
      deps.onTrouble?.({ holder: candidate.holder.id, kind: bad ? 'bad' : 'failed', code: why.code })
    },
    onSlow: ({ holder }) => {
      board.slow(holder.id)
      deps.onTrouble?.({ holder: holder.id, kind: 'slow' })
    },
  })
}

/** Tries subsets of k different shares, those of the manifest first, that hold at least one blob that came after the first `decoded`. */
function decodeAny(
  keys: SegmentKeys,
  segment: SegmentPlan,
  have: readonly Have[],
  decoded: number,
  most: number,
  into: Uint8Array | undefined,
): { readonly plaintext?: Uint8Array; readonly used: readonly Have[]; readonly subsets: number } {
  const { k, n, readKey } = keys
  const fresh = new Set(have.slice(decoded))
  const inOrder = [...have].sort((a, b) => Number(b.original) - Number(a.original))
  let subsets = 0
  for (const used of subsetsOf(inOrder, k)) {
    if (!used.some((blob) => fresh.has(blob))) continue
    if (subsets++ >= most) break
    try {
      const primaries = decodeShares(new Map(used.map(({ share, bytes }) => [share, bytes])), k, n)
      return { plaintext: decryptSegment(readKey, segment.index, primaries, segment.length, into), used, subsets }
    } catch (cause) {
      if (!hasCode(cause, 'OBJECT_CORRUPT')) throw cause
    }
  }
  return { used: [], subsets }
}

/** Subsets of `size` with different shares, in the order of the items. */
function* subsetsOf(items: readonly Have[], size: number, from = 0): Iterable<readonly Have[]> {
  if (size === 0) return yield []
  for (let at = from; at <= items.length - size; at++) {
    const first = items[at] as Have
    for (const rest of subsetsOf(items, size - 1, at + 1))
      if (rest.every(({ share }) => share !== first.share)) yield [first, ...rest]
  }
}
