import { expect } from 'chai'
import { createRandom } from '../../bench/random.ts'
import { poissonInterval, quantile } from '../../bench/statistics.ts'

describe('bench/statistics', () => {
  it('the interval of a Poisson count is the exact one of the tables', () => {
    const table = [
      [0, 0, 3.689],
      [1, 0.0253, 5.572],
      [5, 1.623, 11.668],
      [100, 81.364, 121.627],
      [1000, 938.97, 1063.95],
    ] as const
    for (const [events, low, high] of table) {
      const [from, to] = poissonInterval(events)
      expect(from).to.be.closeTo(low, 0.01)
      expect(to).to.be.closeTo(high, 0.01)
    }
  })

  it('a quantile is one of the values', () => {
    expect(quantile([5, 1, 3], 0.5)).to.equal(3)
    expect(quantile([5, 1, 3, Number.POSITIVE_INFINITY], 0.9)).to.equal(Number.POSITIVE_INFINITY)
    expect(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9)).to.equal(9)
    expect(() => quantile([], 0.5)).to.throw()
  })
})

describe('bench/random', () => {
  it('gives the same for the same seed, and what its names say', () => {
    const draw = (seed: number) => {
      const random = createRandom(seed)
      return Array.from({ length: 20_000 }, () => random.next())
    }
    expect(draw(7)).to.deep.equal(draw(7))
    expect(draw(7).slice(0, 5)).to.not.deep.equal(draw(8).slice(0, 5))
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
    expect(mean(draw(7))).to.be.closeTo(0.5, 0.01)
    const random = createRandom(3)
    expect(mean(Array.from({ length: 20_000 }, () => random.exponential(4)))).to.be.closeTo(4, 0.15)
    expect(
      quantile(
        Array.from({ length: 20_000 }, () => random.logNormal(2, 0.6)),
        0.5,
      ),
    ).to.be.closeTo(2, 0.06)
    const some = random.sample([1, 2, 3, 4, 5], 3)
    expect(new Set(some).size).to.equal(3)
    expect(random.sample([1, 2], 9).sort()).to.deep.equal([1, 2])
  })
})
