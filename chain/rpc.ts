/**
 * The chain as seen through one or several JSON-RPC endpoints: calls with fail-over, the head, chain time, fees and finality.
 * The same code serves the dev chain and a public one. Nothing here knows a contract.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { type UnixTime, unixTime } from '../base/units.ts'
import {
  type Block,
  type ChainLog,
  type Hex,
  hexNumber,
  type LogFilter,
  parseBlock,
  parseLog,
  parseReceipt,
  type Receipt,
} from './chain-data.ts'
import { openHeadPush } from './head-push.ts'
import { type Endpoint, openEndpoint, type RpcAnswer, type RpcCall, RpcRefusal } from './json-rpc.ts'

export type { Block, ChainLog, Hex, LogFilter, Receipt, Topics } from './chain-data.ts'

/** The chain id of every local dev chain: one confirmation, time can be moved. */
export const DEV_CHAIN_ID = 31_337
/** Head polling. ms. On loopback a call costs 0.3 ms; elsewhere blocks are seconds apart. */
const POLL_LOCAL = 50
const POLL_REMOTE = 2_000
/** With announcements coming, polling only makes sure. ms. */
const POLL_PUSHED = 1_000
/** Commands that are over sooner than this do not subscribe to announcements. ms. */
const PUSH_AFTER = 1_000
/** Endpoints differ by this long at most before the other one is asked whether the chain moved. ms. */
const STILL_LIMIT = 10_000
/** Confirmations where the chain has no `finalized` tag. protocol.md §4. */
const CONFIRMATIONS = 12
/** Most blocks asked for in one `eth_getLogs`; halved when the endpoint refuses. */
const LOG_PAGE = 2_000
/** A head further than this off the wall clock stops new posts on a public chain. Seconds. R17. */
const STALE_HEAD = 1_800

export interface ConnectOptions {
  readonly log: Log
  readonly clock: Clock
  /** @throws `CHAIN_WRONG` for another one. */
  readonly expectChainId?: number
  /** Overrides finality: the head counts as the first confirmation. */
  readonly confirmations?: number
  /** ms between looks at the head. */
  readonly pollMs?: number
  /** Longest wait for one answer. ms. */
  readonly deadlineMs?: number
}

/** Told at each new head. `reorged`: the head before it is no longer part of the chain. */
export type HeadListener = (head: Block, reorged: boolean) => void

/** What a transaction would be sent with now. Wei per gas. */
export interface Fees {
  readonly base: bigint
  readonly tip: bigint
}

