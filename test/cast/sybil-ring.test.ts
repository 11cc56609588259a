import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import type { Called, Gathered } from '../../controller/auctioneer.ts'
import { clearPut, describeAuction, spreadOf } from '../../controller/clear.ts'
import { commitOf } from '../../pricing/bids.ts'
import { show } from './show.ts'
import { ringAndHonest } from './sybil-ring.ts'

const NOW = 1_900_000_000
const PRICE = 5_000_000_000_000_000n

/** Clears an auction with the product's own rules; everybody bids. */
function clear(k: number, n: number, ringPrice: bigint): { readonly ring: number; readonly lots: number } {
  const { invited, isRing } = ringAndHonest(50, 12, NOW - 400 * DAY)
  const { perCluster, newcomers } = spreadOf(invited, k, n)
  const term = 90 * DAY
  const plan = { ref: '00', k, n, bytes: 9e6, shareLengths: [3e6], copyLength: 1000, term }
  const size = { count: n, bytes: 3_001_000, blobs: 2 }
  const advert = { k, n, term, lots: [size], egressPrice: PRICE, perCluster, newcomers }
  const salt = new Uint8Array(32)
  const called = {
    put: { plan, advert, reserve: 3n * PRICE, failed: [] },
    lots: Array.from({ length: n }, (_, lot) => lot),
    invited,
    holders: [],
    backing: new Map(),
  } as unknown as Called
  const described = describeAuction(called, { placed: 0, withNewcomers: 0 }, () => 900_000, NOW)
  const bids = invited.map((steward) => {
    const price = isRing(steward.id) ? ringPrice : PRICE
    const bid = { steward: steward.id, price, egressPrice: 0n, egressFree: 2 * 9e6, bond: 0n }
    return { steward: steward.id, commit: commitOf(bid, salt), ...described.of(steward), salt, bid }
  })
  const gathered: Gathered = { ...called, rules: described.rules, book: bids, bids }
  const { lots } = clearPut(gathered)
  return { ring: lots.filter(({ steward }) => isRing(steward)).length, lots: lots.length }
}

describe('cast: SybilRing', () => {
  it('gets no more than ⌊(n − k) / 2⌋ shares with fifty identities on one network, however little it asks for', () => {
    let most = 0
    for (const price of [PRICE, PRICE / 2n, PRICE / 1_000n]) {
      const { ring, lots } = clear(3, 10, price)
      expect(lots, 'the others take the rest').to.equal(10)
      most = Math.max(most, ring)
    }
    show('SybilRing', { gain: most, peer: 10, loss: Math.max(0, most - 3) })
    for (const [k, n] of [
      [2, 6],
      [4, 12],
      [3, 9],
    ] as const)
      expect(clear(k, n, PRICE / 2n).ring, `${k} of ${n}`).to.be.at.most(Math.floor((n - k) / 2))
  })
})
