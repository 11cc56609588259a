import { expect } from 'chai'
import fc from 'fast-check'
import { DAY, GiB, MONTH } from '../../base/units.ts'
import { agreedOf, isLeaving, wantsMove } from '../../controller/contract-life.ts'
import { decide } from '../../controller/decide.ts'
import type { Effect, Fact } from '../../controller/facts.ts'
import type { PlacementState } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { nextDueOf } from '../../controller/progress.ts'
import { amountOf } from '../../controller/schedule.ts'
import { rentOf } from '../../pricing/rates.ts'
import { isWithin } from '../../pricing/renewal.ts'
import { aDriver, aPlacement, at, START, stewardOf } from './placement-builder.ts'

const OLD = 5_000_000_000_000_000n
const END = START + 90 * DAY
const kinds = (effects: readonly Effect[]) => effects.map(({ kind }) => kind)
const quoted = (price: bigint): Fact => ({ kind: 'contract', fact: { kind: 'quoted', price } })
const placed = () => aPlacement({ price: OLD, length: GiB })
const index = () => OLD

/** A placement that paid its rounds, asked for another term. */
function asked() {
  const driver = aDriver(placed(), POLICY, index)
  while ((driver.state.nextDue as number) < END - 21 * DAY) driver.pass(driver.state.nextDue as number)
  driver.tell({ kind: 'tick' }, END - 21 * DAY)
  return driver
}

