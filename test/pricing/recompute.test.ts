import { expect } from 'chai'
import fc from 'fast-check'
import { selectAwards } from '../../pricing/auction.ts'
import { type PublishedClearing, recomputeClearing } from '../../pricing/recompute.ts'
import { aBidder, aSealedBid, someTerms, stewardOf } from './bid-builder.ts'

/** What an honest auctioneer publishes of bids at these prices. */
function published(prices: readonly bigint[], changes: Partial<PublishedClearing> = {}): PublishedClearing {
  const sealed = prices.map((price, i) => aSealedBid(i + 1, price))
  const bidders = prices.map((_, i) => aBidder(i + 1))
  const terms = changes.terms ?? someTerms({ lots: [0, 1, 2] })
  const { price, awards } = selectAwards(sealed, bidders, terms)
  return { terms, bidders, sealed, price, lots: new Map(awards.map(({ steward, lot }) => [steward, lot])), ...changes }
}

const PRICES = [100n, 101n, 102n, 103n, 104n]

describe('pricing/recompute', () => {
  it('finds nothing in a right clearing, whatever the bids', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 1n, max: 1200n }), { maxLength: 20 }), (prices) => {
        expect(recomputeClearing(published(prices)).faults).to.deep.equal([])
      }),
    )
  })

  it('finds a price that is not the first losing score', () => {
    const { faults, expected } = recomputeClearing(published(PRICES, { price: 102n }))
    expect(faults).to.deep.equal([{ kind: 'price', published: '102', expected: '103' }])
    expect(expected.awards).to.have.length(3)
  })

  it('finds a lot that went to the wrong one, and who should have had it', () => {
    const lots = new Map([1, 2, 4].map((n, lot) => [stewardOf(n), lot] as const))
    expect(recomputeClearing(published(PRICES, { lots })).faults).to.deep.equal([
      { kind: 'award', steward: stewardOf(3), published: 'no lot', expected: 'lot 2' },
      { kind: 'winner', steward: stewardOf(4), published: 'lot 2', expected: 'no lot' },
    ])
  })

  it('finds a winner without a commit, and one whose reveal fits nothing', () => {
    const right = published(PRICES)
    const stranger = new Map([...right.lots, [stewardOf(99), 2] as const])
    expect(recomputeClearing({ ...right, lots: stranger }).faults.map(({ kind }) => kind)).to.deep.equal(['stranger'])
    const sealed = right.sealed.with(0, { ...aSealedBid(1, 100n), commit: new Uint8Array(32) })
    expect(recomputeClearing({ ...right, sealed }).faults.map(({ kind, expected }) => [kind, expected])).to.deep.equal([
      ['price', '104'],
      ['award', 'lot 0'],
      ['award', 'lot 1'],
      ['award', 'lot 2'],
      ['winner', 'no lot: wrong-reveal'],
    ])
  })

  it('clears without the reveals that are missing', () => {
    const right = published(PRICES)
    const { steward, commit } = right.sealed[0] as { steward: `0x${string}`; commit: Uint8Array }
    const sealed = right.sealed.with(0, { steward, commit })
    const { expected } = recomputeClearing({ ...right, sealed })
    expect(expected.price).to.equal(104n)
    expect(expected.refused).to.deep.equal([{ steward, why: 'withdrawn' }])
  })
})
