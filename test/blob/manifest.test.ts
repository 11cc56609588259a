import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../../base/codec.ts'
import type { HoldfastError } from '../../base/errors.ts'
import { capOf } from '../../blob/cap.ts'
import {
  type DirectManifest,
  decodeLargeManifest,
  decodeManifest,
  encodeManifest,
  type IndirectManifest,
  isIndirect,
  MAX_LARGE_MANIFEST_BYTES,
  MAX_MANIFEST_BYTES,
  makeIndirect,
} from '../../blob/manifest.ts'
import { MAX_OBJECT_SHARES } from '../../blob/segment.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { manifest: vector, object } = protocol
const MIB_24 = 25_165_824

/** The manifest of the vectors, with what a test is about changed. */
const aManifest = (changes: Partial<DirectManifest> = {}): DirectManifest => ({
  editor: vector.editor as `0x${string}`,
  objectKey: fromHex(object.objectKey),
  size: 1000,
  segmentSize: MIB_24,
  k: object.k,
  n: object.n,
  segments: [{ salts: object.salts.map((salt) => fromHex(salt)), blobIds: object.blobIds.map((id) => fromHex(id)) }],
  name: vector.name,
  ...changes,
})
/** The vector's fields as CBOR, with some changed; undefined takes one away. */
const cborWith = (changes: Record<string, CborValue | undefined>) => {
  const fields = { ...(decodeCbor(fromHex(vector.cbor), 10_000) as Record<string, CborValue>), ...changes }
  return encodeCbor(
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, CborValue>,
  )
}
const refusalOf = (what: () => unknown) => {
  try {
    what()
  } catch (cause) {
    const error = cause as HoldfastError
    expect(error.code).to.equal('OBJECT_MANIFEST')
    return error.message
  }
  throw new Error('it was not refused')
}

