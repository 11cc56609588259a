import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import { entriesOf, trialBalance } from '../../controller/accounts.ts'
import { POLICY } from '../../controller/policy.ts'
import { peersOf, REASONS, STRANGER, wayOf } from '../../controller/settle.ts'
import { aPlacement } from './placement-builder.ts'

const NOW = 1_800_000_000
const known = { ...STRANGER, checks: 3 }
const market = { worth: 1000n, now: NOW }
const small = { amount: 999n, retry: false }

describe('controller/settle', () => {
  const auto = (docket = small, peer = known) => wayOf(docket, peer, market, { ...POLICY, settle: 'auto' })

  it('takes what is not worth its gas off chain, with a peer that has proved itself three times', () => {
    expect(auto()).to.deep.equal({ way: 'voucher', why: 'small' })
    expect(auto({ ...small, amount: 1000n })).to.deep.equal({ way: 'chain', why: 'worth' })
    expect(auto(small, { ...known, checks: 2 })).to.deep.equal({ way: 'chain', why: 'new' })
  })

  it('asks on chain who was late or silent in the last 30 days, and not a second longer', () => {
    for (const [key, why] of [
      ['lastMiss', 'late'],
      ['silentAt', 'silent'],
    ] as const) {
      expect(auto(small, { ...known, [key]: NOW - 30 * DAY + 1 })).to.deep.equal({ way: 'chain', why })
      expect(auto(small, { ...known, [key]: NOW - 30 * DAY }).way).to.equal('voucher')
    }
  })

  it('never takes a retry off chain, nor asks who gets no requests, whatever its owner wants', () => {
    for (const settle of ['auto', 'vouchers'] as const) {
      const policy = { ...POLICY, settle }
      expect(wayOf({ ...small, retry: true }, known, market, policy)).to.deep.equal({ way: 'chain', why: 'retry' })
      expect(wayOf(small, { ...known, hasStanding: false }, market, policy).why).to.equal('standing')
    }
  })

  it('does what its owner wants: nothing off chain, or all of it, also what is worth its gas and from a stranger', () => {
    const all = { amount: 10n ** 12n, retry: false }
    expect(wayOf(small, known, market, { ...POLICY, settle: 'chain' })).to.deep.equal({ way: 'chain', why: 'wanted' })
    const vouchers = wayOf(all, STRANGER, market, { ...POLICY, settle: 'vouchers' })
    expect(vouchers).to.deep.equal({ way: 'voucher', why: 'wanted' })
  })

  it('leaves a market where gas is not weighed as it was: every round is worth its gas', () => {
    expect(POLICY.settle).to.equal('auto')
    expect(wayOf({ amount: 1n, retry: false }, known, { worth: 0n, now: NOW }, POLICY).way).to.equal('chain')
  })

  it('has a sentence for every way it gives', () => {
    const ways = [auto(), auto({ ...small, amount: 1000n }), auto(small, STRANGER), auto({ ...small, retry: true })]
    for (const { way, why } of ways) expect(REASONS[way][why]).to.have.length.above(5)
  })

  it('knows a steward by the best and the worst of all its placements', () => {
    const placement = aPlacement({ rows: 9, term: 90 * DAY })
    const peer = peersOf(
      [
        { ...placement, totals: { ...placement.totals, checks: 5 } },
        { ...placement, totals: { ...placement.totals, lastMiss: 7 } },
      ],
      () => 3,
    ).get(placement.steward)
    expect(peer).to.deep.equal({ checks: 5, lastMiss: 7, silentAt: 3, hasStanding: true })
  })

  it('books every entry twice: whatever happened, all accounts together come to nothing', () => {
    const bounties = new Map(
      (['offered', 'vouched', 'intended', 'posted', 'swept', 'revoked', 'failed'] as const).map((phase, i) => [
        phase,
        { phase, steward: `0x${'22'.repeat(20)}`, amount: BigInt(10 ** i) },
      ]),
    ) as never
    const promise = { to: `0x${'22'.repeat(20)}`, cumulative: 17n, redeemed: 9n, paidOut: 9n, unknown: 7n, at: 0 }
    const money = { deposited: 10n ** 18n, withdrawn: 10n ** 10n, advertFees: 5n }
    const totals = trialBalance(entriesOf({ bounties, promises: new Map([[promise.to, promise]]) as never, money }))
    expect([...totals.values()].reduce((sum, each) => sum + each, 0n)).to.equal(0n)
    expect(totals.get(`promised:${promise.to}`)).to.equal(-(17n - 9n) * 10n ** 9n)
    expect(totals.get('escrow')).to.equal(1000n * 10n ** 9n)
  })
})
