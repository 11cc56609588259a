/**
 * Transfers over the plain endpoint, on the side that listens. What goes where is agreed on over the encrypted channel and gets a one-time
 * random id; the plain endpoint moves the bytes under that id and knows nothing else. An id is bound to blob, offset, length, direction and
 * peer, lives a minute, and is spent by the first who shows it, right or wrong.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Rng } from '../base/ports.ts'
import { decodeBulk, encodeBulk, MAX_BULK_BYTES } from '../net/messages/bulk.ts'
import { only } from '../net/messages/fields.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'

/** An id that nobody has shown is forgotten after this. Milliseconds. */
const LIFE_MS = 60_000
/** Ids open at the same time, in all and of one peer key; more go the encrypted way. */
const MAX_OPEN = 1024
const MAX_OF_PEER = 64
/** Fewer bytes are not worth a connection of their own. */
export const WORTH_PLAIN = 64 * 1024

/** What an id stands for. */
export interface TransferTerms {
  readonly blobId: Uint8Array
  readonly from: number
  readonly length: number
}

/** Bytes that are awaited under an id. */
export interface Arrival {
  readonly id: Uint8Array
  /** Resolves when nothing more comes: true, all bytes were written; false, they were not. @throws what `write` threw */
  whole(): Promise<boolean>
  /** Nothing is written after this resolves. */
  cancel(): Promise<void>
}

export interface Transfers {
  /**
   * Bytes that the peer may take. Undefined: too much is open, or it is not worth it.
   * @param read gives exactly `terms.length` bytes, or throws
   * @param served called after everything was sent
   */
  offer(
    peer: Peer,
    terms: TransferTerms,
    read: () => AsyncIterable<Uint8Array>,
    served?: () => void,
  ): Uint8Array | undefined
  /** Bytes that the peer may bring, written in order. Undefined as for `offer`. */
  await(peer: Peer, terms: TransferTerms, write: (chunk: Uint8Array) => Promise<void>): Arrival | undefined
  /** Handler of the plain endpoint. */
  serve(wire: Wire, peer: Peer): Promise<void>
  /** Ids that nobody has shown yet. */
  open(): number
}

interface Open {
  readonly direction: 'take' | 'give'
  readonly terms: TransferTerms
  /** Who agreed to it: the same must show it, where it has an id. */
  readonly peer: Address | undefined
  readonly channel: Address
  /** Monotonic milliseconds. */
  readonly until: number
  move(wire: Wire): Promise<void>
}

export interface TransfersOptions {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
}

export function createTransfers({ clock, rng, log }: TransfersOptions): Transfers {
  /** By id, hex, oldest first. */
  const open = new Map<string, Open>()

  function dropExpired(): void {
    const now = clock.monotonic()
    for (const [name, { until }] of open) {
      if (until > now) return
      open.delete(name)
    }
  }

  function enter(peer: Peer, one: Pick<Open, 'direction' | 'terms' | 'move'>): Uint8Array | undefined {
    dropExpired()
    if (one.terms.length < WORTH_PLAIN || open.size >= MAX_OPEN) return undefined
    let own = 0
    for (const { channel } of open.values()) if (channel === peer.channel) own++
    if (own >= MAX_OF_PEER) return undefined
    const id = rng.bytes(32)
    open.set(toHex(id), { ...one, peer: peer.id, channel: peer.channel, until: clock.monotonic() + LIFE_MS })
    return id
  }

  return {
    offer: (peer, terms, read, served) =>
      enter(peer, {
        direction: 'take',
        terms,
        move: async (wire) => {
          await wire.send(encodeBulk({ kind: 'bytes', length: terms.length }))
          await wire.sendBytes(read())
          served?.()
        },
      }),

    await: (peer, terms, write) => {
      const stopping = new AbortController()
      let settle: (outcome: Promise<boolean>) => void = () => undefined
      const outcome = new Promise<boolean>((resolve) => {
        settle = resolve
      })
      outcome.catch(() => undefined) // whoever awaits it has it
      let moving: Promise<void> | undefined
      const receive = async (wire: Wire) => {
        const onStop = () => wire.abort(new HoldfastError('INTERRUPTED'))
        stopping.signal.addEventListener('abort', onStop, { once: true })
        await wire.send(encodeBulk({ kind: 'go', length: terms.length }))
        for await (const chunk of wire.receiveBytes(terms.length)) {
          stopping.signal.throwIfAborted()
          await write(chunk).catch((cause: unknown) => {
            settle(Promise.reject(asHoldfastError(cause)))
            throw cause
          })
        }
        settle(Promise.resolve(true))
        await wire.send(encodeBulk({ kind: 'taken' }))
      }
      const id = enter(peer, {
        direction: 'give',
        terms,
        move: (wire) => {
          if (stopping.signal.aborted) throw new HoldfastError('NET_TRANSFER')
          moving = receive(wire).finally(() => settle(Promise.resolve(false)))
          return moving
        },
      })
      if (id === undefined) return undefined
      return {
        id,
        whole: async () => {
          // shown by nobody: whoever says that everything was sent, sent it to somebody else
          if (moving === undefined) return false
          return outcome
        },
        cancel: async () => {
          stopping.abort()
          open.delete(toHex(id))
          await moving?.catch(() => undefined) // it was told to end
        },
      }
    },

    serve: async (wire, peer) => {
      const request = only(decodeBulk(await wire.receive(MAX_BULK_BYTES)), 'take', 'give')
      dropExpired()
      const name = toHex(request.transfer)
      const found = open.get(name)
      open.delete(name)
      if (found === undefined || found.direction !== request.kind || found.peer !== peer.id) {
        log.debug('plain.transfer', { kind: request.kind, known: found !== undefined })
        throw new HoldfastError('NET_TRANSFER')
      }
      await found.move(wire)
    },

    open: () => {
      dropExpired()
      return open.size
    },
  }
}