export interface Chain {
  readonly chainId: number
  /** The endpoint in use, as its origin. */
  readonly url: string
  /** The head last seen; no request. */
  latest(): Block
  /** Asks for the head now, and tells the listeners when it is new. */
  head(): Promise<Block>
  /** The head's timestamp plus the time since it was seen. Chain seconds. R17. */
  time(): UnixTime
  /** False while a public chain's head is more than 30 minutes off the wall clock: then nothing new is posted. */
  isFresh(): boolean
  /** Number of the newest block that counts as final; -1 when none does. */
  final(): Promise<number>
  onHead(listener: HeadListener): () => void
  block(at: number | Hex | 'finalized'): Promise<Block | undefined>
  /**
   * Logs of the blocks `from` … `to`, ascending. The endpoint that answers must know `to` under its hash, so that one that lags
   * cannot pass off missing logs as none. @throws `CHAIN_ANSWER` when it does not
   */
  logs(filter: LogFilter, from: number, to: Pick<Block, 'number' | 'hash'>): Promise<readonly ChainLog[]>
  /** A read. @throws RpcRefusal when it reverts (market.ts and registry.ts put it into words). */
  call(to: Address, data: Hex): Promise<Hex>
  /** Ether. Wei. */
  balance(address: Address): Promise<bigint>
  code(address: Address): Promise<Hex>
  fees(): Promise<Fees>
  receipt(hash: Hex): Promise<Receipt | undefined>
  /** Hands in a signed transaction. @returns its hash. @throws RpcRefusal when the node does not take it. */
  broadcast(raw: Hex): Promise<Hex>
  /** One call, any method. @throws RpcRefusal, `CHAIN_UNREACHABLE`, `CHAIN_ANSWER`. */
  request(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<unknown>
  /** Several calls, all to the same endpoint, executed in any order. */
  batch(calls: readonly RpcCall[], signal?: AbortSignal): Promise<readonly RpcAnswer[]>
  close(): void
}

/**
 * Connects to the first endpoint that answers; the others serve when it fails or stands still.
 * @throws `CHAIN_UNREACHABLE` when none answers, `CHAIN_WRONG` when the chain id is not the expected one or differs between endpoints
 */
export async function connectChain(urls: readonly string[], options: ConnectOptions): Promise<Chain> {
  const { log, clock } = options
  const endpoints = urls.map((url) => openEndpoint(url, options.deadlineMs))
  const names = endpoints.map(({ name }) => name).join(', ')
  const admitted = new Set<Endpoint>()
  const listeners = new Set<HeadListener>()
  const stop = new AbortController()
  let current = 0
  let chainId = options.expectChainId
  let genesis: string | undefined

  /** An endpoint is used only when it serves the same chain as the others. */
  async function admit(endpoint: Endpoint, signal?: AbortSignal): Promise<void> {
    if (admitted.has(endpoint)) return
    const [id, block] = await endpoint.send([call('eth_chainId'), call('eth_getBlockByNumber', '0x0', false)], signal)
    const found = hexNumber(resultOf(id), 'chain id')
    if (chainId !== undefined && found !== chainId)
      throw new HoldfastError('CHAIN_WRONG', { what: `${endpoint.name} has chain id ${found}, expected ${chainId}` })
    const hash = parseBlock(resultOf(block)).hash
    if (genesis !== undefined && hash !== genesis)
      throw new HoldfastError('CHAIN_WRONG', {
        what: `${endpoint.name} has genesis ${hash}, the other endpoint ${genesis}`,
      })
    chainId = found
    genesis = hash
    admitted.add(endpoint)
  }

  async function batch(calls: readonly RpcCall[], signal: AbortSignal = stop.signal): Promise<readonly RpcAnswer[]> {
    let failure: unknown
    for (let tried = 0; tried < endpoints.length; tried++) {
      const endpoint = endpoints[current] as Endpoint
      try {
        await admit(endpoint, signal)
        return await endpoint.send(calls, signal)
      } catch (cause) {
        if (signal.aborted) throw cause
        // A single endpoint on the wrong chain is the user's mistake and must be named; among several it is that endpoint's.
        if (failure === undefined || hasCode(cause, 'CHAIN_WRONG')) failure = cause
        if (endpoints.length > 1)
          log.warn('chain.failover', { from: endpoint.name, why: String((cause as Error).message) })
        current = (current + 1) % endpoints.length
      }
    }
    if (endpoints.length > 1 && hasCode(failure, 'CHAIN_UNREACHABLE'))
      throw new HoldfastError('CHAIN_UNREACHABLE', { rpc: names }, { cause: failure })
    throw failure ?? new HoldfastError('INPUT_REQUIRED', { what: 'the URL of an endpoint', option: '--rpc' })
  }

  async function request(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    const [answer] = await batch([{ method, params }], signal)
    return resultOf(answer)
  }

  async function block(at: number | Hex | 'finalized'): Promise<Block | undefined> {
    const isHash = typeof at === 'string' && at.length === 66
    const found = await request(isHash ? 'eth_getBlockByHash' : 'eth_getBlockByNumber', [
      typeof at === 'number' ? quantity(at) : at,
      false,
    ])
    return found === null ? undefined : parseBlock(found)
  }

  // The head
  let latest = parseBlock(await request('eth_getBlockByNumber', ['latest', false]))
  let seenAt = clock.monotonic()
  let askedOthersAt = seenAt
  let looking: Promise<Block> | undefined
  let lookingNext: Promise<Block> | undefined
  let shown = latest.timestamp as number

  async function look(): Promise<Block> {
    const found = parseBlock(await request('eth_getBlockByNumber', ['latest', false]))
    if (found.hash === latest.hash) {
      await askOthers()
      return latest
    }
    const before = latest
    const isChild = found.number === before.number + 1 && found.parentHash === before.hash
    const reorged = !isChild && (await block(before.number))?.hash !== before.hash
    latest = found
    seenAt = clock.monotonic()
    askedOthersAt = seenAt
    for (const listener of [...listeners]) {
      try {
        listener(found, reorged)
      } catch (cause) {
        log.error('chain.listener', { why: String(cause) })
      }
    }
    return found
  }

  /** An endpoint may answer in time and be frozen all the same: then another one that is ahead takes over. R15. */
  async function askOthers(): Promise<void> {
    if (endpoints.length < 2 || clock.monotonic() - askedOthersAt < STILL_LIMIT) return
    askedOthersAt = clock.monotonic()
    for (let step = 1; step < endpoints.length; step++) {
      const index = (current + step) % endpoints.length
      const other = endpoints[index] as Endpoint
      try {
        await admit(other, stop.signal)
        const [answer] = await other.send([call('eth_blockNumber')], stop.signal)
        if (hexNumber(resultOf(answer), 'block number') <= latest.number) continue
        log.warn('chain.still', { from: (endpoints[current] as Endpoint).name, to: other.name, at: latest.number })
        current = index
        return
      } catch (cause) {
        log.debug('chain.other', { url: other.name, why: String((cause as Error).message) })
      }
    }
  }

  /** Never answers from a look that began before the call: whoever mined a block and asks then sees it. */
  function head(): Promise<Block> {
    if (!looking) {
      looking = look().finally(() => {
        looking = undefined
      })
      return looking
    }
    lookingNext ??= looking
      .catch(() => undefined)
      .then(() => {
        lookingNext = undefined
        return head()
      })
    return lookingNext
  }

  async function watch(pollMs: number): Promise<void> {
    const pushAt = clock.monotonic() + PUSH_AFTER
    let isDown = false
    while (!stop.signal.aborted) {
      try {
        const pause = push?.isLive() ? Math.max(pollMs, POLL_PUSHED) : pollMs
        await clock.sleep(isDown ? Math.max(pause, 250) : pause, stop.signal)
        if (!isDown && clock.monotonic() >= pushAt) push?.keepUp()
        if (!looking) await head()
        if (isDown) log.info('chain.back', { url: names })
        isDown = false
      } catch (cause) {
        if (stop.signal.aborted) return
        if (!isDown) log.warn('chain.down', { url: names, why: String((cause as Error).message) })
        isDown = true
      }
    }
  }

  // Finality and fees, both good for one head
  let hasFinalized = options.confirmations === undefined
  let finalAt: { readonly hash: string; readonly number: number } | undefined
  async function final(): Promise<number> {
    const at = latest
    if (finalAt?.hash === at.hash) return finalAt.number
    const number = await finalBefore(at.number)
    finalAt = { hash: at.hash, number }
    return number
  }
  async function finalBefore(number: number): Promise<number> {
    if (options.confirmations !== undefined) return number - options.confirmations + 1
    if (chainId === DEV_CHAIN_ID) return number
    if (hasFinalized) {
      try {
        const finalized = await block('finalized')
        if (finalized) return finalized.number
      } catch (cause) {
        if (!(cause instanceof RpcRefusal)) throw cause
        hasFinalized = false
      }
    }
    return number - CONFIRMATIONS + 1
  }

  let tip: { readonly wei: bigint; readonly until: number } | undefined
  async function fees(): Promise<Fees> {
    if (!tip || clock.monotonic() > tip.until) {
      const wei = BigInt(String(await request('eth_maxPriorityFeePerGas', [])))
      tip = { wei, until: clock.monotonic() + 30_000 }
    }
    const base = latest.baseFee ?? BigInt(String(await request('eth_gasPrice', [])))
    return { base, tip: tip.wei }
  }

  async function logs(
    filter: LogFilter,
    from: number,
    to: Pick<Block, 'number' | 'hash'>,
  ): Promise<readonly ChainLog[]> {
    const found = new Map<string, ChainLog>()
    let page = LOG_PAGE
    for (let start = from; start <= to.number; ) {
      const end = Math.min(start + page - 1, to.number)
      const { address } = filter
      const range = {
        ...(address === undefined ? {} : { address }),
        fromBlock: quantity(start),
        toBlock: quantity(end),
      }
      const queries = filter.topics.length === 0 ? [range] : filter.topics.map((topics) => ({ ...range, topics }))
      const answers = await batch([
        call('eth_getBlockByNumber', quantity(to.number), false),
        ...queries.map((query) => call('eth_getLogs', query)),
      ])
      const known = resultOf(answers[0])
      if (known === null || parseBlock(known).hash !== to.hash)
        throw new HoldfastError('CHAIN_ANSWER', {
          what: `${names}: block ${to.number} is not ${to.hash} (lagging, or reorganised just now)`,
        })
      const refusal = answers.find((answer) => answer.refusal)?.refusal
      if (refusal) {
        if (page === 1) throw refusal
        page = Math.max(1, Math.floor(Math.min(page, end - start + 1) / 2)) // "range too large", "more than 10,000 results"
        continue
      }
      for (const answer of answers.slice(1)) {
        for (const item of (resultOf(answer) ?? []) as readonly unknown[]) {
          const parsed = parseLog(item)
          found.set(`${parsed.blockHash}/${parsed.logIndex}`, parsed)
        }
      }
      start = end + 1
    }
    return [...found.values()].sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex)
  }

