import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex, utf8 } from '../../base/bytes.ts'
import { encodeShares } from '../../blob/erasure.ts'
import { encryptSegment, splitSegment } from '../../blob/segment.ts'
import { blobIdOf, whiten, whitenInPlace } from '../../blob/whiten.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { object } = protocol
const readKey = fromHex(object.readKey)
const repairKey = fromHex(object.repairKey)

describe('blob/whiten', () => {
  it('makes the blobs of the protocol vectors', () => {
    const squares = Uint8Array.from({ length: 1000 }, (_, i) => i * i)
    const shares = encodeShares(splitSegment(encryptSegment(readKey, 0, squares), 3), 3, 10, [...Array(10).keys()])
    const ids = shares.map((share, i) =>
      toHex(blobIdOf(whiten(repairKey, 0, i, fromHex(object.salts[i] as string), share))),
    )
    expect(ids).to.deep.equal(object.blobIds)
  })

  it('makes the blob of a second segment\u2019s share at its third attempt', () => {
    const { share, salt, blob, blobId } = object.segment1
    const [bytes] = encodeShares(splitSegment(encryptSegment(readKey, 1, utf8('second segment')), 3), 3, 10, [share])
    const made = whiten(repairKey, 1, share, fromHex(salt), bytes as Uint8Array)
    expect(toHex(made)).to.equal(blob)
    expect(toHex(blobIdOf(made))).to.equal(blobId)
  })

  it('gives the same in place, also for bytes that are no whole number of its steps', () => {
    for (const length of [0, 1, 65_536, 65_537, 200_003]) {
      const share = Uint8Array.from({ length }, (_, i) => i * 7)
      const blob = whiten(repairKey, 3, 4, new Uint8Array(16), share)
      whitenInPlace(repairKey, 3, 4, new Uint8Array(16), share)
      expect(Buffer.compare(share, blob), `${length} bytes`).to.equal(0)
    }
  })

  it('is undone by itself and by nothing else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 300 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (share, salt) => {
          const blob = whiten(repairKey, 3, 4, salt, share)
          expect(toHex(whiten(repairKey, 3, 4, salt, blob))).to.equal(toHex(share))
          const others = [
            whiten(repairKey, 2, 4, salt, blob),
            whiten(repairKey, 3, 5, salt, blob),
            whiten(readKey, 3, 4, salt, blob),
          ]
          for (const other of others) expect(toHex(other)).to.not.equal(toHex(share))
        },
      ),
      { numRuns: 50 },
    )
  })
})
