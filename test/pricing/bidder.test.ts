import { expect } from 'chai'
import { DAY, GiB, gwei, MONTH, parseHold, wei } from '../../base/units.ts'
import { askingPrice, type Capacity, COST_MODEL, type Offer, priceBid, roomIn } from '../../pricing/bidder.ts'
import { advertValue } from '../../pricing/rates.ts'
import { floorPrice, REFERENCE_AT_START } from '../../pricing/reference.ts'
import { stewardOf } from './bid-builder.ts'

const R = REFERENCE_AT_START
const disk = (changes: Partial<Capacity> = {}): Capacity => ({
  quota: 100 * GiB,
  reserve: GiB,
  used: 0,
  promised: 0,
  ...changes,
})
function anOffer(changes: Partial<Offer> = {}): Offer {
  const offer = {
    lotBytes: GiB,
    totalBytes: 10 * GiB,
    term: 3 * MONTH,
    reserve: 2n * R,
    egressPrice: parseHold('1'),
    egressFree: GiB,
    paidValue: gwei(0n),
    ...changes,
  }
  return { ...offer, paidValue: changes.paidValue ?? advertValue(offer.totalBytes, wei(offer.reserve), offer.term) }
}
const none = (offer: Offer, capacity = disk()) => {
  const answer = priceBid(stewardOf(1), offer, capacity, COST_MODEL, R)
  return 'none' in answer ? answer.none : undefined
}

describe('pricing/bidder', () => {
  it('asks for its cost and its target when its disk is empty, and more when it is full', () => {
    expect(askingPrice({ ...COST_MODEL, cost: 1_000_000n * R }, disk(), R)).to.equal(1_100_000n * R)
    expect(askingPrice({ ...COST_MODEL, cost: 1_000_000n * R }, disk({ used: 50 * GiB }), R)).to.equal(1_196_250n * R) // 1.1 · (1 + 0.35 / 4)
    expect(
      askingPrice({ ...COST_MODEL, cost: 1_000_000n * R }, disk({ used: 60 * GiB, promised: 40 * GiB }), R),
    ).to.equal(1_485_000n * R)
  })

  it('takes four fifths of the reference for a cost nobody measured', () => {
    expect(askingPrice(COST_MODEL, disk(), R)).to.equal((R * 88n) / 100n)
  })

  it('never asks below the floor, unless its operator set the price by hand', () => {
    expect(askingPrice({ ...COST_MODEL, cost: 1n }, disk(), R)).to.equal(floorPrice(R))
    expect(askingPrice({ ...COST_MODEL, fixed: 1n }, disk(), R)).to.equal(1n)
  })

  it('bids its price, and eight weeks of it as bond', () => {
    const answer = priceBid(stewardOf(1), anOffer(), disk(), COST_MODEL, R)
    const price = askingPrice(COST_MODEL, disk(), R)
    expect(answer).to.deep.equal({
      bid: {
        steward: stewardOf(1),
        price,
        egressPrice: price,
        egressFree: GiB,
        bond: advertValue(GiB, price, 56 * DAY),
        capacity: 100 * GiB,
      },
    })
  })

  it('ignores an advert whose fee was paid for less than it asks for', () => {
    const offer = anOffer()
    expect(none({ ...offer, paidValue: offer.paidValue - 1n })).to.equal('fee')
    expect(none(offer)).to.equal(undefined)
  })

  it('ignores terms outside 30 to 180 days, and reserves below its price', () => {
    expect(none(anOffer({ term: 30 * DAY - 1 }))).to.equal('term')
    expect(none(anOffer({ term: 180 * DAY + 1 }))).to.equal('term')
    expect(none(anOffer({ reserve: askingPrice(COST_MODEL, disk(), R) - 1n }))).to.equal('price')
  })

  it('never sells more than its quota, what was won and not delivered included, nor eats the volume’s reserve', () => {
    expect(none(anOffer({ reserve: R }), disk({ used: 99 * GiB }))).to.equal('price') // it fits, at a full disk's price
    expect(none(anOffer({ reserve: 10n * R }), disk({ used: 99 * GiB }))).to.equal(undefined)
    expect(none(anOffer({ reserve: 10n * R }), disk({ used: 99 * GiB, promised: 1 }))).to.equal('full')
    expect(roomIn(disk({ free: 3 * GiB, promised: GiB }))).to.equal(GiB)
    expect(roomIn(disk({ quota: GiB, used: 2 * GiB }))).to.equal(0)
  })
})
