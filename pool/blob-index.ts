/**
 * The blob index (P10): which steward holds which blob, in memory only. Losing it costs nothing that the holders do not announce
 * again within seconds. Records expire by the index's own monotonic clock; every announcer has a quota of its own.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Service } from '../base/ports.ts'
import { pathOf, rootOf, type Tree, treeOf } from '../net/messages/inclusion.ts'
import {
  decodeIndex,
  encodeIndex,
  entryBytes,
  entrySize,
  type IndexEntry,
  isSigned,
  MAX_INDEX_BYTES,
  MAX_LOOKUP,
  type ProvenEntry,
  RECORD_LIFE,
  type Statement,
  statementSize,
} from '../net/messages/index-records.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import { MAX_OFFSET } from './handshake.ts'
import { ROLE } from './registry-view.ts'

/** Bounds of an index. Records. protocol.md §6. */
export interface IndexLimits {
  /** Of one announcer under one key: copies of one manifest. */
  readonly perAnnouncerAndKey: number
  readonly perKey: number
  readonly perAnnouncer: number
  readonly total: number
}

export const INDEX_LIMITS: IndexLimits = {
  perAnnouncerAndKey: 4,
  perKey: 32,
  perAnnouncer: 1_000_000,
  total: 4_000_000,
}

/** Requests on one stream before the peer has to open another: nobody holds a stream for ever. */
const MAX_REQUESTS = 10_000
/** Expired records are forgotten so often. Milliseconds. */
const SWEEP_MS = 60_000
/** What a page needs besides statements and entries. Bytes. */
const PAGE_OVERHEAD = 64

export interface BlobIndexOptions {
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<IndexLimits>
  /** True for members that get requests (P5): records of others are neither taken nor given. Absent: all are. */
  isGood?(id: Address): boolean
}

/** A page of a lookup's answer. */
export interface FoundPage {
  readonly statements: readonly Statement[]
  readonly entries: readonly ProvenEntry[]
}

export interface BlobIndex extends Service {
  /** Handler of `/holdfast/index/1`. */
  serve(wire: Wire, peer: Peer): Promise<void>
  /**
   * Takes the entries of a statement within the announcer's quota. Returns how many it keeps.
   * @throws `NET_MALFORMED` when the statement is not the announcer's own, not in time, not signed, or not about these entries
   */
  announce(statement: Statement, entries: readonly IndexEntry[], announcer: Address): number
  /** What is known of these keys now, in pages that fit a frame; at least one. */
  lookup(keys: readonly Uint8Array[]): Iterable<FoundPage>
  /** Records, and announcers that have some. */
  size(): { readonly records: number; readonly announcers: number }
}

/** One accepted statement; shared by its entries. */
interface Announcement {
  readonly statement: Statement
  readonly size: number
  readonly tree: Tree
  /** Monotonic milliseconds. */
  readonly until: number
}

