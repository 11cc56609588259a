/**
 * The chain as a feed of what was undone, what is new, and how far it can be trusted. The cursor remembers the recent blocks by hash and
 * their events, so that a reorganisation is told exactly, even one that happened while this program was down. The consumer commits the
 * cursor in the same batch as what follows from the update. reliability.md R16.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Block, ChainLog, LogFilter } from './chain-data.ts'
import { decodeMarketLog, type MarketEvent } from './market.ts'
import type { Chain } from './rpc.ts'

/** Blocks remembered by hash: a reorganisation reaches no deeper, or it is another chain. */
const REMEMBERED = 128
/** Pause after a failed look; doubled up to the second. Milliseconds. */
const PAUSES = [100, 5_000] as const

export interface FeedUpdate {
  /** Newest first. */
  readonly reverted: readonly MarketEvent[]
  /** Oldest first. */
  readonly applied: readonly MarketEvent[]
  readonly head: Block
  /** Blocks up to this one count as final; -1: none. */
  readonly finalHead: number
  /** Opaque; at most a few hundred kilobytes. */
  readonly cursor: Uint8Array
}

export interface FeedOptions {
  readonly market: Address
  /** Which events; from market.ts `stewardTopics`, `uploaderTopics`. */
  readonly topics: LogFilter['topics']
  /** The market's block: nothing of it is older. */
  readonly from: number
  readonly cursor: Uint8Array | undefined
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly log: Log
}

/** A block as the cursor keeps it. */
interface Known {
  readonly number: number
  readonly hash: string
  readonly logs: readonly ChainLog[]
}

/** What the cursor holds. `isWhole`: no block was forgotten since the first one. */
interface Memory {
  readonly known: readonly Known[]
  readonly isWhole: boolean
}

/**
 * Follows the market's events from the cursor on; one update for each head seen, also when nothing happened in it. Ends with the signal.
 * An endpoint that fails is asked again.
 * @throws `CHAIN_WRONG` when none of the remembered blocks is on the chain
 */
export async function* followMarket(chain: Chain, options: FeedOptions): AsyncIterable<FeedUpdate> {
  const { signal, clock, log } = options
  let memory: Memory = options.cursor ? decodeCursor(options.cursor) : { known: [], isWhole: true }
  let pause: number = PAUSES[0]
  const news = listen(chain, signal)
  try {
    while (!signal.aborted) {
      let step: { readonly update: FeedUpdate; readonly memory: Memory }
      try {
        step = await advance(chain, options, memory)
        pause = PAUSES[0]
      } catch (cause) {
        if (hasCode(cause, 'CHAIN_WRONG') || signal.aborted) throw cause
        log.warn('feed.retry', { why: (cause as Error).message })
        await clock.sleep(pause, signal)
        pause = Math.min(2 * pause, PAUSES[1])
        continue
      }
      memory = step.memory
      yield step.update
      await news.after(memory.known.at(-1)?.hash)
    }
  } catch (cause) {
    if (!signal.aborted) throw cause
  } finally {
    news.end()
  }
}

/** Waits for heads other than the one that was handled. */
function listen(chain: Chain, signal: AbortSignal) {
  let wake: (() => void) | undefined
  const unsubscribe = chain.onHead(() => wake?.())
  const onAbort = () => wake?.()
  signal.addEventListener('abort', onAbort)
  return {
    async after(hash: string | undefined): Promise<void> {
      while (!signal.aborted && chain.latest().hash === hash) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (signal.aborted || chain.latest().hash !== hash) resolve()
        })
      }
    },
    end(): void {
      unsubscribe()
      signal.removeEventListener('abort', onAbort)
    },
  }
}

/** One look: where the remembered blocks leave the chain, and what came since. */
async function advance(
  chain: Chain,
  options: FeedOptions,
  { known, isWhole }: Memory,
): Promise<{ readonly update: FeedUpdate; readonly memory: Memory }> {
  const head = chain.latest()
  const kept = await stillThere(chain, known, head)
  // As long as nothing was forgotten, everything can be undone and read again: a young chain may lose all that was seen of it.
  if (kept === 0 && !isWhole) {
    throw new HoldfastError('CHAIN_WRONG', {
      what: `none of the last ${known.length} blocks that were seen is on it (reset?)`,
    })
  }
  const base = known.slice(0, kept)
  const reverted = known.slice(kept).flatMap(({ logs }) => logs)
  const from = (base.at(-1)?.number ?? options.from - 1) + 1
  const logs =
    head.number < from
      ? []
      : await withTimes(chain, await chain.logs({ address: options.market, topics: options.topics }, from, head))
  const finalHead = Math.min(await chain.final(), head.number)
  const blocks = Map.groupBy(logs, ({ blockNumber }) => blockNumber)
  const fresh: Known[] = [...blocks]
    .filter(([number]) => number !== head.number)
    .map(([number, ofBlock]) => ({ number, hash: (ofBlock[0] as ChainLog).blockHash, logs: ofBlock }))
  if (base.at(-1)?.hash !== head.hash)
    fresh.push({ number: head.number, hash: head.hash, logs: blocks.get(head.number) ?? [] })
  const all = [...base, ...fresh]
  const next: Memory = { known: all.slice(-REMEMBERED), isWhole: isWhole && all.length <= REMEMBERED }
  return {
    memory: next,
    update: {
      reverted: eventsOf(reverted).reverse(),
      applied: eventsOf(logs),
      head,
      finalHead,
      cursor: encodeCursor(next),
    },
  }
}

/** How many of the remembered blocks, oldest first, are on the chain that ends with `head`. */
async function stillThere(chain: Chain, known: readonly Known[], head: Block): Promise<number> {
  for (let count = known.length; count > 0; count--) {
    const { number, hash } = known[count - 1] as Known
    if (number > head.number) continue
    if (hash === head.hash || (number === head.number - 1 && hash === head.parentHash)) return count
    if ((await chain.block(number))?.hash === hash) return count
  }
  return 0
}

/** Fills in block times where the endpoint's logs do not carry them. */
async function withTimes(chain: Chain, logs: readonly ChainLog[]): Promise<ChainLog[]> {
  const times = new Map<number, ChainLog['blockTime']>()
  const filled: ChainLog[] = []
  for (const log of logs) {
    if (log.blockTime !== undefined) {
      filled.push(log)
      continue
    }
    if (!times.has(log.blockNumber)) times.set(log.blockNumber, (await chain.block(log.blockNumber))?.timestamp)
    const blockTime = times.get(log.blockNumber)
    if (blockTime === undefined)
      throw new HoldfastError('CHAIN_ANSWER', { what: `block ${log.blockNumber} of a log is not there` })
    filled.push({ ...log, blockTime })
  }
  return filled
}

function eventsOf(logs: readonly ChainLog[]): MarketEvent[] {
  return logs.map((log) => decodeMarketLog(log)).filter((event) => event !== undefined)
}

/** JSON: a cursor is read by its writer only. */
function encodeCursor({ known, isWhole }: Memory): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: 1, isWhole, known }))
}

/** @throws `LEDGER_CORRUPT` */
function decodeCursor(bytes: Uint8Array): Memory {
  try {
    const { version, known, isWhole } = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes)) as {
      version: unknown
      known: Known[]
      isWhole?: boolean
    }
    if (version !== 1 || !Array.isArray(known)) throw new Error('version')
    return { known, isWhole: isWhole === true }
  } catch (cause) {
    throw new HoldfastError('LEDGER_CORRUPT', { key: 'cursor' }, { cause })
  }
}
