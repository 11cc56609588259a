/** Which steward, index or monitor of this home a command means: the named one, or the only one. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Address, parseAddress } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Context, Options } from './context.ts'
import type { DaemonPaths } from './home.ts'

/** @throws `CONFIG_NOT_INITIALISED` when there is no such one, `INPUT_REQUIRED` when there are several and none was named */
export async function chooseActor(
  { home }: Context,
  role: 'steward' | 'index' | 'monitor',
  options: Options,
  option = '--id',
): Promise<{ readonly id: Address; readonly paths: DaemonPaths }> {
  const { directory, several } = {
    steward: { directory: home.stewards, several: 'stewards' },
    index: { directory: home.pool.indexes, several: 'indexes' },
    monitor: { directory: home.pool.monitors, several: 'monitors' },
  }[role]
  const pathsOf = (id: Address) => home[role](id)
  const named = options['id']
  if (typeof named === 'string') {
    const id = parseAddress(named, option)
    if (!existsSync(pathsOf(id).settings)) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: pathsOf(id).dir })
    return { id, paths: pathsOf(id) }
  }
  const ids = await listActors(directory)
  const [only, another] = ids
  if (only === undefined) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: directory })
  if (another !== undefined)
    throw new HoldfastError('INPUT_REQUIRED', {
      what: `which of ${ids.length} ${several}`,
      option: `${option} 0x…`,
    })
  return { id: only, paths: pathsOf(only) }
}

/** Ids of the actors that live below a directory. */
export async function listActors(directory: string): Promise<readonly Address[]> {
  const names = await readdir(directory).catch(() => [] as string[])
  return names
    .filter((name) => /^0x[0-9a-f]{40}$/.test(name) && existsSync(join(directory, name, 'settings.json')))
    .sort() as Address[]
}
