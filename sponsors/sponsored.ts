/**
 * The client's side of a sponsor: a put book and a way for blobs that both lead through it. The client encrypts, codes and whitens; names, hashes
 * of the content and everything to read with stay here.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import { recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { placementDigest } from '../base/typed-data.ts'
import { only } from '../net/messages/fields.ts'
import { decodeSponsor, encodeSponsor, MAX_SPONSOR_BYTES, SPONSOR_PROTOCOL } from '../net/messages/sponsor.ts'
import type { NetNode, Target } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import type { SendBlob } from '../uploader/place-blob.ts'
import type { ObjectEntry, PutBook, PutPlan } from '../uploader/put-book.ts'
import { BOOK_METHODS } from '../uploader/put-book.ts'
import { counted } from '../uploader/send-blob.ts'
import { type Call, decodeBody, encodeBody } from './book-calls.ts'

/** An auction waits for its advert and for bids; a blob for its steward's disk. Milliseconds. */
const SLOW_MS = 300_000

/** The sponsor's put book, for one put. */
export function sponsoredBook(net: Pick<NetNode, 'open'>, sponsor: Target, signal?: AbortSignal): PutBook {
  const call = (method: Call, args: readonly unknown[]): Promise<unknown> =>
    talk(net, sponsor, SPONSOR_PROTOCOL, signal, async (wire) => {
      await wire.send(encodeSponsor({ kind: 'call', method, args: encodeBody(args) }))
      const frame = await wire.receive(MAX_SPONSOR_BYTES, { within: SLOW_MS })
      return decodeBody(only(decodeSponsor(frame), 'result').value)
    })
  const book = Object.fromEntries(
    BOOK_METHODS.map((method) => [method, (...args: readonly unknown[]) => call(method, args)]),
  ) as unknown as PutBook
  return {
    ...book,
    quote: (plan) => book.quote(nameless(plan)),
    award: (plan) => book.award(nameless(plan), {}),
    finish: (object) => book.finish(veiled(object)),
  }
}

/** The sponsor has no use for a name. */
function nameless({ name: _, ...plan }: PutPlan): PutPlan {
  return plan
}

/** Nor for the hash of what it must not read, nor for a cap that only we could open. */
function veiled({ name: _, contentHash: __, ...object }: ObjectEntry): ObjectEntry {
  return { ...object, sealedCap: new Uint8Array(0) }
}

/** Blobs of one put on their way through the sponsor. @param ref names the put, 64 hex digits */
export function sponsoredSend(net: Pick<NetNode, 'open'>, sponsor: Target, ref: string): SendBlob {
  return (steward, { placement, signature, domain, announce }, blob, { signal, onBytes }) =>
    talk(net, sponsor, SPONSOR_PROTOCOL, signal, async (wire) => {
      const locator = announce === undefined ? {} : { locator: announce }
      await wire.send(encodeSponsor({ kind: 'blob', ref: fromHex(ref, 32), placement, signature, ...locator }))
      await wire.sendBytes(counted(blob, onBytes))
      const answer = decodeSponsor(await wire.receive(MAX_SPONSOR_BYTES, { within: SLOW_MS }))
      const { signature: countersignature } = only(answer, 'signed')
      if (recoverSigner(placementDigest(domain, placement), countersignature) !== steward.id)
        throw new HoldfastError('PLACEMENT_INVALID', {
          what: `blob ${toHex(placement.blobId)} is signed by another than ${steward.id}`,
        })
      return countersignature
    })
}
