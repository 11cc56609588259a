/**
 * Preparing blobs: the erasure code, whitening and ids of a group of shares, then the answers over the same bytes. This is where the
 * time of a put goes, so it runs in worker threads for large segments; a blob stays where it was made until its answers are known.
 */
import { HoldfastError } from '../base/errors.ts'
import type { Domain } from '../base/typed-data.ts'
import { answerRows } from '../blob/challenge.ts'
import { encodeShares } from '../blob/erasure.ts'
import { splitSegment } from '../blob/segment.ts'
import { blobIdOf, whiten } from '../blob/whiten.ts'

/** A group of shares of one segment that are to become blobs. */
export interface BuildJob {
  /** The segment's ciphertext with its tag. Backed by shared memory when it goes to a worker. */
  readonly sealed: Uint8Array
  readonly k: number
  readonly n: number
  readonly repairKey: Uint8Array
  /** Index of the segment within its object. */
  readonly segment: number
  readonly shares: readonly { readonly share: number; readonly salt: Uint8Array }[]
}

/** A blob of the group, in the order of the job's shares. */
export interface BuiltBlob {
  readonly blobId: Uint8Array
  /** Names the blob to the preparer that holds it. */
  readonly handle: number
}

/** A blob with its answers, in row order. */
export interface AnsweredBlob {
  readonly blob: Uint8Array
  readonly answers: readonly Uint8Array[]
}

/** Makes blobs and keeps each until it is answered or dropped. */
export interface Preparer {
  build(job: BuildJob): Promise<readonly BuiltBlob[]>
  /** Hands the blob out with its answers and forgets it. */
  answer(handle: number, domain: Domain, nonces: readonly Uint8Array[]): Promise<AnsweredBlob>
  drop(handle: number): void
  close(): Promise<void>
}

/** The blobs of a group, in the order of the job's shares. */
export function buildBlobs({
  sealed,
  k,
  n,
  repairKey,
  segment,
  shares,
}: BuildJob): { readonly blob: Uint8Array; readonly blobId: Uint8Array }[] {
  const coded = encodeShares(
    splitSegment(sealed, k),
    k,
    n,
    shares.map(({ share }) => share),
  )
  return shares.map(({ share, salt }, at) => {
    const blob = whiten(repairKey, segment, share, salt, coded[at] as Uint8Array)
    return { blob, blobId: blobIdOf(blob) }
  })
}

/** Prepares in the calling thread: for small segments, where a thread would cost more than it saves. */
export function createInlinePreparer(): Preparer {
  const held = new Map<number, { readonly blob: Uint8Array; readonly blobId: Uint8Array }>()
  let next = 0
  return {
    build: async (job) =>
      buildBlobs(job).map((built) => {
        held.set(next, built)
        return { blobId: built.blobId, handle: next++ }
      }),
    answer: async (handle, domain, nonces) => {
      const built = held.get(handle)
      if (built === undefined) throw new HoldfastError('INTERNAL', { what: `no prepared blob ${handle}` })
      held.delete(handle)
      return { blob: built.blob, answers: answerRows(domain, built.blobId, built.blob, nonces) }
    },
    drop: (handle) => void held.delete(handle),
    close: async () => held.clear(),
  }
}
