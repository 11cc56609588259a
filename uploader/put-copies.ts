/** The copies of a manifest: one for every lot, each under a salt of its own, announced under the locator (protocol.md §2.6). */
import { u16, u32 } from '../base/bytes.ts'
import { hkdf } from '../base/hash.ts'
import { capOf, locatorOf } from '../blob/cap.ts'
import { answerRows } from '../blob/challenge.ts'
import { makeCopy, sealManifest } from '../blob/copy.ts'
import { copyKeyOf, copyTokenOf } from '../blob/object-keys.ts'
import { blobIdOf } from '../blob/whiten.ts'
import type { BlobTask, Candidate, Placed } from './place-blob.ts'
import type { BookedBlob, PutBook } from './put-book.ts'
import { bookAll } from './put-segment.ts'

export interface CopyDeps {
  readonly n: number
  readonly book: Pick<PutBook, 'book'>
  readonly place: (task: BlobTask, first?: Candidate) => Promise<Placed>
  /** Gives the salts: random, and the same again for the same attempt of a resumed put. */
  readonly copySeed: Uint8Array
  onFailure(cause: unknown): void
}

/**
 * Places and books one copy a lot.
 * @param slot 0 for the object's manifest, 1 for that of its indirect manifest
 * @returns how many stewards hold one
 */
export async function placeCopies(
  deps: CopyDeps,
  slot: number,
  manifest: Uint8Array,
  booked: readonly BookedBlob[],
): Promise<number> {
  const cap = capOf(manifest)
  const copyKey = copyKeyOf(cap)
  const announce = locatorOf(cap)
  const sealed = sealManifest(manifest)
  const known = new Set(booked.map(({ share }) => share))
  const todo = Array.from({ length: deps.n }, (_, lot) => lot).filter((lot) => !known.has(lot))
  const tasks = todo.map((share) => {
    const task = deps.place({
      kind: 'copy',
      segment: slot,
      share,
      announce,
      tokenOf: (blobId) => copyTokenOf(copyKey, blobId),
      make: async (attempt) => {
        const salt = hkdf(deps.copySeed, 'copy', u16(slot), u16(share), u32(attempt)).slice(0, 16)
        const blob = makeCopy(copyKey, sealed, salt)
        return { blobId: blobIdOf(blob), salt, blob }
      },
      answer: async ({ domain, blobId, blob, nonces }) => answerRows(domain, blobId, blob, nonces),
    })
    task.catch(deps.onFailure)
    return task
  })
  const results = await Promise.allSettled(tasks)
  const receipts = results.flatMap((result) =>
    result.status === 'fulfilled' && result.value.receipt !== undefined ? [result.value.receipt] : [],
  )
  await bookAll(deps.book, receipts)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return known.size + receipts.length
}
