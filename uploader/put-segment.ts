/** The shares of one segment: made in groups, within a budget of memory, and placed side by side. */
import type { SegmentShares } from '../blob/manifest.ts'
import { readTokenOf, saltOf } from '../blob/object-keys.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { BlobTask, Candidate, Placed } from './place-blob.ts'
import type { BuildJob, BuiltBlob, Preparer } from './prepare.ts'
import type { BookedBlob, PutBook, Receipt } from './put-book.ts'

/** Shares made in one go: half of a 3-of-10 segment, so that one half is sent while the other is answered. */
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
  readonly memory: MemoryBudget
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
    for (let at = 0; at < todo.length; at += GROUP) {
      const group = todo.slice(at, at + GROUP)
      await deps.memory.acquire(group.length * job.shareLength, signal)
      const release = () => deps.memory.release(job.shareLength)
      const candidates = await makeGroup(deps, job, group).catch((cause) => {
        for (const _ of group) release()
        throw cause
      })
      for (const [place, share] of group.entries()) {
        const task = deps
          .place(taskOf(deps, job, share), candidates[place])
          .then((result) => void placed.set(share, result))
        running.push(task.finally(release))
        task.catch(deps.onFailure)
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

/** Makes a group of shares in one go. */
async function makeGroup(deps: SegmentDeps, job: SegmentJob, group: readonly number[]): Promise<Candidate[]> {
  const wanted = group.map((share) => {
    const attempt = deps.frozen?.[share] ?? deps.attemptOf(share)
    return { share, salt: saltOf(job.objectKey, job.index, share, attempt) }
  })
  const built = await deps.preparer.build({ ...jobFields(deps, job), shares: wanted })
  return built.map((blob, place) => candidateOf(deps, job, (wanted[place] as { salt: Uint8Array }).salt, blob))
}

function jobFields({ k, n }: SegmentDeps, { sealed, repairKey, index }: SegmentJob): Omit<BuildJob, 'shares'> {
  return { sealed, repairKey, segment: index, k, n }
}

/** Books receipts, few enough at a time for one request of the local API. */
export async function bookAll(book: Pick<PutBook, 'book'>, receipts: readonly Receipt[]): Promise<void> {
  for (let at = 0; at < receipts.length; at += 64) await book.book(receipts.slice(at, at + 64))
}

function taskOf(deps: SegmentDeps, job: SegmentJob, share: number): BlobTask {
  const frozen = deps.frozen?.[share]
  return {
    kind: 'share',
    segment: job.slot,
    share,
    ...(frozen === undefined ? {} : { frozen }),
    tokenOf: (blobId) => readTokenOf(job.repairKey, blobId),
    make: async (attempt) => {
      const salt = saltOf(job.objectKey, job.index, share, attempt)
      const [built] = await deps.preparer.build({ ...jobFields(deps, job), shares: [{ share, salt }] })
      return candidateOf(deps, job, salt, built as BuiltBlob)
    },
  }
}

function candidateOf(
  { preparer }: SegmentDeps,
  { shareLength }: SegmentJob,
  salt: Uint8Array,
  { blobId, handle }: BuiltBlob,
): Candidate {
  return {
    blobId,
    salt,
    length: shareLength,
    answer: (domain, nonces) => preparer.answer(handle, domain, nonces),
    drop: () => preparer.drop(handle),
  }
}
