import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { fromTagged, toTagged } from '../../base/tagged-json.ts'

describe('base/tagged-json', () => {
  it('carries bytes and big integers through JSON', () => {
    const record = { a: 1, b: [2n ** 80n, -5n], c: { d: Uint8Array.of(0, 255) }, e: 'text', f: true }
    expect(fromTagged(JSON.parse(JSON.stringify(toTagged(record))))).to.deep.equal(record)
  })

  it('refuses malformed tags and keys that could reach a prototype', () => {
    for (const text of ['{"$b":"zz"}', '{"$n":"1.5"}', '{"$x":1}', '{"a":{"$n":1}}', '{"__proto__":{"a":1}}'])
      expect(() => fromTagged(JSON.parse(text)), text).to.throw(HoldfastError)
  })
})
