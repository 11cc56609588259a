/**
 * The one way a lasting file comes into being (reliability.md R1): temporary file in the same directory, write, fsync, rename,
 * fsync of the directory. Whoever reads the name finds the old content or the new, never a part, also after a power cut.
 */
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { asStoreError } from './disk-errors.ts'

/** Distinguishes the temporaries of this process; its pid distinguishes them from those of others. */
let serial = 0

/** A name in the directory of `path` that no finished file has: leading dot, `.tmp` at the end. */
export function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 200)}.${process.pid}.${serial++}.tmp`)
}

/** True for names made by `temporaryFor`. */
export function isTemporary(name: string): boolean {
  return /^\..+\.\d+\.\d+\.tmp$/.test(name)
}

/**
 * Writes `bytes` under `path` so that they are there, whole, once this resolves.
 * @param mode permissions of the file; default 0644
 * @throws `STORE_FULL`, `STORE_UNUSABLE`; then what stood under `path` before still stands there
 */
export async function durableWrite(path: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
  const temporary = temporaryFor(path)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.chmod(mode) // open() lets the umask take bits away
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined) // the first failure is the one to tell
    throw asStoreError(path, cause)
  }
}

/** Makes the names in a directory durable. @throws `STORE_UNUSABLE`. */
export async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle | undefined
  try {
    directory = await open(path, 'r')
    await directory.sync()
  } catch (cause) {
    throw asStoreError(path, cause)
  } finally {
    await directory?.close()
  }
}

/**
 * Removes what interrupted writes left in a directory. Only while nobody else writes there: the caller holds its lock.
 * @returns how many were removed
 */
export async function sweepTemporaries(path: string): Promise<number> {
  try {
    const stale = (await readdir(path)).filter(isTemporary)
    await Promise.all(stale.map((name) => rm(join(path, name), { force: true })))
    return stale.length
  } catch (cause) {
    throw asStoreError(path, cause)
  }
}
