/**
 * ReleasingSteward: keeps every byte, and says of one sound blob that it is lost whenever a docket asks for it, with a signed release: to be
 * rid of it, or to see whether the bounty can be had without the reading.
 *
 *   node test/cast/releasing-steward.ts steward start --home D --id A
 */
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { Vice } from '../../cli/compose-steward.ts'
import { runSteward } from './run-steward.ts'

/** Which blob it disowns: the first that it is asked for of at least this length. Bytes. */
const WORTH_IT = 50_000

/** Nothing is put aside: what it disowns stays where it is. */
export function releasing(): Vice {
  let disowned: string | undefined
  const isDisowned = (id: Uint8Array) => toHex(id) === disowned
  return {
    files: (honest) => ({
      ...honest,
      verify: async (id) => !isDisowned(id) && (await honest.verify(id)),
      quarantine: async (id, reason) => isDisowned(id) || honest.quarantine(id, reason),
    }),
    answer: (honest) => async (blob, nonces) => {
      if (disowned === undefined && blob.length >= WORTH_IT) disowned = toHex(blob.blobId)
      if (isDisowned(blob.blobId)) throw new HoldfastError('BLOB_CORRUPT', { blob: toHex(blob.blobId) })
      return honest(blob, nonces)
    },
  }
}

if (import.meta.main) await runSteward(releasing())
