import { encode } from 'cborg'
import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../../base/codec.ts'
import { HoldfastError } from '../../base/errors.ts'

const refused = (hex: string, code = 'NET_MALFORMED') =>
  expect(() => decodeCbor(fromHex(hex), 1000), hex)
    .to.throw(HoldfastError)
    .with.property('code', code)

describe('base/codec', () => {
  it('orders map keys by their encoding: shorter first, then bytewise', () => {
    expect(toHex(encodeCbor({ bb: 1, a: 2, ab: 3 }))).to.equal('a361610262616203626262' + '01')
  })

  it('leaves absent keys out: there is no null', () => {
    const value = { a: 1, b: undefined } as unknown as CborValue
    expect(toHex(encodeCbor(value))).to.equal('a1616101')
  })

  it('reads integers up to 2^64 − 1 exactly', () => {
    expect(decodeCbor(fromHex('1bffffffffffffffff'), 9)).to.equal(2n ** 64n - 1n)
    expect(decodeCbor(fromHex('1b001fffffffffffff'), 9)).to.equal(Number.MAX_SAFE_INTEGER)
    expect(toHex(encodeCbor(2n ** 64n - 1n))).to.equal('1bffffffffffffffff')
  })

  it('refuses every type the protocol has no place for', () => {
    for (const hex of [
      '20',
      'f4',
      'f5',
      'f6',
      'f7',
      'f93c00',
      'fb3ff0000000000000',
      'c001',
      'c249010000000000000000',
      '5f4100ff',
      '9f01ff',
      'bf616101ff',
      '7f6161ff',
    ])
      refused(hex)
  })

  it('refuses what is not canonical', () => {
    for (const hex of [
      '1801',
      '190001',
      '1a00000001',
      '1b0000000000000001',
      '5801aa',
      'a2616202616101',
      'a1616101' + '00',
      'a26161016161' + '02',
      '62c328',
      'a10101',
      '81',
    ])
      refused(hex)
  })

  it('refuses lone surrogates, __proto__ and depth on the way out and in', () => {
    expect(() => encodeCbor('\ud800')).to.throw(HoldfastError)
    expect(() => encodeCbor(JSON.parse('{"__proto__": 1}'))).to.throw(HoldfastError)
    refused(toHex(encode(JSON.parse('{"__proto__": 1}'))))
    refused(`${'81'.repeat(40)}01`)
    for (const value of [-1, 1.5, Number.NaN, 2 ** 53, null, true, new Map(), new Date(0)])
      expect(() => encodeCbor(value as unknown as CborValue), String(value)).to.throw(HoldfastError)
  })

  it('checks the cap before anything else', () => {
    expect(() => decodeCbor(new Uint8Array(1001), 1000))
      .to.throw(HoldfastError)
      .with.property('code', 'NET_OVERSIZE')
  })

  it('gives back what it took, and one encoding for it', () => {
    const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.nat(),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
        fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes)),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(
          fc.string({ maxLength: 6 }).filter((key) => key !== '__proto__'),
          tie('value'),
          { maxKeys: 4, noNullPrototype: true },
        ),
      ),
    }))
    fc.assert(
      fc.property(value, (sample) => {
        const bytes = encodeCbor(sample)
        expect(decodeCbor(bytes, bytes.length)).to.deep.equal(sample)
        expect(encodeCbor(decodeCbor(bytes, bytes.length))).to.deep.equal(bytes)
      }),
      { numRuns: 500 },
    )
  })

  it('never answers random bytes with anything but a value or a named refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(encodeCbor(decodeCbor(bytes, 64))).to.deep.equal(new Uint8Array(bytes))
        } catch (error) {
          expect(error).to.be.instanceOf(HoldfastError)
        }
      }),
      { numRuns: 5000 },
    )
  })
})
