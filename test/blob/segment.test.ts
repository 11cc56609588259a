import { createHash } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex, utf8 } from '../../base/bytes.ts'
import type { HoldfastError } from '../../base/errors.ts'
import { MiB } from '../../base/units.ts'
import { decodeShares, encodeShares } from '../../blob/erasure.ts'
import {
  type Cut,
  DEFAULT_SEGMENT_SIZE,
  decryptSegment,
  encryptSegment,
  guardSegment,
  MAX_BLOB_BYTES,
  planObject,
  splitSegment,
} from '../../blob/segment.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { object } = protocol
const readKey = fromHex(object.readKey)
const squares = Uint8Array.from({ length: 1000 }, (_, i) => i * i)
const cut: Cut = { segmentSize: 1000, k: 3, n: 10 }
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const codeOf = (what: () => unknown) => {
  try {
    what()
  } catch (cause) {
    return (cause as HoldfastError).code
  }
  return undefined
}

describe('blob/segment', () => {
  it('encrypts the segments of the protocol vectors and cuts their shares', () => {
    const sealed = encryptSegment(readKey, 0, squares)
    expect(sealed).to.have.length(object.segmentCiphertextBytes)
    expect(sha256(sealed)).to.equal(object.segmentCiphertextSha256)
    const shares = encodeShares(splitSegment(sealed, object.k), object.k, object.n, [...Array(object.n).keys()])
    expect(shares.map(sha256)).to.deep.equal(object.shareSha256)
    expect(toHex(encryptSegment(readKey, 1, utf8('second segment')))).to.equal(object.segment1.ciphertext)
    expect(toHex(encryptSegment(readKey, 0, new Uint8Array(0)))).to.equal(object.emptySegmentCiphertext)
  })

  it('cuts objects of any size, an empty one into one empty segment', () => {
    const lengths = (size: number) => planObject(size, cut).segments.map(({ length }) => length)
    expect(lengths(0)).to.deep.equal([0])
    expect(lengths(1)).to.deep.equal([1])
    expect(lengths(999)).to.deep.equal([999])
    expect(lengths(1000)).to.deep.equal([1000])
    expect(lengths(1001)).to.deep.equal([1000, 1])
    expect(planObject(2500, cut).segments[2]).to.deep.equal({ index: 2, offset: 2000, length: 500, shareLength: 172 })
    expect(planObject(0, cut).segments[0]?.shareLength).to.equal(6) // 16 bytes of tag over 3
  })

  it('keeps shares of the default cut within a blob, and refuses cuts that would not', () => {
    const plan = planObject(100 * MiB, { segmentSize: DEFAULT_SEGMENT_SIZE, k: 3, n: 10 })
    expect(plan.segments).to.have.length(5)
    expect(plan.segments[0]?.shareLength).to.equal(8 * MiB + 6) // (24 MiB + 16) / 3 = 8388613.33, up
    const most = 3 * MAX_BLOB_BYTES - 16
    expect(planObject(most, { segmentSize: most, k: 3, n: 10 }).segments[0]?.shareLength).to.equal(MAX_BLOB_BYTES)
    for (const segmentSize of [0, -1, 1.5, most + 1])
      expect(codeOf(() => planObject(1, { segmentSize, k: 3, n: 10 }))).to.equal('INPUT_RANGE')
    for (const size of [-1, 0.5, 2 ** 53, Number.NaN])
      expect(codeOf(() => planObject(size, cut))).to.equal('INPUT_RANGE')
    expect(codeOf(() => planObject(1, { segmentSize: 1, k: 11, n: 10 }))).to.equal('INPUT_RANGE')
    expect(codeOf(() => planObject(2 ** 40, cut))).to.equal('INPUT_RANGE') // more than 2^20 shares
  })

  it('gives every segment back from random k shares: sizes 0, 1, segment \u00b11 and random ones', () => {
    const size = fc.oneof(fc.constantFrom(0, 1, 999, 1000, 1001, 1999, 2000, 2001), fc.integer({ min: 0, max: 5000 }))
    const shape = fc.integer({ min: 1, max: 20 }).chain((n) => fc.tuple(fc.integer({ min: 1, max: n }), fc.constant(n)))
    fc.assert(
      fc.property(size, shape, fc.infiniteStream(fc.nat()), (bytes, [k, n], chance) => {
        const source = Uint8Array.from({ length: bytes }, (_, i) => (i * 31) ^ (i >> 8))
        const plan = planObject(bytes, { ...cut, k, n })
        const parts = plan.segments.map(({ index, offset, length, shareLength }) => {
          const shares = encodeShares(
            splitSegment(encryptSegment(readKey, index, source.subarray(offset, offset + length)), k),
            k,
            n,
            [...Array(n).keys()],
          )
          for (const share of shares) expect(share).to.have.length(shareLength)
          const kept = [...shares.entries()]
            .map((entry) => ({ entry, rank: chance.next().value }))
            .sort((a, b) => a.rank - b.rank)
            .slice(0, k)
          return decryptSegment(readKey, index, decodeShares(new Map(kept.map(({ entry }) => entry)), k, n), length)
        })
        expect(Buffer.compare(Buffer.concat(parts), source)).to.equal(0)
      }),
      { numRuns: 80 },
    )
  })

  it('handles pieces larger than a cipher step, and a tag that straddles pieces', () => {
    const plain = Uint8Array.from({ length: 700_001 }, (_, i) => i ^ (i >> 8))
    const sealed = encryptSegment(readKey, 7, plain)
    for (const at of [0, 1, 262_144, 699_999, 700_001, 700_008, 700_016, sealed.length]) {
      const pieces = [sealed.subarray(0, at), sealed.subarray(at)]
      expect(Buffer.compare(decryptSegment(readKey, 7, pieces, plain.length), plain), String(at)).to.equal(0)
    }
  })

  it('gives nothing when a bit is wrong, a piece is missing, or the segment is another one', () => {
    const sealed = encryptSegment(readKey, 0, squares)
    for (const at of [0, 500, 999, 1000, 1015]) {
      const broken = sealed.slice()
      broken[at] = (broken[at] as number) ^ 1
      expect(
        codeOf(() => decryptSegment(readKey, 0, [broken], 1000)),
        String(at),
      ).to.equal('OBJECT_CORRUPT')
    }
    expect(codeOf(() => decryptSegment(readKey, 1, [sealed], 1000))).to.equal('OBJECT_CORRUPT')
    expect(codeOf(() => decryptSegment(readKey, 0, [sealed], 999))).to.equal('OBJECT_CORRUPT')
    expect(codeOf(() => decryptSegment(readKey, 0, [sealed.subarray(0, 1015)], 1000))).to.equal('OBJECT_CORRUPT')
    expect(codeOf(() => decryptSegment(readKey, 0, [], 1000))).to.equal('OBJECT_CORRUPT')
  })

  it('works in the caller\u2019s memory, and leaves no unverified plaintext there', () => {
    const cipherMemory = new Uint8Array(2000)
    const plainMemory = new Uint8Array(1500)
    const sealed = encryptSegment(readKey, 0, squares, cipherMemory)
    expect(sealed.buffer).to.equal(cipherMemory.buffer)
    expect(toHex(sealed)).to.equal(toHex(encryptSegment(readKey, 0, squares)))
    expect(toHex(decryptSegment(readKey, 0, [sealed], 1000, plainMemory))).to.equal(toHex(squares))
    expect(toHex(plainMemory.subarray(0, 1000))).to.equal(toHex(squares))
    sealed[3] = (sealed[3] as number) ^ 1
    expect(codeOf(() => decryptSegment(readKey, 0, [sealed], 1000, plainMemory))).to.equal('OBJECT_CORRUPT')
    expect(plainMemory.every((byte) => byte === 0)).to.equal(true)
    expect(codeOf(() => encryptSegment(readKey, 0, squares, new Uint8Array(1015)))).to.equal('INPUT_RANGE')
    expect(codeOf(() => decryptSegment(readKey, 0, [sealed], 1000, new Uint8Array(999)))).to.equal('INPUT_RANGE')
  })

  it('never lets a segment\u2019s key cover two plaintexts: a source that changed is refused', () => {
    const recorded = guardSegment(undefined, squares, 'a.bin')
    expect(toHex(recorded)).to.equal(sha256(squares))
    expect(guardSegment(recorded, squares.slice(), 'a.bin')).to.deep.equal(recorded)
    fc.assert(
      fc.property(fc.nat(999), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = squares.slice()
        changed[at] = (changed[at] as number) ^ flip
        expect(codeOf(() => guardSegment(recorded, changed, 'a.bin'))).to.equal('INPUT_CHANGED')
      }),
    )
    expect(codeOf(() => guardSegment(recorded, squares.subarray(0, 999), 'a.bin'))).to.equal('INPUT_CHANGED')
    // why: under one key the xor of two ciphertexts is the xor of the plaintexts
    const other = squares.map((byte) => byte ^ 0x5a)
    const [one, two] = [encryptSegment(readKey, 0, squares), encryptSegment(readKey, 0, other)]
    expect(one.subarray(0, 1000).every((byte, i) => (byte ^ (two[i] as number)) === 0x5a)).to.equal(true)
  })
})
