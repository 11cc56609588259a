import { expect } from 'chai'
import fc from 'fast-check'
import { DAY, wei } from '../../base/units.ts'
import { INDEX_CLEARINGS, type IndexedClearing, priceIndex } from '../../pricing/price-index.ts'
import { stewardOf } from './bid-builder.ts'

const NOW = 1000 * DAY
const FALLBACK = wei(7n)

/** A clearing of one uploader with ten stewards nobody else has. */
function aClearing(
  uploader: number,
  price: bigint,
  changes: Partial<IndexedClearing> & { bytes?: number } = {},
): IndexedClearing {
  const { bytes = 100, ...rest } = changes
  const awards = Array.from({ length: 10 }, (_, i) => ({ steward: stewardOf(1000 * uploader + i), bytes, price }))
  return { uploader: stewardOf(uploader), at: NOW - uploader, feePaid: true, awards, ...rest }
}

describe('pricing/price-index', () => {
  it('is the reference before there are any, and the only price where there is one', () => {
    expect(priceIndex([], NOW, FALLBACK)).to.equal(7n)
    expect(priceIndex([aClearing(1, 12n)], NOW, FALLBACK)).to.equal(12n)
  })

  it('is the median of the last nine', () => {
    const recent = Array.from({ length: INDEX_CLEARINGS }, (_, i) => aClearing(i + 1, BigInt(10 + i)))
    const old = Array.from({ length: 50 }, (_, i) => aClearing(100 + i, 1000n))
    expect(priceIndex([...old, ...recent], NOW, FALLBACK)).to.equal(14n)
  })

  it('weighs by bytes, each side a nineteenth of the others at most', () => {
    const small = aClearing(1, 10n, { bytes: 1 })
    const others = [2, 3].map((n) => aClearing(n, 20n + BigInt(n)))
    expect(priceIndex([small, ...others], NOW, FALLBACK)).to.equal(22n)
    const giant = aClearing(4, 900n, { bytes: 10 ** 9 })
    expect(priceIndex([giant, ...others, aClearing(5, 24n)], NOW, FALLBACK)).to.equal(23n)
  })

  it('leaves out what was not paid for, what lies ahead, and prices no auction gives', () => {
    const bad = [
      aClearing(1, 99n, { feePaid: false }),
      aClearing(2, 99n, { at: NOW + 1 }),
      aClearing(3, 0n),
      aClearing(4, -5n),
      aClearing(5, 1n << 128n),
      aClearing(6, 99n, { bytes: 0 }),
      aClearing(7, 99n, { bytes: Number.NaN }),
      aClearing(8, 99n, { awards: [] }),
    ]
    expect(priceIndex(bad, NOW, FALLBACK)).to.equal(7n)
    expect(priceIndex([...bad, aClearing(9, 12n)], NOW, FALLBACK)).to.equal(12n)
  })

  it('counts old clearings only where there are no others', () => {
    const old = aClearing(1, 50n, { at: NOW - 91 * DAY })
    expect(priceIndex([old], NOW, FALLBACK)).to.equal(50n)
    expect(priceIndex([old, aClearing(2, 10n)], NOW, FALLBACK)).to.equal(10n)
  })

  it('gives a busy uploader one place while others have clearings of their own', () => {
    const honest = Array.from({ length: INDEX_CLEARINGS }, (_, i) => aClearing(i + 2, 20n, { at: NOW - 30 - i }))
    const shill = Array.from({ length: 40 }, (_, i) => aClearing(1, 500n, { at: NOW - i }))
    expect(priceIndex([...shill, ...honest], NOW, FALLBACK)).to.equal(20n)
  })

  it('never leaves the range of the honest prices, whatever one uploader does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: 50n, max: 150n }), { minLength: 3, maxLength: 20 }),
        fc.array(
          fc.record({ price: fc.bigInt({ min: 1n, max: 10n ** 9n }), bytes: fc.integer({ min: 1, max: 10 ** 9 }) }),
          { maxLength: 20 },
        ),
        (prices, shills) => {
          const honest = prices.map((price, i) => aClearing(i + 2, price))
          const shill = shills.map(({ price, bytes }, i) => aClearing(1, price, { bytes, at: NOW - i }))
          // With eight others there is no second place for it.
          const index = priceIndex([...honest, ...shill], NOW, FALLBACK)
          const sorted = [...prices].sort((a, b) => Number(a - b))
          if (prices.length >= INDEX_CLEARINGS - 1)
            expect(index >= (sorted[0] as bigint) && index <= (sorted.at(-1) as bigint)).to.equal(true)
          expect(index > 0n).to.equal(true)
        },
      ),
    )
  })
})
