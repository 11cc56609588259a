import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import * as wire from '../../net/messages/bid.ts'
import { bidHash, checkReveal, commitOf, encodeBid } from '../../pricing/bids.ts'
import { aBid, aSealedBid, stewardOf } from './bid-builder.ts'

const aUint128 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })

describe('pricing/bids', () => {
  it('encodes a bid as canonical CBOR, absent fields absent', () => {
    // {bond: 7, price: 0x0102, steward: 20 bytes, egressFree: 5, egressPrice: (empty)}, keys by length, then by bytes
    const expected = `a564626f6e6407657072696365420102677374657761726454${'00'.repeat(19)}016a656772657373467265650 56b656772657373507269636540`
    expect(toHex(encodeBid(aBid(1, 0x102n, { bond: 7n, egressFree: 5 })))).to.equal(expected.replace(' ', ''))
  })

  it('commits to SHA-256 of tag, bid and salt', () => {
    const bid = aBid(1, 5n)
    const salt = new Uint8Array(32).fill(9)
    expect(commitOf(bid, salt)).to.deep.equal(sha256(new TextEncoder().encode('holdfast/bid/1'), encodeBid(bid), salt))
  })

  it('says the same as the wire, whatever the bid', () => {
    fc.assert(
      fc.property(
        fc.record({
          price: aUint128,
          egressPrice: aUint128,
          egressFree: fc.maxSafeNat(),
          bond: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
          capacity: fc.option(fc.maxSafeNat(), { nil: undefined }),
        }),
        (fields) => {
          const bid = { steward: stewardOf(77), ...fields }
          const salt = new Uint8Array(32).fill(3)
          expect(toHex(commitOf(bid, salt))).to.equal(toHex(wire.bidCommit(bid, salt)))
          expect(toHex(bidHash(bid))).to.equal(toHex(wire.bidHash(bid)))
        },
      ),
    )
  })

  it('takes a reveal that fits its commitment, and no other', () => {
    const sealed = aSealedBid(1, 10n)
    expect(checkReveal(sealed)).to.equal(undefined)
    expect(checkReveal({ ...sealed, bid: aBid(1, 9n) })).to.equal('wrong-reveal')
    expect(checkReveal({ ...sealed, salt: new Uint8Array(32) })).to.equal('wrong-reveal')
    expect(checkReveal({ ...sealed, steward: stewardOf(2) })).to.equal('wrong-steward')
    expect(checkReveal({ steward: stewardOf(1), commit: sealed.commit })).to.equal('withdrawn')
  })
})
