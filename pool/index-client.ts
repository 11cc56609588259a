/**
 * Announcing to the pool's indexes and asking them. All live indexes get everything, again every 20 minutes and whenever one
 * (re)appears. An index is believed only as far as the holders' signatures and the registrar go.
 */
import { type Address, addressOf } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Service } from '../base/ports.ts'
import { only } from '../net/messages/fields.ts'
import {
  announce,
  decodeIndex,
  encodeIndex,
  INDEX_PROTOCOL,
  type IndexEntry,
  type IndexMessage,
  MAX_ENTRIES,
  MAX_INDEX_BYTES,
  MAX_LOOKUP,
  RECORD_LIFE,
} from '../net/messages/index-records.ts'
import type { NetNode } from '../net/node.ts'
import { createFindings, type Found } from './index-findings.ts'
import { addressesOf, type MemberView, membersWith, type RegistryView, ROLE } from './registry-view.ts'

/** Something held: announced under `key`; `blobId` where the key is a locator. */
export interface Holding {
  readonly key: Uint8Array
  readonly blobId?: Uint8Array | undefined
}

type FoundMessage = Extract<IndexMessage, { readonly kind: 'found' }>

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
/** A record that others have for so long is missing where it is missing: all indexes are told at once, and one that lost everything soon. Seconds. */
const KNOWN_FOR = 120
/** Records an honest index gives for one key. */
const MAX_PER_KEY = 32

/** Whoever announces. */
export interface Holder {
  readonly secret: Uint8Array
  /** All it holds; read anew for every full announcement. */
  holdings(): AsyncIterable<Holding> | Iterable<Holding>
}

export interface IndexClientOptions {
  readonly net: Pick<NetNode, 'open' | 'session'>
  readonly registry: RegistryView
  readonly clock: Clock
  readonly log: Log
  /** To announce; a reader has none. */
  readonly holder?: Holder
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
  /** Records it gave that are not true, and for each lookup that left out what others knew for long, one more: it is asked last. */
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

  /** Announces over one stream; the number of the connection it went over. */
  async function sendTo(
    index: MemberView,
    { secret }: Holder,
    holdings: AsyncIterable<Holding> | Iterable<Holding>,
  ): Promise<{ session: number | undefined; count: number }> {
    const wire = await net.open({ id: index.id, addresses: addressesOf(index) }, INDEX_PROTOCOL, {
      signal: stopping.signal,
    })
    const session = net.session(index.id)
    const about = { holder: addressOf(secret), expires: clock.now() + RECORD_LIFE }
    let entries: IndexEntry[] = []
    let count = 0
    const flush = async () => {
      if (entries.length === 0) return
      const { statement } = announce(secret, about, entries)
      await wire.send(encodeIndex({ kind: 'announce', statement, entries }))
      const { count: taken } = only(decodeIndex(await wire.receive(MAX_INDEX_BYTES)), 'taken')
      if (taken < entries.length) log.warn('index.partly', { index: index.id, taken, of: entries.length })
      count += taken
      entries = []
    }
    for await (const { key, blobId } of holdings) if (entries.push({ key, blobId }) === MAX_ENTRIES) await flush()
    await flush()
    await wire.close()
    return { session, count }
  }

  async function announceAll(index: MemberView, source: Source, own: Holder): Promise<void> {
    source.isBusy = true
    const startedAt = clock.monotonic()
    try {
      const { session, count } = await sendTo(index, own, own.holdings())
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
        void announceAll(index, source, holder)
    }
  }

  async function sendFresh(own: Holder): Promise<void> {
    const holdings = fresh
    fresh = []
    gathering = undefined
    await Promise.all(
      indexes().map(async (index) => {
        const source = sourceOf(index.id)
        // One that is busy reads the holdings anew or may have read past these: it gets them in any case.
        if (!isCurrent(index.id, source) && !source.isBusy) return
        try {
          await sendTo(index, own, holdings)
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

  async function ask(index: MemberView, keys: readonly Uint8Array[], signal: AbortSignal): Promise<FoundMessage[]> {
    const wire = await net.open({ id: index.id, addresses: addressesOf(index) }, INDEX_PROTOCOL, { signal })
    const pages: FoundMessage[] = []
    let entries = 0
    for (let at = 0; at < keys.length; at += MAX_LOOKUP) {
      await wire.send(encodeIndex({ kind: 'lookup', keys: keys.slice(at, at + MAX_LOOKUP) }))
      for (let more = 1; more === 1; ) {
        const page = only(decodeIndex(await wire.receive(MAX_INDEX_BYTES)), 'found')
        entries += page.entries.length
        if (entries > MAX_PER_KEY * keys.length || (page.entries.length === 0 && page.more === 1))
          throw new HoldfastError('NET_PROTOCOL', { what: 'more records than there can be' })
        pages.push(page)
        more = page.more
      }
    }
    await wire.close()
    return pages
  }

  async function lookup(
    keys: readonly Uint8Array[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<IndexAnswer> {
    const findings = createFindings(keys, registry, clock.now())
    const queue = indexes().sort((a, b) => sourceOf(a.id).lies - sourceOf(b.id).lies)
    let answered = 0
    /** What each gave that is true, by `key holder`. */
    const gave = new Map<Address, ReadonlySet<string>>()
    const askNext = async (): Promise<void> => {
      for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
        const limits = [AbortSignal.timeout(times.askMs), stopping.signal, ...(signal === undefined ? [] : [signal])]
        try {
          const pages = await ask(index, keys, AbortSignal.any(limits))
          answered++
          const names = new Set<string>()
          for (const page of pages) sourceOf(index.id).lies += await findings.add(page, names)
          gave.set(index.id, names)
          return // this one of the places is filled
        } catch (cause) {
          signal?.throwIfAborted()
          log.debug('index.unanswered', { index: index.id, code: asHoldfastError(cause).code })
        }
      }
    }
    await Promise.all(Array.from({ length: SOURCES }, askNext))
    if (answered === 0) throw new HoldfastError('NET_UNREACHABLE', { what: 'any index' })
    for (const [id, names] of gave) if (findings.lacks(names, KNOWN_FOR)) sourceOf(id).lies++
    return { found: findings.all(), answered }
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
      gathering ??= setTimeout(() => void sendFresh(holder), times.gatherMs)
    },
    lookup,
    state: () => {
      const known = indexes()
      return { known: known.length, current: known.filter((index) => isCurrent(index.id, sourceOf(index.id))).length }
    },
  }
}
