import { expect } from 'chai'
import type { Address } from '../../base/curve.ts'
import { gwei, unixTime } from '../../base/units.ts'
import type { Hex } from '../../chain/chain-data.ts'
import type { MarketEvent } from '../../chain/market.ts'
import { csvOf, earningsOf } from '../../cli/commands/steward-earnings.ts'

const [ME, PEER] = [`0x${'1'.repeat(40)}`, `0x${'2'.repeat(40)}`] as [Address, Address]
const at = (day: string) => unixTime(Date.parse(`${day}T12:00:00Z`) / 1000)
const id = (n: number) => new Uint8Array(32).fill(n)
const place = (day: string, txHash: Hex) => ({
  block: 7,
  blockHash: '0xaa' as Hex,
  blockTime: at(day),
  txHash,
  logIndex: 0,
})
const posted = (day: string, n: number, deadline: string, steward = ME): MarketEvent => ({
  ...place(day, '0x01'),
  kind: 'posted',
  id: id(n),
  poster: PEER,
  steward,
  claimKey: PEER,
  amount: gwei(BigInt(n)),
  deadline: at(deadline),
  docketHash: id(0),
  note: new Uint8Array(),
})
const swept = (day: string, n: number, txHash: Hex, payee = ME): MarketEvent => ({
  ...place(day, txHash),
  kind: 'swept',
  id: id(n),
  payee,
  amount: gwei(BigInt(n)),
})

const EVENTS: readonly MarketEvent[] = [
  posted('2027-01-30', 1, '2027-01-31'),
  posted('2027-01-31', 2, '2027-02-01'),
  posted('2027-01-31', 4, '2027-02-01'),
  posted('2027-01-31', 8, '2027-02-02', PEER),
  swept('2027-01-31', 1, '0x0a'),
  swept('2027-02-01', 2, '0x0b'),
  swept('2027-02-01', 16, '0x0b'), // an open bounty, in the same transaction
  swept('2027-02-01', 8, '0x0c', PEER),
  { ...place('2027-02-02', '0x0d'), kind: 'revoked', id: id(4), amount: gwei(4n) },
  { ...place('2027-02-02', '0x0d'), kind: 'revoked', id: id(8), amount: gwei(8n) },
  { ...place('2027-02-03', '0x0e'), kind: 'redeemed', from: PEER, to: ME, paid: gwei(32n), redeemed: gwei(99n) },
  { ...place('2027-02-03', '0x0f'), kind: 'redeemed', from: ME, to: PEER, paid: gwei(7n), redeemed: gwei(7n) },
  { ...place('2027-02-04', '0x10'), kind: 'netted', digest: id(9), account: ME, amount: -5n },
  posted('2027-03-01', 64, '2027-03-02'),
  posted('2027-03-02', 128, '2027-03-09'),
]
const fees = new Map<Hex, bigint>([
  ['0x0a', 3n],
  ['0x0b', 5n],
  ['0x0e', 7n],
])
const GWEI = 10n ** 9n

describe('cli/commands/steward-earnings', () => {
  it('puts money in the month in which it came, and open and missed bounties in that of their post', () => {
    const months = earningsOf(ME, EVENTS, { now: at('2027-03-05'), since: 0, fees })
    expect([...months]).to.deep.equal([
      ['2027-01', { swept: GWEI, vouchers: 0n, pending: 0n, missed: 4n * GWEI, fees: 3n }],
      ['2027-02', { swept: 18n * GWEI, vouchers: 27n * GWEI, pending: 0n, missed: 0n, fees: 12n }],
      ['2027-03', { swept: 0n, vouchers: 0n, pending: 128n * GWEI, missed: 64n * GWEI, fees: 0n }],
    ])
  })

  it('leaves out what was before', () => {
    const months = earningsOf(ME, EVENTS, { now: at('2027-03-05'), since: at('2027-02-03'), fees })
    expect([...months.keys()]).to.deep.equal(['2027-02', '2027-03'])
    expect(months.get('2027-02')).to.deep.equal({ swept: 0n, vouchers: 27n * GWEI, pending: 0n, missed: 0n, fees: 7n })
  })

  it('writes a table of commas', () => {
    const [first] = earningsOf(ME, EVENTS, { now: at('2027-03-05'), since: 0, fees })
    if (first === undefined) throw new Error('no month')
    const [month, earnings] = first
    expect(csvOf([{ steward: ME, month, earnings }])).to.equal(
      `steward,month,swept_hold,vouchers_hold,pending_hold,missed_hold,fees_coin\n${ME},2027-01,0.000000001,0,0,0.000000004,0.000000000000000003\n`,
    )
  })
})
