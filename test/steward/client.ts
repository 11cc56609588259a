/** The other side of the steward's protocols, for tests: as short as the messages allow. */
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { signDigest } from '../../base/curve.ts'
import type { Placement } from '../../base/typed-data.ts'
import {
  type Advert,
  advertHashOf,
  BID_PROTOCOL,
  type Bid,
  bidCommit,
  clearingDigest,
  commitsRoot,
  decodeBidMessage,
  encodeBidMessage,
  MAX_BID_BYTES,
} from '../../net/messages/bid.ts'
import {
  DOCKET_PROTOCOL,
  decodeDocketMessage,
  encodeDocketMessage,
  MAX_DOCKET_FRAME,
} from '../../net/messages/docket.ts'
import { only } from '../../net/messages/fields.ts'
import {
  decodeStore,
  encodeStore,
  MAX_STORE_BYTES,
  STORE_PROTOCOL,
  type StoreMessage,
} from '../../net/messages/store.ts'
import type { NetNode, Target } from '../../net/node.ts'
import type { Wire } from '../../net/wire.ts'

export async function over<Result>(
  net: NetNode,
  target: Target,
  protocol: string,
  talk: (wire: Wire) => Promise<Result>,
): Promise<Result> {
  const wire = await net.open(target, protocol)
  try {
    const result = await talk(wire)
    await wire.close()
    return result
  } catch (cause) {
    wire.abort(cause)
    throw cause
  }
}

const receive = async (wire: Wire): Promise<StoreMessage> => decodeStore(await wire.receive(MAX_STORE_BYTES))

/** Offers and sends a blob; the countersignature, and from where the steward wanted the bytes. */
export function sendBlob(
  net: NetNode,
  target: Target,
  offer: { readonly placement: Placement; readonly signature: Uint8Array; readonly locator?: Uint8Array },
  blob: Uint8Array,
  /** Stops after so many bytes, as if the machine went down. */
  cutAt?: number,
): Promise<{ readonly signature: Uint8Array; readonly offset: number }> {
  return over(net, target, STORE_PROTOCOL, async (wire) => {
    await wire.send(encodeStore({ kind: 'offer', ...offer }))
    const { offset } = only(await receive(wire), 'go')
    await wire.sendBytes(blob.subarray(offset, cutAt ?? blob.length))
    if (cutAt !== undefined) {
      await net.disconnect(wire.remote)
      throw new Error('cut')
    }
    return { signature: only(await receive(wire), 'signed').signature, offset }
  })
}

/** One request of store/1 that is answered at once. */
export function ask(net: NetNode, target: Target, request: StoreMessage, raw?: Uint8Array): Promise<StoreMessage> {
  return over(net, target, STORE_PROTOCOL, async (wire) => {
    await wire.send(encodeStore(request))
    if (raw) await wire.sendBytes(raw)
    return receive(wire)
  })
}

export function pushDocket(
  net: NetNode,
  target: Target,
  docketHash: Uint8Array,
  bountyId: Uint8Array,
  docket: Uint8Array,
): Promise<void> {
  return over(net, target, DOCKET_PROTOCOL, async (wire) => {
    await wire.send(encodeDocketMessage({ kind: 'push', docketHash, bountyId, length: docket.length }))
    only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'go')
    await wire.sendBytes(docket)
    only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'taken')
  })
}

/** One auction with one bidder. `lot` undefined: it loses. */
export function auction(
  net: NetNode,
  target: Target & { readonly id?: Address },
  uploader: { readonly secret: Uint8Array },
  advert: Advert,
  lot: number | undefined,
  tamper: { readonly commits?: boolean; readonly clearing?: boolean } = {},
): Promise<Bid> {
  const hash = advertHashOf(advert)
  const id = target.id as Address
  return over(net, target, BID_PROTOCOL, async (wire) => {
    const next = async () => decodeBidMessage(await wire.receive(MAX_BID_BYTES))
    await wire.send(encodeBidMessage({ kind: 'invite', advert }))
    const { commit } = only(await next(), 'sealed')
    const entries = [{ steward: id, commit: tamper.commits ? new Uint8Array(32) : commit, confidence: 900_000 }]
    const root = commitsRoot(hash, entries)
    await wire.send(encodeBidMessage({ kind: 'book', root, count: 1 }))
    await wire.send(encodeBidMessage({ kind: 'commits', entries }))
    const { bid, salt } = only(await next(), 'reveal')
    if (toHex(bidCommit(bid, salt)) !== toHex(commit)) throw new Error('the reveal is not the commit')
    const price = advert.reserve
    const reveals = [{ bid, salt, ...(lot === undefined ? {} : { lot }) }]
    const signer = tamper.clearing ? new Uint8Array(32).fill(7) : uploader.secret
    const signature = signDigest(signer, clearingDigest(hash, root, price, reveals))
    await wire.send(
      encodeBidMessage({ kind: 'outcome', price, count: 1, signature, ...(lot === undefined ? {} : { lot }) }),
    )
    await wire.send(encodeBidMessage({ kind: 'reveals', entries: reveals }))
    await wire.close()
    await wire.receiveEnd()
    return bid
  })
}
