/** A detached daemon's log file stays small: five files of 20 MiB, the older ones named .1 to .4 (interface.md §10). */
import { copyFileSync, existsSync, fstatSync, renameSync, statSync, truncateSync } from 'node:fs'
import { MiB } from '../base/units.ts'

export interface RotationLimits {
  /** Size at which a file is put aside. Bytes. */
  readonly size: number
  /** Files in all. */
  readonly files: number
}

const LIMITS: RotationLimits = { size: 20 * MiB, files: 5 }

/**
 * @param path where this daemon's log would be @param descriptor where its lines go
 * @returns to be told of every line's length, after it was written; undefined when the lines go elsewhere: to a journal, a pipe, a terminal.
 * What it returns throws when the file cannot be put aside; it is tried again after as many bytes more.
 */
export function createRotation(
  path: string,
  descriptor = 1,
  { size, files }: RotationLimits = LIMITS,
): ((bytes: number) => void) | undefined {
  const there = fstatSync(descriptor)
  const here = existsSync(path) ? statSync(path) : undefined
  if (here?.ino !== there.ino || here.dev !== there.dev || !there.isFile()) return undefined
  let grown = there.size
  return (bytes) => {
    grown += bytes
    if (grown < size) return
    grown = 0
    for (let number = files - 2; number >= 1; number--)
      if (existsSync(`${path}.${number}`)) renameSync(`${path}.${number}`, `${path}.${number + 1}`)
    // The file stays the one that is open: its lines go on at its beginning, for whoever opened it appends.
    copyFileSync(path, `${path}.1`)
    truncateSync(path)
  }
}
