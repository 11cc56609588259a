/**
 * The other end of a transfer: dials the plain endpoint that the registrar names and moves the bytes that were agreed on. Whoever uses it has
 * the encrypted way as well, so a failure here costs a moment, and a member whose plain endpoint failed is left alone for a while.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { decodeBulk, encodeBulk, MAX_BULK_BYTES } from '../net/messages/bulk.ts'
import { only } from '../net/messages/fields.ts'
import { dialPlain, type PlainGate, type PlainLimits } from '../net/plain-host.ts'
import { type ByteSource, CHUNK, type Wire } from '../net/wire.ts'
import { plainAddressesOf, type RegistryView } from './registry-view.ts'

/** After a failure a member's plain endpoint is not tried for so long. Milliseconds. */
const REST_MS = 60_000

/** Bytes over plain endpoints. */
export interface PlainBulk {
  /** The member has a plain endpoint, is in good standing, and did not fail a moment ago. */
  isWorthTrying(id: Address): boolean
  /** Fills `target`; nothing is checked here. @throws what the network throws, `NET_TRANSFER`, `NET_PROTOCOL` for another length */
  take(
    id: Address,
    transfer: Uint8Array,
    target: Uint8Array,
    options?: { readonly signal?: AbortSignal; onBytes?(count: number): void },
  ): Promise<void>
  /** Resolves when the other side has all of it. @throws what the network throws, `NET_TRANSFER` */
  give(id: Address, transfer: Uint8Array, bytes: ByteSource, options?: { readonly signal?: AbortSignal }): Promise<void>
  /** It did not work, or what came was not the blob: somebody on the way may have changed it, so nobody is blamed. */
  failed(id: Address, why: unknown): void
}

export interface PlainBulkOptions {
  readonly registry: RegistryView
  readonly gate: PlainGate
  readonly limits?: Partial<PlainLimits>
  readonly clock: Clock
  readonly log: Log
}

export function createPlainBulk({ registry, gate, limits, clock, log }: PlainBulkOptions): PlainBulk {
  /** Until when a member is left alone. Monotonic milliseconds. */
  const resting = new Map<Address, number>()

  const addressesAt = (id: Address): readonly string[] => {
    const member = registry.member(id)
    return member === undefined || !registry.inGoodStanding(id) ? [] : plainAddressesOf(member)
  }

  async function withWire(
    id: Address,
    signal: AbortSignal | undefined,
    talk: (wire: Wire) => Promise<void>,
  ): Promise<void> {
    const dial = { addresses: addressesAt(id), to: id, gate, clock }
    const wire = await dialPlain({
      ...dial,
      ...(limits === undefined ? {} : { limits }),
      ...(signal === undefined ? {} : { signal }),
    })
    try {
      await talk(wire)
      await wire.close()
    } catch (cause) {
      wire.abort(cause)
      throw cause
    }
  }

  return {
    isWorthTrying: (id) => (resting.get(id) ?? 0) <= clock.monotonic() && addressesAt(id).length > 0,
    take: (id, transfer, target, { signal, onBytes } = {}) =>
      withWire(id, signal, async (wire) => {
        await wire.send(encodeBulk({ kind: 'take', transfer }))
        const { length } = only(decodeBulk(await wire.receive(MAX_BULK_BYTES)), 'bytes')
        if (length !== target.length) throw new HoldfastError('NET_PROTOCOL', { what: `${length} bytes` })
        for (let at = 0; at < target.length; at += CHUNK) {
          const piece = target.subarray(at, at + CHUNK)
          await wire.receiveInto(piece)
          onBytes?.(piece.length)
        }
      }),
    give: (id, transfer, bytes, { signal } = {}) =>
      withWire(id, signal, async (wire) => {
        await wire.send(encodeBulk({ kind: 'give', transfer }))
        only(decodeBulk(await wire.receive(MAX_BULK_BYTES)), 'go')
        await wire.sendBytes(bytes)
        only(decodeBulk(await wire.receive(MAX_BULK_BYTES)), 'taken')
      }),
    failed: (id, why) => {
      resting.set(id, clock.monotonic() + REST_MS)
      const { code, message } = asHoldfastError(why)
      log.info('plain.failed', { peer: id, code, what: message })
    },
  }
}
