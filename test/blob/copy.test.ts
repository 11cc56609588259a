import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex } from '../../base/bytes.ts'
import type { HoldfastError } from '../../base/errors.ts'
import { capOf } from '../../blob/cap.ts'
import { MAX_COPY_BYTES, makeCopy, openCopy, remakeCopy, sealManifest } from '../../blob/copy.ts'
import { decodeManifest, MAX_MANIFEST_BYTES } from '../../blob/manifest.ts'
import { copyKeyOf } from '../../blob/object-keys.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { manifest } = protocol
const bytes = fromHex(manifest.cbor)
const cap = fromHex(manifest.cap)
const copyKey = fromHex(manifest.copyKey)
const salt = fromHex(manifest.copySalt)
const copy = makeCopy(copyKey, sealManifest(bytes), salt)
const refusalOf = (what: () => unknown, code = 'OBJECT_MANIFEST') => {
  try {
    what()
  } catch (cause) {
    expect((cause as HoldfastError).code).to.equal(code)
    return (cause as HoldfastError).message
  }
  throw new Error('it was not refused')
}

describe('blob/copy', () => {
  it('makes the copy of the protocol vectors and opens it with the cap', () => {
    expect(toHex(blobIdOf(copy))).to.equal(manifest.copyId)
    const opened = openCopy(cap, copy)
    expect(toHex(opened.bytes)).to.equal(manifest.cbor)
    expect(opened.manifest).to.deep.equal(decodeManifest(bytes))
  })

  it('makes a new copy of an old one with copyKey alone: other bytes, the same manifest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (fresh) => {
        fc.pre(toHex(fresh) !== manifest.copySalt)
        const made = remakeCopy(copyKey, copy, fresh)
        expect(toHex(blobIdOf(made))).to.not.equal(manifest.copyId)
        expect(toHex(made)).to.equal(toHex(makeCopy(copyKey, sealManifest(bytes), fresh)))
        expect(toHex(openCopy(cap, made).bytes)).to.equal(manifest.cbor)
      }),
      { numRuns: 20 },
    )
    refusalOf(() => remakeCopy(copyKey, copy, salt), 'INPUT_RANGE')
  })

  it('opens with no other cap, and not at all when a bit is wrong or bytes are missing', () => {
    expect(refusalOf(() => openCopy(capOf(new Uint8Array(3)), copy))).to.match(/does not decrypt with this cap/)
    for (const at of [0, 15, 16, 200, copy.length - 1]) {
      const broken = copy.slice()
      broken[at] = (broken[at] as number) ^ 1
      refusalOf(() => openCopy(cap, broken))
    }
    for (const length of [0, 16, 31, 32, copy.length - 1]) refusalOf(() => openCopy(cap, copy.subarray(0, length)))
    refusalOf(() => openCopy(cap, new Uint8Array(MAX_COPY_BYTES + 1)))
    refusalOf(() => remakeCopy(copyKey, new Uint8Array(MAX_COPY_BYTES + 1), salt))
  })

  it('refuses bytes that the cap names but that are no manifest', () => {
    const junk = fromHex('a0')
    const junkCap = capOf(junk)
    expect(refusalOf(() => openCopy(junkCap, makeCopy(copyKeyOf(junkCap), sealManifest(junk), salt)))).to.match(
      /has no v/,
    )
  })

  it('does not seal a manifest that has to be indirect', () => {
    refusalOf(() => sealManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1)), 'INPUT_RANGE')
  })
})
