import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import { CODES, holdAgainstClosedForm, PLANS, playCell, sizeOf } from '../../bench/durability/cells.ts'
import { LAWS } from '../../bench/durability/lifetimes.ts'
import { askShare, missRound, type Share } from '../../bench/durability/segment.ts'
import { chartsOf, figuresOf, rowsOf, tablesOf } from '../../bench/durability/summary.ts'
import { poissonInterval } from '../../bench/statistics.ts'
import { deriveConfidence } from '../../controller/confidence.ts'
import { POLICY } from '../../controller/policy.ts'
import { aDriver, aPlacement, draw, START, stewardOf } from '../controller/placement-builder.ts'

const [code] = CODES
const planOf = (name: string) => PLANS.find((plan) => plan.name === name) ?? expect.fail(name)
const cellOf = (name: string, weather: Parameters<typeof playCell>[2], scale = 0.1) => {
  const ours = code ?? expect.fail('no code')
  return playCell(planOf(name), ours, weather, LAWS.prior, [1, 2], sizeOf(planOf(name), ours, scale))
}

describe('bench/durability', () => {
  it('takes lifetimes from the confidence of the product when they are those of the prior', () => {
    expect(LAWS.prior.keeps(400 * DAY, 30 * DAY)).to.equal(deriveConfidence(400 * DAY, 30 * DAY, POLICY))
  })

  it('loses as many objects as the closed form says when nobody asks and nothing is repaired', () => {
    for (const law of [LAWS.faster, LAWS.memoryless]) {
      const { lost, objects, predicted } = holdAgainstClosedForm(5, 180, law, 4000)
      const [low, high] = poissonInterval(lost)
      expect(predicted * objects, law.name).to.be.within(low - 10, high + 10)
    }
  })

  it('asks and judges a share when the controller does: the same dues and states through proofs, a miss, and the last miss', () => {
    const driver = aDriver(aPlacement({ term: 180 * DAY }))
    const away = (from: number) => [[from - DAY, from + 5 * DAY] as const]
    let outages: (readonly [number, number])[] = []
    const share: Share = {
      tenant: {
        born: START,
        gone: Number.POSITIVE_INFINITY,
        cluster: 'c',
        get outages() {
          return outages
        },
      },
      lostAt: Number.POSITIVE_INFINITY,
      lastProof: START,
      streak: 0,
      state: 'held',
      next: START + DAY,
      what: 'due',
    }
    let rounds = 0
    for (const answered of [true, true, true, false, true, true, false, false]) {
      const due = share.next
      expect(driver.state.nextDue).to.equal(due)
      rounds++
      outages = answered ? [] : away(due)
      askShare(share, { next: () => draw(stewardOf(1), rounds) }, POLICY)
      if (answered) driver.pass(due)
      else {
        expect(share.what).to.equal('missed')
        expect(driver.miss(due)).to.equal(share.next)
        missRound(share)
      }
      expect(driver.state.state).to.equal(share.state)
    }
    expect(share.state).to.equal('mia')
  })

  it('gives the same for the same seeds', () => {
    expect(cellOf('ladder', 'shocks', 0.02)).to.deep.equal(cellOf('ladder', 'shocks', 0.02))
  })

  it('asks a ladder, a month and a day as often as they say, and a ring costs nines', () => {
    const [ladder, monthly, daily] = ['ladder', 'monthly', 'daily'].map((name) =>
      figuresOf(cellOf(name, 'independent')),
    )
    expect(monthly?.checks).to.be.within(0.9, 1.3)
    expect(ladder?.checks).to.be.within(monthly?.checks ?? 0, 1.6)
    expect(daily?.checks).to.be.within(25, 30)
    const ring = figuresOf(cellOf('ladder', 'ring 20 %'))
    expect(ring.nines).to.be.below((ladder?.nines ?? 0) - 1)
    expect(ring.lost / ring.objects).to.be.below(0.03)
  })

  it('makes rows, tables and charts of what it found', () => {
    const cells = [cellOf('ladder', 'independent', 0.02), cellOf('risk', 'ring 10 %', 0.05)]
    const closed = [holdAgainstClosedForm(5, 180, LAWS.memoryless, 500)]
    const tables = tablesOf(rowsOf(cells, closed))
    expect(tables.cells.split('\n')).to.have.length(4)
    expect(tables.closed.split('\n')).to.have.length(3)
    expect([...chartsOf(cells).keys()]).to.deep.equal(['durability-3-of-10.svg', 'durability-8-of-24.svg'])
  })
})
