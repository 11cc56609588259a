import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { parseHold } from '../../base/units.ts'
import { assertHopeful, type Demands } from '../../uploader/hopeful.ts'

const MARKET = { price: parseHold('0.0051758'), floor: parseHold('0.0028'), stewards: 10 }
const CODE = { k: 3, n: 10 }

function refusal(code: typeof CODE, demands: Partial<Demands> = {}, market = {}): HoldfastError | undefined {
  try {
    assertHopeful(code, { ...MARKET, ...market }, { allowShort: false, ...demands })
    return undefined
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause
    throw cause
  }
}

describe('uploader/hopeful', () => {
  it('lets an advert pass that somebody can take', () => {
    expect(refusal(CODE)).to.equal(undefined)
    expect(refusal(CODE, { maxPrice: MARKET.floor })).to.equal(undefined)
  })

  it('refuses a price cap below what anybody takes, and names a price that would probably do', () => {
    const error = refusal(CODE, { maxPrice: MARKET.floor - 1n })
    expect(error).to.include({ code: 'FUNDS_PRICE', exit: 6 })
    expect(error?.fix).to.include('--max-price 0.00518 or more')
  })

  it('refuses a code with so many more shares than stewards that repair would be due at once, and names one that fits', () => {
    const error = refusal({ k: 3, n: 14 })
    expect(error).to.include({ code: 'AUCTION_FEW', exit: 5 })
    expect(error?.message).to.equal('10 stewards are known, the code needs 14')
    expect(refusal(CODE, {}, { stewards: 9 }), 'one of ten is away').to.equal(undefined)
    expect(refusal(CODE, {}, { stewards: 8 })?.code).to.equal('AUCTION_FEW')
    expect(refusal({ k: 4, n: 4 }, {}, { stewards: 3 })?.code).to.equal('AUCTION_FEW')
    expect(refusal({ k: 4, n: 4 }, {}, { stewards: 4 })).to.equal(undefined)
    expect(error?.fix).to.include('--code 2/10').and.include('--allow-short')
    expect(refusal({ k: 1, n: 2 }, {}, { stewards: 1 })?.fix).to.include('--code 1/1')
    expect(refusal(CODE, {}, { stewards: 0 })?.fix).to.not.include('--code')
  })

  it('lets fewer do when that is allowed, as long as they can give the object back', () => {
    expect(refusal({ k: 3, n: 12 }, { allowShort: true })).to.equal(undefined)
    const error = refusal({ k: 11, n: 12 }, { allowShort: true })
    expect(error?.code).to.equal('AUCTION_FEW')
    expect(error?.fix).to.not.include('--allow-short')
  })

  it('refuses nothing that is paid for already', () => {
    const before = { advertFee: 1n, rent: 1n, blobs: 4 }
    expect(refusal({ k: 3, n: 12 }, { maxPrice: 1n }, { before, stewards: 2 })).to.equal(undefined)
  })
})
