/**
 * Blobs as files named by their ids (reliability.md R1–R3): `<dir>/blobs/<2 hex>/<hex>`, complete and checked or not there at all.
 * What is still arriving lies in `<dir>/incoming/<hex>.part` and can be continued; what turned out bad lies in `<dir>/quarantine/`
 * beside a file that says why.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { assertBytes, fromHex, toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { MiB } from '../base/units.ts'
import { type BlobSink, openBlobSink } from './blob-sink.ts'
import { asStoreError, errnoOf } from './disk-errors.ts'
import { durableWrite, sweepTemporaries, syncDirectory } from './durable-write.ts'

export type { BlobSink } from './blob-sink.ts'

/** Largest piece handed out by `stream`. Bytes. */
export const READ_CHUNK = MiB

/** A piece of a blob. Bytes; `length` left out: to the end. */
export interface BlobRange {
  readonly offset?: number
  readonly length?: number
  readonly signal?: AbortSignal
  /** Gives room for the next piece, at least `READ_CHUNK` bytes: for who reads much and keeps nothing. Default: new room each time. */
  readonly room?: () => Uint8Array
}

/** The blob store of one steward (or of a put that spools). Ids are 32 bytes. */
export interface BlobFiles {
  /**
   * Starts or continues the arrival of a blob of `length` bytes; the sink's `offset` says from where.
   * @throws `PEER_BUSY` while another sink for the id is open, `STORE_FULL` when the reserve would be touched
   */
  write(id: Uint8Array, length: number): Promise<BlobSink>
  /** The whole blob as it lies on disk; whoever answers for it checks the id in the same pass. @throws `BLOB_UNKNOWN`. */
  read(id: Uint8Array): Promise<Uint8Array>
  /** The same in pieces of at most 1 MiB. A file that is shorter than asked ends early. @throws `BLOB_UNKNOWN`. */
  stream(id: Uint8Array, range?: BlobRange): AsyncIterable<Uint8Array>
  /** Reads all of it and compares with the id. False: it is damaged. @throws `BLOB_UNKNOWN`. */
  verify(id: Uint8Array): Promise<boolean>
  has(id: Uint8Array): Promise<boolean>
  /** Bytes, or undefined when it is not here. */
  size(id: Uint8Array): Promise<number | undefined>
  /** Durably. False: there was none. */
  remove(id: Uint8Array): Promise<boolean>
  /** Puts a damaged blob aside together with the reason. False: there was none, and the reason alone was written down. */
  quarantine(id: Uint8Array, reason: string): Promise<boolean>
  /** Everything that is here, in no order. Names that are no blob ids are logged and left alone. */
  list(): AsyncIterable<{ readonly id: Uint8Array; readonly bytes: number }>
  /** What the file system would still take. Bytes. */
  freeSpace(): Promise<number>
}

export interface BlobFilesOptions {
  readonly log: Log
  /** Free space that arriving blobs must leave. Bytes. R12. */
  readonly reserveBytes?: number
  /** Which unfinished arrivals survive a restart; default none: the sender begins again. */
  readonly keepPart?: (part: { readonly id: Uint8Array; readonly bytes: number }) => boolean
}

