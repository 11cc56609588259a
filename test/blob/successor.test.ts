import { createCipheriv } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { concat, fromHex, toHex, u32 } from '../../base/bytes.ts'
import { type CborValue, encodeCbor } from '../../base/codec.ts'
import type { HoldfastError } from '../../base/errors.ts'
import { hkdf, sha256 } from '../../base/hash.ts'
import {
  applySuccessor,
  MAX_SUCCESSOR_BYTES,
  newestSuccessor,
  openSuccessor,
  type SignedSuccessor,
  type SuccessorEntry,
  sealSuccessor,
  signSuccessor,
  verifySuccessor,
} from '../../blob/successor.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { manifest, object } = protocol
const editorSecret = fromHex(manifest.editorSecret)
const locator = fromHex(manifest.locator)
const repairKey = fromHex(object.repairKey)
const owner = { locator, editor: manifest.editor as `0x${string}` }
const nonce = new Uint8Array(12).fill(9)

const anEntry = (segment: number, share: number): SuccessorEntry => ({
  segment,
  share,
  salt: sha256(u32(segment), u32(share)).slice(0, 16),
  blobId: sha256(u32(share), u32(segment)),
})
const aRecord = (version = 1, entries = [anEntry(0, 2), anEntry(0, 7), anEntry(3, 0)]) =>
  signSuccessor(editorSecret, locator, { version, entries })
/** Any CBOR under the record's own key: what a hostile source that holds repairKey could send. */
const seal = (value: CborValue) => {
  const cipher = createCipheriv('aes-256-gcm', hkdf(repairKey, 'successor'), nonce)
  return concat(nonce, cipher.update(encodeCbor(value)), cipher.final(), cipher.getAuthTag())
}
const refusalOf = (what: () => unknown, code = 'NET_MALFORMED') => {
  try {
    what()
  } catch (cause) {
    expect((cause as HoldfastError).code).to.equal(code)
    return (cause as HoldfastError).message
  }
  throw new Error('it was not refused')
}