interface Entry {
  readonly name: string
  readonly key: string
  readonly entry: IndexEntry
  readonly position: number
  readonly by: Announcement
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
    const holder = entry.by.statement.holder
    const own = byAnnouncer.get(holder)
    if (own?.get(entry.name) !== entry) return
    own.delete(entry.name)
    if (own.size === 0) byAnnouncer.delete(holder)
    const others = (byKey.get(entry.key) ?? []).filter((one) => one !== entry)
    if (others.length === 0) byKey.delete(entry.key)
    else byKey.set(entry.key, others)
    total--
  }

  function sweep(): void {
    const now = clock.monotonic()
    for (const own of byAnnouncer.values())
      for (const entry of own.values()) {
        if (entry.by.until > now) break // the rest was announced later
        forget(entry)
      }
  }

  /**
   * The record that makes way for one of an announcer with fewer under a full key: the oldest of whoever has most of it. So those who come first
   * with many cannot keep others out.
   */
  function yieldingTo(announcer: Address, here: readonly Entry[]): Entry | undefined {
    const counts = new Map<Address, number>()
    for (const { by } of here) counts.set(by.statement.holder, (counts.get(by.statement.holder) ?? 0) + 1)
    const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [announcer, 0])
    return count > (counts.get(announcer) ?? 0) + 1 ? here.find(({ by }) => by.statement.holder === most) : undefined
  }

  /** Makes room, from whoever has most of it; never from others. False: there is none for this announcer under this key. */
  function makeRoom(key: string, announcer: Address): boolean {
    const now = clock.monotonic()
    for (const entry of byKey.get(key) ?? []) if (entry.by.until <= now) forget(entry)
    const here = byKey.get(key) ?? []
    if (here.filter(({ by }) => by.statement.holder === announcer).length >= limits.perAnnouncerAndKey) return false
    if (here.length >= limits.perKey) {
      const yielding = yieldingTo(announcer, here)
      if (yielding === undefined) return false
      forget(yielding)
    }
    const own = byAnnouncer.get(announcer)
    if (own !== undefined && own.size >= limits.perAnnouncer) forget(own.values().next().value as Entry)
    if (total >= limits.total) {
      let largest = own
      for (const one of byAnnouncer.values()) if (one.size > (largest?.size ?? 0)) largest = one
      if (largest !== undefined) forget(largest.values().next().value as Entry)
    }
    return true
  }

  function keep(entry: IndexEntry, position: number, by: Announcement): boolean {
    const { holder } = by.statement
    const key = toHex(entry.key)
    const name = entry.blobId === undefined ? key : `${key} ${toHex(entry.blobId)}`
    const former = byAnnouncer.get(holder)?.get(name)
    if (former !== undefined) forget(former)
    else if (!makeRoom(key, holder)) return false
    const one: Entry = { name, key, entry, position, by }
    byAnnouncer.set(holder, (byAnnouncer.get(holder) ?? new Map<string, Entry>()).set(name, one))
    byKey.set(key, [...(byKey.get(key) ?? []), one])
    total++
    return true
  }

  function announce(statement: Statement, entries: readonly IndexEntry[], announcer: Address): number {
    const life = statement.expires - clock.now()
    if (statement.holder !== announcer) throw malformed('an announcement for somebody else')
    if (life <= 0 || life > RECORD_LIFE + MAX_OFFSET) throw malformed('an announcement out of time')
    const tree = treeOf(entries.map(entryBytes))
    if (statement.count !== entries.length || !equalBytes(rootOf(tree), statement.root))
      throw malformed('other entries than announced')
    if (!isSigned(statement)) throw malformed('an announcement with a wrong signature')
    const until = clock.monotonic() + Math.min(life, RECORD_LIFE) * 1000
    const by = { statement, size: statementSize(statement), tree, until }
    const kept = entries.filter((entry, position) => keep(entry, position, by)).length
    if (kept < entries.length) log.debug('index.full', { announcer, kept, of: entries.length })
    return kept
  }

  function* lookup(keys: readonly Uint8Array[]): Iterable<FoundPage> {
    const now = clock.monotonic()
    let statements: Announcement[] = []
    let entries: ProvenEntry[] = []
    let room = MAX_INDEX_BYTES - PAGE_OVERHEAD
    for (const key of new Set(keys.map(toHex)))
      for (const { entry, position, by } of byKey.get(key) ?? []) {
        if (by.until <= now || options.isGood?.(by.statement.holder) === false) continue
        const path = pathOf(by.tree, position)
        const size = entrySize({ blobId: entry.blobId, path })
        if (room < size + by.size || entries.length === MAX_LOOKUP) {
          yield { statements: statements.map(({ statement }) => statement), entries }
          statements = []
          entries = []
          room = MAX_INDEX_BYTES - PAGE_OVERHEAD
        }
        if (!statements.includes(by)) room -= by.size
        const index = statements.includes(by) ? statements.indexOf(by) : statements.push(by) - 1
        room -= size
        entries.push({ statement: index, key: entry.key, blobId: entry.blobId, position, path })
      }
    yield { statements: statements.map(({ statement }) => statement), entries }
  }

  async function answer(wire: Wire, keys: readonly Uint8Array[]): Promise<void> {
    let before: FoundPage | undefined
    for (const page of lookup(keys)) {
      if (before !== undefined) await wire.send(encodeIndex({ kind: 'found', ...before, more: 1 }))
      before = page
    }
    await wire.send(encodeIndex({ kind: 'found', ...(before as FoundPage), more: 0 }))
  }

  async function serve(wire: Wire, peer: Peer): Promise<void> {
    for (let requests = 0; requests < MAX_REQUESTS; requests++) {
      const frame = await wire.receiveOrEnd(MAX_INDEX_BYTES)
      if (frame === undefined) return
      const message = decodeIndex(frame)
      if (message.kind === 'lookup') await answer(wire, message.keys)
      else if (message.kind === 'announce') {
        if (peer.id === undefined || (peer.roles & ROLE.repository) === 0)
          throw new HoldfastError('POOL_NO_ROLE', { peer: peer.channel, role: 'repository' })
        if (options.isGood?.(peer.id) === false)
          throw new HoldfastError('PEER_STANDING', { peer: peer.id, standing: 'not in good standing' }) // since the stream was opened
        const count = announce(message.statement, message.entries, peer.id)
        await wire.send(encodeIndex({ kind: 'taken', count }))
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
    lookup,
    size: () => ({ records: total, announcers: byAnnouncer.size }),
  }
}

function malformed(what: string): HoldfastError {
  return new HoldfastError('NET_MALFORMED', { what })
}
