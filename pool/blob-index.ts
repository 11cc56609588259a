/**
 * The blob index (P10): which steward holds which blob, in memory only. Losing it costs nothing that the holders do not announce
 * again within seconds. Records expire by the index's own monotonic clock; every announcer has a quota of its own.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { encodeCbor } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Service } from '../base/ports.ts'
import {
  decodeIndex,
  encodeIndex,
  type IndexRecord,
  isSigned,
  MAX_INDEX_BYTES,
  RECORD_LIFE,
  recordBytes,
} from '../net/messages/index-records.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import { MAX_OFFSET } from './handshake.ts'
import { ROLE } from './registry-view.ts'

/** Bounds of an index. Records. protocol.md §6. */
export interface IndexLimits {
  /** Of one announcer under one locator: copies of one manifest. */
  readonly perAnnouncerAndKey: number
  readonly perKey: number
  readonly perAnnouncer: number
  readonly total: number
}

export const INDEX_LIMITS: IndexLimits = { perAnnouncerAndKey: 4, perKey: 32, perAnnouncer: 250_000, total: 2_000_000 }

/** Requests on one stream before the peer has to open another: nobody holds a stream for ever. */
const MAX_REQUESTS = 10_000
/** Signatures checked before others get their turn. */
const CHECKS_PER_TURN = 8
/** Expired records are forgotten so often. Milliseconds. */
const SWEEP_MS = 60_000
/** What a page needs besides its records. Bytes. */
const PAGE_OVERHEAD = 64

export interface BlobIndexOptions {
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<IndexLimits>
}

export interface BlobIndex extends Service {
  /** Handler of `/holdfast/index/1`. */
  serve(wire: Wire, peer: Peer): Promise<void>
  /** Takes the records that are the announcer's own, in time, signed and within its quota. Returns how many it keeps. */
  announce(records: readonly IndexRecord[], announcer: Address): Promise<number>
  /** What is known of these keys now. */
  lookup(keys: readonly Uint8Array[]): IndexRecord[]
  /** Records, and announcers that have some. */
  size(): { readonly records: number; readonly announcers: number }
}

interface Entry {
  readonly name: string
  readonly key: string
  readonly record: IndexRecord
  /** Monotonic milliseconds. */
  readonly until: number
  readonly bytes: number
}

