/**
 * OverbookedSteward: says that it has all the room in the world, bids for everything, and has a disk for the first few blobs. The lots it
 * wins beyond that it cannot take.
 *
 *   node test/cast/overbooked-steward.ts steward start --home D --id A
 */
import { HoldfastError } from '../../base/errors.ts'
import { GiB } from '../../base/units.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { runSteward } from './run-steward.ts'

/** Blobs that its disk takes: a share and a copy of one object. */
export const ROOM_BLOBS = 2

/** @param room blobs that fit */
export function overbooked(honest: BlobFiles, room = ROOM_BLOBS): BlobFiles {
  return {
    ...honest,
    freeSpace: async () => 1024 * GiB,
    async write(id, length) {
      let kept = 0
      for await (const _ of honest.list()) kept++
      if (kept >= room && !(await honest.has(id))) throw new HoldfastError('STORE_FULL', { what: `${length} bytes` })
      return honest.write(id, length)
    },
  }
}

if (import.meta.main) await runSteward({ files: (honest) => overbooked(honest) })
