/**
 * The check of a steward that does not run, over its own directory, whose lock the caller holds. Bad files are put aside; the book is only
 * read: the daemon finds at its next start what is missing, and says so to whom it concerns.
 */
import type { Clock, Journal, Log } from '../base/ports.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import { Book } from './book.ts'
import { type Check, createCheck } from './check.ts'
import { createDamage } from './damage.ts'
import { createLocks } from './room.ts'

export interface OfflineCheckDeps {
  readonly journal: Journal
  readonly files: BlobFiles
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** @throws `LEDGER_CORRUPT` */
export async function openOfflineCheck(
  deps: OfflineCheckDeps,
): Promise<{ readonly check: Check; readonly book: Book }> {
  const { journal, files, clock, log, signal } = deps
  const book = await Book.open(journal)
  const damage = createDamage({
    book,
    files,
    clock,
    log,
    locked: createLocks(),
    isMounted: async () => true, // its marker was read when the directory was opened
    step: async () => undefined as never, // nothing is decided without a chain to say what time it is
    alert: () => undefined,
  })
  const check = createCheck({
    book,
    files,
    damage,
    async compareAll(blobs, seen, onFinding) {
      for (const blob of blobs) {
        signal.throwIfAborted()
        onFinding(blob, await damage.confirm(blob, seen))
      }
    },
  })
  return { check, book }
}
