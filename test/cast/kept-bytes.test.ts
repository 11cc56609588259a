/** Stewards that work together and keep less than they are paid for: how many of the claim keys of what they do not keep they can make. */
import { expect } from 'chai'
import { concat, equalBytes, u32 } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import { answerOf, createNonceSource } from '../../blob/challenge.ts'
import { claimKeyOf } from '../../blob/docket.ts'
import { encodeShares } from '../../blob/erasure.ts'
import { repairKeyOf, saltOf } from '../../blob/object-keys.ts'
import { blobIdOf, whiten } from '../../blob/whiten.ts'
import { effort } from '../effort.ts'
import { rebuild } from './generating-ring.ts'
import { show } from './show.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` } as const
const noise = (length: number, seed: number) =>
  concat(...Array.from({ length: Math.ceil(length / 32) }, (_, i) => sha256(concat(u32(seed), u32(i))))).subarray(
    0,
    length,
  )
const nonces = createNonceSource(noise(32, 99))
const [k, n] = [3, 10]
const rows = [...Array(n).keys()]
const objectKey = noise(32, 3)
const shares = encodeShares(
  [0, 1, 2].map((j) => noise(2_000, 10 + j)),
  k,
  n,
  rows,
)
const blobs = shares.map((share, i) => whiten(repairKeyOf(objectKey), 0, i, saltOf(objectKey, 0, i, 0), share))

/** True when these bytes give the claim key of a bounty over `blob`. */
function claims(blob: Uint8Array, bytes: Uint8Array, row: number): boolean {
  const blobId = blobIdOf(blob)
  const nonce = nonces.nonceOf(blobId, row)
  const keyOf = (made: Uint8Array) =>
    claimKeyOf(domain, [{ blobId, nonce, answer: answerOf(domain, blobId, made, nonce) }])
  return keyOf(bytes) === keyOf(blob)
}

describe('cast: less is kept than is paid for', function () {
  this.timeout(120_000)
  const challenges = effort(20, 200)

  it(`CopyingSteward: one copy answers ${challenges} of ${challenges} for itself and none for the second identity`, () => {
    const [own, second] = [blobs[4], blobs[7]] as [Uint8Array, Uint8Array]
    expect(own.length, 'of one segment: of one length').to.equal(second.length)
    const tries = [...Array(challenges).keys()]
    const honest = tries.filter((row) => claims(own, own, row)).length
    const copied = tries.filter((row) => claims(second, own, row)).length
    show('CopyingSteward', { gain: (100 * copied) / challenges, peer: (100 * honest) / challenges })
  })

  it(`GeneratingRing: 3 of 10 rebuild 7 of 7 shares as they come out of the code, and 0 of 7 blobs`, () => {
    const others = rows.slice(k)
    const kept = (of: readonly Uint8Array[]) => new Map(rows.slice(0, k).map((i) => [i, of[i] as Uint8Array]))
    const naive = rebuild(kept(shares), { k, n }, others)
    expect(
      others.filter((i, at) => equalBytes(naive[at] as Uint8Array, shares[i] as Uint8Array)),
      'without whitening',
    ).to.have.length(n - k)
    let forged = 0
    let honest = 0
    // whichever rows it takes its blobs for: it is not told the share's number, and tries all orders
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const made = rebuild(new Map(order.map((row, at) => [row, blobs[at] as Uint8Array])), { k, n }, others)
      for (const [at, i] of others.entries())
        for (let row = 0; row < challenges / 10; row++) {
          if (made.some((bytes) => claims(blobs[i] as Uint8Array, bytes, row))) forged++
          if (claims(blobs[i] as Uint8Array, blobs[i] as Uint8Array, row)) honest++
          expect(equalBytes(made[at] as Uint8Array, blobs[i] as Uint8Array)).to.equal(false)
        }
    }
    const asked = 6 * others.length * (challenges / 10)
    show('GeneratingRing', { gain: (100 * forged) / asked, peer: (100 * honest) / asked, loss: forged })
  })
})
