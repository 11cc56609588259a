/**
 * Repair: the bytes of missing shares and copies, made from those that are there (architecture.md, "repair"). Nothing here can read an
 * object: it takes the repair key and the copy key, never the read key. What is fetched is checked against its id before it is used, and
 * only what is missing is made: k blobs come in, the missing ones go out.
 */
import { toHex, u16, u32, utf8 } from '../base/bytes.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import { hkdf } from '../base/hash.ts'
import type { Clock, Log } from '../base/ports.ts'
import { answerRows } from '../blob/challenge.ts'
import { remakeCopy } from '../blob/copy.ts'
import { rebuildShares } from '../blob/erasure.ts'
import { copyTokenOf, readTokenOf } from '../blob/object-keys.ts'
import { blobIdOf, whiten, whitenInPlace } from '../blob/whiten.ts'
import type { FetchBlob } from './holders.ts'
import type { BlobTask } from './place-blob.ts'
import type { BlobSlot, StewardTarget } from './put-book.ts'
import { RACE_LIMITS, type RaceLimits, race } from './race.ts'

/** A blob that a steward holds, as its receipt has it. */
export interface KnownBlob {
  readonly share: number
  readonly blobId: Uint8Array
  /** Of a share's whitening; a copy carries its own. */
  readonly salt: Uint8Array
  readonly holder: StewardTarget
}

export interface RepairDeps {
  readonly fetch: FetchBlob
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly limits?: RaceLimits
}

/** What came in, and from whom: a whole read, checked, is a proof (protocol.md §8). */
export interface Fetched<Result> {
  readonly result: Result
  readonly proved: readonly KnownBlob[]
}

/** A segment of one object; `index` counts within that object. */
export interface BrokenSegment {
  readonly index: number
  readonly k: number
  readonly n: number
  /** Bytes of each share. */
  readonly length: number
  readonly repairKey: Uint8Array
  /** What is there; the first ones are asked first. */
  readonly sources: readonly KnownBlob[]
}

/** Makes missing shares, in the order asked for, not whitened yet; holds k shares of the segment for it. */
export type MakeShares = (missing: readonly number[]) => Uint8Array[]

/**
 * What missing shares of a segment are made with. Any k of the others are fetched, no more than fail or are slow.
 * @throws `OBJECT_UNAVAILABLE` when fewer than k can be had
 */
export async function rebuildSegment(deps: RepairDeps, segment: BrokenSegment): Promise<Fetched<MakeShares>> {
  const { index, k, n, length, repairKey, sources } = segment
  const shares = new Map<number, Uint8Array>()
  const proved = await fetchSome(deps, sources, k, {
    length,
    tokenOf: (blobId) => readTokenOf(repairKey, blobId),
    take: ({ share, salt }, bytes) => {
      whitenInPlace(repairKey, index, share, salt, bytes)
      shares.set(share, bytes)
    },
  })
  if (shares.size < k) throw new HoldfastError('OBJECT_UNAVAILABLE', { segment: index, have: shares.size, need: k })
  return { result: (missing) => rebuildShares(shares, k, n, missing), proved }
}

/** Any copy of a manifest, to make others of. @throws `OBJECT_UNAVAILABLE` */
export async function fetchCopy(
  deps: RepairDeps,
  copies: { readonly copyKey: Uint8Array; readonly length: number; readonly sources: readonly KnownBlob[] },
): Promise<Fetched<Uint8Array>> {
  const found: Uint8Array[] = []
  const proved = await fetchSome(deps, copies.sources, 1, {
    length: copies.length,
    tokenOf: (blobId) => copyTokenOf(copies.copyKey, blobId),
    take: (_, bytes) => void found.push(bytes),
  })
  const [copy] = found
  if (copy === undefined) throw new HoldfastError('OBJECT_UNAVAILABLE', { segment: 'manifest', have: 0, need: 1 })
  return { result: copy, proved }
}

/** Which of some blobs still come whole when asked for; the bytes are not kept. */
export async function probeBlobs(
  deps: RepairDeps,
  blobs: { readonly length: number; readonly sources: readonly KnownBlob[]; tokenOf(blobId: Uint8Array): Uint8Array },
): Promise<readonly KnownBlob[]> {
  const { length, sources, tokenOf } = blobs
  return fetchSome(deps, sources, sources.length, { length, tokenOf, take: () => {} })
}

/** A missing share as something to be placed: each attempt, which is one steward's, under a salt of its own. */
export function shareTask(
  { index, repairKey }: Pick<BrokenSegment, 'index' | 'repairKey'>,
  slot: BlobSlot,
  share: Uint8Array,
  seed: Uint8Array,
): BlobTask {
  return {
    ...slot,
    tokenOf: (blobId) => readTokenOf(repairKey, blobId),
    make: async (attempt) => {
      const salt = repairSaltOf(seed, slot, attempt)
      const blob = whiten(repairKey, index, slot.share, salt, share)
      return { blobId: blobIdOf(blob), salt, blob }
    },
    answer: async ({ domain, blobId, blob, nonces }) => answerRows(domain, blobId, blob, nonces),
  }
}

/** A missing copy as something to be placed, announced under the locator. */
export function copyTask(
  { copyKey, locator }: { readonly copyKey: Uint8Array; readonly locator: Uint8Array },
  slot: BlobSlot,
  copy: Uint8Array,
  seed: Uint8Array,
): BlobTask {
  return {
    ...slot,
    announce: locator,
    tokenOf: (blobId) => copyTokenOf(copyKey, blobId),
    make: async (attempt) => {
      const salt = repairSaltOf(seed, slot, attempt)
      const blob = remakeCopy(copyKey, copy, salt)
      return { blobId: blobIdOf(blob), salt, blob }
    },
    answer: async ({ domain, blobId, blob, nonces }) => answerRows(domain, blobId, blob, nonces),
  }
}

/**
 * Salt of a repaired blob: random, as the seed is, and the same again when the repair is taken up after an interruption.
 * @param seed 32 random bytes, the repair's own
 */
export function repairSaltOf(seed: Uint8Array, { kind, segment, share }: BlobSlot, attempt: number): Uint8Array {
  return hkdf(seed, 'repair', utf8(kind), u32(segment), u16(share), u32(attempt)).slice(0, 16)
}

interface Wanted {
  /** Bytes of each blob. */
  readonly length: number
  tokenOf(blobId: Uint8Array): Uint8Array
  take(blob: KnownBlob, bytes: Uint8Array): void
}

/** Fetches until `count` blobs are there, or nobody is left to ask. */
async function fetchSome(
  { fetch, clock, log, signal, limits = RACE_LIMITS }: RepairDeps,
  sources: readonly KnownBlob[],
  count: number,
  { length, tokenOf, take }: Wanted,
): Promise<KnownBlob[]> {
  const left = [...sources]
  const proved: KnownBlob[] = []
  await race<KnownBlob, Uint8Array>({
    clock,
    limits,
    signal,
    needed: () => count - proved.length,
    next: () => left.shift(),
    fetch: async ({ holder, blobId }, stop, moved) => {
      const wish = { blobId, token: tokenOf(blobId), length, signal: stop, onBytes: moved }
      return (await fetch(holder, wish)).bytes
    },
    onResult: (blob, bytes) => {
      if (proved.length >= count) return // one that was slow came after all
      proved.push(blob)
      take(blob, bytes)
    },
    onFailure: ({ holder, blobId }, why) => {
      const bad = hasCode(why, 'BLOB_CORRUPT')
      log[bad ? 'warn' : 'info']('repair.source', { holder: holder.id, blob: toHex(blobId), code: why.code })
    },
  })
  return proved
}
