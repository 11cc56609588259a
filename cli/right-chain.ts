/** What the verifier of a right asks the chain: whether an advert was paid, and when a pair had its last final sweep. */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { addressTopic, MARKET, topicOf } from '../chain/abi.ts'
import { decodeMarketLog } from '../chain/market.ts'
import type { RightChain } from '../pool/right-verifier.ts'
import { type Doors, findAdverts } from './doors.ts'

const POSTED = topicOf(MARKET, 'BountyPosted')
const SWEPT = topicOf(MARKET, 'BountySwept')
/** Bounties looked for in one request, the newest first. */
const IDS_PER_REQUEST = 256
/** Adverts known to be paid: that does not change. */
const MAX_KNOWN = 10_000

export function createRightChain(doors: Doors): RightChain {
  const { chain, deployment } = doors
  const { address, block: from } = deployment.contracts.market
  const paid = new Set<string>()

  async function lastSweep(uploader: Address, steward: Address): Promise<number | undefined> {
    const head = await chain.head()
    const final = await chain.final()
    const topics = [POSTED, null, addressTopic(steward), addressTopic(uploader)]
    const posts = await chain.logs({ address, topics: [topics] }, from, head)
    const ids = posts.flatMap((log) => log.topics[1] ?? []).reverse()
    for (let at = 0; at < ids.length; at += IDS_PER_REQUEST) {
      const some = ids.slice(at, at + IDS_PER_REQUEST)
      const logs = await chain.logs({ address, topics: [[SWEPT, some, addressTopic(steward)]] }, from, head)
      const last = logs.findLast(({ blockNumber }) => blockNumber <= final)
      if (last === undefined) continue
      const time = last.blockTime ?? (await chain.block(last.blockNumber))?.timestamp
      return time === undefined ? undefined : decodeMarketLog(last, time)?.blockTime
    }
    return undefined
  }

  return {
    now: () => chain.time(),
    isAdvertPaid: async (hash, uploader) => {
      const key = `${toHex(hash)}${uploader}`
      if (paid.has(key)) return true
      const isPaid = (await findAdverts(doors, hash, uploader)).length > 0
      if (isPaid && paid.size < MAX_KNOWN) paid.add(key)
      return isPaid
    },
    lastSweep,
  }
}
