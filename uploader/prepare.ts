/**
 * Preparing blobs: the erasure code, whitening and ids of a group of shares, and the answers over the same bytes. This is where the time
 * of a put goes, so it runs in worker threads for large segments (prepare-pool.ts), on memory that all of them see.
 *
 * Blobs are made block by block, so that a block is coded, whitened and hashed while it is in the processor's cache and nothing of the
 * size of a share is allocated on the way.
 */
import { createCipheriv, createHash } from 'node:crypto'
import type { Domain } from '../base/typed-data.ts'
import { MiB } from '../base/units.ts'
import { answerRows } from '../blob/challenge.ts'
import { encodeShares } from '../blob/erasure.ts'
import { shareKeyOf } from '../blob/object-keys.ts'

/**
 * Bytes of each share worked on at a time. Small: every cipher call leaves an array of this size to the garbage collector, which comes by
 * the number of objects and not by their bytes.
 */
const BLOCK = 16 * 1024
/** Left to the garbage collector between two calls of `collect`. Bytes. */
const GARBAGE = 8 * MiB
const ZERO_COUNTER = new Uint8Array(16)

/** A share that is to become a blob. */
export interface ShareJob {
  readonly share: number
  readonly salt: Uint8Array
  /** Where the blob goes: as long as the share. */
  readonly target: Uint8Array
}

/** A group of shares of one segment. */
export interface BuildJob {
  /** The segment's ciphertext with its tag. */
  readonly sealed: Uint8Array
  readonly k: number
  readonly n: number
  readonly repairKey: Uint8Array
  /** Index of the segment within its object. */
  readonly segment: number
  readonly shares: readonly ShareJob[]
}

/** The answers a blob's uploader keeps. */
export interface AnswerJob {
  readonly domain: Domain
  readonly blobId: Uint8Array
  readonly blob: Uint8Array
  readonly nonces: readonly Uint8Array[]
}

/** Where blobs are prepared: here, or in threads. `sealed`, targets and blobs lie in shared memory. */
export interface Preparer {
  /** Fills the targets. Returns the blob ids, in the order of the shares. */
  build(job: BuildJob): Promise<readonly Uint8Array[]>
  /** In row order. */
  answer(job: AnswerJob): Promise<readonly Uint8Array[]>
  close(): Promise<void>
}

/**
 * Fills the targets of a group with whitened shares (protocol.md §2.3, §2.4). Returns their ids, in the order of the shares.
 * @param collect called whenever the ciphers have left 8 MiB of dead arrays behind
 */
export function buildBlobs(
  { sealed, k, n, repairKey, segment, shares }: BuildJob,
  collect: () => void = () => {},
): Uint8Array[] {
  const length = shares[0]?.target.length ?? 0
  const wanted = shares.map(({ share }) => share)
  const work = shares.map(({ share, salt, target }) => ({
    target,
    cipher: createCipheriv('aes-256-ctr', shareKeyOf(repairKey, segment, share, salt), ZERO_COUNTER),
    id: createHash('sha256'),
  }))
  const buffers = shares.map(() => new Uint8Array(BLOCK))
  let garbage = 0
  for (let at = 0; at < length; at += BLOCK) {
    const size = Math.min(BLOCK, length - at)
    const primaries = Array.from({ length: k }, (_, j) => paddedSlice(sealed, j * length + at, size))
    const coded = encodeShares(primaries, k, n, wanted, { buffers })
    for (const [place, { target, cipher, id }] of work.entries()) {
      const block = cipher.update(coded[place] as Uint8Array)
      target.set(block, at)
      id.update(block)
    }
    garbage += size * shares.length
    if (garbage >= GARBAGE) {
      collect()
      garbage = 0
    }
  }
  return work.map(({ id }) => id.digest())
}

/** Prepares in the calling thread: for small segments, where a thread would cost more than it saves. */
export function createInlinePreparer(): Preparer {
  return {
    build: async (job) => buildBlobs(job),
    answer: async ({ domain, blobId, blob, nonces }) => answerRows(domain, blobId, blob, nonces),
    close: async () => {},
  }
}

/** A view, or, past the end, a copy with zeros behind it. */
function paddedSlice(bytes: Uint8Array, from: number, size: number): Uint8Array {
  const view = bytes.subarray(from, from + size)
  if (view.length === size) return view
  const padded = new Uint8Array(size)
  padded.set(view)
  return padded
}
