import { expect } from 'chai'
import fc from 'fast-check'
import { MOST_STRENGTH, strengthOf, Tally } from '../../../pool/patterns/strength.ts'

/** By definition. */
function tailByHand(bad: number, all: number, rate: number): number {
  let sum = 0
  for (let i = bad; i <= all; i++) {
    let ways = 1
    for (let j = 0; j < i; j++) ways = (ways * (all - j)) / (j + 1)
    sum += ways * rate ** i * (1 - rate) ** (all - i)
  }
  return sum
}

describe('pool/patterns/strength', () => {
  it('is the tail of the binomial, in powers of ten', () => {
    expect(strengthOf(6, 6, 0.1)).to.be.closeTo(6, 1e-9)
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), fc.double({ min: 0.01, max: 0.9, noNaN: true }), (a, b, rate) => {
        const [bad, all] = a < b ? [a, b] : [b, a]
        const byHand = Math.min(MOST_STRENGTH, Math.max(0, -Math.log10(tailByHand(bad, all, rate))))
        expect(strengthOf(bad, all, rate)).to.be.closeTo(bad === 0 ? 0 : byHand, 1e-6)
      }),
    )
  })

  it('falls with each good unit, rises with each bad one, and is 0 without any', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(40), (bad, good) => {
        const now = strengthOf(bad, bad + good, 0.2)
        expect(strengthOf(bad, bad + good + 1, 0.2)).to.be.at.most(now + 1e-12)
        expect(strengthOf(bad + 1, bad + good + 1, 0.2)).to.be.at.least(now - 1e-12)
      }),
    )
    expect(strengthOf(0, 5, 0.2)).to.equal(0)
  })

  it('a tally leaves out the voice that carries most, and one voice is none', () => {
    const measure = { honest: 0.1, least: 2, bar: 1 }
    const tally = new Tally()
    for (let day = 0; day < 9; day++) tally.addBad(day, 'liar')
    expect(tally.robustStrength(measure)).to.equal(0)
    for (let day = 20; day < 23; day++) tally.addBad(day, 'other')
    expect(tally.robustStrength(measure)).to.be.closeTo(3, 1e-9) // three days of three, the liar's nine left out
    expect(tally.strength(measure)).to.be.closeTo(12, 1e-9)
    for (let day = 0; day < 9; day++) tally.addGood(day) // the others were served on the liar's days
    expect(tally.robustStrength(measure)).to.be.closeTo(strengthOf(3, 12, 0.1), 1e-9)
  })

  it('a unit that something spoilt stays spoilt', () => {
    const tally = new Tally()
    tally.addBad('a', 'x')
    tally.addGood('a')
    tally.addGood('b')
    expect(tally.strength({ honest: 0.5, least: 1, bar: 0 })).to.be.closeTo(-Math.log10(0.75), 1e-9)
  })
})