/** Opens the store below `directory`, whose lock the caller holds, and sweeps what interrupted writes left. @throws `STORE_UNUSABLE`. */
export async function openBlobFiles(directory: string, options: BlobFilesOptions): Promise<BlobFiles> {
  const places = {
    blobs: join(directory, 'blobs'),
    incoming: join(directory, 'incoming'),
    quarantine: join(directory, 'quarantine'),
  }
  const { log } = options
  const shelves = new Set<string>()
  const arriving = new Set<string>()

  const shelfOf = (hex: string) => join(places.blobs, hex.slice(0, 2))
  const pathOf = (hex: string) => join(shelfOf(hex), hex)
  const hexOf = (id: Uint8Array) => {
    assertBytes(id, 32, 'blob id')
    return toHex(id)
  }

  async function prepare(): Promise<void> {
    try {
      for (const place of Object.values(places)) await mkdir(place, { recursive: true })
      for (const shelf of await readdir(places.blobs)) shelves.add(join(places.blobs, shelf))
      const swept = (await sweepTemporaries(places.quarantine)) + (await sweepParts())
      await syncDirectory(directory)
      if (swept > 0) log.info('blobs.swept', { directory, swept })
    } catch (cause) {
      throw asStoreError(directory, cause)
    }
  }

  async function sweepParts(): Promise<number> {
    let swept = 0
    for (const name of await readdir(places.incoming)) {
      const path = join(places.incoming, name)
      const id = /^([0-9a-f]{64})\.part$/.exec(name)?.[1]
      if (id !== undefined && options.keepPart?.({ id: fromHex(id), bytes: (await stat(path)).size })) continue
      await rm(path, { recursive: true, force: true })
      swept++
    }
    return swept
  }

  /** Moves a finished part to its place. The name is durable when this resolves. */
  async function shelve(hex: string, part: string): Promise<void> {
    const shelf = shelfOf(hex)
    if (!shelves.has(shelf)) {
      await mkdir(shelf, { recursive: true })
      await syncDirectory(places.blobs)
      shelves.add(shelf)
    }
    await rename(part, pathOf(hex))
    await syncDirectory(shelf)
  }

  async function openBlob(hex: string): Promise<FileHandle> {
    try {
      return await open(pathOf(hex), 'r')
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') throw new HoldfastError('BLOB_UNKNOWN', { blob: hex }, { cause })
      throw asStoreError(pathOf(hex), cause)
    }
  }

  async function* stream(id: Uint8Array, range: BlobRange = {}): AsyncIterable<Uint8Array> {
    const hex = hexOf(id)
    const file = await openBlob(hex)
    try {
      let at = range.offset ?? 0
      let left = range.length ?? Number.POSITIVE_INFINITY
      while (left > 0) {
        range.signal?.throwIfAborted()
        const wanted = Math.min(READ_CHUNK, left)
        const chunk = range.room ? range.room().subarray(0, wanted) : new Uint8Array(wanted)
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
        if (bytesRead === 0) return
        at += bytesRead
        left -= bytesRead
        yield bytesRead === chunk.length ? chunk : chunk.subarray(0, bytesRead)
      }
    } catch (cause) {
      if (errnoOf(cause) === undefined) throw cause // the reader's own signal, or an error that has its words already
      throw asStoreError(pathOf(hex), cause)
    } finally {
      await file.close()
    }
  }

  async function verify(id: Uint8Array): Promise<boolean> {
    const hash = createHash('sha256')
    const room = new Uint8Array(READ_CHUNK)
    for await (const chunk of stream(id, { room: () => room })) hash.update(chunk)
    return hash.digest('hex') === toHex(id)
  }

  async function size(id: Uint8Array): Promise<number | undefined> {
    try {
      return (await stat(pathOf(hexOf(id)))).size
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return undefined
      throw asStoreError(pathOf(hexOf(id)), cause)
    }
  }

  async function freeSpace(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(directory)
      return bavail * bsize
    } catch (cause) {
      throw asStoreError(directory, cause)
    }
  }

  async function quarantine(id: Uint8Array, reason: string): Promise<boolean> {
    const hex = hexOf(id)
    const isHere = await has(id)
    try {
      // The reason first: a quarantined blob without one would be a riddle.
      await durableWrite(
        join(places.quarantine, `${hex}.json`),
        `${JSON.stringify({ schema: 1, blob: hex, reason })}\n`,
      )
      if (isHere) {
        await rename(pathOf(hex), join(places.quarantine, hex))
        await syncDirectory(places.quarantine)
        await syncDirectory(shelfOf(hex))
      }
    } catch (cause) {
      throw asStoreError(pathOf(hex), cause)
    }
    log.warn('blob.quarantined', { blob: hex, reason, bytes: isHere ? 'aside' : 'gone' })
    return isHere
  }

  async function has(id: Uint8Array): Promise<boolean> {
    return (await size(id)) !== undefined
  }

  await prepare()
  return {
    async write(id, length) {
      const hex = hexOf(id)
      if (arriving.has(hex)) throw new HoldfastError('PEER_BUSY', { what: `blob ${hex} is arriving already` })
      arriving.add(hex)
      const release = () => void arriving.delete(hex)
      try {
        if ((await has(id)) && !(await verify(id))) await quarantine(id, 'found damaged when it was offered again')
        const isHere = (await size(id)) === length
        if (!isHere && (await freeSpace()) - length < (options.reserveBytes ?? 0))
          throw new HoldfastError('STORE_FULL', { what: `a blob of ${length} bytes` })
        // a process that ended between the rename and the sync left a name that is not durable yet
        if (isHere) await syncDirectory(shelfOf(hex))
        const [part, place] = [join(places.incoming, `${hex}.part`), pathOf(hex)]
        return await openBlobSink({ hex, length, isHere, part, place, shelve, release })
      } catch (cause) {
        release()
        throw asStoreError(places.incoming, cause)
      }
    },
    async read(id) {
      const hex = hexOf(id)
      const file = await openBlob(hex)
      try {
        return await file.readFile()
      } catch (cause) {
        throw asStoreError(pathOf(hex), cause)
      } finally {
        await file.close()
      }
    },
    stream,
    verify,
    has,
    size,
    async remove(id) {
      const hex = hexOf(id)
      if (!(await has(id))) return false
      try {
        await rm(pathOf(hex), { force: true })
        await syncDirectory(shelfOf(hex))
        return true
      } catch (cause) {
        throw asStoreError(pathOf(hex), cause)
      }
    },
    quarantine,
    async *list() {
      try {
        for (const shelf of await readdir(places.blobs)) {
          for (const name of await readdir(join(places.blobs, shelf))) {
            if (/^[0-9a-f]{64}$/.test(name) && name.startsWith(shelf)) {
              const found = await size(fromHex(name))
              if (found !== undefined) yield { id: fromHex(name), bytes: found }
            } else log.warn('blobs.stranger', { path: join(places.blobs, shelf, name) })
          }
        }
      } catch (cause) {
        throw asStoreError(places.blobs, cause)
      }
    },
    freeSpace,
  }
}
