import { expect } from 'chai'
import fc from 'fast-check'
import { concat, fromHex, toHex, u32, u64 } from '../../base/bytes.ts'
import { addressOf, deriveSecret } from '../../base/curve.ts'
import type { HoldfastError } from '../../base/errors.ts'
import {
  claimKeyOf,
  claimSecretOf,
  decodeDocket,
  docketHashOf,
  encodeDocket,
  MAX_DOCKET_BYTES,
  MAX_DOCKET_ENTRIES,
  sortChallenges,
} from '../../blob/docket.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { challenge } = protocol
const domain = { chainId: challenge.chainId, contract: `0x${challenge.market}` as const }
const entriesOf = (vector: typeof challenge.docketOfTwo) =>
  vector.entries.map(({ blobId, nonce, answer }) => ({
    blobId: fromHex(blobId),
    nonce: fromHex(nonce),
    answer: fromHex(answer),
  }))
const codeOf = (what: () => unknown) => {
  try {
    what()
  } catch (cause) {
    return (cause as HoldfastError).code
  }
  return undefined
}
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const answered = fc.uniqueArray(fc.record({ blobId: bytes32, nonce: bytes32, answer: bytes32 }), {
  selector: ({ blobId }) => toHex(blobId),
  minLength: 1,
  maxLength: 20,
})

describe('blob/docket', () => {
  for (const [name, vector] of [
    ['one', challenge.docketOfOne],
    ['two', challenge.docketOfTwo],
  ] as const) {
    it(`gives the docket of ${name} of the protocol vectors, its hash, claim secret and claim key`, () => {
      const entries = entriesOf(vector)
      for (const order of [entries, [...entries].reverse()]) {
        expect(toHex(encodeDocket(order))).to.equal(vector.docket)
        expect(toHex(claimSecretOf(domain, order))).to.equal(vector.claimSecret)
        expect(claimKeyOf(domain, order)).to.equal(vector.claimKey)
      }
      expect(toHex(docketHashOf(fromHex(vector.docket)))).to.equal(vector.docketHash)
      expect(addressOf(fromHex(vector.claimSecret))).to.equal(vector.claimKey)
    })
  }

  it('reads back what it writes, ascending by blob id', () => {
    fc.assert(
      fc.property(answered, (entries) => {
        const decoded = decodeDocket(encodeDocket(entries))
        expect(decoded.map(({ blobId, nonce }) => [toHex(blobId), toHex(nonce)])).to.deep.equal(
          entries
            .map(({ blobId, nonce }) => [toHex(blobId), toHex(nonce)])
            .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('derives the claim secret as the one formula for secrets does', () => {
    fc.assert(
      fc.property(answered, (entries) => {
        const message = concat(
          u64(domain.chainId),
          fromHex(domain.contract),
          u32(entries.length),
          ...sortChallenges(entries).flatMap(({ blobId, nonce, answer }) => [blobId, nonce, answer]),
        )
        expect(toHex(claimSecretOf(domain, entries))).to.equal(toHex(deriveSecret('holdfast/claim/1', message)))
      }),
      { numRuns: 30 },
    )
  })

  it('derives the claim secret of a docket larger than its working steps in the same way', () => {
    const entries = Array.from({ length: 2500 }, (_, i) => {
      const blobId = concat(u32(i), new Uint8Array(28))
      return { blobId, nonce: new Uint8Array(32).fill(i), answer: new Uint8Array(32).fill(i >> 3) }
    })
    const message = concat(
      u64(domain.chainId),
      fromHex(domain.contract),
      u32(2500),
      ...entries.flatMap(({ blobId, nonce, answer }) => [blobId, nonce, answer]),
    )
    expect(toHex(claimSecretOf(domain, [...entries].reverse()))).to.equal(
      toHex(deriveSecret('holdfast/claim/1', message)),
    )
    expect(decodeDocket(encodeDocket(entries))).to.have.length(2500)
  })

  it('needs every single answer: one wrong bit in one of them gives another claim key', () => {
    fc.assert(
      fc.property(answered, fc.nat(), fc.nat(255), (entries, which, bit) => {
        const changed = entries.map((entry) => ({ ...entry, answer: entry.answer.slice() }))
        const answer = changed[which % changed.length]?.answer as Uint8Array
        answer[bit >> 3] = (answer[bit >> 3] as number) ^ (1 << (bit & 7))
        expect(toHex(claimSecretOf(domain, changed))).to.not.equal(toHex(claimSecretOf(domain, entries)))
      }),
      { numRuns: 30 },
    )
  })

  it('refuses dockets of nothing, with a blob twice, out of order, or of a length that does not fit', () => {
    const [a, b] = entriesOf(challenge.docketOfTwo) as [
      { blobId: Uint8Array; nonce: Uint8Array; answer: Uint8Array },
      { blobId: Uint8Array; nonce: Uint8Array; answer: Uint8Array },
    ]
    expect(codeOf(() => encodeDocket([]))).to.equal('INPUT_RANGE')
    expect(codeOf(() => encodeDocket([a, b, { ...a, nonce: b.nonce }]))).to.equal('INPUT_RANGE')
    expect(codeOf(() => claimSecretOf(domain, [a, a]))).to.equal('INPUT_RANGE')
    expect(codeOf(() => encodeDocket([{ ...a, nonce: a.nonce.subarray(1) }]))).to.equal('INPUT_FORMAT')
    expect(codeOf(() => claimSecretOf(domain, [{ ...a, answer: a.answer.subarray(1) }]))).to.equal('INPUT_FORMAT')
    const good = fromHex(challenge.docketOfTwo.docket)
    const swapped = concat(good.subarray(0, 4), good.subarray(68), good.subarray(4, 68))
    const twice = concat(good.subarray(0, 68), good.subarray(4, 68))
    for (const bad of [
      new Uint8Array(0),
      good.subarray(0, 3),
      u32(0),
      good.subarray(0, -1),
      concat(good, Uint8Array.of(0)),
      swapped,
      twice,
    ])
      expect(
        codeOf(() => decodeDocket(bad)),
        toHex(bad),
      ).to.equal('NET_MALFORMED')
    expect(codeOf(() => decodeDocket(new Uint8Array(MAX_DOCKET_BYTES + 1)))).to.equal('NET_OVERSIZE')
    expect(MAX_DOCKET_ENTRIES).to.equal(1_572_863) // (96 MiB - 4) / 64 = 1572863.94, down
  })
})
