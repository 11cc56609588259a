import { expect } from 'chai'
import type { Address } from '../../base/curve.ts'
import { gwei, unixTime, wei } from '../../base/units.ts'
import type { MarketEvent } from '../../chain/market.ts'
import { csvOf, movementsOf } from '../../cli/commands/wallet-export.ts'

const [ME, PEER] = [`0x${'1'.repeat(40)}`, `0x${'2'.repeat(40)}`] as [Address, Address]
const ID = new Uint8Array(32).fill(1)
const FOREIGN = new Uint8Array(32).fill(2)

const place = { block: 7, blockHash: '0xaa', blockTime: unixTime(1_800_000_000), txHash: '0xbb', logIndex: 0 } as const
const bounty = (id: Uint8Array, poster: Address, steward: Address): MarketEvent => ({
  ...place,
  kind: 'posted',
  id,
  poster,
  steward,
  claimKey: PEER,
  amount: gwei(5n),
  deadline: unixTime(1_800_000_000),
  docketHash: ID,
  note: new Uint8Array(),
})

/** Everything that can happen to a balance, to ours and to another's. */
const EVENTS: readonly MarketEvent[] = [
  { ...place, kind: 'deposited', account: ME, amount: wei(100_000_000_001n) },
  { ...place, kind: 'deposited', account: PEER, amount: wei(1n) },
  bounty(ID, ME, PEER),
  bounty(FOREIGN, PEER, ME),
  { ...place, kind: 'swept', id: FOREIGN, payee: ME, amount: gwei(5n) },
  { ...place, kind: 'revoked', id: ID, amount: gwei(5n) },
  { ...place, kind: 'revoked', id: FOREIGN, amount: gwei(5n) },
  { ...place, kind: 'advertised', advert: ID, uploader: ME, value: gwei(9n), fee: gwei(2n) },
  { ...place, kind: 'redeemed', from: ME, to: PEER, paid: gwei(3n), redeemed: gwei(30n) },
  { ...place, kind: 'redeemed', from: PEER, to: ME, paid: gwei(4n), redeemed: gwei(4n) },
  { ...place, kind: 'redeemed', from: ME, to: ME, paid: gwei(4n), redeemed: gwei(4n) },
  { ...place, kind: 'settled', digest: ID },
  { ...place, kind: 'netted', digest: ID, account: ME, amount: -6n },
  { ...place, kind: 'netted', digest: ID, account: PEER, amount: 6n },
  { ...place, kind: 'withdrawn', account: ME, to: PEER, amount: wei(1n) },
]

describe('cli/commands/wallet-export', () => {
  it('adds up to the balance, whatever moved it', () => {
    const movements = movementsOf(ME, EVENTS)
    expect(movements.map(({ kind }) => kind)).to.deep.equal([
      'deposit',
      'bounty',
      'swept',
      'revoked',
      'advert fee',
      'voucher paid',
      'voucher',
      'netting',
      'withdraw',
    ])
    // 100 gwei and a wei in; -5 +5 +5 -2 -3 +4 -6; a wei out
    expect(movements.reduce((sum, { amount }) => sum + amount, 0n)).to.equal(98n * 10n ** 9n)
  })

  it('writes one line each that a spreadsheet takes', () => {
    const [head, first, ...more] = csvOf(movementsOf(ME, EVENTS)).trimEnd().split('\n')
    expect(head).to.equal('at,kind,amount_hold,with,tx,block')
    expect(first).to.equal('2027-01-15T08:00:00Z,deposit,0.000000100000000001,,0xbb,7')
    for (const line of more) expect(line.split(',')).to.have.length(6)
  })
})
