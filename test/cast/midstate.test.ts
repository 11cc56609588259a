/** What a kept hash state is worth: everything against the naive challenge, nothing against ours. */
import { createHash, hash } from 'node:crypto'
import { expect } from 'chai'
import { concat, equalBytes, toHex, u32 } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import { answerOf, createNonceSource } from '../../blob/challenge.ts'
import { claimKeyOf } from '../../blob/docket.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { effort } from '../effort.ts'
import { HashState } from './hash-state.ts'
import { guessesOf, naiveAnswer, stateOf } from './midstate-steward.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` } as const
const noise = (length: number, seed: number) =>
  concat(...Array.from({ length: Math.ceil(length / 32) }, (_, i) => sha256(concat(u32(seed), u32(i))))).subarray(
    0,
    length,
  )

describe('cast: a kept hash state', () => {
  it('is SHA-256 for every length, also taken up again from its written form', () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 1000]) {
      const bytes = noise(length, length)
      const wanted = hash('sha256', bytes, 'hex')
      expect(toHex(new HashState().update(bytes).digest()), `${length}`).to.equal(wanted)
      for (const cut of [0, 1, length >> 1, length].filter((at) => at <= length)) {
        const kept = new HashState().update(bytes.subarray(0, cut)).encode()
        expect(toHex(HashState.decode(kept).update(bytes.subarray(cut)).digest()), `${length}@${cut}`).to.equal(wanted)
      }
    }
  })

  const challenges = effort(1000, 10_000)
  it(`of at most 103 bytes answers ${challenges} of ${challenges} challenges hash(blob \u2016 nonce), and gives 0 of as many claim keys of ours`, () => {
    const blob = noise(100_003, 7)
    const blobId = blobIdOf(blob)
    const state = stateOf(blob) // from here on the bytes are used by the honest side only
    expect(state.length).to.be.at.most(103)
    const nonces = createNonceSource(noise(32, 8))
    let fooled = 0
    let earned = 0
    let guessed = 0
    for (let row = 0; row < challenges; row++) {
      const nonce = nonces.nonceOf(blobId, row)
      if (equalBytes(naiveAnswer(state, nonce), createHash('sha256').update(blob).update(nonce).digest())) fooled++
      const answer = answerOf(domain, blobId, blob, nonce)
      const guesses = guessesOf(state, domain, { blobId, length: blob.length }, nonce)
      guessed += guesses.length
      if (guesses.some((guess) => equalBytes(guess, answer))) earned++
      const key = claimKeyOf(domain, [{ blobId, nonce, answer }])
      const derived = claimKeyOf(domain, [{ blobId, nonce, answer: guesses[row % guesses.length] as Uint8Array }])
      if (derived === key) earned++
    }
    expect(fooled).to.equal(challenges)
    expect(earned).to.equal(0)
    expect(guessed).to.equal(18 * challenges)
  }).timeout(120_000)
})
