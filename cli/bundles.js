// Heavy libraries come as hundreds of files, and every daemon would find, open and link each of them at every start. scripts/bundle-libraries.js
// makes one file of each at installation; here imports are led to those. Without them, or after another installation, the libraries are loaded as they
// are: slower, and the same otherwise. Plain JavaScript, and nothing is imported from it: it runs before anything else. docs/decisions/0009.
import { readFileSync, statSync } from 'node:fs'
import * as module from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Where the bundles of an installation are, and what they were made from: npm writes it anew whenever it changes what is installed. */
export const BUNDLES = 'node_modules/.cache/holdfast-bundles'
export const INSTALLED = 'node_modules/.package-lock.json'

/** Leads imports to the bundles of the installation at `root`. @returns the specifiers that are led there */
export function useBundles(root) {
  const files = bundlesOf(root)
  const found = Object.keys(files)
  if (found.length === 0 || module.registerHooks === undefined) return []
  const urls = new Map(found.map((specifier) => [specifier, pathToFileURL(join(root, BUNDLES, files[specifier])).href]))
  module.registerHooks({
    resolve(specifier, context, next) {
      const url = urls.get(specifier)
      return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true }
    },
  })
  return found
}

/** Files of the bundles by specifier; none when there are no bundles of this very installation. */
export function bundlesOf(root) {
  try {
    const { schema, madeFrom, files } = JSON.parse(readFileSync(join(root, BUNDLES, 'index.json'), 'utf8'))
    return schema === 1 && madeFrom === statSync(join(root, INSTALLED)).mtimeMs ? files : {}
  } catch (cause) {
    if (cause.code === 'ENOENT' || cause instanceof SyntaxError) return {} // installed without scripts, or cut short
    throw cause
  }
}
