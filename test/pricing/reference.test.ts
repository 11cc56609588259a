import { expect } from 'chai'
import fc from 'fast-check'
import { DAY, wei } from '../../base/units.ts'
import { defaultReserve, floorPrice, REFERENCE_AT_START, referencePrice } from '../../pricing/reference.ts'

describe('pricing/reference', () => {
  it('starts at 5.3 HOLD per TiB-month', () => {
    expect(referencePrice(0)).to.equal(REFERENCE_AT_START)
    expect(REFERENCE_AT_START).to.equal(5_175_781_250_000_000n) // 5.3e18 / 1024, exactly
  })

  it('falls by a factor of 1.15 a year', () => {
    const years = (n: number) => Number(referencePrice(n * 365 * DAY)) / Number(REFERENCE_AT_START)
    for (const n of [1, 2, 5, 20]) expect(years(n)).to.be.closeTo(1.15 ** -n, 1e-12)
    expect(referencePrice(365 * DAY)).to.equal(4_500_679_347_826_085n) // 4 500 679 347 826 086.95…; each step rounds down
  })

  it('stays within a day and never rises', () => {
    fc.assert(
      fc.property(fc.nat(40 * 365), fc.nat(DAY - 1), (day, second) => {
        expect(referencePrice(day * DAY + second)).to.equal(referencePrice(day * DAY))
        expect(referencePrice((day + 1) * DAY) < referencePrice(day * DAY)).to.equal(true)
      }),
    )
  })

  it('puts the floor at 0.55 of it, and the reserve at 2.5 of the index or the outside option', () => {
    expect(floorPrice(wei(101n))).to.equal(56n) // 55.55, up
    expect(defaultReserve(wei(100n))).to.equal(250n)
    expect(defaultReserve(wei(100n), wei(120n))).to.equal(120n)
    expect(defaultReserve(wei(100n), wei(9999n))).to.equal(250n)
  })
})
