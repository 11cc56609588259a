/** What tests of the uploader share: a clock, chance from a seed, a source and a journal in memory, stewards that are maps. */
import { createHash } from 'node:crypto'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import type { Clock, Log, Rng } from '../../base/ports.ts'
import { placementDigest } from '../../base/typed-data.ts'
import { unixTime } from '../../base/units.ts'
import type { SendBlob } from '../../uploader/place-blob.ts'
import type { StewardTarget } from '../../uploader/put-book.ts'
import type { PutJournal } from '../../uploader/put-journal.ts'
import type { Sink, Source } from '../../uploader/source.ts'

export const realClock: Clock = {
  now: () => unixTime(Math.floor(Date.now() / 1000)),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const timer = setTimeout(resolve, ms)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Bytes from a seed: the same each time. */
export function seededRng(seed: string): Rng {
  let counter = 0
  return {
    bytes: (length) => {
      const parts: Uint8Array[] = []
      for (let have = 0; have < length; have += 32)
        parts.push(createHash('sha256').update(`${seed}/${counter++}`).digest())
      return Uint8Array.from(Buffer.concat(parts).subarray(0, length))
    },
  }
}

export function memorySource(bytes: Uint8Array, path = 'file'): Source {
  return {
    path,
    size: bytes.length,
    read: async (offset, length) => bytes.slice(offset, offset + length),
    assertUnchanged: async () => {},
  }
}

export function memorySink(): Sink & { bytes(): Uint8Array } {
  const parts: Uint8Array[] = []
  return { write: async (bytes) => void parts.push(bytes.slice()), bytes: () => Uint8Array.from(Buffer.concat(parts)) }
}

export function memoryJournal(): PutJournal & { readonly records: Map<string, Uint8Array> } {
  const records = new Map<string, Uint8Array>()
  return {
    records,
    read: async (name) => records.get(name),
    write: async (name, bytes) => void records.set(name, bytes),
    clear: async () => records.clear(),
  }
}

/** A steward that is a map, reached by a function call. */
export interface MapSteward {
  readonly target: StewardTarget
  readonly secret: Uint8Array
  readonly blobs: Map<string, Uint8Array>
  readonly tokens: Map<string, string>
  readonly copies: Map<string, string[]>
  /** Every send begins with it; throws to refuse. */
  onOffer: (blobId: string) => void | Promise<void>
}

export function mapSteward(name: string): MapSteward {
  const secret = sha256(new TextEncoder().encode(`steward ${name}`))
  return {
    target: { id: addressOf(secret), addresses: [`/map/${name}`] },
    secret,
    blobs: new Map(),
    tokens: new Map(),
    copies: new Map(),
    onOffer: () => {},
  }
}

/** Sends into maps; counts the bytes that really went. */
export function mapSend(stewards: readonly MapSteward[]): {
  readonly send: SendBlob
  readonly sent: { bytes: number; blobs: number }
} {
  const byId = new Map<Address, MapSteward>(stewards.map((steward) => [steward.target.id, steward]))
  const sent = { bytes: 0, blobs: 0 }
  return {
    sent,
    send: async ({ id }, { placement, domain, announce }, blob, { signal, onBytes }) => {
      const steward = byId.get(id)
      if (steward === undefined) throw new HoldfastError('NET_UNREACHABLE', { what: id })
      const key = toHex(placement.blobId)
      await steward.onOffer(key)
      signal.throwIfAborted()
      if (!steward.blobs.has(key)) {
        if (createHash('sha256').update(blob).digest('hex') !== key)
          throw new HoldfastError('BLOB_CORRUPT', { blob: key })
        steward.blobs.set(key, blob.slice())
        sent.bytes += blob.length
        sent.blobs++
        onBytes?.(blob.length)
      }
      steward.tokens.set(key, toHex(placement.tokenHash))
      if (announce !== undefined)
        steward.copies.set(toHex(announce), [...(steward.copies.get(toHex(announce)) ?? []), key])
      return signDigest(steward.secret, placementDigest(domain, placement))
    },
  }
}
