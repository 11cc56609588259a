/** One blob on its way in: bytes in order, an offset to continue from, and at the end one check of the id over all of them. */
import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { HoldfastError } from '../base/errors.ts'
import { MiB } from '../base/units.ts'
import { asStoreError } from './disk-errors.ts'

/** Takes the bytes of one blob. Exactly one of `finish`, `suspend` and `abort` ends it; the latter two may be called twice. */
export interface BlobSink {
  /** How many bytes are there already: the next `write` continues here. */
  readonly offset: number
  readonly length: number
  /** @throws `NET_OVERSIZE` beyond the length, `STORE_FULL`, `STORE_UNUSABLE`. */
  write(chunk: Uint8Array): Promise<void>
  /** The blob is durable under its id when this resolves. @throws `BLOB_CORRUPT` (the part is gone then), `NET_PROTOCOL` when bytes are missing. */
  finish(): Promise<void>
  /** Keeps what has arrived for a later `write` of the same id. */
  suspend(): Promise<void>
  /** Drops what has arrived. */
  abort(): Promise<void>
}

interface SinkPlan {
  readonly hex: string
  readonly length: number
  /** The blob lies in its place, checked: nothing to write. */
  readonly isHere: boolean
  readonly part: string
  /** Where `shelve` puts it. */
  readonly place: string
  shelve(hex: string, part: string): Promise<void>
  release(): void
}

/** For `blob-files.ts`. What an earlier part holds is hashed first, so that the id check covers every byte. */
export async function openBlobSink(plan: SinkPlan): Promise<BlobSink> {
  const { hex, length, part } = plan
  const hash = createHash('sha256')
  const file = plan.isHere ? undefined : await open(part, 'a+')
  let offset = plan.isHere ? length : 0
  let isOpen = true
  if (file) {
    try {
      offset = await rehash(file, hash, length)
    } catch (cause) {
      await file.close()
      throw cause
    }
  }

  async function end(): Promise<void> {
    isOpen = false
    await file?.close()
  }

  return {
    get offset() {
      return offset
    },
    length,
    async write(chunk) {
      if (!isOpen || !file) throw new HoldfastError('NET_PROTOCOL', { what: `bytes for blob ${hex}` })
      if (offset + chunk.length > length)
        throw new HoldfastError('NET_OVERSIZE', { limit: length, got: offset + chunk.length })
      try {
        hash.update(chunk)
        await file.writeFile(chunk) // writes at the end, and goes on after a short write
        offset += chunk.length
      } catch (cause) {
        throw asStoreError(part, cause)
      }
    },
    async finish() {
      if (!isOpen) throw new HoldfastError('NET_PROTOCOL', { what: `end of blob ${hex}` })
      if (offset !== length)
        throw new HoldfastError('NET_PROTOCOL', { what: `end of blob ${hex} at byte ${offset} of ${length}` })
      let isShelving = false
      try {
        if (!file) return
        if (hash.digest('hex') !== hex) throw new HoldfastError('BLOB_CORRUPT', { blob: hex })
        await file.sync()
        isShelving = true
        await plan.shelve(hex, part)
      } catch (cause) {
        // After a failed sync the pages may look clean and be lost: the part is never continued (reliability.md R5).
        await rm(part, { force: true })
        // Nor is a name whose directory was not synced taken for durable by the next offer.
        if (isShelving) await rm(plan.place, { force: true })
        throw asStoreError(part, cause)
      } finally {
        await end()
        plan.release()
      }
    },
    async suspend() {
      if (!isOpen) return
      await end()
      plan.release()
    },
    async abort() {
      if (!isOpen) return
      await end()
      await rm(part, { force: true })
      plan.release()
    },
  }
}

/** Feeds what the part holds to the hash. A part that is too long is of another offer: it starts anew. Returns the offset. */
async function rehash(file: FileHandle, hash: Hash, length: number): Promise<number> {
  const { size } = await file.stat()
  if (size > length) {
    await file.truncate(0)
    return 0
  }
  const chunk = new Uint8Array(Math.min(MiB, size))
  let at = 0
  while (at < size) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) break
    hash.update(chunk.subarray(0, bytesRead))
    at += bytesRead
  }
  return at
}
