/**
 * GeneratingRing: k stewards keep their shares; the other identities of the ring keep nothing and rebuild theirs from those k whenever
 * somebody asks. Any k shares give all n, so of shares as they come out of the code this earns n rents for k disks. Blobs are whitened
 * shares: the code's equations do not hold between them, and what is rebuilt is nobody's blob.
 *
 *   node test/cast/generating-ring.ts steward start --home D --id A
 */
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { answerOf } from '../../blob/challenge.ts'
import { rebuildShares } from '../../blob/erasure.ts'
import type { Vice } from '../../cli/compose-steward.ts'
import { openHollowFiles } from './hollow-files.ts'
import { blobsOf, readPartners } from './partners.ts'
import { runSteward } from './run-steward.ts'

/** The code that every uploader uses unless told otherwise: what a ring would count on. */
const CODE = { k: 3, n: 10 } as const

/** The bytes of the wanted rows, made from what is kept. @param kept k blobs by the row they are taken for */
export function rebuild(
  kept: ReadonlyMap<number, Uint8Array>,
  { k, n }: { readonly k: number; readonly n: number },
  wanted: readonly number[],
): readonly Uint8Array[] {
  return rebuildShares(new Map([...kept].slice(0, k)), k, n, [...wanted])
}

/** Which row it rebuilds is another one each time. */
export function ring(code: { readonly k: number; readonly n: number } = CODE): Vice {
  let own = ''
  let tries = 0
  return {
    files: (honest, directory) => {
      own = directory
      return openHollowFiles(honest, directory, () => new Uint8Array(0))
    },
    answer: (_honest, _files, domain) => async (blob, nonces) => {
      const each = await Promise.all((await readPartners(own)).map((at) => blobsOf(at, blob.length)))
      const kept = each.flatMap((blobs) => blobs.slice(0, 1))
      if (kept.length < code.k) throw new HoldfastError('BLOB_UNKNOWN', { blob: toHex(blob.blobId) })
      const row = code.k + (tries++ % (code.n - code.k))
      const [made] = rebuild(new Map(kept.map((bytes, at) => [at, bytes])), code, [row])
      process.stderr.write(`${JSON.stringify({ msg: 'cast.rebuilt', blob: toHex(blob.blobId), row })}\n`)
      return nonces.map((nonce) => answerOf(domain, blob.blobId, made as Uint8Array, nonce))
    },
  }
}

if (import.meta.main) await runSteward(ring())
