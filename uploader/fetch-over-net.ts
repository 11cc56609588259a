/** `FetchBlob` over a node: pool's checked fetch, with news of the bytes as they come, so that a stalled holder is seen as one. */
import { HoldfastError } from '../base/errors.ts'
import type { NetNode } from '../net/node.ts'
import { CHUNK, type Wire } from '../net/wire.ts'
import { fetchBlob } from '../pool/fetch-blob.ts'
import type { PlainBulk } from '../pool/plain-bulk.ts'
import type { FetchBlob } from './holders.ts'

/** @param plain when given, bytes may come over holders' plain endpoints. @throws as `fetchBlob` of pool/, and `NET_OVERSIZE` for more than `maxLength` */
export function createFetchBlob(net: Pick<NetNode, 'open'>, plain?: PlainBulk): FetchBlob {
  return async (holder, { blobId, token, length, maxLength, signal, onBytes }) => {
    const watched: Pick<NetNode, 'open'> = {
      open: async (target, protocol, options) => watch(await net.open(target, protocol, options), maxLength, onBytes),
    }
    return fetchBlob(watched, holder, {
      blobId,
      token,
      signal,
      ...(length === undefined ? {} : { length }),
      // where the length is not known, the wire's own cap for it holds: see `watch`
      plain: length === undefined ? undefined : plain,
      onPlainBytes: (count) => onBytes?.(count),
    })
  }
}

/** The same wire, but for raw ranges, which are read in pieces. */
function watch(wire: Wire, maxLength: number | undefined, onBytes: ((count: number) => void) | undefined): Wire {
  return {
    protocol: wire.protocol,
    remote: wire.remote,
    gone: wire.gone,
    send: (value) => wire.send(value),
    sendBytes: (source) => wire.sendBytes(source),
    receive: (maxBytes, options) => wire.receive(maxBytes, options),
    receiveOrEnd: (maxBytes, options) => wire.receiveOrEnd(maxBytes, options),
    receiveEnd: (options) => wire.receiveEnd(options),
    receiveBytes: (count) => wire.receiveBytes(count),
    receiveInto: async (target) => {
      if (maxLength !== undefined && target.length > maxLength)
        throw new HoldfastError('NET_OVERSIZE', { limit: maxLength, got: target.length })
      for (let at = 0; at < target.length; at += CHUNK) {
        const piece = target.subarray(at, at + CHUNK)
        await wire.receiveInto(piece)
        onBytes?.(piece.length)
      }
    },
    close: () => wire.close(),
    abort: (cause) => wire.abort(cause),
  }
}
