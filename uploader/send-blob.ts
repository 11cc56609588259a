/** A blob on its way to a steward over `/holdfast/store/1`: offer, bytes from where an earlier attempt left off, countersignature. */
import { toHex } from '../base/bytes.ts'
import { type Address, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { placementDigest } from '../base/typed-data.ts'
import { decodeStore, encodeStore, MAX_STORE_BYTES, STORE_PROTOCOL } from '../net/messages/store.ts'
import type { NetNode } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import { CHUNK } from '../net/wire.ts'
import type { PlainBulk } from '../pool/plain-bulk.ts'
import type { SendBlob } from './place-blob.ts'

/**
 * Sends over a node. The offer comes first, so a steward that will not take the blob says so before any byte of it.
 * @param plain when given, the bytes may go to the steward's plain endpoint; offer and signatures never do
 * @throws the steward's refusal, `PLACEMENT_INVALID` when its signature is not its own, and what the wire throws
 */
export function createSendBlob(net: Pick<NetNode, 'open'>, plain?: PlainBulk): SendBlob {
  return async (steward, { placement, signature, domain, announce, right }, blob, { signal, onBytes }) => {
    return talk(net, steward, STORE_PROTOCOL, signal, async (wire) => {
      const isPlain = plain?.isWorthTrying(steward.id) === true
      await wire.send(
        encodeStore({
          kind: 'offer',
          placement,
          signature,
          ...(announce === undefined ? {} : { locator: announce }),
          ...(right === undefined ? {} : { right }),
          ...(isPlain ? { plain: 1 } : {}),
        }),
      )
      const next = async () => {
        const message = decodeStore(await wire.receive(MAX_STORE_BYTES))
        if (message.kind === 'go' && message.offset > blob.length)
          throw new HoldfastError('NET_PROTOCOL', { what: `${steward.id}: an offset of ${message.offset}` })
        return message
      }
      let answer = await next()
      if (answer.kind === 'go' && answer.transfer !== undefined && isPlain) {
        const rest = counted(blob.subarray(answer.offset), onBytes)
        const isSent = await isGiven(plain, steward.id, answer.transfer, rest, signal)
        await wire.send(encodeStore({ kind: isSent ? 'sent' : 'inline' }))
        answer = await next()
        if (isSent && answer.kind === 'go')
          plain.failed(steward.id, new HoldfastError('BLOB_CORRUPT', { blob: toHex(placement.blobId) }))
      }
      if (answer.kind === 'go') {
        if (answer.transfer !== undefined)
          throw new HoldfastError('NET_PROTOCOL', { what: `${steward.id}: a transfer` })
        await wire.sendBytes(counted(blob.subarray(answer.offset), onBytes))
        answer = await next()
      }
      if (answer.kind !== 'signed') throw new HoldfastError('NET_PROTOCOL', { what: `${steward.id}: ${answer.kind}` })
      if (recoverSigner(placementDigest(domain, placement), answer.signature) !== steward.id)
        throw new HoldfastError('PLACEMENT_INVALID', {
          what: `blob ${toHex(placement.blobId)} is signed by another than ${steward.id}`,
        })
      return answer.signature
    })
  }
}

/** True when the steward's plain endpoint took everything; whether it is the blob, the steward says. */
async function isGiven(
  plain: PlainBulk,
  steward: Address,
  transfer: Uint8Array,
  bytes: Iterable<Uint8Array>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await plain.give(steward, transfer, bytes, { signal })
    return true
  } catch (cause) {
    signal.throwIfAborted()
    plain.failed(steward, cause)
    return false
  }
}

/** The bytes in pieces, each told when the next is asked for: then the wire has taken it. */
export function* counted(bytes: Uint8Array, onBytes: ((count: number) => void) | undefined): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const piece = bytes.subarray(at, at + CHUNK)
    yield piece
    onBytes?.(piece.length)
  }
}
