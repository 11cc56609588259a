/** What `get` writes: a temporary file beside the target that takes its name only when everything is there and on disk. */
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { HoldfastError } from '../base/errors.ts'
import type { UnixTime } from '../base/units.ts'
import { asStoreError, errnoOf } from './disk-errors.ts'
import { syncDirectory, temporaryFor } from './durable-write.ts'

/** What happens to a file that is there already. `older`: replaced when it was last modified before the object was stored. */
export type Overwrite = 'never' | 'older' | 'always'

export interface TargetOptions {
  readonly overwrite: Overwrite
  /** When the object was stored; needed by `older`. */
  readonly stored?: UnixTime
}

/** A target being written. Exactly one of `commit` and `abort` ends it; `abort` may be called at any time, also twice. */
export interface TargetFile {
  readonly path: string
  /** Appends. @throws `STORE_FULL`, `STORE_UNUSABLE`. */
  write(chunk: Uint8Array): Promise<void>
  /** The file stands, whole and synced, under its name when this resolves. @throws `INPUT_EXISTS` when one appeared meanwhile. */
  commit(): Promise<void>
  /** Removes what was written; the target stays as it was. */
  abort(): Promise<void>
}

/**
 * Starts writing. Nothing appears under `path` before `commit`.
 * @throws `INPUT_EXISTS` when the policy keeps what is there, `INPUT_FILE` when it is no regular file or there is no such directory
 */
export async function openTarget(path: string, options: TargetOptions): Promise<TargetFile> {
  const target = resolve(path)
  await assertAllowed(path, target, options)
  const temporary = temporaryFor(join(dirname(target), 'holdfast'))
  let file: FileHandle
  try {
    file = await open(temporary, 'wx')
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT')
      throw new HoldfastError('INPUT_FILE', { path, what: 'its directory does not exist' }, { cause })
    throw asStoreError(path, cause)
  }
  let isOpen = true

  async function abort(): Promise<void> {
    if (!isOpen) return
    isOpen = false
    await file.close()
    await rm(temporary, { force: true })
  }

  return {
    path,
    async write(chunk) {
      try {
        await file.writeFile(chunk)
      } catch (cause) {
        throw asStoreError(path, cause)
      }
    },
    async commit() {
      try {
        await file.sync()
        await assertAllowed(path, target, options)
        if (options.overwrite === 'never') await linkNew(path, temporary, target)
        else await rename(temporary, target)
        isOpen = false
        await file.close()
        await syncDirectory(dirname(target))
      } catch (cause) {
        await abort()
        throw asStoreError(path, cause)
      }
    },
    abort,
  }
}

/** A link fails when the name is taken, where a rename would replace it in silence. File systems without links get the rename. */
async function linkNew(path: string, temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target)
  } catch (cause) {
    const errno = errnoOf(cause)
    if (errno === 'EEXIST') throw new HoldfastError('INPUT_EXISTS', { path }, { cause })
    if (errno !== 'EPERM' && errno !== 'ENOTSUP' && errno !== 'ENOSYS') throw cause
    return await rename(temporary, target)
  }
  await rm(temporary)
}

async function assertAllowed(path: string, target: string, { overwrite, stored }: TargetOptions): Promise<void> {
  try {
    const status = await stat(target)
    if (status.isDirectory()) throw new HoldfastError('INPUT_FILE', { path, what: 'is a directory' })
    if (!status.isFile()) throw new HoldfastError('INPUT_FILE', { path, what: 'is not a regular file' })
    const isOlder = stored !== undefined && status.mtimeMs / 1000 < stored
    if (overwrite === 'never' || (overwrite === 'older' && !isOlder)) throw new HoldfastError('INPUT_EXISTS', { path })
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return
    if (errnoOf(cause) === 'ENOTDIR')
      throw new HoldfastError('INPUT_FILE', { path, what: 'its directory does not exist' }, { cause })
    throw asStoreError(path, cause)
  }
}