describe('blob/successor', () => {
  it('is sealed, opened and verified again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.uniqueArray(fc.tuple(fc.nat(50), fc.nat(255)), { selector: String, maxLength: 30 }),
        (version, places) => {
          const entries = places
            .sort(([a, b], [c, d]) => a - c || b - d)
            .map(([segment, share]) => anEntry(segment, share))
          const record = aRecord(version, entries)
          expect(verifySuccessor(record, owner)).to.equal(true)
          expect(openSuccessor(repairKey, sealSuccessor(repairKey, record, nonce), owner)).to.deep.equal(record)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('is refused when another signed it, or for another object', () => {
    const forged = signSuccessor(fromHex(object.root), locator, aRecord())
    expect(refusalOf(() => openSuccessor(repairKey, sealSuccessor(repairKey, forged, nonce), owner))).to.match(
      /did not sign/,
    )
    const sealed = sealSuccessor(repairKey, aRecord(), nonce)
    expect(refusalOf(() => openSuccessor(repairKey, sealed, { ...owner, locator: sha256(locator) }))).to.match(
      /did not sign/,
    )
    const raised: SignedSuccessor = { ...aRecord(), version: 2 }
    expect(verifySuccessor(raised, owner)).to.equal(false)
  })

  it('is refused when it does not decrypt, is cut short or too large', () => {
    const sealed = sealSuccessor(repairKey, aRecord(), nonce)
    expect(refusalOf(() => openSuccessor(fromHex(object.readKey), sealed, owner))).to.match(/does not decrypt/)
    for (const length of [0, 27, 28, sealed.length - 1])
      refusalOf(() => openSuccessor(repairKey, sealed.subarray(0, length), owner))
    refusalOf(() => openSuccessor(repairKey, new Uint8Array(MAX_SUCCESSOR_BYTES + 1), owner), 'NET_OVERSIZE')
    const many = Array.from({ length: 150_000 }, (_, segment) => ({
      segment,
      share: 0,
      salt: new Uint8Array(16),
      blobId: new Uint8Array(32),
    }))
    refusalOf(
      () => sealSuccessor(repairKey, { version: 1, entries: many, signature: new Uint8Array(65) }, nonce),
      'INPUT_RANGE',
    )
  })

  it('is refused when it is not in form, even under the right key', () => {
    const { salt, blobId } = anEntry(0, 1)
    const signature = new Uint8Array(65)
    const bad: readonly [CborValue, RegExp][] = [
      [[], /no map/],
      [{ v: 2, version: 1, entries: [], signature }, /another version/],
      [{ v: 1, version: 1, entries: [], signature, more: 1 }, /another version/],
      [{ v: 1, version: 0, entries: [], signature }, /version below 1/],
      [{ v: 1, version: 'one', entries: [], signature }, /wrong type/],
      [{ v: 1, version: 1, entries: [] }, /wrong type/],
      [{ v: 1, version: 1, entries: [], signature: signature.slice(1) }, /wrong type/],
      [{ v: 1, version: 1, entries: [[0, 1, salt]], signature }, /list of four/],
      [{ v: 1, version: 1, entries: [[0, 'x', salt, blobId]], signature }, /wrong types/],
      [{ v: 1, version: 1, entries: [[0, 256, salt, blobId]], signature }, /share 256/],
      [{ v: 1, version: 1, entries: [[2 ** 32, 1, salt, blobId]], signature }, /segment 4294967296/],
      [{ v: 1, version: 1, entries: [[0, 1, blobId, salt]], signature }, /wrong length/],
      [
        {
          v: 1,
          version: 1,
          entries: [
            [0, 1, salt, blobId],
            [0, 1, salt, blobId],
          ],
          signature,
        },
        /out of order/,
      ],
      [
        {
          v: 1,
          version: 1,
          entries: [
            [1, 0, salt, blobId],
            [0, 1, salt, blobId],
          ],
          signature,
        },
        /out of order/,
      ],
    ]
    for (const [value, pattern] of bad)
      expect(refusalOf(() => openSuccessor(repairKey, seal(value), owner))).to.match(pattern)
    refusalOf(
      () => signSuccessor(editorSecret, locator, { version: 1, entries: [anEntry(1, 0), anEntry(0, 0)] }),
      'INPUT_FORMAT',
    )
    refusalOf(() => signSuccessor(editorSecret, locator, { version: 0, entries: [] }), 'INPUT_FORMAT')
  })

  it('counts by version, and among equals by the greater hash, whatever the order of arrival', () => {
    const records = [aRecord(1), aRecord(3, [anEntry(0, 1)]), aRecord(3, [anEntry(0, 2)]), aRecord(2)]
    const bodyHash = ({ version, entries }: SignedSuccessor) =>
      toHex(
        sha256(
          encodeCbor({
            v: 1,
            version,
            entries: entries.map(({ segment, share, salt, blobId }) => [segment, share, salt, blobId]),
          }),
        ),
      )
    const expected = [records[1], records[2]].sort((a, b) =>
      bodyHash(a as SignedSuccessor) < bodyHash(b as SignedSuccessor) ? 1 : -1,
    )[0]
    expect(newestSuccessor(records)).to.equal(expected)
    expect(newestSuccessor([...records].reverse())).to.equal(expected)
    expect(newestSuccessor([])).to.equal(undefined)
  })

  it('moves shares of the manifest, and cannot invent any', () => {
    const segments = [
      { salts: object.salts.map((salt) => fromHex(salt)), blobIds: object.blobIds.map((id) => fromHex(id)) },
    ]
    const moved = applySuccessor(segments, aRecord(1, [anEntry(0, 4)]))
    expect(moved[0]?.blobIds[4]).to.deep.equal(anEntry(0, 4).blobId)
    expect(moved[0]?.salts[4]).to.deep.equal(anEntry(0, 4).salt)
    expect(moved[0]?.blobIds[5]).to.deep.equal(segments[0]?.blobIds[5])
    expect(toHex(segments[0]?.blobIds[4] as Uint8Array)).to.equal(object.blobIds[4]) // the manifest's own list stays
    expect(applySuccessor(segments, undefined)).to.deep.equal(segments)
    refusalOf(() => applySuccessor(segments, aRecord(1, [anEntry(0, 10)])))
    refusalOf(() => applySuccessor(segments, aRecord(1, [anEntry(1, 0)])))
  })
})
