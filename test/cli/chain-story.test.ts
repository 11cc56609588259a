import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { DAY } from '../../base/units.ts'
import { encodeDocket } from '../../blob/docket.ts'
import type { MarketEvent } from '../../chain/market.ts'
import { earnedBy, gapsOf, isConserved, pairUp, rungsOf } from '../../cli/demo/chain-story.ts'

const STEWARD: Address = `0x${'5'.repeat(40)}`
const POSTER: Address = `0x${'1'.repeat(40)}`
const idOf = (digit: string) => fromHex(digit.repeat(64))
const posted = (digit: string, blockTime: number, amount = 7n) =>
  ({
    kind: 'posted',
    id: idOf(digit),
    steward: STEWARD,
    poster: POSTER,
    amount,
    blockTime,
    deadline: blockTime + 3 * DAY,
    note: encodeDocket([{ blobId: idOf('b'), nonce: idOf('c') }]),
  }) as unknown as MarketEvent
const ended = (kind: 'swept' | 'revoked', digit: string) =>
  ({ kind, id: idOf(digit), payee: STEWARD, amount: 7n }) as unknown as MarketEvent

describe('cli/demo/chain-story', () => {
  it('pairs posts with their ends, and an id that is posted again counts twice', () => {
    const bounties = pairUp([
      posted('a', 100),
      ended('swept', 'a'),
      posted('b', 150),
      ended('revoked', 'b'),
      posted('a', 200),
    ])
    expect(bounties.map(({ end }) => end)).to.deep.equal(['swept', 'revoked', undefined])
    expect(bounties.map(({ blobs }) => blobs)).to.deep.equal([['b'.repeat(64)], ['b'.repeat(64)], ['b'.repeat(64)]])
    expect(earnedBy(bounties, STEWARD)).to.equal(7n)
  })

  it('notices a payment without an open bounty', () => {
    expect(() => pairUp([posted('a', 100), ended('swept', 'a'), ended('swept', 'a')])).to.throw(/without being open/)
  })

  it('measures gaps from the start and from round to round; bounties of one round count once', () => {
    const bounties = pairUp([posted('a', DAY), posted('b', DAY), posted('c', 8 * DAY)])
    const gaps = gapsOf(bounties, [STEWARD], 0)
    expect(gaps).to.deep.equal([[1, 7]])
    expect(
      rungsOf([
        [1, 7],
        [1, 9, 14],
      ]),
    ).to.deep.equal([
      { least: 1, most: 1, count: 2 },
      { least: 7, most: 9, count: 2 },
      { least: 14, most: 14, count: 1 },
    ])
  })

  it('finds the books balanced only when both sides and the contract agree to the wei', () => {
    const books = { deposits: 100n, withdrawals: 10n, advertFees: 5n, balances: 80n, open: 5n, held: 85n }
    expect(isConserved(books)).to.equal(true)
    for (const wrong of [{ balances: 81n }, { open: 4n }, { held: 86n }, { advertFees: 6n }])
      expect(isConserved({ ...books, ...wrong })).to.equal(false)
  })
})
