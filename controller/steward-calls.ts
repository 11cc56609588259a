/** The controller's side of store/1, fetch/1 and docket/1: what jobs.ts asks of stewards, over real streams. */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { DOCKET_PROTOCOL, decodeDocketMessage, encodeDocketMessage, MAX_DOCKET_FRAME } from '../net/messages/docket.ts'
import { decodeStore, encodeStore, MAX_STORE_BYTES, STORE_PROTOCOL, type StoreMessage } from '../net/messages/store.ts'
import type { NetNode, Peer, Target } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import { fetchBlob } from '../pool/fetch-blob.ts'
import type { StewardCalls } from './jobs.ts'

/** @param locate where a steward listens now. @throws `POOL_UNREGISTERED` */
export function createStewardCalls(net: Pick<NetNode, 'open'>, locate: (steward: Address) => Target): StewardCalls {
  const withWire = async <Result>(
    steward: Address,
    protocol: string,
    signal: AbortSignal,
    talk: (wire: Wire) => Promise<Result>,
  ): Promise<Result> => {
    const wire = await net.open(locate(steward), protocol, { signal })
    try {
      const result = await talk(wire)
      await wire.close()
      return result
    } catch (cause) {
      wire.abort(cause)
      throw cause
    }
  }
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
    read: async (steward, blob, signal) => (await fetchBlob(net, locate(steward), { ...blob, signal })).bytes,
  }
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
