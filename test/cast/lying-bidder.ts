/** LyingBidder: asks something else than its cost, now more, now less, in auctions against honest bidders. */
import { createRandom } from '../../bench/market/agents.ts'
import { selectAwards } from '../../pricing/auction.ts'
import { aBidder, aSealedBid, someTerms, stewardOf } from '../pricing/bid-builder.ts'

/** What it earned over its cost in many auctions by lying and by truth, wei; and the most that an honest winner was paid below its bid. */
export function lieInAuctions(rounds: number, seed: number) {
  const random = createRandom(seed)
  let [byLying, byTruth, underpaid] = [0n, 0n, 0n]
  for (let round = 0; round < rounds; round++) {
    const costs = Array.from({ length: 16 }, () => BigInt(300 + random.below(500)))
    const cost = costs[0] as bigint
    // Half of what it costs, or up to twice.
    const lie = (cost * BigInt(50 + random.below(150))) / 100n
    const play = (ask: bigint) => {
      const sealed = costs.map((price, i) => aSealedBid(i + 1, i === 0 ? ask : price))
      return selectAwards(
        sealed,
        costs.map((_, i) => aBidder(i + 1)),
        someTerms(),
      )
    }
    const gain = (ask: bigint) => {
      const won = play(ask).awards.find(({ steward }) => steward === stewardOf(1))
      return won ? won.price - cost : 0n
    }
    byLying += gain(lie > 0n ? lie : 1n)
    byTruth += gain(cost)
    for (const { price, bid } of play(lie).awards) if (bid - price > underpaid) underpaid = bid - price
  }
  return { byLying, byTruth, underpaid }
}
