import { expect } from 'chai'
import fc from 'fast-check'
import { HoldfastError } from '../../base/errors.ts'
import { DAY } from '../../base/units.ts'
import {
  confidenceOf,
  deriveConfidence,
  lossOf,
  ninesOf,
  objectConfidence,
  outlookOf,
  segmentLoss,
} from '../../controller/confidence.ts'
import { POLICY } from '../../controller/policy.ts'
import { aDriver, aPlacement, START } from './placement-builder.ts'

const aChance = fc.double({ min: 0, max: 1, noNaN: true })
const fresh = (chance: number, cluster?: string) => ({ chance, silence: 0, ...(cluster ? { cluster } : {}) })

/** By definition, over all subsets. */
function lossByHand(chances: readonly number[], k: number): number {
  let sum = 0
  for (let held = 0; held < 1 << chances.length; held++) {
    const bits = chances.map((_, i) => (held >> i) & 1)
    if (bits.filter(Boolean).length < k)
      sum += bits.reduce((p, bit, i) => p * (bit ? (chances[i] as number) : 1 - (chances[i] as number)), 1)
  }
  return sum
}

describe('controller/confidence', () => {
  it('gives a newcomer that is silent for 30 days 0.857', () => {
    expect(deriveConfidence(0, 30 * DAY, POLICY)).to.be.closeTo(0.8573651, 1e-7) // true value: sqrt(3)/2 · 0.99
  })

  it('is exactly 1 at the proof, falls with silence and rises with tenure', () => {
    expect(deriveConfidence(0, 0, POLICY)).to.equal(1)
    fc.assert(
      fc.property(fc.nat(3650), fc.integer({ min: 1, max: 3650 }), (tenure, silence) => {
        const now = deriveConfidence(tenure * DAY, silence * DAY, POLICY)
        expect(now).to.be.within(0, 1)
        expect(deriveConfidence(tenure * DAY, (silence + 1) * DAY, POLICY)).to.be.below(now)
        expect(deriveConfidence((tenure + 1) * DAY, silence * DAY, POLICY)).to.be.above(now)
      }),
    )
  })

  it('refuses a silence that has not begun', () => {
    expect(() => deriveConfidence(0, -1, POLICY))
      .to.throw(HoldfastError)
      .with.property('code', 'INPUT_RANGE')
  })

  it('counts the chance of fewer than k as all subsets together do', () => {
    fc.assert(
      fc.property(fc.array(aChance, { maxLength: 9 }), fc.nat(5), (chances, k) => {
        expect(lossOf(chances, k)).to.be.closeTo(lossByHand(chances, k), 1e-12)
      }),
    )
  })

  it('keeps the digits of very small losses', () => {
    // P(fewer than 3 of 10) at 0.99 each: Σ_{j<3} C(10,j)·0.99^j·0.01^(10−j) = 44.20…e-16
    expect(lossOf(Array<number>(10).fill(0.99), 3)).to.be.closeTo(4.42e-15, 1e-18)
  })

  it('looks at the object without its largest cluster, as much as a common fate is likely', () => {
    const apart = Array.from({ length: 10 }, (_, i) => ({ chance: 0.9, silence: 30 * DAY, cluster: `${i}` }))
    const together = apart.map((share, i) => ({ ...share, cluster: i < 8 ? 'one rack' : `${i}` }))
    expect(segmentLoss(together, 3, POLICY)).to.be.above(segmentLoss(apart, 3, POLICY))
    const sigma = 1 - Math.exp(-30 / 3650)
    const expected = (1 - sigma) * lossOf(Array<number>(10).fill(0.9), 3) + sigma * lossOf([0.9, 0.9], 3)
    expect(segmentLoss(together, 3, POLICY)).to.be.closeTo(expected, 1e-15)
  })

  it('is that of the worst segment', () => {
    const good = { shares: Array.from({ length: 10 }, () => fresh(0.99)), k: 3 }
    const bad = { shares: Array.from({ length: 4 }, () => fresh(0.9)), k: 3 }
    expect(objectConfidence([good, bad, good], POLICY)).to.deep.equal(objectConfidence([bad], POLICY))
    expect(objectConfidence([bad], POLICY).nines).to.equal(1) // 1 − 0.9477
    expect(objectConfidence([], POLICY)).to.deep.include({ confidence: 0, nines: 0 })
  })

  it('counts nines down, never more than nine', () => {
    expect([1, 0.5, 0.1, 0.011, 0.01, 1e-5, 1e-9, 0].map(ninesOf)).to.deep.equal([0, 0, 1, 1, 2, 5, 9, 9])
  })

  it('counts on what was proved: not on a suspect, not on what is MIA', () => {
    const driver = aDriver(aPlacement())
    const before = outlookOf(driver.state, START + DAY, POLICY).chance
    expect(before).to.be.closeTo(deriveConfidence(0, DAY, POLICY), 1e-12)
    const missedAt = driver.miss(driver.state.nextDue as number)
    expect(outlookOf(driver.state, missedAt, POLICY).chance).to.equal(0)
    expect(confidenceOf(driver.state, missedAt, POLICY)).to.be.above(0)
    driver.miss(driver.state.nextDue as number)
    expect(confidenceOf(driver.state, missedAt, POLICY)).to.equal(0)
  })

  it('rises with every final sweep', () => {
    const driver = aDriver(aPlacement())
    const now = driver.state.nextDue as number
    const before = confidenceOf(driver.state, now + 600, POLICY)
    driver.pass(now)
    expect(confidenceOf(driver.state, now + 600, POLICY)).to.equal(1)
    expect(before).to.be.below(1)
  })
})
