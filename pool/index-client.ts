/**
 * Announcing to the pool's indexes and asking them. All live indexes get everything, again every 20 minutes and whenever one
 * (re)appears. An index is believed only as far as the holders' signatures and the registrar go.
 */
import { toHex } from '../base/bytes.ts'
import { type Address, addressOf } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Service } from '../base/ports.ts'
import { only } from '../net/messages/fields.ts'
import {
  decodeIndex,
  encodeIndex,
  INDEX_PROTOCOL,
  type IndexRecord,
  isSigned,
  MAX_INDEX_BYTES,
  MAX_LOOKUP,
  RECORD_LIFE,
  recordBytes,
  signStatement,
} from '../net/messages/index-records.ts'
import type { NetNode } from '../net/node.ts'
import { MAX_OFFSET } from './handshake.ts'
import { addressesOf, type MemberView, membersWith, type RegistryView, ROLE } from './registry-view.ts'

/** Something held: announced under `key`; `blobId` where the key is a locator. */
export interface Holding {
  readonly key: Uint8Array
  readonly blobId?: Uint8Array
}

/** A holder as found, checked: signed, in time, registered and in good standing. */
export interface Found {
  readonly holder: Address
  readonly addresses: readonly string[]
  readonly blobId: Uint8Array
  /** UTC seconds. */
  readonly expires: number
}

export interface IndexAnswer {
  /** By key, hex; keys nobody announced are absent. */
  readonly found: ReadonlyMap<string, readonly Found[]>
  /** Indexes that answered. */
  readonly answered: number
}

export interface IndexTimes {
  /** Between looks at which indexes live. Milliseconds. */
  readonly pollMs: number
  /** Between full announcements. Milliseconds. pool.md: 20 minutes. */
  readonly announceMs: number
  /** For one index to answer. Milliseconds. */
  readonly askMs: number
  /** New holdings are collected so long. Milliseconds. */
  readonly gatherMs: number
}

export const INDEX_TIMES: IndexTimes = { pollMs: 3_000, announceMs: 20 * 60_000, askMs: 5_000, gatherMs: 250 }

/** Sources asked where there are as many. protocol.md §2.7. */
const SOURCES = 3

export interface IndexClientOptions {
  readonly net: Pick<NetNode, 'open' | 'session'>
  readonly registry: RegistryView
  readonly clock: Clock
  readonly log: Log
  /** To announce: the holder's secret and all it holds, read anew for every full announcement. */
  readonly holder?: { readonly secret: Uint8Array; holdings(): AsyncIterable<Holding> | Iterable<Holding> }
  readonly times?: Partial<IndexTimes>
}

export interface IndexClient extends Service {
  /** New holdings, sent within a moment to the indexes that have the rest. */
  announce(holdings: readonly Holding[]): void
  /** Asks at least three indexes where there are. @throws `NET_UNREACHABLE` when none answers */
  lookup(keys: readonly Uint8Array[], options?: { readonly signal?: AbortSignal }): Promise<IndexAnswer>
  /** Indexes that are registered, and that have all our holdings. */
  state(): { readonly known: number; readonly current: number }
}

/** What is known of one index. */
interface Source {
  /** The connection over which it got everything; another one may lead to an index that lost it all. */
  session: number | undefined
  /** Monotonic milliseconds. */
  announcedAt: number
  retryAt: number
  failures: number
  /** Records it gave that are not true: it is asked last. */
  lies: number
  isBusy: boolean
}

