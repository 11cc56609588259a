/**
 * What `put` reads: a regular file, in ranges, with a check that it stayed the same; or standard input, spooled to a file first,
 * because a segment may be read twice and its length must be known before the auction.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../base/errors.ts'
import { asStoreError, errnoOf } from './disk-errors.ts'
import { temporaryFor } from './durable-write.ts'

/** What tells whether a file is still the one that was opened. Times in nanoseconds since 1970. */
export interface SourceMark {
  readonly size: number
  readonly modified: bigint
  readonly changed: bigint
  readonly inode: bigint
}

/** An opened source. */
export interface SourceFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly mark: SourceMark
  /** Exactly `length` bytes from `offset`, in `into` when it is given. @throws `INPUT_CHANGED` when they are no longer there. */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  /** @throws `INPUT_CHANGED` when the file, or what stands under its name, is no longer what was opened. */
  assertUnchanged(): Promise<void>
  close(): Promise<void>
}

/** Opens a regular file. @throws `INPUT_FILE` for everything else: missing, directory, device, FIFO, not readable. */
export async function openSource(path: string): Promise<SourceFile> {
  let file: FileHandle
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for its writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw new HoldfastError(
      'INPUT_FILE',
      { path, what: OPENING[errnoOf(cause) ?? ''] ?? 'cannot be opened' },
      { cause },
    )
  }
  try {
    const status = await file.stat()
    if (status.isDirectory())
      throw new HoldfastError('INPUT_FILE', {
        path,
        what: 'is a directory; pack it: tar -c DIR | holdfast put - --name NAME',
      })
    if (!status.isFile()) throw new HoldfastError('INPUT_FILE', { path, what: 'is not a regular file' })
    return await createSource(path, file)
  } catch (cause) {
    await file.close()
    throw cause
  }
}

/**
 * Copies a stream (standard input) to a temporary file in `directory` and opens that. The file has lost its name before its first
 * byte is written, so nothing is left behind, however the process ends.
 * @param maxBytes cap on what is spooled
 * @throws `INPUT_RANGE` beyond the cap, `STORE_FULL`, `STORE_UNUSABLE`
 */
export async function spoolSource(
  input: AsyncIterable<Uint8Array>,
  directory: string,
  maxBytes: number,
): Promise<SourceFile> {
  const path = temporaryFor(join(directory, 'stdin'))
  let file: FileHandle
  try {
    file = await open(path, 'wx+', 0o600)
    await rm(path)
  } catch (cause) {
    throw asStoreError(path, cause)
  }
  try {
    let size = 0
    for await (const chunk of input) {
      size += chunk.length
      if (size > maxBytes)
        throw new HoldfastError('INPUT_RANGE', {
          name: 'standard input',
          expected: `at most ${maxBytes} bytes`,
          got: size,
        })
      await append(path, file, chunk)
    }
    return await createSource('-', file)
  } catch (cause) {
    await file.close()
    throw cause
  }
}

async function append(path: string, file: FileHandle, chunk: Uint8Array): Promise<void> {
  try {
    await file.writeFile(chunk)
  } catch (cause) {
    throw asStoreError(path, cause)
  }
}

async function createSource(path: string, file: FileHandle): Promise<SourceFile> {
  const mark = await markOf(file)
  const changed = (cause?: unknown) => new HoldfastError('INPUT_CHANGED', { path }, { cause })
  let isClosed = false
  return {
    path,
    size: mark.size,
    mark,
    async read(offset, length, into) {
      const bytes = into?.subarray(0, length) ?? new Uint8Array(length)
      let have = 0
      while (have < length) {
        const { bytesRead } = await readAt(path, file, bytes, have, offset + have)
        if (bytesRead === 0) throw changed()
        have += bytesRead
      }
      return bytes
    },
    async assertUnchanged() {
      if (!equalMarks(await markOf(file), mark)) throw changed()
      // A program that saves by renaming leaves our handle on the old content, whole and unchanged: that one is what was promised.
    },
    async close() {
      if (isClosed) return
      isClosed = true
      await file.close()
    },
  }
}

async function readAt(path: string, file: FileHandle, bytes: Uint8Array, at: number, position: number) {
  try {
    return await file.read(bytes, at, bytes.length - at, position)
  } catch (cause) {
    throw new HoldfastError('INPUT_FILE', { path, what: `cannot be read (${errnoOf(cause) ?? 'unknown'})` }, { cause })
  }
}

async function markOf(file: FileHandle): Promise<SourceMark> {
  const { size, mtimeNs, ctimeNs, ino } = await file.stat({ bigint: true })
  return { size: Number(size), modified: mtimeNs, changed: ctimeNs, inode: ino }
}

/** ctime alone may move without a change of content (chmod, a new link), so it does not count; size and mtime do. */
function equalMarks(a: SourceMark, b: SourceMark): boolean {
  return a.size === b.size && a.modified === b.modified && a.inode === b.inode
}

const OPENING: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'cannot be read: permission denied',
  EPERM: 'cannot be read: permission denied',
  EISDIR: 'is a directory',
  ENXIO: 'is not a regular file',
  ELOOP: 'is a link that leads nowhere',
}
