/** What the chain says of bounties that are not one's own: a monitor's look-ups. By topic, from the market's first block on. */
import { equalBytes, toHex, toHex0x } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { unixTime } from '../base/units.ts'
import { addressTopic, MARKET, topicOf } from './abi.ts'
import type { Block, Topics } from './chain-data.ts'
import { decodeMarketLog, type MarketEvent } from './market.ts'
import type { Chain } from './rpc.ts'

export interface MarketPlace {
  readonly address: Address
  /** Of its deployment. */
  readonly block: number
}

type Posted = Extract<MarketEvent, { kind: 'posted' }>

/** A bounty by its id: its last post, and how that ended. */
export interface BountyHistory {
  readonly posted: Posted
  readonly end?: { readonly kind: 'swept' | 'revoked'; readonly at: number }
}

const POSTED = topicOf(MARKET, 'BountyPosted')
const SWEPT = topicOf(MARKET, 'BountySwept')
const REVOKED = topicOf(MARKET, 'BountyRevoked')

/** Undefined when it was never posted. @throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER` */
export async function readBounty(
  chain: Chain,
  market: MarketPlace,
  id: Uint8Array,
): Promise<BountyHistory | undefined> {
  const events = await readEvents(chain, market, [[[POSTED, SWEPT, REVOKED], toHex0x(id)]])
  const own = events.filter((event) => 'id' in event && equalBytes(event.id, id))
  const posted = own.findLast((event) => event.kind === 'posted')
  if (posted === undefined) return undefined
  const end = own.slice(own.indexOf(posted) + 1).find(({ kind }) => kind === 'swept' || kind === 'revoked')
  return end === undefined
    ? { posted }
    : { posted, end: { kind: end.kind === 'swept' ? 'swept' : 'revoked', at: end.blockTime } }
}

/** True when the steward swept a bounty that the uploader bound to it, at or after `since`. @throws as `readBounty` */
export async function wasPaid(
  chain: Chain,
  market: MarketPlace,
  uploader: Address,
  steward: Address,
  since: number,
): Promise<boolean> {
  const [posts, sweeps] = await Promise.all([
    readEvents(chain, market, [[POSTED, null, addressTopic(steward), addressTopic(uploader)]]),
    readEvents(chain, market, [[SWEPT, null, addressTopic(steward)]]),
  ])
  const ids = new Set(posts.flatMap((event) => (event.kind === 'posted' ? [toHex(event.id)] : [])))
  return sweeps.some((event) => event.kind === 'swept' && event.blockTime >= since && ids.has(toHex(event.id)))
}

/** The first block at or after a moment of chain time; undefined: the chain is not there yet. */
export async function firstBlockFrom(chain: Chain, time: number): Promise<Block | undefined> {
  const head = await chain.head()
  if (head.timestamp < time) return undefined
  let low = 0
  let high = head.number
  let found: Block = head
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const block = await chain.block(middle)
    if (block !== undefined && block.timestamp >= time) {
      high = middle
      found = block
    } else low = middle + 1
  }
  return found
}

async function readEvents(
  chain: Chain,
  { address, block }: MarketPlace,
  topics: readonly Topics[],
): Promise<readonly MarketEvent[]> {
  const logs = await chain.logs({ address, topics }, block, await chain.head())
  const times = new Map<number, number>()
  const events: MarketEvent[] = []
  for (const log of logs) {
    let time: number | undefined = log.blockTime ?? times.get(log.blockNumber)
    if (time === undefined) {
      time = (await chain.block(log.blockNumber))?.timestamp ?? 0
      times.set(log.blockNumber, time)
    }
    const event = decodeMarketLog(log, unixTime(time))
    if (event !== undefined) events.push(event)
  }
  return events
}
