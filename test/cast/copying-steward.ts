/**
 * CopyingSteward: the second identity of an operator who keeps one copy for two. It deletes what it gets and answers with the bytes that
 * its first identity holds of the same segment. Shares are whitened, each under a salt of its own: the bytes are others.
 *
 *   node test/cast/copying-steward.ts steward start --home D --id A
 */
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { answerOf } from '../../blob/challenge.ts'
import type { Vice } from '../../cli/compose-steward.ts'
import { openHollowFiles } from './hollow-files.ts'
import { blobsOf, readPartners } from './partners.ts'
import { runSteward } from './run-steward.ts'

/** Which of the first identity's blobs it tries is another one each time. */
export function copying(): Vice {
  let own = ''
  let tries = 0
  return {
    files: (honest, directory) => {
      own = directory
      return openHollowFiles(honest, directory, () => new Uint8Array(0))
    },
    answer: (_honest, _files, domain) => async (blob, nonces) => {
      const blobs = (await Promise.all((await readPartners(own)).map((at) => blobsOf(at, blob.length)))).flat()
      const bytes = blobs[tries++ % Math.max(1, blobs.length)]
      if (bytes === undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: toHex(blob.blobId) })
      process.stderr.write(`${JSON.stringify({ msg: 'cast.copied', blob: toHex(blob.blobId) })}\n`)
      return nonces.map((nonce) => answerOf(domain, blob.blobId, bytes, nonce))
    },
  }
}

if (import.meta.main) await runSteward(copying())
