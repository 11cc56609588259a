/**
 * MidstateSteward: keeps of each blob the state of a SHA-256 that has read it, at most 103 bytes, and makes its answers from that.
 * It would earn every bounty of a market that asks for hash(blob ‖ nonce). Ours asks for a MAC whose key is made from the nonce, so the
 * nonce comes before the first byte, and no state of an earlier reading is of use.
 *
 *   node test/cast/midstate-steward.ts steward start --home D --id A
 */
import { concat, toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import type { Domain } from '../../base/typed-data.ts'
import { type ChallengedBlob, headerOf } from '../../blob/challenge.ts'
import type { Vice } from '../../cli/compose-steward.ts'
import { HashState } from './hash-state.ts'
import { type HollowFiles, openHollowFiles } from './hollow-files.ts'
import { runSteward } from './run-steward.ts'

/** The state of SHA-256 after the blob: what is kept of it. */
export const stateOf = (bytes: Uint8Array): Uint8Array => new HashState().update(bytes).encode()

/** The answer that hash(blob ‖ nonce) would ask for, without the blob. */
export const naiveAnswer = (state: Uint8Array, nonce: Uint8Array): Uint8Array =>
  HashState.decode(state).update(nonce).digest()

/** All it can think of as the answer that we ask for. Each has the form of the true one, with the kept state in the place of the bytes. */
export function guessesOf(
  state: Uint8Array,
  domain: Domain,
  blob: ChallengedBlob,
  nonce: Uint8Array,
): readonly Uint8Array[] {
  const key = sha256(headerOf(domain, blob, nonce))
  const padded = concat(key, new Uint8Array(32))
  const inner = padded.map((byte) => byte ^ 0x36)
  const outer = padded.map((byte) => byte ^ 0x5c)
  const tails = [nonce, new Uint8Array(0), key, headerOf(domain, blob, nonce), inner, concat(inner, blob.blobId)]
  const digests = tails.map((tail) => HashState.decode(state).update(tail).digest())
  const started = new HashState().update(inner)
  const resumed = [state, blob.blobId, HashState.decode(state).digest()].map((kept) =>
    started.copy().update(kept).digest(),
  )
  const all = [...digests, ...resumed]
  return [...all, ...all.map((digest) => sha256(concat(outer, digest)))]
}

/** Which guess it makes is another one each time. */
export function midstate(): Vice {
  let tries = 0
  return {
    files: (honest, directory) => openHollowFiles(honest, directory, stateOf),
    answer: (_honest, files, domain) => async (blob, nonces) => {
      const remains = (files as HollowFiles).remainsOf(blob.blobId)
      if (!remains) throw new HoldfastError('BLOB_UNKNOWN', { blob: toHex(blob.blobId) })
      process.stderr.write(
        `${JSON.stringify({ msg: 'cast.guessed', blob: toHex(blob.blobId), bytesKept: remains.kept.length })}\n`,
      )
      return nonces.map((nonce) => {
        const guesses = guessesOf(remains.kept, domain, blob, nonce)
        return guesses[tries++ % guesses.length] as Uint8Array
      })
    },
  }
}

if (import.meta.main) await runSteward(midstate())
