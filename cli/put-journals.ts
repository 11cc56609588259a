/**
 * Put journals on disk: one store per source, so that the same command goes on where it was interrupted, and its lock keeps a second
 * put of the same source out. What stands in them is sealed by the uploader.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex, utf8 } from '../base/bytes.ts'
import { hasCode } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { openLevelStore } from '../store/level-store.ts'
import type { PutJournal } from '../uploader/put-journal.ts'

/** A journal that is held by this process. */
export interface HeldJournal extends PutJournal, AsyncDisposable {
  /** Gives up the lock; with `done` the directory goes, too. */
  close(done: boolean): Promise<void>
}

/**
 * Opens the journal of a source.
 * @param source what names it: an absolute path, or the content's hash
 * @throws `STORE_LOCKED` while another put of it runs
 */
export async function openPutJournal(directory: string, source: string): Promise<HeldJournal> {
  const path = join(directory, toHex(sha256(utf8(source))).slice(0, 32))
  await mkdir(path, { recursive: true, mode: 0o700 })
  const database = join(path, 'db')
  const store = await openLevelStore(database).catch(async (cause: unknown) => {
    if (!hasCode(cause, 'STORE_DAMAGED', 'STORE_VERSION')) throw cause
    // What it knew only saved work: without it the put begins a new object under new keys.
    await rm(path, { recursive: true, force: true })
    await mkdir(path, { recursive: true, mode: 0o700 })
    return openLevelStore(database)
  })
  let isClosed = false
  const close = async (done: boolean) => {
    if (isClosed) return
    isClosed = true
    await store.close()
    if (done) await rm(path, { recursive: true, force: true })
  }
  return {
    read: (name) => store.get(name),
    write: (name, bytes) => store.commit([{ key: name, value: bytes }]),
    clear: async () => {
      const changes: { key: string; value: undefined }[] = []
      for await (const [key] of store.list('')) changes.push({ key, value: undefined })
      await store.commit(changes)
    },
    close,
    [Symbol.asyncDispose]: () => close(false),
  }
}
