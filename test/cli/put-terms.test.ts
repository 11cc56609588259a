import { expect } from 'chai'
import { parseHold, seconds } from '../../base/units.ts'
import { type PutTerms, termsLines } from '../../cli/put-terms.ts'
import type { Quote } from '../../uploader/put-book.ts'

const hold = parseHold
const terms = (quote: Partial<Quote> = {}, maxPrice = hold('1')): PutTerms => ({
  plan: {
    ref: '',
    k: 3,
    n: 10,
    bytes: 1000,
    shareLengths: [400],
    copyLength: 600,
    term: seconds(90 * 86_400),
    name: 'a.txt',
  },
  quote: {
    rent: hold('0.4'),
    rentAtMost: hold('0.9'),
    advertFee: hold('0.01'),
    fees: hold('0.002'),
    price: hold('0.005'),
    reserve: hold('0.0125'),
    floor: hold('0.003'),
    balance: hold('12.471999'),
    stewards: 12,
    ...quote,
  },
  limits: { maxPrice, budget: hold('1') },
})

describe('cli/put-terms', () => {
  it('says of a new put what it costs, at most, and what is there', () => {
    const [what, cost, ...more] = termsLines(terms(), { size: 1000 })
    expect(what).to.include('a.txt').and.include('20 blobs').and.include('any 3 of 10').and.include('for 90 d')
    expect(cost).to.equal(
      'rent 0.4 HOLD   advert 0.01   chain fees ≈ 0.002 ETH   total 0.41 HOLD, at most 0.91   balance 12.47 HOLD',
    )
    expect(more).to.deep.equal([])
  })

  it('says of a put that goes on what is paid and what is left, and does not count it twice', () => {
    const before = { advertFee: hold('0.01'), rent: hold('0.4'), blobs: 7 }
    const lines = termsLines(terms({ before, rent: 0n, rentAtMost: 0n, advertFee: 0n }), { size: 1000 })
    expect(lines[1]).to.equal(
      'resumed: 7 of 20 blobs are placed; the advert (0.01 HOLD) is paid, rent of 0.4 HOLD is agreed',
    )
    expect(lines[2]).to.include('left: rent 0 HOLD   advert 0').and.include('nothing more to agree to')
  })

  it('warns that the advert may be lost when the cap is below what is expected', () => {
    expect(termsLines(terms({}, hold('0.004')), { size: 1000 })[2]).to.include(
      'the price cap is below what is expected',
    )
  })
})
