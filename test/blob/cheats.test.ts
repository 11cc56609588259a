/**
 * Cheats against the proof of keeping (protocol.md §3), as far as bytes and hashes go: each is run, first against the
 * construction that it breaks, then against ours. Whole stewards that cheat are in the market tests.
 */
import { createHash, createHmac, type Hash, hash } from 'node:crypto'
import { expect } from 'chai'
import { concat, equalBytes, toHex, u32 } from '../../base/bytes.ts'
import { answerOf, createNonceSource, headerOf } from '../../blob/challenge.ts'
import { claimKeyOf } from '../../blob/docket.ts'
import { decodeShares, encodeShares, rebuildShares } from '../../blob/erasure.ts'
import { repairKeyOf, saltOf } from '../../blob/object-keys.ts'
import { blobIdOf, whiten } from '../../blob/whiten.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` } as const
const sha256 = (...parts: readonly Uint8Array[]) => hash('sha256', concat(...parts), 'buffer')
/** Bytes that look random and are the same at every run. */
const noise = (length: number, seed: number) =>
  concat(...Array.from({ length: Math.ceil(length / 32) }, (_, i) => sha256(u32(seed), u32(i)))).subarray(0, length)
const nonces = createNonceSource(noise(32, 99))

describe('cheats against the proof of keeping', () => {
  const blob = noise(10_000, 1)
  const blobId = blobIdOf(blob)
  const nonceAt = (row: number) => nonces.nonceOf(blobId, row)
  const honest = (row: number) => answerOf(domain, blobId, blob, nonceAt(row))

  describe('a midstate kept instead of the blob', () => {
    it('answers hash(blob \u2016 nonce) for every nonce, with 100 bytes of state', () => {
      const kept = createHash('sha256').update(blob) // and the blob is deleted
      for (let row = 0; row < 20; row++)
        expect(toHex(kept.copy().update(nonceAt(row)).digest())).to.equal(toHex(sha256(blob, nonceAt(row))))
    })

    it('answers none of our challenges, whichever states were kept and whatever is appended', () => {
      // every state of the plain hash at a block boundary, and at the end
      const states: Hash[] = [createHash('sha256')]
      for (let at = 0; at < blob.length; at += 64)
        states.push((states.at(-1) as Hash).copy().update(blob.subarray(at, at + 64)))
      const row = 7
      const header = headerOf(domain, { blobId, length: blob.length }, nonceAt(row))
      const key = sha256(header)
      const ipad = concat(key, new Uint8Array(32)).map((byte) => byte ^ 0x36)
      const opad = concat(key, new Uint8Array(32)).map((byte) => byte ^ 0x5c)
      const wanted = toHex(honest(row))
      // the formula, taken apart: with the bytes it works, so the attempts below are the right ones
      expect(toHex(sha256(opad, sha256(ipad, blob)))).to.equal(wanted)
      for (const state of states) {
        for (const tail of [new Uint8Array(0), nonceAt(row), key, header, ipad, concat(ipad, blobId)]) {
          const inner = state.copy().update(tail).digest()
          for (const guess of [inner, sha256(opad, inner), createHmac('sha256', key).update(inner).digest()])
            expect(toHex(guess)).to.not.equal(wanted)
        }
      }
    })

    it('of an earlier challenge does not answer a later one, at any point of the blob', () => {
      const keyOf = (row: number) => sha256(headerOf(domain, { blobId, length: blob.length }, nonceAt(row)))
      const inner = (row: number) =>
        createHash('sha256').update(concat(keyOf(row), new Uint8Array(32)).map((byte) => byte ^ 0x36))
      const outer = (row: number, digest: Uint8Array) =>
        toHex(
          sha256(
            concat(keyOf(row), new Uint8Array(32)).map((byte) => byte ^ 0x5c),
            digest,
          ),
        )
      const old = inner(0)
      for (let at = 0; at < blob.length; at += 64) {
        old.update(blob.subarray(at, at + 64))
        // bytes up to here dropped, the rest kept
        const cheat = outer(
          1,
          old
            .copy()
            .update(blob.subarray(Math.min(at + 64, blob.length)))
            .digest(),
        )
        expect(cheat).to.not.equal(toHex(honest(1)))
      }
      expect(outer(0, old.digest())).to.equal(toHex(honest(0)))
    })
  })

  describe('a tree hash with the nonce in front', () => {
    const LEAF = 1024
    const root = (leaves: readonly Uint8Array[]): Uint8Array => {
      if (leaves.length === 1) return leaves[0] as Uint8Array
      const left = 2 ** Math.floor(Math.log2(leaves.length - 1))
      return sha256(Uint8Array.of(1), root(leaves.slice(0, left)), root(leaves.slice(left)))
    }
    const leavesOf = (bytes: Uint8Array) =>
      Array.from({ length: Math.ceil(bytes.length / LEAF) }, (_, i) =>
        sha256(Uint8Array.of(0), bytes.subarray(i * LEAF, (i + 1) * LEAF)),
      )

    it('is answered from the first leaf and the hashes of the others', () => {
      const [, ...others] = leavesOf(concat(nonceAt(0), blob)) // found out once, with any nonce
      const first = blob.slice(0, LEAF - 32) // the other 9,008 bytes are deleted
      for (let row = 1; row < 20; row++) {
        const cheat = root([sha256(Uint8Array.of(0), concat(nonceAt(row), first)), ...others])
        expect(toHex(cheat)).to.equal(toHex(root(leavesOf(concat(nonceAt(row), blob)))))
      }
    })

    it('is not how we do it: the first part and hashes of the rest give no answer', () => {
      const others = leavesOf(blob).slice(1)
      const key = sha256(headerOf(domain, { blobId, length: blob.length }, nonceAt(3)))
      const first = blob.subarray(0, LEAF)
      const guesses = [
        concat(first, ...others),
        concat(first, root(others)),
        concat(first, sha256(blob.subarray(LEAF))),
        concat(first, blobId),
        root(leavesOf(blob)),
        blobId,
      ]
      for (const guess of guesses)
        expect(toHex(createHmac('sha256', key).update(guess).digest())).to.not.equal(toHex(honest(3)))
    })

    it('is not how we do it: every byte of the blob counts for every nonce', () => {
      for (let at = 0; at < blob.length; at += 271) {
        const rotten = blob.slice()
        rotten[at] = (rotten[at] as number) ^ 1
        expect(toHex(answerOf(domain, blobId, rotten, nonceAt(3)))).to.not.equal(toHex(honest(3)))
      }
    })
  })

  describe('a nonce known early', () => {
    it('would replace the blob by 32 bytes, which is why only the controller can make nonces', () => {
      const stolen = nonceAt(5)
      const kept = answerOf(domain, blobId, blob, stolen) // the blob is deleted
      expect(toHex(kept)).to.equal(toHex(honest(5)))
    })

    it('gives no other: a revealed nonce is no key to the next row or the next blob', () => {
      const revealed = nonceAt(0)
      const guess = createNonceSource(revealed)
      for (let row = 0; row < 9; row++) {
        expect(toHex(guess.nonceOf(blobId, row))).to.not.equal(toHex(nonceAt(row)))
        expect(toHex(nonceAt(row + 1))).to.not.equal(toHex(revealed))
      }
      expect(toHex(nonces.nonceOf(blobIdOf(noise(10, 2)), 0))).to.not.equal(toHex(revealed))
    })
  })

  describe('k stewards who put their bytes together', () => {
    const objectKey = noise(32, 3)
    const repairKey = repairKeyOf(objectKey)
    const primary = [0, 1, 2].map((j) => noise(500, 10 + j))
    const shares = encodeShares(primary, 3, 10, [...Array(10).keys()])
    const saltAt = (i: number, attempt = 0) => saltOf(objectKey, 0, i, attempt)
    const blobs = shares.map((share, i) => whiten(repairKey, 0, i, saltAt(i), share))

    it('could make everybody\u2019s bytes if shares were stored as they are', () => {
      const pooled = new Map([0, 4, 9].map((i) => [i, shares[i] as Uint8Array]))
      expect(rebuildShares(pooled, 3, 10, [7]).map(toHex)).to.deep.equal([toHex(shares[7] as Uint8Array)])
    })

    it('cannot make any other\u2019s blob out of whitened ones', () => {
      for (const three of [
        [0, 1, 2],
        [0, 4, 9],
        [7, 8, 9],
        [2, 5, 6],
      ]) {
        const pooled = new Map(three.map((i) => [i, blobs[i] as Uint8Array]))
        const rebuilt = rebuildShares(pooled, 3, 10, [...Array(10).keys()])
        for (const [i, bytes] of rebuilt.entries())
          if (!three.includes(i))
            expect(equalBytes(blobIdOf(bytes), blobIdOf(blobs[i] as Uint8Array)), `${i}`).to.equal(false)
        expect(decodeShares(pooled, 3, 10).map(toHex)).to.not.deep.equal(primary.map(toHex))
      }
    })

    it('cannot serve two placements from one copy: an upload to another steward has other bytes', () => {
      const again = whiten(repairKey, 0, 4, saltAt(4, 1), shares[4] as Uint8Array)
      expect(toHex(blobIdOf(again))).to.not.equal(toHex(blobIdOf(blobs[4] as Uint8Array)))
      const id = blobIdOf(again)
      const nonce = nonces.nonceOf(id, 0)
      expect(toHex(answerOf(domain, id, blobs[4] as Uint8Array, nonce))).to.not.equal(
        toHex(answerOf(domain, id, again, nonce)),
      )
    })
  })

  it('an answer or claim key of another chain, market, blob or length does not serve here', () => {
    const nonce = nonceAt(0)
    const here = honest(0)
    const elsewhere = [
      answerOf({ ...domain, chainId: 1 }, blobId, blob, nonce),
      answerOf({ ...domain, contract: `0x${'12'.repeat(20)}` }, blobId, blob, nonce),
      answerOf(domain, blobIdOf(nonce), blob, nonce),
      answerOf(domain, blobId, blob, nonceAt(1)),
      createHmac('sha256', sha256(headerOf(domain, { blobId, length: blob.length + 1 }, nonce)))
        .update(blob)
        .digest(),
    ]
    expect(new Set([here, ...elsewhere].map(toHex))).to.have.property('size', 6)
    const entry = { blobId, nonce, answer: here }
    const keys = [domain, { ...domain, chainId: 1 }, { ...domain, contract: `0x${'12'.repeat(20)}` } as const].map(
      (where) => claimKeyOf(where, [entry]),
    )
    expect(new Set(keys)).to.have.property('size', 3)
  })
})
