/** What the demo stores when nobody names a file: this program's own source tree, as one archive. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { HoldfastError } from '../../base/errors.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The source tree: these folders, and the files beside them. Nothing else that lies in the directory, keys of a market least of all. */
const FOLDERS =
  'base blob bench chain cli contracts controller docs ignition net pool pricing scripts steward store test uploader'.split(
    ' ',
  )
const FILES = /\.(md|json|ts|cjs)$|^LICENSE-/

/** Writes the archive to `path` with the system's tar. @throws `INPUT_FILE` where there is none */
export function archiveOwnSource(path: string): void {
  const names = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => (entry.isDirectory() ? FOLDERS.includes(entry.name) : entry.isFile() && FILES.test(entry.name)))
    .map(({ name }) => name)
    .sort()
  const run = spawnSync('tar', ['-cf', path, '-C', ROOT, ...names], { encoding: 'utf8' })
  // tar says 1 when a file changed while it was read: the archive is whole all the same.
  if (run.error !== undefined || (run.status ?? 2) > 1)
    throw new HoldfastError('INPUT_FILE', {
      path: ROOT,
      what: `could not be archived (${run.error?.message ?? run.stderr.trim().slice(0, 200)}); name a file: holdfast demo FILE`,
    })
}
