import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { copyKeyOf, copyTokenOf, readKeyOf, readTokenOf, repairKeyOf, saltOf } from '../../blob/object-keys.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { challenge, eip712, manifest, object } = protocol
const objectKey = fromHex(object.objectKey)

describe('blob/object-keys', () => {
  it('gives the keys, salts and tokens of the protocol vectors', () => {
    expect(toHex(readKeyOf(objectKey))).to.equal(object.readKey)
    expect(toHex(repairKeyOf(objectKey))).to.equal(object.repairKey)
    expect(object.salts.map((_, i) => toHex(saltOf(objectKey, 0, i, 0)))).to.deep.equal(object.salts)
    expect(toHex(saltOf(objectKey, 1, object.segment1.share, object.segment1.attempt))).to.equal(object.segment1.salt)
    expect(toHex(readTokenOf(fromHex(object.repairKey), fromHex(object.blobIds[0] as string)))).to.equal(
      object.readTokenOfBlob0,
    )
    expect(toHex(copyKeyOf(fromHex(manifest.cap)))).to.equal(manifest.copyKey)
    expect(toHex(copyTokenOf(fromHex(manifest.copyKey), fromHex(manifest.copyId)))).to.equal(manifest.readTokenOfCopy)
  })

  it('gives the token whose hash stands in the placement of the protocol vectors', () => {
    const blobId = fromHex(challenge.docketOfOne.entries[0]?.blobId as string)
    expect(`0x${toHex(sha256(readTokenOf(repairKeyOf(objectKey), blobId)))}`).to.equal(eip712.placement.tokenHash)
  })

  it('gives another salt for another segment, share or attempt', () => {
    const salts = [
      [0, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ].map(([s, i, a]) => toHex(saltOf(objectKey, s as number, i as number, a as number)))
    expect(new Set(salts)).to.have.property('size', 4)
  })

  it('refuses a key of the wrong length by name', () => {
    expect(() => readKeyOf(new Uint8Array(31))).to.throw(HoldfastError, 'objectKey: expected 32 bytes, got 31 bytes')
    expect(() => readTokenOf(new Uint8Array(32), new Uint8Array(20))).to.throw(
      HoldfastError,
      'blobId: expected 32 bytes',
    )
  })
})
