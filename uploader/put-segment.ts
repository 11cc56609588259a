/** The shares of one segment: made in groups, in memory that is there for them, and placed side by side. */
import type { SegmentShares } from '../blob/manifest.ts'
import { readTokenOf, saltOf as shareSaltOf } from '../blob/object-keys.ts'
import type { BlobMemory } from './blob-memory.ts'
import type { BlobTask, Candidate, Placed } from './place-blob.ts'
import type { BuildJob, Preparer } from './prepare.ts'
import type { BookedBlob, PutBook, Receipt } from './put-book.ts'

/** Shares made in one go, at most: coding several at once reads the ciphertext once. */
const GROUP = 5

/** One segment's ciphertext and what its blobs are made with. */
export interface SegmentJob {
  /** Place among all segments of the put: the object's first, then its indirect manifest's. */
  readonly slot: number
  /** Place within its own object: what keys and salts are made with. */
  readonly index: number
  readonly sealed: Uint8Array
  /** Bytes of each share. */
  readonly shareLength: number
  readonly objectKey: Uint8Array
  readonly repairKey: Uint8Array
}

export interface SegmentDeps {
  readonly k: number
  readonly n: number
  readonly book: Pick<PutBook, 'book'>
  readonly preparer: Preparer
  readonly memory: BlobMemory
  readonly place: (task: BlobTask, first?: Candidate) => Promise<Placed>
  /** The attempt each lot's blobs are made under now. */
  attemptOf(lot: number): number
  /** Attempts that the manifest names already; undefined while it does not exist. */
  readonly frozen: readonly number[] | undefined
  readonly signal: AbortSignal
  /** Called at the first failure, to stop everything else of the put. */
  onFailure(cause: unknown): void
}

/** What the manifest and the summary need of a segment. */
export interface PlacedSegment extends SegmentShares {
  /** Shares that a steward has signed for. */
  readonly held: number
}

/**
 * Places what is not booked yet and books it in one call.
 * @param booked shares of this segment that the ledger knows
 */
export async function placeSegment(
  deps: SegmentDeps,
  job: SegmentJob,
  booked: readonly BookedBlob[],
): Promise<PlacedSegment> {
  const { n, signal } = deps
  const known = new Map(booked.map((blob) => [blob.share, blob]))
  const todo = Array.from({ length: n }, (_, share) => share).filter((share) => !known.has(share))
  const placed = new Map<number, Placed>()
  const running: Promise<void>[] = []
  const receiptsSoFar = () => [...placed.values()].flatMap(({ receipt }) => (receipt === undefined ? [] : [receipt]))
  try {
    for (let at = 0; at < todo.length; ) {
      // half of the memory, so that one half is answered while the other is sent
      const group = todo.slice(at, at + Math.max(1, Math.min(GROUP, Math.floor(deps.memory.pieces / 2))))
      at += group.length
      const pieces = await deps.memory.acquire(group.length, job.shareLength, signal)
      const makers = group.map((share, place) => createMaker(deps, job, share, pieces[place] as Uint8Array))
      try {
        await makeGroup(deps, job, makers)
      } catch (cause) {
        for (const maker of makers) deps.memory.release(maker.piece)
        throw cause
      }
      for (const maker of makers) {
        const task = deps
          .place(maker.task, maker.made)
          .then((result) => void placed.set(maker.task.share, result))
          .finally(() => deps.memory.release(maker.piece))
        task.catch(deps.onFailure)
        running.push(task)
      }
    }
    await Promise.all(running)
  } catch (cause) {
    deps.onFailure(cause)
    // no task outlives the put, and what stewards have signed for is booked, so that the next run need not ask them again
    await Promise.allSettled(running)
    await bookAll(deps.book, receiptsSoFar())
    throw cause
  }
  const receipts = receiptsSoFar()
  await bookAll(deps.book, receipts)
  const shares = Array.from(
    { length: n },
    (_, share) => (known.get(share) ?? placed.get(share)) as { salt: Uint8Array; blobId: Uint8Array },
  )
  return {
    salts: shares.map(({ salt }) => salt),
    blobIds: shares.map(({ blobId }) => blobId),
    held: known.size + receipts.length,
  }
}

/** One share with the memory it is made in. */
interface Maker {
  readonly task: BlobTask
  readonly salt: Uint8Array
  piece: Uint8Array
  made?: Candidate
}

function createMaker(deps: SegmentDeps, job: SegmentJob, share: number, piece: Uint8Array): Maker {
  const frozen = deps.frozen?.[share]
  const saltOf = (attempt: number) => shareSaltOf(job.objectKey, job.index, share, attempt)
  const maker: Maker = {
    piece,
    salt: saltOf(frozen ?? deps.attemptOf(share)),
    task: {
      kind: 'share',
      segment: job.slot,
      share,
      ...(frozen === undefined ? {} : { frozen }),
      tokenOf: (blobId) => readTokenOf(job.repairKey, blobId),
      answer: (answerJob) => deps.preparer.answer(answerJob),
      make: async (attempt) => {
        const salt = saltOf(attempt)
        // the stream to the steward that failed may still refer to the old bytes
        maker.piece = deps.memory.renew(maker.piece)
        const [blobId] = await deps.preparer.build({
          ...jobFields(deps, job),
          shares: [{ share, salt, target: maker.piece }],
        })
        return { blobId: blobId as Uint8Array, salt, blob: maker.piece }
      },
    },
  }
  return maker
}

/** Makes a group of shares in one go. */
async function makeGroup(deps: SegmentDeps, job: SegmentJob, makers: readonly Maker[]): Promise<void> {
  const shares = makers.map(({ task, salt, piece }) => ({ share: task.share, salt, target: piece }))
  const ids = await deps.preparer.build({ ...jobFields(deps, job), shares })
  for (const [place, maker] of makers.entries())
    maker.made = { blobId: ids[place] as Uint8Array, salt: maker.salt, blob: maker.piece }
}

function jobFields({ k, n }: SegmentDeps, { sealed, repairKey, index }: SegmentJob): Omit<BuildJob, 'shares'> {
  return { sealed, repairKey, segment: index, k, n }
}

/** Books receipts, few enough at a time for one request of the local API. */
export async function bookAll(book: Pick<PutBook, 'book'>, receipts: readonly Receipt[]): Promise<void> {
  for (let at = 0; at < receipts.length; at += 64) await book.book(receipts.slice(at, at + 64))
}
