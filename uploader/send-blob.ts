/** A blob on its way to a steward over `/holdfast/store/1`: offer, bytes from where an earlier attempt left off, countersignature. */
import { toHex } from '../base/bytes.ts'
import { recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { placementDigest } from '../base/typed-data.ts'
import { decodeStore, encodeStore, MAX_STORE_BYTES, STORE_PROTOCOL } from '../net/messages/store.ts'
import type { NetNode } from '../net/node.ts'
import { CHUNK } from '../net/wire.ts'
import type { SendBlob } from './place-blob.ts'

/**
 * Sends over a node. The offer comes first, so a steward that will not take the blob says so before any byte of it.
 * @throws the steward's refusal, `PLACEMENT_INVALID` when its signature is not its own, and what the wire throws
 */
export function createSendBlob(net: Pick<NetNode, 'open'>): SendBlob {
  return async (steward, { placement, signature, domain, announce }, blob, { signal, onBytes }) => {
    const wire = await net.open(steward, STORE_PROTOCOL, { signal })
    try {
      await wire.send(
        encodeStore({ kind: 'offer', placement, signature, ...(announce === undefined ? {} : { locator: announce }) }),
      )
      let answer = decodeStore(await wire.receive(MAX_STORE_BYTES))
      if (answer.kind === 'go') {
        if (answer.offset > blob.length)
          throw new HoldfastError('NET_PROTOCOL', { what: `${steward.id}: an offset of ${answer.offset}` })
        await wire.sendBytes(counted(blob.subarray(answer.offset), onBytes))
        answer = decodeStore(await wire.receive(MAX_STORE_BYTES))
      }
      if (answer.kind !== 'signed') throw new HoldfastError('NET_PROTOCOL', { what: `${steward.id}: ${answer.kind}` })
      if (recoverSigner(placementDigest(domain, placement), answer.signature) !== steward.id)
        throw new HoldfastError('PLACEMENT_INVALID', {
          what: `blob ${toHex(placement.blobId)} is signed by another than ${steward.id}`,
        })
      await wire.close()
      return answer.signature
    } catch (cause) {
      wire.abort(cause)
      throw cause
    }
  }
}

/** The bytes in pieces, each told when the next is asked for: then the wire has taken it. */
function* counted(bytes: Uint8Array, onBytes: ((count: number) => void) | undefined): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const piece = bytes.subarray(at, at + CHUNK)
    yield piece
    onBytes?.(piece.length)
  }
}
