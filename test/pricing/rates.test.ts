import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, GiB, gwei, MONTH, parseHold, wei } from '../../base/units.ts'
import {
  advertFee,
  advertValue,
  docketAmount,
  earnedOf,
  egressCost,
  type RentItem,
  rentOf,
} from '../../pricing/rates.ts'

const vectors = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8'))
const anItem = fc.record({
  price: fc.bigInt({ min: 0n, max: 10n ** 20n }),
  length: fc.integer({ min: 0, max: 64 * 1024 * 1024 }),
  seconds: fc.integer({ min: 0, max: 180 * DAY }),
})

describe('pricing/rates', () => {
  it('gives the amounts of the independent program, rounded up once a docket', () => {
    expect(vectors.money).to.have.length(2)
    for (const { items, gwei: expected } of vectors.money) {
      const parsed: RentItem[] = items.map((item: { price: string; length: number; seconds: number }) => ({
        ...item,
        price: BigInt(item.price),
      }))
      expect(docketAmount(parsed).toString()).to.equal(expected)
    }
  })

  it('pays exactly the price for one GiB over one month', () => {
    expect(docketAmount([{ price: parseHold('0.0053'), length: GiB, seconds: MONTH }])).to.equal(5_300_000n)
  })

  it('rounds a docket up by less than one gwei, however many blobs it covers', () => {
    fc.assert(
      fc.property(fc.array(anItem, { maxLength: 40 }), (items) => {
        const exact = items.reduce(
          (sum, { price, length, seconds }) => sum + price * BigInt(length) * BigInt(seconds),
          0n,
        )
        const unit = BigInt(GiB) * BigInt(MONTH) * 10n ** 9n
        const amount = docketAmount(items)
        expect(amount * unit >= exact && (amount - 1n) * unit < exact).to.equal(true)
        expect(rentOf(items) <= amount * 10n ** 9n).to.equal(true)
      }),
    )
  })

  it('never pays less for an interval cut in two than for the whole', () => {
    fc.assert(
      fc.property(anItem, fc.nat(), (item, at) => {
        const first = at % (item.seconds + 1)
        const parts = [first, item.seconds - first].map((seconds) => docketAmount([{ ...item, seconds }]))
        const whole = docketAmount([item])
        const sum = (parts[0] as bigint) + (parts[1] as bigint)
        expect(sum >= whole && sum <= whole + 1n).to.equal(true)
      }),
    )
  })

  it('refuses negative prices, broken lengths and sums beyond a uint64', () => {
    const good = { price: 1n, length: 1, seconds: 1 }
    for (const bad of [{ price: -1n }, { length: -1 }, { length: 0.5 }, { seconds: Number.NaN }, { seconds: -1 }])
      expect(
        () => docketAmount([{ ...good, ...bad }]),
        JSON.stringify(bad, (_, v) => String(v)),
      ).to.throw(HoldfastError)
    expect(() => docketAmount([{ price: 1n << 128n, length: GiB, seconds: MONTH }])).to.throw(HoldfastError)
  })

  it('takes a fiftieth of an advert, rounded up, and never less than the floor', () => {
    expect(advertFee(gwei(5_000_000n), gwei(100n))).to.equal(100_000n)
    expect(advertFee(gwei(5_000_001n), gwei(100n))).to.equal(100_001n)
    expect(advertFee(gwei(1n), gwei(100_000n))).to.equal(100_000n)
  })

  it('values an advert at its bytes over its term at the reserve', () => {
    expect(advertValue(2 * GiB, wei(10n ** 15n), 3 * MONTH)).to.equal(6_000_000n)
    expect(advertValue(1, wei(1n), 1)).to.equal(1n) // less than a gwei: up to one, so that it can be posted at all
  })

  it('charges reading only beyond the allowance, rounded up', () => {
    const price = parseHold('0.001')
    expect(egressCost({ bytes: 1000, egressFree: 1000, egressPrice: price })).to.equal(0n)
    expect(egressCost({ bytes: GiB + 1000, egressFree: 1000, egressPrice: price })).to.equal(1_000_000n)
    expect(egressCost({ bytes: 1001, egressFree: 1000, egressPrice: price })).to.equal(1n)
  })

  it('states what a placement earned rounded down, so that nobody is promised more than was posted', () => {
    expect(earnedOf({ price: 3n, length: GiB / 2, seconds: MONTH })).to.equal(1n)
  })
})