  const isLocal = urls.some((url) => /^(127\.|localhost$|\[::1\]$)/.test(new URL(url).hostname))
  const isDev = chainId === DEV_CHAIN_ID
  const announced = () => void head().catch(() => undefined) // the next poll tells when the chain is gone
  const push =
    isLocal && isDev && urls.length === 1
      ? openHeadPush(urls[0] as string, () => clock.monotonic(), announced)
      : undefined
  void watch(options.pollMs ?? (isLocal && isDev ? POLL_LOCAL : POLL_REMOTE))

  return {
    chainId: chainId as number,
    get url() {
      return (endpoints[current] as Endpoint).name
    },
    latest: () => latest,
    head,
    time() {
      const now = latest.timestamp + Math.floor((clock.monotonic() - seenAt) / 1000)
      // A block may be stamped a little below what was reckoned since the one before; time does not step back for that.
      shown = shown - now < 120 ? Math.max(shown, now) : now
      return unixTime(shown)
    },
    isFresh: () => isDev || Math.abs(clock.now() - latest.timestamp) <= STALE_HEAD,
    final,
    onHead(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    block,
    logs,
    call: async (to, data) => hex(await request('eth_call', [{ to, data }, 'latest']), 'eth_call'),
    balance: async (address) => BigInt(hex(await request('eth_getBalance', [address, 'latest']), 'eth_getBalance')),
    code: async (address) => hex(await request('eth_getCode', [address, 'latest']), 'eth_getCode'),
    fees,
    async receipt(hash) {
      const found = await request('eth_getTransactionReceipt', [hash])
      return found === null ? undefined : parseReceipt(found)
    },
    broadcast: async (raw) => hex(await request('eth_sendRawTransaction', [raw]), 'eth_sendRawTransaction'),
    request,
    batch,
    close() {
      stop.abort(new HoldfastError('INTERRUPTED'))
      push?.close()
      listeners.clear()
      for (const endpoint of endpoints) endpoint.close()
    },
  }
}

/** A call, written short. */
export function call(method: string, ...params: readonly unknown[]): RpcCall {
  return { method, params }
}

/** The result of one answer. @throws its refusal. */
export function resultOf(answer: RpcAnswer | undefined): unknown {
  if (answer === undefined) throw new HoldfastError('CHAIN_ANSWER', { what: 'an answer is missing' })
  if (answer.refusal) throw answer.refusal
  return answer.result
}

/** A block number as JSON-RPC writes it. */
export function quantity(value: number | bigint): Hex {
  return `0x${value.toString(16)}`
}

function hex(value: unknown, what: string): Hex {
  if (typeof value === 'string' && /^0x[0-9a-fA-F]*$/.test(value)) return value as Hex
  throw new HoldfastError('CHAIN_ANSWER', { what: `${what} gave no hex` })
}