describe('blob/manifest', () => {
  it('encodes the manifest of the protocol vectors, and reads it back', () => {
    expect(toHex(encodeManifest(aManifest()))).to.equal(vector.cbor)
    expect(decodeManifest(fromHex(vector.cbor))).to.deep.equal(aManifest())
  })

  it('reads back whatever it writes', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    const manifest = fc.integer({ min: 1, max: 6 }).chain((n) =>
      fc.record({
        k: fc.integer({ min: 1, max: n }),
        n: fc.constant(n),
        size: fc.integer({ min: 0, max: 400 }),
        segmentSize: fc.integer({ min: 100, max: 500 }),
        editor: bytes(20).map((editor) => `0x${toHex(editor)}` as const),
        objectKey: bytes(32),
        name: fc.option(fc.string({ unit: 'grapheme', maxLength: 20 }), { nil: undefined }),
        type: fc.option(fc.string({ maxLength: 20 }), { nil: undefined }),
        segment: fc.record({
          salts: fc.array(bytes(16), { minLength: n, maxLength: n }),
          blobIds: fc.array(bytes(32), { minLength: n, maxLength: n }),
        }),
      }),
    )
    fc.assert(
      fc.property(manifest, ({ segment, name, type, ...fields }) => {
        const count = Math.max(1, Math.ceil(fields.size / fields.segmentSize))
        const direct: DirectManifest = {
          ...fields,
          ...(name === undefined ? {} : { name }),
          ...(type === undefined ? {} : { type }),
          segments: Array.from({ length: count }, () => segment),
        }
        expect(decodeManifest(encodeManifest(direct))).to.deep.equal(direct)
        const indirect = makeIndirect(direct, fields.objectKey)
        expect(decodeManifest(encodeManifest(indirect))).to.deep.equal(indirect)
      }),
      { numRuns: 60 },
    )
  })

  it('refuses every field that is wrong, and names it', () => {
    const segment = (decodeCbor(fromHex(vector.cbor), 10_000) as { segments: readonly CborValue[] }).segments[0] as {
      salts: CborValue[]
      blobIds: CborValue[]
    }
    const cases: readonly [Record<string, CborValue | undefined>, RegExp][] = [
      [{ v: 2 }, /version/],
      [{ v: undefined }, /has no v/],
      [{ editor: new Uint8Array(19) }, /editor is not 20 bytes/],
      [{ editor: 'f493' }, /editor is not 20 bytes/],
      [{ objectKey: new Uint8Array(33) }, /objectKey is not 32 bytes/],
      [{ size: 'big' }, /size/],
      [{ size: 2n ** 60n }, /size/],
      [{ size: MIB_24 + 1 }, /segments is not a list of 2/],
      [{ segmentSize: 0 }, /segmentSize/],
      [{ segmentSize: 3 * 64 * 1024 * 1024 }, /segmentSize/],
      [{ k: 0 }, /k: expected/],
      [{ k: 11 }, /k: expected/],
      [{ n: 257 }, /n: expected/],
      [{ n: 9 }, /salts of segment 0 is not a list of 9/],
      [{ name: new Uint8Array(3) }, /name is not text/],
      [{ type: 7 }, /type is not text/],
      [{ owner: 'me' }, /unknown field "owner"/],
      [{ segments: [] }, /segments is not a list of 1/],
      [{ segments: [segment, segment] }, /segments is not a list of 1/],
      [{ segments: [[]] }, /segment 0 is not a map/],
      [{ segments: [{ salts: segment.salts }] }, /segment 0 has no blobIds/],
      [{ segments: [{ ...segment, extra: 1 }] }, /unknown field "extra"/],
      [{ segments: [{ ...segment, blobIds: segment.salts }] }, /an entry of blobIds of segment 0 is not 32 bytes/],
      [{ segments: undefined }, /either segments or indirect/],
      [{ indirect: new Uint8Array(32) }, /either segments or indirect/],
      [{ segments: undefined, indirect: new Uint8Array(31) }, /indirect is not 32 bytes/],
      [{ size: 2 ** 45, segmentSize: 1 }, /too many/],
    ]
    for (const [changes, pattern] of cases) expect(refusalOf(() => decodeManifest(cborWith(changes)))).to.match(pattern)
  })

  it('refuses bytes that are no canonical CBOR, or too many', () => {
    expect(refusalOf(() => decodeManifest(new Uint8Array(0)))).to.match(/CBOR/)
    expect(refusalOf(() => decodeManifest(fromHex(`${vector.cbor}00`)))).to.match(/CBOR/)
    expect(refusalOf(() => decodeManifest(fromHex('80')))).to.match(/not a map/)
    expect(refusalOf(() => decodeManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1)))).to.match(/limit is 1048576/)
    const cbor = fromHex(vector.cbor)
    for (let length = 0; length < cbor.length; length += 37) refusalOf(() => decodeManifest(cbor.subarray(0, length)))
  })

  it('never writes what it would not read', () => {
    expect(refusalOf(() => encodeManifest(aManifest({ size: -1 })))).to.match(/size/)
    expect(refusalOf(() => encodeManifest(aManifest({ segments: [] })))).to.match(/segments/)
    expect(refusalOf(() => encodeManifest(makeIndirect(aManifest({ k: 0 }), new Uint8Array(32))))).to.match(
      /k: expected/,
    )
  })

  describe('of an object with more than a mebibyte of shares', () => {
    const count = 3000
    const large = aManifest({
      size: count * 1000,
      segmentSize: 1000,
      segments: Array.from({ length: count }, () => aManifest().segments[0] as DirectManifest['segments'][0]),
    })
    const bytes = encodeManifest(large)
    const small = decodeManifest(encodeManifest(makeIndirect(large, capOf(bytes)))) as IndirectManifest

    it('is named by a small one', () => {
      expect(bytes.length).to.be.above(MAX_MANIFEST_BYTES)
      refusalOf(() => decodeManifest(bytes))
      expect(isIndirect(small)).to.equal(true)
      expect(toHex(small.indirect)).to.equal(toHex(capOf(bytes)))
      expect(decodeLargeManifest(small, bytes)).to.deep.equal(large)
    })

    it('is refused when any field differs from the small one\u2019s', () => {
      const changes: Partial<IndirectManifest>[] = [
        { editor: `0x${'11'.repeat(20)}` },
        { objectKey: new Uint8Array(32) },
        { size: large.size - 1 },
        { segmentSize: 1001 },
        { k: 2 },
        { n: 11 },
        { name: 'other' },
        { type: 'text/plain' },
      ]
      for (const change of changes)
        expect(
          refusalOf(() => decodeLargeManifest({ ...small, ...change }, bytes)),
          Object.keys(change)[0],
        ).to.match(/another object/)
    })

    it('is refused when it is indirect again', () => {
      expect(refusalOf(() => decodeLargeManifest(small, encodeManifest(small)))).to.match(/indirect again/)
    })

    it('never exceeds its cap: the most shares of an object fit, whatever n', () => {
      for (const n of [1, 2, 10, 256]) {
        // per segment: map and two keys with list heads, 21 bytes at most; per share 17 of salt and 34 of id
        const segments = Math.floor(MAX_OBJECT_SHARES / n)
        expect(segments * (21 + 51 * n)).to.be.below(MAX_LARGE_MANIFEST_BYTES - 65_536)
      }
      const perSegment = (bytes.length - encodeManifest(aManifest()).length) / (count - 1)
      expect(perSegment).to.be.at.most(21 + 51 * 10)
    })
  })
})
