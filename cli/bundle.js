// The program comes as some five hundred files, ours and those of heavy libraries, and every daemon would find, open and link each of them at every
// start. scripts/bundle-program.js makes a few of them at installation; the launcher starts those as long as they are what the sources say. After an
// edit, or another installation, the sources run as they stand: slower, and the same otherwise. Plain JavaScript, and nothing is imported from it: it
// runs before anything else. docs/decisions/0009.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Where the bundle of an installation is, and the list that npm writes anew whenever it changes what is installed. */
export const BUNDLE = 'node_modules/.cache/holdfast-program'
export const INSTALLED = 'node_modules/.package-lock.json'

/** What tells that a file is the one that was bundled. */
export function stampOf(path) {
  const { mtimeMs, size } = statSync(path)
  return `${mtimeMs} ${size}`
}

/** The bundled `cli/main.ts` of the checkout at `root`; undefined when there is none that was made from just these sources. */
export function bundleOf(root) {
  try {
    const { schema, main, madeFrom } = JSON.parse(readFileSync(join(root, BUNDLE, 'index.json'), 'utf8'))
    if (schema !== 1) return undefined
    for (const file in madeFrom) if (stampOf(join(root, file)) !== madeFrom[file]) return undefined
    return join(root, BUNDLE, main)
  } catch (cause) {
    if (cause.code === 'ENOENT' || cause instanceof SyntaxError) return undefined // never made, cut short, or a source is gone
    throw cause
  }
}
