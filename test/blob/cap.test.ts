import { bech32m } from '@scure/base'
import { expect } from 'chai'
import fc from 'fast-check'
import { concat, fromHex, toHex } from '../../base/bytes.ts'
import type { HoldfastError } from '../../base/errors.ts'
import { capOf, formatCap, locatorOf, parseCap } from '../../blob/cap.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { manifest } = protocol
const refusalOf = (text: string) => {
  try {
    parseCap(text)
  } catch (cause) {
    const error = cause as HoldfastError
    expect(error.code).to.equal('INPUT_CAP')
    expect(error.cause).to.equal(undefined) // the library's message would quote the secret
    return error.message
  }
  throw new Error(`${text} was not refused`)
}

describe('blob/cap', () => {
  it('gives the cap, text and locator of the protocol vectors', () => {
    const cap = capOf(fromHex(manifest.cbor))
    expect(toHex(cap)).to.equal(manifest.cap)
    expect(formatCap(cap)).to.equal(manifest.text)
    expect(toHex(parseCap(manifest.text))).to.equal(manifest.cap)
    expect(toHex(locatorOf(cap))).to.equal(manifest.locator)
  })

  it('reads every cap it writes, in either case and with space around it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (cap) => {
        const text = formatCap(cap)
        expect(text).to.have.length(62)
        expect(toHex(parseCap(` ${text}\n`))).to.equal(toHex(cap))
        expect(toHex(parseCap(text.toUpperCase()))).to.equal(toHex(cap))
      }),
      { numRuns: 50 },
    )
  })

  it('notices every single wrong character', () => {
    for (let at = 3; at < manifest.text.length; at++) {
      const wrong = manifest.text[at] === 'q' ? 'p' : 'q'
      expect(refusalOf(manifest.text.slice(0, at) + wrong + manifest.text.slice(at + 1))).to.match(/checksum/)
    }
  })

  it('says what is wrong, and never repeats the text', () => {
    const cap = fromHex(manifest.cap)
    expect(refusalOf('')).to.match(/does not begin with hf1/)
    expect(refusalOf(`bc1${manifest.text.slice(3)}`)).to.match(/does not begin with hf1/)
    expect(refusalOf(manifest.text.slice(0, 40))).to.match(/40 characters instead of 62/)
    expect(refusalOf(`${manifest.text}q`)).to.match(/63 characters instead of 62/)
    expect(refusalOf(`hf1${'q'.repeat(5000)}`)).to.match(/5003 characters/)
    expect(refusalOf(`${manifest.text.slice(0, 10)}b${manifest.text.slice(11)}`)).to.match(/character 11 cannot occur/)
    expect(refusalOf(`${manifest.text.slice(0, 30)} ${manifest.text.slice(30)}`)).to.match(/character 31 cannot occur/)
    expect(refusalOf(manifest.text.slice(0, 20) + manifest.text.slice(20).toUpperCase())).to.match(/checksum|character/)
    expect(refusalOf(bech32m.encodeFromBytes('hf', concat(Uint8Array.of(2), cap)))).to.match(/version 2/)
    expect(refusalOf(bech32m.encodeFromBytes('hf', concat(Uint8Array.of(1), cap.subarray(1))))).to.match(
      /31 bytes instead of 32/,
    )
    expect(refusalOf(bech32m.encodeFromBytes('hf', new Uint8Array(0)))).to.match(/version none/)
    expect(refusalOf(manifest.text.slice(0, 40))).to.not.contain(manifest.text.slice(3, 40))
  })
})
