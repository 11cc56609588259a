/** The controller's side of store/1, fetch/1 and docket/1: what jobs.ts asks of stewards, over real streams. */
import { equalBytes, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { DOCKET_PROTOCOL, decodeDocketMessage, encodeDocketMessage, MAX_DOCKET_FRAME } from '../net/messages/docket.ts'
import { only } from '../net/messages/fields.ts'
import { decodeStore, encodeStore, MAX_STORE_BYTES, STORE_PROTOCOL, type StoreMessage } from '../net/messages/store.ts'
import {
  decodeVoucherMessage,
  encodeVoucherMessage,
  MAX_VOUCHER_FRAME,
  VOUCHER_PROTOCOL,
} from '../net/messages/voucher.ts'
import type { NetNode, Peer, Target } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import type { Wire } from '../net/wire.ts'
import { fetchBlob } from '../pool/fetch-blob.ts'
import type { PlainBulk } from '../pool/plain-bulk.ts'
import type { SignedVoucher, StewardCalls } from './ports.ts'
import type { SuccessorDeps } from './successors.ts'

/**
 * @param locate where a steward listens now. @throws `POOL_UNREGISTERED`
 * @param plain when given, blobs may come over plain endpoints
 */
export function createStewardCalls(
  net: Pick<NetNode, 'open'>,
  locate: (steward: Address) => Target,
  plain?: PlainBulk,
): StewardCalls & Pick<SuccessorDeps, 'handSuccessor'> {
  const withWire = async <Result>(
    steward: Address,
    protocol: string,
    signal: AbortSignal,
    say: (wire: Wire) => Promise<Result>,
  ): Promise<Result> => talk(net, locate(steward), protocol, signal, say)
  const answer = async <Kind extends StoreMessage['kind']>(
    wire: Wire,
    kind: Kind,
  ): Promise<Extract<StoreMessage, { kind: Kind }>> => {
    const message = decodeStore(await wire.receive(MAX_STORE_BYTES))
    if (message.kind !== kind) throw new HoldfastError('NET_PROTOCOL', { what: `store/1 ${message.kind}` })
    return message as Extract<StoreMessage, { kind: Kind }>
  }
  return {
    renew: (steward, placement, signature, signal) =>
      withWire(steward, STORE_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeStore({ kind: 'renewal', placement, signature }))
        return (await answer(wire, 'signed')).signature
      }),
    terms: (steward, placement, signal) =>
      withWire(steward, STORE_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeStore({ kind: 'terms', placement }))
        return only(decodeStore(await wire.receive(MAX_STORE_BYTES)), 'quote', 'leaving')
      }),
    giveNotice: (steward, notice, signal) =>
      withWire(steward, STORE_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeStore({ kind: 'notice', ...notice }))
        await answer(wire, 'taken')
      }),
    announceRows: (steward, rows, signal) =>
      withWire(steward, STORE_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeStore({ kind: 'rows', ...rows }))
        await answer(wire, 'taken')
      }),
    handDocket: (steward, { bountyId, docketHash, bytes }, signal) =>
      withWire(steward, DOCKET_PROTOCOL, signal, async (wire) => {
        const step = async (kind: 'go' | 'taken') => {
          const message = decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME))
          if (message.kind !== kind) throw new HoldfastError('NET_PROTOCOL', { what: `docket/1 ${message.kind}` })
        }
        await wire.send(encodeDocketMessage({ kind: 'push', docketHash, bountyId, length: bytes.length }))
        await step('go')
        await wire.sendBytes(bytes)
        await step('taken')
      }),
    askRelease: (steward, ask, limit, keep, signal) =>
      withWire(steward, DOCKET_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeDocketMessage({ kind: 'ask', ...ask }))
        const said = only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'release', 'nothing')
        if (said.kind === 'nothing') return false
        if (!equalBytes(said.bountyId, ask.bountyId) || said.count > limit)
          throw new HoldfastError('NET_MALFORMED', { what: 'a release of another bounty' })
        const ids = new Uint8Array(32 * said.count)
        await wire.receiveInto(ids)
        const lost = Array.from({ length: said.count }, (_, i) => ids.subarray(32 * i, 32 * i + 32))
        await keep({ deadline: said.deadline, signature: said.signature, lost })
        await wire.send(encodeDocketMessage({ kind: 'taken' }))
        return true
      }),
    bisect: (steward, { bytes, patienceMs, ...question }, signal) =>
      withWire(steward, DOCKET_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeDocketMessage({ kind: 'bisect', ...question, length: bytes.length }))
        only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'go')
        await wire.sendBytes(bytes)
        const said = decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME, { within: patienceMs }))
        return only(said, 'answer').answer
      }),
    offer: (steward, { bytes, patienceMs, ...offer }, accept, signal) =>
      withWire(steward, VOUCHER_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeVoucherMessage({ kind: 'offer', ...offer, length: bytes.length }))
        only(decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME)), 'go')
        await wire.sendBytes(bytes)
        const said = decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME, { within: patienceMs }))
        await giveVoucher(wire, await accept(only(said, 'answer')))
      }),
    handVoucher: (steward, voucher, signal) =>
      withWire(steward, VOUCHER_PROTOCOL, signal, (wire) => giveVoucher(wire, voucher)),
    handSuccessor: (steward, { blobId, version, sealed, signature }, signal) =>
      withWire(steward, STORE_PROTOCOL, signal, async (wire) => {
        await wire.send(encodeStore({ kind: 'successor', blobId, version, length: sealed.length, signature }))
        await wire.sendBytes(sealed)
        await answer(wire, 'taken')
      }),
    read: async (steward, blob, signal) => (await fetchBlob(net, locate(steward), { ...blob, signal, plain })).bytes,
  }
}

async function giveVoucher(wire: Wire, voucher: SignedVoucher): Promise<void> {
  await wire.send(encodeVoucherMessage({ kind: 'voucher', ...voucher }))
  only(decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME)), 'taken')
}

/** Serves dockets by hash to the stewards they are for, until their bounty is closed. */
export function serveDockets(docket: (hash: string, asker: Address | undefined) => Promise<Uint8Array | undefined>) {
  return async (wire: Wire, peer: Peer): Promise<void> => {
    const message = decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME))
    if (message.kind !== 'get') throw new HoldfastError('NET_PROTOCOL', { what: `docket/1 ${message.kind}` })
    const bytes = await docket(toHex(message.docketHash), peer.id)
    if (!bytes) throw new HoldfastError('BLOB_UNKNOWN', { blob: toHex(message.docketHash) })
    await wire.send(encodeDocketMessage({ kind: 'docket', length: bytes.length }))
    await wire.sendBytes(bytes)
  }
}
