import { expect } from 'chai'
import fc from 'fast-check'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, GiB } from '../../base/units.ts'
import {
  assertRenewalPrice,
  boundedPrice,
  type Contract,
  type ContractFact,
  dueOf,
  isAutomatic,
  matchLimit,
  openContract,
  RENEWAL_POLICY as P,
  renewalPrice,
  stepContract,
} from '../../pricing/renewal.ts'
import { stewardOf } from './bid-builder.ts'

const START = 1_000 * DAY
const END = START + 90 * DAY
const me = stewardOf(1)
const other = stewardOf(2)
const fresh = () => openContract({ steward: me, price: 1000n, start: START, end: END })

/** One fact at a day before (negative) or after the end. */
const at = (contract: Contract, day: number, fact: ContractFact, index = 1000n) =>
  stepContract(contract, fact, { now: END + day * DAY, index, policy: P })
const tick = { kind: 'tick' } as const

describe('pricing/renewal', () => {
  it('offers from 21 days before the end, at the index, and not earlier', () => {
    expect(at(fresh(), -21.001, tick).phase).to.equal('running')
    const offered = at(fresh(), -21, tick, 950n)
    expect(offered.phase).to.equal('offered')
    expect(dueOf(offered)).to.deep.equal({ kind: 'offer', version: 2, n: 1, price: 950n, end: END + 90 * DAY })
  })

  it('renews by itself when the steward signs: price, end and version change, nothing else', () => {
    const renewed = at(at(fresh(), -21, tick, 950n), -20, { kind: 'accepted', version: 2 }, 950n)
    expect(renewed).to.deep.equal({ ...fresh(), price: 950n, end: END + 90 * DAY, version: 2 })
    expect(dueOf(renewed)).to.equal(undefined)
  })

  it('draws the bounds at 15 % of the old price and 10 % of the index, both included', () => {
    expect(isAutomatic(1000n, 1150n, 1150n, P)).to.equal(true)
    expect(isAutomatic(1000n, 1151n, 1151n, P)).to.equal(false)
    expect(isAutomatic(1000n, 850n, 850n, P)).to.equal(true)
    expect(isAutomatic(1000n, 849n, 849n, P)).to.equal(false)
    expect(isAutomatic(1000n, 1100n, 1000n, P)).to.equal(true)
    expect(isAutomatic(1000n, 1101n, 1000n, P)).to.equal(false)
    expect(isAutomatic(1000n, 0n, 0n, P)).to.equal(false)
    expect(renewalPrice(1000n, 1300n, P)).to.equal(1150n)
    expect(renewalPrice(1000n, 100n, P)).to.equal(850n)
    expect(renewalPrice(999n, 1n, P)).to.equal(850n) // 849.15, towards the old price
  })

  it('takes what the steward asks where the bounds allow it, the lower bound where it asks less, and nothing where it asks more', () => {
    expect(boundedPrice(1000n, 950n, 1000n, P)).to.equal(950n)
    expect(boundedPrice(1000n, 1n, 1000n, P)).to.equal(900n) // 10 % under the index
    expect(boundedPrice(1000n, 1n, 900n, P)).to.equal(850n) // 15 % under the old price
    expect(boundedPrice(1000n, 1100n, 1000n, P)).to.equal(1100n)
    expect(boundedPrice(1000n, 1101n, 1000n, P)).to.equal(undefined)
    expect(boundedPrice(1000n, 1150n, 1100n, P)).to.equal(1150n)
    expect(boundedPrice(1000n, 1151n, 1100n, P)).to.equal(undefined)
    expect(boundedPrice(1000n, 1000n, 2000n, P)).to.equal(undefined) // no price is near both
    expect(boundedPrice(0n, 0n, 0n, P)).to.equal(undefined)
    const anAmount = fc.bigInt({ min: 0n, max: 1n << 70n })
    fc.assert(
      fc.property(anAmount, anAmount, anAmount, (old, ask, index) => {
        const price = boundedPrice(old, ask, index, P)
        if (price !== undefined) {
          expect(isAutomatic(old, price, index, P)).to.equal(true)
          expect(price >= ask, 'never below what is asked').to.equal(true)
        } else if (ask > 0n) expect(isAutomatic(old, ask, index, P)).to.equal(false)
      }),
    )
  })

  it('asks the steward first where it is told to, and offers what it asks', () => {
    const env = { index: 1000n, policy: P, asks: true } as const
    const asking = stepContract(fresh(), tick, { ...env, now: END - 21 * DAY })
    expect([asking.phase, dueOf(asking)]).to.deep.equal(['asking', { kind: 'ask', n: 1 }])
    const quoted = stepContract(asking, { kind: 'quoted', price: 930n }, { ...env, now: END - 20 * DAY })
    expect(dueOf(quoted)).to.deep.equal({ kind: 'offer', version: 2, n: 1, price: 930n, end: END + 90 * DAY })
    const dear = stepContract(asking, { kind: 'quoted', price: 1200n }, { ...env, now: END - 20 * DAY })
    expect(dear.phase).to.equal('bidding')
    expect(stepContract(asking, { kind: 'declined' }, { ...env, now: END - 20 * DAY }).phase).to.equal('bidding')
    expect(stepContract(asking, tick, { ...env, now: END - 14 * DAY }).phase).to.equal('bidding')
  })

  it('refuses by name what is no price', () => {
    const why = (price: bigint, bytes: number = GiB) => {
      try {
        assertRenewalPrice(price, bytes, 90 * DAY)
        return undefined
      } catch (cause) {
        return cause instanceof HoldfastError ? cause.data['what'] : cause
      }
    }
    expect(why(0n)).to.equal('a renewal for nothing')
    expect(why(-1n)).to.equal('a renewal for nothing')
    expect(why(1n << 96n)).to.match(/beyond all prices/)
    expect(why((1n << 96n) - 1n)).to.match(/more than a bounty can hold/)
    expect(why(5_000_000_000_000_000n)).to.equal(undefined)
  })

  it('goes to an auction when the price has moved too far, was declined, or was not answered for a week', () => {
    expect(at(fresh(), -21, tick, 1300n).phase).to.equal('bidding')
    expect(at(fresh(), -21, tick, 700n).phase).to.equal('bidding')
    const offered = at(fresh(), -21, tick)
    expect(at(offered, -20.5, { kind: 'declined' }).phase).to.equal('bidding')
    const again = at(offered, -20, tick)
    expect([again.phase, again.offer?.n]).to.deep.equal(['offered', 2])
    expect(at(again, -14, tick).phase).to.equal('bidding')
    expect(dueOf(at(again, -14, tick))).to.deep.equal({ kind: 'auction', term: 90 * DAY })
  })

  it('lets the incumbent match within 5 %, once', () => {
    const bidding = at(fresh(), -21, tick, 700n)
    const matching = at(bidding, -20, { kind: 'cleared', price: 700n, winner: other }, 700n)
    expect([matching.phase, matching.offer?.price, matching.matched]).to.deep.equal(['matching', 735n, true])
    const kept = at(matching, -19.5, { kind: 'accepted', version: 2 }, 700n)
    expect([kept.phase, kept.price, kept.version]).to.deep.equal(['running', 735n, 2])
    // near enough already: its own old price
    const near = at(bidding, -20, { kind: 'cleared', price: 980n, winner: other }, 980n)
    expect(near.offer?.price).to.equal(1000n)
    // the market pays more than it has: what the market pays
    expect(at(bidding, -20, { kind: 'cleared', price: 1300n, winner: other }).offer?.price).to.equal(1300n)
    const lost = at(matching, -19, tick, 700n)
    expect([lost.phase, lost.successor]).to.deep.equal(['leaving', other])
    const secondTime = at({ ...bidding, matched: true }, -18, { kind: 'cleared', price: 700n, winner: other })
    expect([secondTime.phase, secondTime.successor]).to.deep.equal(['leaving', other])
  })

  it('keeps an incumbent that won the auction itself, or that nobody outbid', () => {
    const bidding = at(fresh(), -21, tick, 700n)
    for (const won of [{ winner: me }, {}]) {
      const matching = at(bidding, -20, { kind: 'cleared', price: 720n, ...won }, 700n)
      expect([matching.phase, matching.offer?.price, matching.matched]).to.deep.equal(['matching', 720n, undefined])
    }
  })

  it('ends 14 days after a notice of either side, and never after the term', () => {
    for (const by of ['uploader', 'steward'] as const) {
      const leaving = at(fresh(), -50, { kind: 'notice', by })
      expect([leaving.phase, leaving.end]).to.deep.equal(['leaving', END - 36 * DAY])
      expect(at(leaving, -48, { kind: 'notice', by }).end).to.equal(END - 36 * DAY)
    }
    expect(at(fresh(), -3, { kind: 'notice', by: 'steward' }).end).to.equal(END)
  })

  it('hands over for 14 days at most, then asks for the closing bounty, then is over', () => {
    const leaving = at(fresh(), -50, { kind: 'notice', by: 'uploader' })
    expect(dueOf(leaving)).to.deep.equal({ kind: 'move' })
    const handover = at(leaving, -36, tick)
    expect(handover.phase).to.equal('handover')
    const early = at(handover, -30, { kind: 'handed-over' })
    expect([early.phase, dueOf(early)]).to.deep.equal(['closing', { kind: 'close' }])
    const late = at(handover, -22, tick)
    expect(late.phase).to.equal('closing')
    const posted = at(late, -22, { kind: 'closing-posted' })
    expect(dueOf(posted)).to.equal(undefined)
    expect(at(posted, -15, { kind: 'closing-over' }).phase).to.equal('ended')
  })

  it('leaves at the end of a term that nothing came of', () => {
    expect(at(at(fresh(), -21, tick, 5000n), 0, tick, 5000n).phase).to.equal('handover')
    expect(at(fresh(), 30, tick).phase).to.equal('closing') // it slept for a month
  })

  const aFact: fc.Arbitrary<ContractFact> = fc.oneof(
    fc.constant(tick),
    fc.record({ kind: fc.constant('accepted' as const), version: fc.integer({ min: 1, max: 5 }) }),
    fc.constant({ kind: 'declined' } as const),
    fc.record({
      kind: fc.constant('cleared' as const),
      price: fc.bigInt({ min: -5n, max: 5000n }),
      winner: fc.constantFrom(me, other),
    }),
    fc.constant({ kind: 'cleared', price: 800n } as const),
    fc.record({ kind: fc.constant('notice' as const), by: fc.constantFrom('uploader' as const, 'steward' as const) }),
    fc.constantFrom(
      { kind: 'handed-over' } as const,
      { kind: 'closing-posted' } as const,
      { kind: 'closing-over' } as const,
    ),
  )
  const aLife = fc.array(
    fc.record({ fact: aFact, days: fc.integer({ min: 0, max: 12 }), index: fc.bigInt({ min: 1n, max: 5000n }) }),
    { maxLength: 60 },
  )

  it('binds nobody to a price outside the bounds, in any life', () => {
    fc.assert(
      fc.property(aLife, (life) => {
        let contract = fresh()
        let now = START
        for (const { fact, days, index } of life) {
          now += days * DAY
          const before = contract
          contract = stepContract(contract, fact, { now, index, policy: P })
          if (contract.version > before.version) {
            const auction = before.cleared?.price
            const { price } = contract
            if (before.phase === 'offered')
              expect(isAutomatic(before.price, price, before.offer?.price ?? 0n, P)).to.equal(true)
            else expect(auction !== undefined && price <= matchLimit(auction, P)).to.equal(true)
            expect(contract.end - before.end).to.equal(90 * DAY)
            expect(contract.version).to.equal(before.version + 1)
          }
          // A term is never cut but by a notice, and then not by more than leaves 14 days.
          if (contract.end < before.end) expect(contract.end >= Math.min(before.end, now + P.notice)).to.equal(true)
        }
      }),
    )
  })

  it('goes one way after it was given up, and comes to its end if time goes on and the bounty is paid', () => {
    const order = ['leaving', 'handover', 'closing', 'ended']
    fc.assert(
      fc.property(aLife, (life) => {
        let contract = fresh()
        let now = START
        const step = (fact: ContractFact, index: bigint) => {
          const before = contract
          contract = stepContract(contract, fact, { now, index, policy: P })
          if (order.includes(before.phase))
            expect(order.indexOf(contract.phase)).to.be.at.least(order.indexOf(before.phase))
        }
        for (const { fact, days, index } of life) {
          now += days * DAY
          step(fact, index)
        }
        // The steward never answers again: at most 14 days after its end it is closing, whatever came before.
        now = contract.end + P.handover
        step(tick, 1000n)
        expect(['closing', 'ended']).to.include(contract.phase)
        step({ kind: 'closing-posted' }, 1000n)
        step({ kind: 'closing-over' }, 1000n)
        expect(contract.phase).to.equal('ended')
      }),
    )
  })

  it('hears of a handover that is told after a silence over the end once', () => {
    const asked = at(at(fresh(), -21, tick, 5000n), -13, { kind: 'cleared', price: 800n, winner: other })
    const told = at(asked, 1, { kind: 'handed-over' })
    expect(told).to.deep.include({ phase: 'closing', successor: other })
    expect(at(told, 1, { kind: 'handed-over' })).to.deep.equal(told)
  })

  it('changes nothing on a fact it has taken already', () => {
    // An answer to nothing is not taken; told again it may find an offer that was made meanwhile.
    const isAnswer = ({ kind }: ContractFact) => kind === 'accepted' || kind === 'declined' || kind === 'cleared'
    const isAsked = ({ phase }: Contract) => phase === 'offered' || phase === 'matching'
    fc.assert(
      fc.property(aLife, (life) => {
        let contract = fresh()
        let now = START
        for (const { fact, days, index } of life) {
          now += days * DAY
          const env = { now, index, policy: P }
          const before = contract
          contract = stepContract(before, fact, env)
          if (!isAnswer(fact) || (fact.kind === 'accepted' && isAsked(before)))
            expect(stepContract(contract, fact, env)).to.deep.equal(contract)
        }
      }),
    )
  })
})