export function createBlobIndex(options: BlobIndexOptions): BlobIndex {
  const { clock, log } = options
  const limits = { ...INDEX_LIMITS, ...options.limits }
  const byKey = new Map<string, Entry[]>()
  /** Of each announcer, by name, the longest not announced first. */
  const byAnnouncer = new Map<Address, Map<string, Entry>>()
  let total = 0
  let sweeper: NodeJS.Timeout | undefined

  function forget(entry: Entry): void {
    const own = byAnnouncer.get(entry.record.holder)
    if (own?.get(entry.name) !== entry) return
    own.delete(entry.name)
    if (own.size === 0) byAnnouncer.delete(entry.record.holder)
    const others = (byKey.get(entry.key) ?? []).filter((one) => one !== entry)
    if (others.length === 0) byKey.delete(entry.key)
    else byKey.set(entry.key, others)
    total--
  }

  function sweep(): void {
    const now = clock.monotonic()
    for (const own of byAnnouncer.values())
      for (const entry of own.values()) {
        if (entry.until > now) break // the rest was announced later
        forget(entry)
      }
  }

  /** Makes room, from whoever has most of it; never from others. False: there is none for this announcer under this key. */
  function makeRoom(key: string, announcer: Address, isReplaced: boolean): boolean {
    const now = clock.monotonic()
    for (const entry of byKey.get(key) ?? []) if (entry.until <= now) forget(entry)
    if (isReplaced) return true
    const here = byKey.get(key) ?? []
    if (here.filter((entry) => entry.record.holder === announcer).length >= limits.perAnnouncerAndKey) return false
    if (here.length >= limits.perKey) return false
    const own = byAnnouncer.get(announcer)
    if (own !== undefined && own.size >= limits.perAnnouncer) forget(own.values().next().value as Entry)
    if (total >= limits.total) {
      sweep()
      let largest = own
      for (const one of byAnnouncer.values()) if (one.size > (largest?.size ?? 0)) largest = one
      if (total >= limits.total && largest !== undefined) forget(largest.values().next().value as Entry)
    }
    return true
  }

  function keep(record: IndexRecord, key: string, name: string, until: number): boolean {
    const announcer = record.holder
    const former = byAnnouncer.get(announcer)?.get(name)
    if (!makeRoom(key, announcer, former !== undefined)) return false
    if (former !== undefined) forget(former)
    const entry: Entry = { name, key, record, until, bytes: recordBytes(record) }
    const own = byAnnouncer.get(announcer) ?? new Map<string, Entry>()
    byAnnouncer.set(announcer, own.set(name, entry))
    byKey.set(key, [...(byKey.get(key) ?? []), entry])
    total++
    return true
  }

  async function announce(records: readonly IndexRecord[], announcer: Address): Promise<number> {
    let kept = 0
    let checked = 0
    for (const record of records) {
      const life = record.expires - clock.now()
      if (record.holder !== announcer || life <= 0 || life > RECORD_LIFE + MAX_OFFSET) continue
      const key = toHex(record.key)
      const name = record.blobId === undefined ? key : `${key} ${toHex(record.blobId)}`
      const former = byAnnouncer.get(announcer)?.get(name)
      const isKnown =
        former !== undefined && equalBytes(former.record.signature, record.signature) && isSame(former.record, record)
      if (!isKnown) {
        if (++checked % CHECKS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
        if (!isSigned(record)) continue
      }
      const until = clock.monotonic() + Math.min(life, RECORD_LIFE) * 1000
      if (keep(record, key, name, until)) kept++
    }
    if (kept < records.length) log.debug('index.refused', { announcer, kept, of: records.length })
    return kept
  }

  function found(keys: readonly Uint8Array[]): Entry[] {
    const now = clock.monotonic()
    const unique = new Set(keys.map(toHex))
    return [...unique].flatMap((key) => (byKey.get(key) ?? []).filter((entry) => entry.until > now))
  }

  async function answer(wire: Wire, entries: readonly Entry[]): Promise<void> {
    let at = 0
    do {
      const page: IndexRecord[] = []
      for (let room = MAX_INDEX_BYTES - PAGE_OVERHEAD; at < entries.length && page.length < 4096; at++) {
        const entry = entries[at] as Entry
        room -= entry.bytes
        if (room < 0) break
        page.push(entry.record)
      }
      await wire.send(encodeIndex({ kind: 'found', records: page, more: at < entries.length ? 1 : 0 }))
    } while (at < entries.length)
  }

  async function serve(wire: Wire, peer: Peer): Promise<void> {
    for (let requests = 0; requests < MAX_REQUESTS; requests++) {
      const frame = await wire.receiveOrEnd(MAX_INDEX_BYTES)
      if (frame === undefined) return
      const message = decodeIndex(frame)
      if (message.kind === 'lookup') await answer(wire, found(message.keys))
      else if (message.kind === 'announce') {
        if (peer.id === undefined || (peer.roles & ROLE.repository) === 0)
          throw new HoldfastError('POOL_NO_ROLE', { peer: peer.channel, role: 'repository' })
        await wire.send(encodeIndex({ kind: 'taken', count: await announce(message.records, peer.id) }))
      } else throw new HoldfastError('NET_PROTOCOL', { what: message.kind })
    }
  }

  return {
    start: async () => {
      sweeper ??= setInterval(sweep, SWEEP_MS).unref()
    },
    stop: async () => {
      clearInterval(sweeper)
      sweeper = undefined
    },
    serve,
    announce,
    lookup: (keys) => found(keys).map((entry) => entry.record),
    size: () => ({ records: total, announcers: byAnnouncer.size }),
  }
}

/** Equal in all that is signed. The signatures are equal already, so this only guards against a reused one. */
function isSame(a: IndexRecord, b: IndexRecord): boolean {
  return (
    a.expires === b.expires && equalBytes(encodeCbor([...(a.addresses ?? [])]), encodeCbor([...(b.addresses ?? [])]))
  )
}
