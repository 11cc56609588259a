/** Where the checkpoint of a pool's registrar lies: in the cache of the home, one file for all its daemons and commands. Anybody may delete it. */
import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Address } from '../base/curve.ts'
import { MiB } from '../base/units.ts'
import type { CheckpointStore } from '../chain/registry-checkpoint.ts'
import { durableWrite } from '../store/durable-write.ts'
import type { Home } from './home.ts'

/** A larger file is not read. Bytes; 10,000 members take about 6 MB. */
const MAX_CHECKPOINT = 256 * MiB

export function registryCache(home: Pick<Home, 'cache'>, chainId: number, registrar: Address): CheckpointStore {
  const path = join(home.cache, `registry-${chainId}-${registrar}`)
  return {
    async read() {
      const size = await stat(path).then(
        (found) => found.size,
        () => undefined, // none there, or none to be read: it is a cache
      )
      if (size === undefined || size > MAX_CHECKPOINT) return undefined
      return new Uint8Array(await readFile(path))
    },
    async write(checkpoint) {
      await mkdir(dirname(path), { recursive: true })
      await durableWrite(path, checkpoint)
    },
  }
}
