/** What the market's log says, whole and in order: for commands that add up what happened. */
import { HoldfastError } from '../base/errors.ts'
import type { UnixTime } from '../base/units.ts'
import type { Topics } from '../chain/chain-data.ts'
import type { Deployment } from '../chain/deployment.ts'
import { decodeMarketLog, type MarketEvent } from '../chain/market.ts'
import type { Chain } from '../chain/rpc.ts'

/** Blocks or receipts that are asked for at the same time. */
const PAGE = 32

/**
 * Every event of the market that fits, each once, oldest first, up to the newest block, which need not be final.
 * @throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER`
 */
export async function marketEvents(
  chain: Chain,
  deployment: Deployment,
  topics: readonly Topics[],
): Promise<{ readonly now: UnixTime; readonly events: readonly MarketEvent[] }> {
  const { address, block } = deployment.contracts.market
  const head = await chain.head()
  const logs = await chain.logs({ address, topics }, block, head)
  // not every endpoint tells a log's time
  const untimed = logs.flatMap(({ blockNumber, blockTime }) => (blockTime === undefined ? [blockNumber] : []))
  const times = await byPage(new Set(untimed), async (number) => {
    const found = await chain.block(number)
    if (found === undefined) throw new HoldfastError('CHAIN_ANSWER', { what: `there is no block ${number}` })
    return found.timestamp
  })
  const events = logs.flatMap((log) => decodeMarketLog(log, log.blockTime ?? times.get(log.blockNumber)) ?? [])
  return { now: head.timestamp, events }
}

/** Looks each key up, a few at a time. */
export async function byPage<Key, Value>(
  keys: ReadonlySet<Key>,
  find: (key: Key) => Promise<Value>,
): Promise<Map<Key, Value>> {
  const found = new Map<Key, Value>()
  const all = [...keys]
  for (let start = 0; start < all.length; start += PAGE)
    await Promise.all(all.slice(start, start + PAGE).map(async (key) => found.set(key, await find(key))))
  return found
}