export function createIndexClient(options: IndexClientOptions): IndexClient {
  const { net, registry, clock, log, holder } = options
  const times = { ...INDEX_TIMES, ...options.times }
  const me = holder === undefined ? undefined : addressOf(holder.secret)
  const sources = new Map<Address, Source>()
  const stopping = new AbortController()
  let fresh: Holding[] = []
  let gathering: NodeJS.Timeout | undefined
  let poller: Promise<void> | undefined

  function sourceOf(id: Address): Source {
    let source = sources.get(id)
    if (source === undefined) {
      source = {
        session: undefined,
        announcedAt: Number.NEGATIVE_INFINITY,
        retryAt: 0,
        failures: 0,
        lies: 0,
        isBusy: false,
      }
      sources.set(id, source)
    }
    return source
  }

  function indexes(): MemberView[] {
    return [...membersWith(registry, ROLE.index)].filter((member) => member.id !== me && addressesOf(member).length > 0)
  }

  function isCurrent(id: Address, source: Source): boolean {
    return (
      source.session !== undefined &&
      source.session === net.session(id) &&
      clock.monotonic() - source.announcedAt < times.announceMs
    )
  }

  /** Sends pages of signed records over one stream; the number of the connection they went over. */
  async function sendTo(
    index: MemberView,
    holdings: AsyncIterable<Holding> | Iterable<Holding>,
  ): Promise<{ session: number | undefined; count: number }> {
    const { secret } = holder as { secret: Uint8Array }
    const wire = await net.open({ id: index.id, addresses: addressesOf(index) }, INDEX_PROTOCOL, {
      signal: stopping.signal,
    })
    const session = net.session(index.id)
    const expires = clock.now() + RECORD_LIFE
    let page: IndexRecord[] = []
    let bytes = 0
    let count = 0
    const flush = async () => {
      if (page.length === 0) return
      await wire.send(encodeIndex({ kind: 'announce', records: page }))
      const { count: taken } = only(decodeIndex(await wire.receive(MAX_INDEX_BYTES)), 'taken')
      if (taken < page.length) log.warn('index.partly', { index: index.id, taken, of: page.length })
      count += taken
      page = []
      bytes = 0
    }
    for await (const { key, blobId } of holdings) {
      const record = signStatement(secret, {
        key,
        holder: me as Address,
        expires,
        ...(blobId === undefined ? {} : { blobId }),
      })
      bytes += recordBytes(record)
      if (bytes > MAX_PAGE || page.length === MAX_PAGE_RECORDS) await flush()
      page.push(record)
    }
    await flush()
    await wire.close()
    return { session, count }
  }

  async function announceAll(index: MemberView, source: Source): Promise<void> {
    source.isBusy = true
    const startedAt = clock.monotonic()
    try {
      const { session, count } = await sendTo(index, (holder as { holdings(): AsyncIterable<Holding> }).holdings())
      Object.assign(source, { session, announcedAt: startedAt, failures: 0 })
      log.debug('index.announced', { index: index.id, count })
    } catch (cause) {
      source.session = undefined
      source.retryAt = clock.monotonic() + times.pollMs * Math.min(2 ** source.failures++, 10)
      log.debug('index.unreachable', { index: index.id, code: asHoldfastError(cause).code })
    } finally {
      source.isBusy = false
    }
  }

  function look(): void {
    if (holder === undefined) return
    for (const index of indexes()) {
      const source = sourceOf(index.id)
      if (!source.isBusy && clock.monotonic() >= source.retryAt && !isCurrent(index.id, source))
        void announceAll(index, source)
    }
  }

  async function sendFresh(): Promise<void> {
    const holdings = fresh
    fresh = []
    gathering = undefined
    await Promise.all(
      indexes().map(async (index) => {
        const source = sourceOf(index.id)
        // One that is busy reads the holdings anew or may have read past these: it gets them in any case.
        if (!isCurrent(index.id, source) && !source.isBusy) return
        try {
          await sendTo(index, holdings)
        } catch (cause) {
          source.session = undefined // the next look announces everything
          log.debug('index.unreachable', { index: index.id, code: asHoldfastError(cause).code })
        }
      }),
    )
  }

  async function poll(): Promise<void> {
    while (!stopping.signal.aborted) {
      look()
      await clock.sleep(times.pollMs, stopping.signal).catch(() => undefined) // aborted: the loop ends
    }
  }

  async function ask(index: MemberView, keys: readonly Uint8Array[], signal: AbortSignal): Promise<IndexRecord[]> {
    const wire = await net.open({ id: index.id, addresses: addressesOf(index) }, INDEX_PROTOCOL, { signal })
    const records: IndexRecord[] = []
    for (let at = 0; at < keys.length; at += MAX_LOOKUP) {
      const part = keys.slice(at, at + MAX_LOOKUP)
      await wire.send(encodeIndex({ kind: 'lookup', keys: part }))
      for (let more = 1; more === 1; ) {
        const page = only(decodeIndex(await wire.receive(MAX_INDEX_BYTES)), 'found')
        if (records.length + page.records.length > 32 * keys.length)
          throw new HoldfastError('NET_PROTOCOL', { what: 'more records than there can be' })
        records.push(...page.records)
        more = page.more
      }
    }
    await wire.close()
    return records
  }

  async function lookup(
    keys: readonly Uint8Array[],
    lookupOptions: { readonly signal?: AbortSignal } = {},
  ): Promise<IndexAnswer> {
    const wanted = new Set(keys.map(toHex))
    const found = new Map<string, Map<string, Found>>()
    const checked = new Map<string, boolean>()
    const queue = indexes().sort((a, b) => sourceOf(a.id).lies - sourceOf(b.id).lies)
    let answered = 0
    const next = async (): Promise<void> => {
      for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
        try {
          const signals = [
            AbortSignal.timeout(times.askMs),
            stopping.signal,
            ...(lookupOptions.signal ? [lookupOptions.signal] : []),
          ]
          const records = await ask(index, keys, AbortSignal.any(signals))
          answered++
          await merge(index.id, records)
          return // this place of the three is filled
        } catch (cause) {
          lookupOptions.signal?.throwIfAborted()
          log.debug('index.unanswered', { index: index.id, code: asHoldfastError(cause).code })
        }
      }
    }
    const merge = async (index: Address, records: readonly IndexRecord[]) => {
      let turns = 0
      for (const record of records) {
        const key = toHex(record.key)
        const name = toHex(record.signature)
        let isTrue = checked.get(name)
        if (isTrue === undefined) {
          if (++turns % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
          isTrue = isTimely(record, clock.now()) && isSigned(record)
          checked.set(name, isTrue)
        }
        if (!isTrue || !wanted.has(key)) {
          sourceOf(index).lies++
          continue
        }
        const member = registry.member(record.holder)
        if (member === undefined || !registry.inGoodStanding(record.holder)) continue // the chain knows better; no fault of the index
        const blobId = record.blobId ?? record.key
        const here = found.get(key) ?? new Map<string, Found>()
        const one = `${record.holder} ${toHex(blobId)}`
        if ((here.get(one)?.expires ?? 0) < record.expires)
          here.set(one, {
            holder: record.holder,
            addresses: record.addresses ?? addressesOf(member),
            blobId,
            expires: record.expires,
          })
        found.set(key, here)
      }
    }
    await Promise.all(Array.from({ length: SOURCES }, next))
    if (answered === 0) throw new HoldfastError('NET_UNREACHABLE', { what: 'any index' })
    return { found: new Map([...found].map(([key, holders]) => [key, [...holders.values()]])), answered }
  }

  return {
    start: async () => {
      poller ??= poll()
    },
    stop: async () => {
      clearTimeout(gathering)
      stopping.abort(new HoldfastError('INTERRUPTED'))
      await poller
    },
    announce: (holdings) => {
      if (holder === undefined || stopping.signal.aborted) return
      for (const holding of holdings) fresh.push(holding)
      gathering ??= setTimeout(() => void sendFresh(), times.gatherMs)
    },
    lookup,
    state: () => {
      const known = indexes()
      return { known: known.length, current: known.filter((index) => isCurrent(index.id, sourceOf(index.id))).length }
    },
  }
}

/** Records of one page, with room for its keys. */
const MAX_PAGE = MAX_INDEX_BYTES - 4096
const MAX_PAGE_RECORDS = 1024

/** Neither expired nor further ahead than records live, with the clocks' tolerance. */
function isTimely(record: IndexRecord, now: number): boolean {
  return record.expires + MAX_OFFSET > now && record.expires <= now + RECORD_LIFE + MAX_OFFSET
}
