/** What the operating system says about a file, in the words of the vocabulary. */
import { HoldfastError } from '../base/errors.ts'

/** The errno name of a failed file call ("ENOENT"), or undefined. */
export function errnoOf(cause: unknown): string | undefined {
  const code = (cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** A failed file call as `STORE_FULL` (no space, no quota) or `STORE_UNUSABLE`; a HoldfastError stays what it is. */
export function asStoreError(path: string, cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause
  const errno = errnoOf(cause)
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return new HoldfastError('STORE_FULL', { what: path }, { cause })
  const what = errno === undefined ? (cause instanceof Error ? cause.message : String(cause)) : (WORDS[errno] ?? errno)
  return new HoldfastError('STORE_UNUSABLE', { path, what }, { cause })
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EEXIST: 'something else stands in its place',
  EIO: 'the disk reports an error',
  EFBIG: 'the file would exceed the size limit',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
}
