import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { answersRootOf } from '../../blob/answers-root.ts'
import { answerRows, createNonceSource } from '../../blob/challenge.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { challenge, eip712 } = protocol
const domain = { chainId: challenge.chainId, contract: `0x${challenge.market}` as const }

describe('blob/answers-root', () => {
  const blob = Uint8Array.from({ length: 1000 }, (_, i) => i)
  const nonces = createNonceSource(fromHex(challenge.nonceKey))
  const answers = answerRows(
    domain,
    blobIdOf(blob),
    blob,
    [...Array(9).keys()].map((j) => nonces.nonceOf(blobIdOf(blob), j)),
  )

  it('gives the roots of the protocol vectors over 1, 2, 3 and 8 rows', () => {
    for (const [count, root] of Object.entries(challenge.answersRootOfFirstRowsOfA))
      expect(toHex(answersRootOf(answers.slice(0, Number(count)))), count).to.equal(root)
    expect(`0x${toHex(answersRootOf(answers.slice(0, 8)))}`).to.equal(eip712.placement.answersRoot)
    expect(`0x${toHex(answersRootOf(answers.slice(0, 3)))}`).to.equal(eip712.rows.answersRoot)
  })

  it('puts the largest power of two to the left', () => {
    const leaf = (j: number) => sha256(Uint8Array.of(0), answers[j] as Uint8Array)
    const node = (a: Uint8Array, b: Uint8Array) => sha256(Uint8Array.of(1), a, b)
    const four = node(node(leaf(0), leaf(1)), node(leaf(2), leaf(3)))
    expect(toHex(answersRootOf(answers.slice(0, 5)))).to.equal(toHex(node(four, leaf(4))))
    expect(toHex(answersRootOf(answers.slice(0, 4)))).to.equal(toHex(four))
  })

  it('refuses no rows, and rows that are no answers', () => {
    expect(() => answersRootOf([]))
      .to.throw(HoldfastError)
      .with.property('code', 'INPUT_RANGE')
    expect(() => answersRootOf([new Uint8Array(31)]))
      .to.throw(HoldfastError)
      .with.property('code', 'INPUT_FORMAT')
  })
})
