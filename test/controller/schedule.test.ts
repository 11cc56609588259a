import { expect } from 'chai'
import fc from 'fast-check'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { segmentLoss } from '../../controller/confidence.ts'
import { POLICY } from '../../controller/policy.ts'
import { amountOf, createDraw, deadlineOf, gapOf, groupDue, planByRisk } from '../../controller/schedule.ts'
import { aDriver, aPlacement, draw, START, stewardOf } from './placement-builder.ts'

const aRiskShare = fc.record({
  chance: fc.double({ min: 0.3, max: 1, noNaN: true }),
  silence: fc.nat(60).map((days) => days * DAY),
  asked: fc.boolean(),
})

describe('controller/schedule, the risk policy', () => {
  const shares = (...chances: number[]) => chances.map((chance) => ({ chance, silence: 10 * DAY }))

  it('asks nobody while what is left to fear stays within the risk', () => {
    expect(planByRisk(shares(...Array<number>(10).fill(0.99)), 3, 1e-6, POLICY)).to.deep.equal([])
  })

  it('asks the most doubtful first, and no more of them than it takes', () => {
    const doubtful = shares(0.9, 0.5, 0.8, 0.6)
    expect(planByRisk(doubtful, 3, 0.1, POLICY)).to.deep.equal([1, 3])
    expect(planByRisk(doubtful, 3, 0.02, POLICY)).to.deep.equal([1, 3, 2])
  })

  it('does not ask twice, nor what is proven or absent', () => {
    const some = [{ chance: 0.5, silence: DAY, asked: true }, ...shares(1, 0, 0.6)]
    expect(planByRisk(some, 3, 1e-6, POLICY)).to.deep.equal([3])
  })

  it('leaves a loss within the risk if all answer, or has asked everybody it could', () => {
    fc.assert(
      fc.property(fc.array(aRiskShare, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (list, k) => {
        const picked = planByRisk(list, k, 1e-4, POLICY)
        expect(new Set(picked).size).to.equal(picked.length)
        const after = list.map((share, i) =>
          picked.includes(i) || share.asked ? { ...share, chance: 1, silence: 0 } : share,
        )
        const able = list.filter(({ chance, asked }) => !asked && chance < 1).length
        if (picked.length < able) expect(segmentLoss(after, k, POLICY)).to.be.at.most(1e-4)
      }),
    )
  })

  it('refuses a risk of 0, which would ask without end, and of 1', () => {
    for (const risk of [0, 1, Number.NaN])
      expect(() => planByRisk([], 3, risk, POLICY))
        .to.throw(HoldfastError)
        .with.property('code', 'INPUT_RANGE')
  })
})

describe('controller/schedule', () => {
  it('waits 1, 7, 14 and then 30 days when nothing jitters', () => {
    expect([0, 1, 2, 3, 4, 50].map((streak) => gapOf(streak, 0.5, POLICY) / DAY)).to.deep.equal([1, 7, 14, 30, 30, 30])
  })

  it('jitters by a quarter at most, never the first gap, never over 30 days, always by whole hours', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (streak, chance) => {
        const gap = gapOf(streak, chance, POLICY)
        const rung = POLICY.ladder[Math.min(streak, 3)] as number
        expect(gap % HOUR).to.equal(0)
        expect(gap).to.be.within(
          streak === 0 ? rung : 0.75 * rung - HOUR,
          streak === 0 ? rung : Math.min(1.25 * rung + HOUR, 30 * DAY),
        )
      }),
    )
  })

  it('draws the same for the same steward and round, and otherwise something else', () => {
    const again = createDraw(new Uint8Array(32).fill(7))
    const other = createDraw(new Uint8Array(32).fill(8))
    const drawn = new Set<number>()
    for (let round = 0; round < 50; round++) {
      const value = draw(stewardOf(1), round)
      expect(value).to.be.within(0, 1)
      expect(again(stewardOf(1), round)).to.equal(value)
      expect(other(stewardOf(1), round)).to.not.equal(value)
      drawn.add(value).add(draw(stewardOf(2), round))
    }
    expect(drawn.size).to.equal(100)
  })

  it('gives 72 to 78 hours to answer, up to a multiple of six hours', () => {
    fc.assert(
      fc.property(fc.nat(400_000), (hours) => {
        const deadline = deadlineOf(hours * HOUR)
        expect(deadline % (6 * HOUR)).to.equal(0)
        expect(deadline - hours * HOUR).to.be.within(72 * HOUR, 78 * HOUR - 1)
      }),
    )
    expect(deadlineOf(1_800_000_000)).to.equal(1_800_273_600) // first multiple of 21600 from 1 800 259 200 on
  })

  it('puts all placements of a steward that are due together on one docket, by blob id', () => {
    const placements = [3, 1, 2].map((n) => aPlacement({ n }))
    const plans = groupDue([...placements, aPlacement({ n: 9, steward: 2 })], START + DAY + 30, POLICY)
    expect(plans).to.have.length(2)
    const plan = plans.find(({ steward }) => steward === stewardOf(1))
    expect(plan?.placements).to.deep.equal([1, 2, 3].map((n) => n.toString(16).padStart(64, '0')))
    expect(plan).to.deep.include({ due: START + DAY, deadline: deadlineOf(START + DAY), retry: false })
  })

  it('takes along what is due within a quarter of its gap, and nothing later', () => {
    const now = START + DAY
    const soon = aPlacement({ n: 2, start: START + 6 * HOUR })
    const later = aPlacement({ n: 3, start: START + 7 * HOUR })
    const [plan] = groupDue([aPlacement({ n: 1 }), soon, later], now, POLICY)
    expect(plan?.placements).to.have.members([aPlacement({ n: 1 }).id, soon.id])
    expect(groupDue([soon, later], now, POLICY)).to.deep.equal([])
  })

  it('gives each suspect a docket of its own', () => {
    const drivers = [1, 2, 3].map((n) => aDriver(aPlacement({ n })))
    for (const driver of drivers) driver.miss(START + DAY)
    const states = drivers.map((driver) => driver.state)
    const plans = groupDue(states, states[0]?.nextDue as number, POLICY)
    expect(plans.map((plan) => plan.placements.length)).to.deep.equal([1, 1, 1])
    expect(plans.every((plan) => plan.retry)).to.equal(true)
    expect(new Set(plans.map((plan) => plan.id)).size).to.equal(3)
  })

  it('plans the same docket under the same id when asked again, and another id once rows are used', () => {
    const driver = aDriver(aPlacement())
    const [first] = groupDue([driver.state], START + DAY, POLICY)
    expect(groupDue([driver.state], START + DAY + 60, POLICY)[0]?.id).to.equal(first?.id)
    driver.pass(START + DAY)
    const [second] = groupDue([driver.state], driver.state.nextDue as number, POLICY)
    expect(second?.id).to.not.equal(first?.id)
  })

  it('splits a docket that would be too long', () => {
    const placements = Array.from({ length: 7 }, (_, n) => aPlacement({ n: n + 1 }))
    const plans = groupDue(placements, START + DAY, { ...POLICY, docketEntries: 3 })
    expect(plans.map((plan) => plan.placements.length).sort()).to.deep.equal([1, 3, 3])
  })

  it('pays for every placement of a docket with its own price, length and interval', () => {
    const posts = [aPlacement({ n: 1 }), aPlacement({ n: 2, price: 10n ** 18n, length: 1 })].map((placement) =>
      aDriver(placement).open(START + DAY),
    )
    // ⌈(5.3e15 · 2²³ + 1e18 · 1) · 86400 / (2³⁰ · 2592000 · 1e9)⌉: 1380.208… and 0.031… before rounding
    expect(amountOf(posts)).to.equal(1381n)
  })
})
