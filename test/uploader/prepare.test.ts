import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { answerRows } from '../../blob/challenge.ts'
import { encodeShares } from '../../blob/erasure.ts'
import { encryptSegment, splitSegment } from '../../blob/segment.ts'
import { blobIdOf, whiten } from '../../blob/whiten.ts'
import { buildBlobs, createInlinePreparer, type Preparer } from '../../uploader/prepare.ts'
import { createPreparerPool } from '../../uploader/prepare-pool.ts'
import { sealSegment } from '../../uploader/seal-segment.ts'
import { seededRng } from './fixtures.ts'
import { DOMAIN } from './memory-book.ts'

const rng = seededRng('prepare')
const KEY = rng.bytes(32)
const shared = (length: number) => new Uint8Array(new SharedArrayBuffer(length))

describe('uploader/prepare', () => {
  for (const [kind, open] of [
    ['in the calling thread', () => createInlinePreparer()],
    ['in threads', () => createPreparerPool(2)],
  ] as const) {
    it(`makes ${kind} the blobs and answers that blob/ makes in one piece`, async () => {
      const preparer: Preparer = open()
      try {
        for (const [length, k, n] of [
          [0, 3, 10],
          [1, 1, 1],
          [300_000, 3, 10],
          [3 * 65_536 - 16, 3, 4],
          [200_001, 5, 6],
        ] as const) {
          const plaintext = rng.bytes(length)
          const sealed = shared(length + 16)
          sealed.set(encryptSegment(KEY, 7, plaintext))
          const shareLength = Math.ceil(sealed.length / k)
          const shares = Array.from({ length: n }, (_, share) => ({
            share,
            salt: rng.bytes(16),
            target: shared(shareLength),
          }))
          const ids = await preparer.build({ sealed, k, n, repairKey: KEY, segment: 7, shares })
          const whole = encodeShares(
            splitSegment(sealed, k),
            k,
            n,
            shares.map(({ share }) => share),
          )
          for (const [place, { share, salt, target }] of shares.entries()) {
            const blob = whiten(KEY, 7, share, salt, whole[place] as Uint8Array)
            expect(Buffer.from(target).equals(Buffer.from(blob))).to.equal(true)
            expect(toHex(ids[place] as Uint8Array)).to.equal(toHex(blobIdOf(blob)))
            const nonces = [rng.bytes(32), rng.bytes(32)]
            const answers = await preparer.answer({ domain: DOMAIN, blobId: blobIdOf(blob), blob: target, nonces })
            expect(answers.map(toHex)).to.deep.equal(answerRows(DOMAIN, blobIdOf(blob), blob, nonces).map(toHex))
          }
        }
      } finally {
        await preparer.close()
      }
    })
  }

  it('seals a segment piece by piece as blob/ does in one, and hashes what it read', async () => {
    for (const length of [0, 1, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1]) {
      const plaintext = rng.bytes(length + 10)
      const target = shared(length + 16)
      const whole = createHash('sha256')
      const read = async (offset: number, count: number) => plaintext.slice(offset, offset + count)
      const hash = await sealSegment({ readKey: KEY, segment: 3, offset: 10, length, target, whole, read })
      const wanted = encryptSegment(KEY, 3, plaintext.subarray(10))
      expect(Buffer.from(target).equals(Buffer.from(wanted))).to.equal(true)
      expect(toHex(hash)).to.equal(createHash('sha256').update(plaintext.subarray(10)).digest('hex'))
      expect(whole.digest('hex')).to.equal(toHex(hash))
    }
  })

  it('fails what is asked when a thread is gone', async () => {
    const pool = createPreparerPool(1)
    await pool.close()
    const job = { domain: DOMAIN, blobId: KEY, blob: shared(4), nonces: [KEY] }
    const error = await pool.answer(job).catch((cause) => cause)
    expect(error).to.have.property('code', 'INTERNAL')
  })

  it('has dead blocks collected each time the ciphers have left 8 MiB of them', () => {
    const length = 1 << 20
    const shares = Array.from({ length: 10 }, (_, share) => ({ share, salt: rng.bytes(16), target: shared(length) }))
    let collections = 0
    buildBlobs({ sealed: shared(3 * length), k: 3, n: 10, repairKey: KEY, segment: 0, shares }, () => collections++)
    expect(collections).to.equal(1) // 10 MiB in all
  })
})
