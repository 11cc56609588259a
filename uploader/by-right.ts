/** Blobs on their way without money: the offer carries the grant for the steward it goes to (P8, P9). */
import type { Address } from '../base/curve.ts'
import type { Right } from '../pool/grant.ts'
import type { SendBlob } from './place-blob.ts'

/** `send`, with its right for each steward that granted one. */
export function sendByRight(send: SendBlob, rights: ReadonlyMap<Address, Right>): SendBlob {
  return (steward, offer, blob, options) => {
    const right = rights.get(steward.id)
    return send(steward, right === undefined ? offer : { ...offer, right }, blob, options)
  }
}
