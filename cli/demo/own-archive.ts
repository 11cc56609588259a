/** What the demo stores when nobody names a file: this program's own source tree, as one archive. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { HoldfastError } from '../../base/errors.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Made by tools, not written by anybody. */
const LEFT_OUT = ['node_modules', '.git', 'artifacts', 'cache', 'coverage', 'dist'] as const

/** Writes the archive to `path` with the system's tar. @throws `INPUT_FILE` where there is none */
export function archiveOwnSource(path: string): void {
  const run = spawnSync('tar', [...LEFT_OUT.map((name) => `--exclude=./${name}`), '-cf', path, '-C', ROOT, '.'], {
    encoding: 'utf8',
  })
  // tar says 1 when a file changed while it was read: the archive is whole all the same.
  if (run.error !== undefined || (run.status ?? 2) > 1)
    throw new HoldfastError('INPUT_FILE', {
      path: ROOT,
      what: `could not be archived (${run.error?.message ?? run.stderr.trim().slice(0, 200)}); name a file: holdfast demo FILE`,
    })
}
