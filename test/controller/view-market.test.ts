import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { DAY, unixTime } from '../../base/units.ts'
import { Ledger } from '../../controller/ledger.ts'
import { marketPrices } from '../../controller/market-prices.ts'
import type { PutRecord } from '../../controller/records.ts'
import { viewAuction, viewAuctions, viewPrices } from '../../controller/view-market.ts'
import { floorPrice, REFERENCE_AT_START, referencePrice } from '../../pricing/reference.ts'
import { stewardOf } from '../pricing/bid-builder.ts'
import { MemoryJournal } from './memory-market.ts'

const SINCE = unixTime(1_700_000_000)
const NOW = unixTime(SINCE + 100 * DAY)
const ME = stewardOf(500)
const R = REFERENCE_AT_START

/** A put of ten lots, cleared at a price so many days ago; not cleared where there is none. */
function aPut(n: number, daysAgo: number, price?: bigint): PutRecord {
  const lots = Array.from({ length: 10 }, (_, lot) => ({
    lot,
    steward: stewardOf(lot + 1),
    addresses: [],
    price: price ?? 0n,
    egressPrice: 0n,
    egressFree: 0,
    bond: 0n,
  }))
  const scores = Array.from({ length: 12 }, (_, i) => ({ steward: stewardOf(i + 1), bid: 5n, score: 6n, won: i < 10 }))
  const summary = {
    invited: 14,
    bids: 12,
    price: price ?? 0n,
    reserve: 3n * R,
    thin: true,
    clusterRule: true,
    scores,
    advertFee: 0n,
  }
  return {
    ref: toHex(new Uint8Array(32).fill(n)),
    plan: { ref: toHex(new Uint8Array(32).fill(n)), k: 3, n: 10, term: 90 * DAY, shareLengths: [1000], copyLength: 24 },
    stage: price === undefined ? 'advertised' : 'awarded',
    advert: { term: 90 * DAY },
    advertHash: toHex(new Uint8Array(32).fill(n)),
    advertFee: 1n,
    value: 50n,
    reserve: 3n * R,
    ...(price === undefined ? {} : { award: { start: unixTime(NOW - daysAgo * DAY), lots, missing: [], summary } }),
    runnersUp: [],
    failed: [],
  } as unknown as PutRecord
}

async function aLedger(puts: readonly PutRecord[]): Promise<Ledger> {
  const ledger = await Ledger.open(new MemoryJournal())
  const batch = ledger.batch()
  for (const put of puts) batch.put(put)
  await ledger.commit(batch)
  return ledger
}

describe('controller/view-market', () => {
  it('starts from the reference, and moves with what was cleared', () => {
    const reference = referencePrice(100 * DAY)
    expect(marketPrices([], ME, NOW, SINCE)).to.include({
      index: reference,
      reference,
      cheapest: floorPrice(reference),
    })
    const puts = [1n, 2n, 3n].map((price, i) => aPut(i + 1, 10 - i, price * R))
    const { index, reserve, cheapest } = marketPrices(puts, ME, NOW, SINCE)
    expect(index).to.equal(2n * R)
    expect(reserve).to.equal((reference * 5n) / 2n) // 2.5 × index would be more than the outside option
    expect(cheapest).to.equal(floorPrice(reference))
  })

  it('lists every auction, oldest first, and the one that waits last', async () => {
    const ledger = await aLedger([aPut(3, 1), aPut(2, 5, R), aPut(1, 20, 2n * R)])
    const views = viewAuctions(ledger)
    expect(views.map(({ id, state, given, bids }) => [id.slice(0, 2), state, given, bids])).to.deep.equal([
      ['01', 'awarded', 10, 12],
      ['02', 'awarded', 10, 12],
      ['03', 'advertised', undefined, undefined],
    ])
    expect(views[0]).to.include({ lots: 10, bytes: 10 * 1024, for: 'object', thin: true, cleared: '0.0103515625' })
  })

  it('shows one with its bids, by a prefix that only it has', async () => {
    const ledger = await aLedger([aPut(1, 20, R), aPut(2, 5, R)])
    const { scores } = viewAuction(ledger, '01010101')
    expect(scores).to.have.length(12)
    expect(scores[9]).to.include({ lot: 9, price: '0.00517578125' })
    expect(scores[10]).not.to.have.property('lot')
    expect(() => viewAuction(ledger, 'ffffffff'))
      .to.throw()
      .with.property('code', 'AUCTION_UNKNOWN')
    expect(() => viewAuction(ledger, ''))
      .to.throw()
      .with.property('code', 'AUCTION_UNKNOWN')
  })

  it('gives the index as it was at each clearing', async () => {
    const ledger = await aLedger([aPut(1, 95, 4n * R), aPut(2, 20, R), aPut(3, 2, 2n * R)])
    const view = viewPrices(ledger, ME, { now: NOW, since: SINCE }, 30)
    expect(view).to.include({ auctions: 3, bidders: 12 })
    expect(view.history.map(({ index, bytes }) => [index, bytes])).to.deep.equal([
      ['0.00517578125', 10 * 1024],
      ['0.00517578125', 10 * 1024],
    ])
    expect(view.indexBefore).to.equal('0.00517578125')
  })
})