describe('controller/contract-life', () => {
  it('offers what its steward asks, and takes over price and end when both have signed', () => {
    const driver = asked()
    const price = (OLD * 93n) / 100n
    const [offer] = driver.tell(quoted(price), END - 20 * DAY)
    expect(offer).to.deep.include({ kind: 'renew', version: 2, price, end: END + 90 * DAY })
    const { rows, blobId } = driver.state
    driver.tell({ kind: 'renewed', version: 2, price, end: END + 90 * DAY }, END - 20 * DAY)
    expect(driver.state).to.deep.include({ version: 2, price, end: END + 90 * DAY, rows, blobId })
    expect(driver.state.contract).to.equal(undefined)
    expect(agreedOf(driver.state)).to.equal(
      rentOf([{ price: OLD, length: GiB, seconds: 90 * DAY }]) + rentOf([{ price, length: GiB, seconds: 90 * DAY }]),
    )
  })

  it('counts a dearer renewal from the last cut on, since that is what it will cost', () => {
    const driver = asked()
    const price = (OLD * 110n) / 100n
    const unpaid = END - driver.state.totals.cut
    driver.tell({ kind: 'renewed', version: 2, price, end: END + 90 * DAY }, END - 20 * DAY)
    const rent = (each: bigint, seconds: number) => rentOf([{ price: each, length: GiB, seconds }])
    const exact = rent(OLD, 90 * DAY - unpaid) + rent(price, unpaid + 90 * DAY)
    const counted = agreedOf(driver.state)
    expect(counted >= exact && counted - exact <= 2n).to.equal(true)
  })

  it('finds the price anew, lets the incumbent match, and moves the lot when it does not', () => {
    const driver = asked()
    const [auction] = driver.tell(quoted(2n * OLD), END - 20 * DAY)
    expect(auction).to.include({ kind: 're-auction' })
    const cleared = { kind: 'cleared', price: OLD, winner: stewardOf(9) } as const
    const [offer] = driver.tell({ kind: 'contract', fact: cleared }, END - 19 * DAY)
    expect(offer).to.deep.include({ kind: 'renew', version: 2, price: OLD })
    driver.tell({ kind: 'contract', fact: { kind: 'declined' } }, END - 19 * DAY)
    expect([isLeaving(driver.state), wantsMove(driver.state)]).to.deep.equal([true, true])
    expect(driver.state.end).to.equal(END)
  })

  it('is paid to its end and a month more after notice, also when another one has the share by then', () => {
    const driver = aDriver(placed(), POLICY, index)
    while ((driver.state.nextDue as number) < START + 40 * DAY) driver.pass(driver.state.nextDue as number)
    const end = START + 54 * DAY
    const alerts = driver.tell({ kind: 'contract', fact: { kind: 'notice', by: 'steward', end } }, START + 40 * DAY)
    expect(alerts).to.have.length(1)
    expect(alerts[0]).to.include({ kind: 'alert', code: 'notice' })
    expect(driver.state.end).to.equal(end)
    driver.tell({ kind: 'replaced' }, START + 41 * DAY)
    expect([driver.state.state, wantsMove(driver.state)]).to.deep.equal(['held', false])
    while ((driver.state.nextDue as number) < end) driver.pass(driver.state.nextDue as number)
    const last = driver.pass(driver.state.nextDue as number)
    expect(last.cut).to.equal(end)
    driver.tell({ kind: 'tick' }, end + DAY)
    const closing = driver.open(driver.state.nextDue as number)
    expect([closing.from, closing.cut]).to.deep.equal([end, end + MONTH])
    expect(amountOf([closing]), 'one month of its price').to.equal(OLD / 10n ** 9n)
    driver.posted(closing.docket, end + DAY)
    driver.swept(closing.docket, end + DAY + 60)
    driver.tell({ kind: 'tick' }, end + 2 * DAY)
    expect(driver.state.state).to.equal('ended')
    expect(driver.state.nextDue).to.equal(undefined)
  })

  it('asks for no auction over what is stored by right, or over a backup: it offers the same again each day', () => {
    for (const wanted of [{ price: 0n }, { rides: true } as const]) {
      const driver = aDriver(aPlacement(wanted), POLICY, index)
      const told: Effect[] = []
      for (let day = 21; day > 1; day--) {
        told.push(...driver.tell({ kind: 'tick' }, END - day * DAY))
        told.push(...driver.tell({ kind: 'contract', fact: { kind: 'declined' } }, END - day * DAY + 60))
      }
      const offers = told.filter((effect) => effect.kind === 'renew')
      expect(offers).to.have.length(20)
      expect(new Set(offers.map(({ price }) => price))).to.deep.equal(new Set([driver.state.price]))
      expect(kinds(told)).to.not.include('re-auction')
    }
  })

  it('says, when a put may cost no more, that its budget is reached, and lets it end with its term', () => {
    const driver = asked()
    const effects = driver.tell({ kind: 'terminated', at: END, why: 'budget' }, END - 20 * DAY)
    expect(effects).to.have.length(1)
    expect(effects[0]).to.include({ kind: 'alert', code: 'budget-reached' })
    expect(driver.state.contract).to.equal(undefined)
    expect(kinds(driver.tell({ kind: 'tick' }, END - 10 * DAY))).to.deep.equal([])
  })

  const aFact: fc.Arbitrary<Fact> = fc.oneof(
    fc.constant<Fact>({ kind: 'tick' }),
    fc.bigInt({ min: 0n, max: 3n * OLD }).map(quoted),
    fc.constant<Fact>({ kind: 'contract', fact: { kind: 'declined' } }),
    fc
      .record({ price: fc.bigInt({ min: 0n, max: 3n * OLD }), who: fc.integer({ min: 1, max: 3 }) })
      .map(({ price, who }): Fact => ({ kind: 'contract', fact: { kind: 'cleared', price, winner: stewardOf(who) } })),
    fc.constantFrom('steward', 'uploader').map((by): Fact => ({ kind: 'contract', fact: { kind: 'notice', by } })),
    fc.constant<Fact>({ kind: 'replaced' }),
    fc.constant<Fact>({ kind: 'standing', at: 0, standing: 'banned' }),
    fc.constant<Fact>({ kind: 'standing', at: 0 }),
  )

  it('whatever is said: offers within the bounds or what an auction gave, one at a time, and always knows when to look again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(aFact, fc.nat(5 * DAY)), { maxLength: 40 }), (facts) => {
        let state: PlacementState = placed()
        let now = END - 30 * DAY
        const env = () => ({ ...at(now), index })
        for (const [fact, wait] of facts) {
          now += wait
          const before = state
          const { next, effects } = decide(state, fact, env())
          for (const effect of effects) {
            if (effect.kind !== 'renew') continue
            const cleared = next.contract?.cleared?.price
            const isBounded = isWithin(effect.price, OLD, 15n) && isWithin(effect.price, OLD, 10n)
            const isMatch = cleared !== undefined && effect.price <= (cleared * 105n) / 100n
            expect(isBounded || isMatch, `${effect.price}`).to.equal(true)
            expect(effect.version).to.equal(state.version + 1)
          }
          expect(next.end <= before.end, 'no term grows by itself').to.equal(true)
          expect(next.price).to.equal(before.price)
          expect(decide(next, { kind: 'tick' }, env()).next, 'settled at once').to.deep.equal(next)
          const due = nextDueOf(next, POLICY, now)
          if (next.contract && next.state === 'held' && next.outcast === undefined && next.nextDue === undefined)
            expect(due, next.contract.phase).to.not.equal(undefined)
          state = next
        }
      }),
      { numRuns: 300 },
    )
  })
})
