/** Commands that output tells people to run next. They are meant to be pasted, so they name the home this command was given. */
import { resolve } from 'node:path'
import type { GlobalOptions } from './context.ts'

/**
 * `holdfast get 7c1f9a02 --home /tmp/market` for the command line `get 7c1f9a02`. The home as a whole path: the line may be pasted
 * elsewhere. A home from HOLDFAST_HOME is left out; the shell still has it.
 */
export function pasteable({ home }: Pick<GlobalOptions, 'home'>, commandLine: string): string {
  return `holdfast ${commandLine}${home === undefined ? '' : ` --home ${quoted(resolve(home))}`}`
}

/** As one word of a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
