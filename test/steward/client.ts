/** The other side of the steward's protocols, for tests: as short as the messages allow. */
import { fromHex, toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { signDigest } from '../../base/curve.ts'
import { type Domain, demandDigest, type Placement } from '../../base/typed-data.ts'
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
import {
  decodeVoucherMessage,
  encodeVoucherMessage,
  MAX_VOUCHER_FRAME,
  VOUCHER_PROTOCOL,
  type VoucherMessage,
} from '../../net/messages/voucher.ts'
import type { NetNode, Target } from '../../net/node.ts'
import type { Wire } from '../../net/wire.ts'
import { biddersOf, sealedOf, termsOf } from '../../pool/clearing.ts'
import type { Right } from '../../pool/grant.ts'
import { selectAwards } from '../../pricing/auction.ts'

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
  offer: {
    readonly placement: Placement
    readonly signature: Uint8Array
    readonly locator?: Uint8Array
    readonly right?: Right
  },
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

/** Asks whether a bounty is released, as its poster; undefined: no. Ids of lost blobs in hex. */
export function askRelease(
  net: NetNode,
  target: Target,
  secret: Uint8Array,
  domain: Domain,
  { id, docketHash }: { readonly id: string; readonly docketHash: Uint8Array },
): Promise<
  { readonly lost: readonly string[]; readonly deadline: number; readonly signature: Uint8Array } | undefined
> {
  return over(net, target, DOCKET_PROTOCOL, async (wire) => {
    const bountyId = fromHex(id, 32)
    const signature = signDigest(secret, demandDigest(domain, { bountyId, docketHash }))
    await wire.send(encodeDocketMessage({ kind: 'ask', bountyId, docketHash, signature }))
    const answer = decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME))
    if (answer.kind === 'nothing') return undefined
    const release = only(answer, 'release')
    const ids = new Uint8Array(32 * release.count)
    await wire.receiveInto(ids)
    await wire.send(encodeDocketMessage({ kind: 'taken' }))
    const lost = Array.from({ length: release.count }, (_, i) => toHex(ids.subarray(32 * i, 32 * i + 32)))
    return { lost, deadline: release.deadline, signature: release.signature }
  })
}

/** One auction with one bidder. `lot` undefined: it loses. */
export function auction(
  net: NetNode,
  target: Target & { readonly id?: Address },
  uploader: { readonly secret: Uint8Array },
  advert: Advert,
  lot: number | undefined,
  tamper: { readonly commits?: boolean; readonly clearing?: boolean; readonly price?: bigint } = {},
): Promise<Bid> {
  const hash = advertHashOf(advert)
  const id = target.id as Address
  return over(net, target, BID_PROTOCOL, async (wire) => {
    const next = async () => decodeBidMessage(await wire.receive(MAX_BID_BYTES))
    await wire.send(encodeBidMessage({ kind: 'invite', advert }))
    const { commit } = only(await next(), 'sealed')
    const sealed = tamper.commits ? new Uint8Array(32) : commit
    const entries = [{ steward: id, commit: sealed, confidence: 1_000_000, cluster: 0, newcomer: 0, backing: 0n }]
    // without a lot to give out everybody loses
    const rules = { lots: lot === undefined ? [] : [lot], reserve: advert.reserve, held: [] }
    const root = commitsRoot(hash, rules, entries)
    await wire.send(encodeBidMessage({ kind: 'book', root, count: 1, rules }))
    await wire.send(encodeBidMessage({ kind: 'commits', entries }))
    const { bid, salt } = only(await next(), 'reveal')
    if (toHex(bidCommit(bid, salt)) !== toHex(commit)) throw new Error('the reveal is not the commit')
    const cleared = selectAwards(sealedOf(entries, [{ bid, salt }]), biddersOf(entries), termsOf(advert, rules))
    const price = tamper.price ?? cleared.price
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

/** A round off chain as its uploader offers it. */
export interface OfferMade {
  readonly docket: Uint8Array
  readonly docketHash: Uint8Array
  readonly amount: bigint
  readonly deadline: number
  /** Over `Docket(steward, docketHash, amount, deadline)`. */
  readonly signature: Uint8Array
}

type OfferedVoucher = Extract<VoucherMessage, { kind: 'voucher' }>

/** Offers a round; `voucherFor` makes what is sent for the answer, undefined: nothing. */
export function offerRound(
  net: NetNode,
  target: Target,
  { docket, ...offer }: OfferMade,
  voucherFor: (
    answer: Extract<VoucherMessage, { kind: 'answer' }>,
  ) => OfferedVoucher | undefined | Promise<OfferedVoucher>,
): Promise<Extract<VoucherMessage, { kind: 'answer' }>> {
  return over(net, target, VOUCHER_PROTOCOL, async (wire) => {
    await wire.send(encodeVoucherMessage({ kind: 'offer', ...offer, length: docket.length }))
    only(decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME)), 'go')
    await wire.sendBytes(docket)
    const answer = only(decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME)), 'answer')
    const voucher = await voucherFor(answer)
    if (voucher === undefined) return answer
    await wire.send(encodeVoucherMessage(voucher))
    only(decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME)), 'taken')
    return answer
  })
}

/** Sends a voucher on a stream of its own. */
export function sendVoucher(
  net: NetNode,
  target: Target,
  voucher: Extract<VoucherMessage, { kind: 'voucher' }>,
): Promise<void> {
  return over(net, target, VOUCHER_PROTOCOL, async (wire) => {
    await wire.send(encodeVoucherMessage(voucher))
    only(decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME)), 'taken')
  })
}
