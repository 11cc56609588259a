import { createHash, createHmac } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex, u32, utf8 } from '../../base/bytes.ts'
import type { HoldfastError } from '../../base/errors.ts'
import { answerOf, answerRows, createAnswerer, createNonceSource, headerOf, nonceOf } from '../../blob/challenge.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { challenge } = protocol
const domain = { chainId: challenge.chainId, contract: `0x${challenge.market}` as const }
const nonceKey = fromHex(challenge.nonceKey)
const blobs = [Uint8Array.from({ length: 1000 }, (_, i) => i), Uint8Array.from({ length: 77 }, (_, i) => i * 7)]
const codeOf = (what: () => unknown) => {
  try {
    what()
  } catch (cause) {
    return (cause as HoldfastError).code
  }
  return undefined
}

describe('blob/challenge', () => {
  it('gives the header, nonces and answers of the protocol vectors', () => {
    const blob = blobs[0] as Uint8Array
    expect(
      toHex(headerOf(domain, { blobId: blobIdOf(blob), length: 1000 }, nonceOf(nonceKey, blobIdOf(blob), 0))),
    ).to.equal(challenge.header_a_row0)
    expect(challenge.header_a_row0).to.have.length(2 * 116)
    for (const [at, entry] of challenge.docketOfTwo.entries.entries()) {
      const bytes = blobs[at] as Uint8Array
      expect(toHex(blobIdOf(bytes))).to.equal(entry.blobId)
      const nonce = nonceOf(nonceKey, blobIdOf(bytes), entry.row)
      expect(toHex(nonce)).to.equal(entry.nonce)
      expect(toHex(answerOf(domain, blobIdOf(bytes), bytes, nonce))).to.equal(entry.answer)
    }
  })

  it('draws the nonces that a plain HMAC gives, in any order and again', () => {
    const source = createNonceSource(nonceKey)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(0xffffffff), (blobId, row) => {
        const plain = createHmac('sha256', nonceKey)
          .update('holdfast/nonce/1')
          .update(blobId)
          .update(u32(row))
          .digest('hex')
        expect(toHex(source.nonceOf(blobId, row))).to.equal(plain)
        expect(toHex(source.nonceOf(blobId, row))).to.equal(plain)
      }),
      { numRuns: 50 },
    )
  })

  it('answers as the formula says, written out', () => {
    const blob = blobs[1] as Uint8Array
    const nonce = new Uint8Array(32).fill(3)
    const key = createHash('sha256')
      .update(headerOf(domain, { blobId: blobIdOf(blob), length: 77 }, nonce))
      .digest()
    expect(toHex(answerOf(domain, blobIdOf(blob), blob, nonce))).to.equal(
      createHmac('sha256', key).update(blob).digest('hex'),
    )
  })

  it('gives the same answers from one reading in pieces as from memory, however it is cut', () => {
    const any = fc.uint8Array({ maxLength: 3000 })
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 12 }), (blob, step, rows) => {
        const blobId = blobIdOf(blob)
        const nonces = Array.from({ length: rows }, (_, j) => nonceOf(nonceKey, blobId, j))
        const answerer = createAnswerer(domain, { blobId, length: blob.length }, nonces)
        for (let at = 0; at < blob.length; at += step) answerer.update(blob.subarray(at, at + step))
        expect(answerer.finish().map(toHex)).to.deep.equal(answerRows(domain, blobId, blob, nonces).map(toHex))
      }),
      { numRuns: 60 },
    )
  })

  it('gives no answer when the bytes read are not the blob', () => {
    const blob = blobs[0] as Uint8Array
    const about = { blobId: blobIdOf(blob), length: 1000 }
    const read = (...chunks: readonly Uint8Array[]) =>
      codeOf(() => {
        const answerer = createAnswerer(domain, about, [new Uint8Array(32)])
        for (const chunk of chunks) answerer.update(chunk)
        answerer.finish()
      })
    const rotten = blob.slice()
    rotten[999] = 0
    expect(read(blob)).to.equal(undefined)
    expect(read(rotten)).to.equal('BLOB_CORRUPT')
    expect(read(blob.subarray(0, 999))).to.equal('BLOB_CORRUPT')
    expect(read(blob, utf8('x'))).to.equal('BLOB_CORRUPT')
    expect(read()).to.equal('BLOB_CORRUPT')
  })

  it('refuses ids and nonces of the wrong length', () => {
    expect(codeOf(() => nonceOf(nonceKey, new Uint8Array(31), 0))).to.equal('INPUT_FORMAT')
    expect(codeOf(() => nonceOf(new Uint8Array(31), new Uint8Array(32), 0))).to.equal('INPUT_FORMAT')
    expect(codeOf(() => nonceOf(nonceKey, new Uint8Array(32), -1))).to.equal('INPUT_RANGE')
    expect(
      codeOf(() => createAnswerer(domain, { blobId: new Uint8Array(32), length: 1 }, [new Uint8Array(33)])),
    ).to.equal('INPUT_FORMAT')
    expect(
      codeOf(() => createAnswerer(domain, { blobId: new Uint8Array(32), length: -1 }, [new Uint8Array(32)])),
    ).to.equal('INPUT_RANGE')
  })
})
