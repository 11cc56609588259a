import { expect } from 'chai'
import { judgePools } from '../../bench/detection/judge.ts'
import { rowsOf, tablesOf } from '../../bench/detection/summary.ts'
import { playWorld } from '../../bench/detection/world.ts'
import { createRandom } from '../../bench/random.ts'
import { assertObservation } from '../../pool/observation.ts'
import { effort } from '../effort.ts'

describe('bench/detection', () => {
  it('plays the same pool for the same seed, in valid observations, ascending by time', () => {
    const play = () => playWorld(createRandom(4), 60, ['trades with itself', 'ring on one disk'])
    const { observations, cast } = play()
    for (const observation of observations) assertObservation(observation)
    expect(observations.every(({ at }, i) => i === 0 || at >= (observations[i - 1]?.at ?? 0))).to.equal(true)
    expect(observations.length).to.be.above(5000)
    expect(cast.stewards.filter(({ vice }) => vice === 'ring on one disk')).to.have.length(5)
    expect(play().observations.map(({ at, kind }) => `${at} ${kind}`)).to.deep.equal(
      observations.map(({ at, kind }) => `${at} ${kind}`),
    )
  })

  it('names most villains of a few pools, and hardly anybody else', function () {
    this.timeout(effort(120_000, 600_000))
    const outcome = judgePools({ pools: effort(6, 30), days: 105, seed: 5, every: 7 })
    const days = [...outcome.villains.values()].flat()
    expect(days.length).to.be.above(5)
    expect(days.filter((one) => one !== undefined).length / days.length).to.be.above(0.6)
    const falsely = [...outcome.falsely.values()].reduce((a, b) => a + b, 0)
    expect(falsely / outcome.honestMonths, outcome.named.join('\n')).to.be.below(0.002)
    const { villains, innocent } = tablesOf(rowsOf(outcome))
    expect(villains.split('\n')).to.have.length(10)
    expect(innocent.split('\n')).to.have.length(10)
  })

  it('one lying monitor of three gets nobody named', function () {
    this.timeout(120_000)
    const { framed, framedNamed } = judgePools({ pools: 3, days: 60, seed: 9, every: 10, liars: 1, villains: false })
    expect([framed, framedNamed]).to.deep.equal([6, 0])
  })
})
