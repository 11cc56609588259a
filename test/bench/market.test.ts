/** A small market of the simulation: what the large one must show, within generous bounds. */
import { expect } from 'chai'
import { SCENARIOS, type Scenario } from '../../bench/market/scenarios.ts'
import { spreadOver, summarise, tokenPrices } from '../../bench/market/summary.ts'
import { simulate } from '../../bench/market/world.ts'

const SIZE = { stewards: 80, weeks: 60 }
const scenario = (name: string, changes: Partial<Scenario> = {}): Scenario => {
  const found = SCENARIOS.find((one) => one.name === name)
  if (!found) throw new Error(`no scenario ${name}`)
  return { ...found, ...changes }
}
const run = (name: string, weeks = SIZE.weeks) => summarise(simulate(scenario(name), 1, { ...SIZE, weeks }))

describe('bench/market', () => {
  it('gives the same market for the same seed, and another for another', () => {
    const [one, again, other] = [1, 1, 2].map((seed) =>
      simulate(scenario('default'), seed, { stewards: 50, weeks: 20 }),
    )
    expect(again).to.deep.equal(one)
    expect(other).not.to.deep.equal(one)
  })

  it('leaves out of the clearing only bids that change nothing', () => {
    for (const name of ['default', 'cartel-seen', 'no-bond']) {
      const [few, all] = [false, true].map((hearAll) =>
        simulate(scenario(name, { hearAll }), 3, { stewards: 60, weeks: 25 }),
      )
      expect(few, name).to.deep.equal(all)
    }
  })

  it('keeps the price near honest cost, bytes off cheats, and nobody too large under the default policy', () => {
    const { overCost, bad, used, unplaced, lost } = run('default')
    expect(overCost).to.be.within(0.85, 1.3)
    expect(bad).to.be.below(3)
    expect(used).to.be.within(0.55, 0.8)
    expect(unplaced).to.be.below(3)
    expect(lost).to.equal(0)
  })

  it('is taken over by cheats that come back when there is no bond, and not when there is', () => {
    const [without, bonded] = ['whitewash-no-bond', 'whitewash'].map((name) => run(name, 26).bad) as [number, number]
    expect(without).to.be.above(15)
    expect(bonded).to.be.below(without / 5)
  })

  it('is taken over by cheats that do not mind losing every bond: the bond makes that dear, not impossible', () => {
    const attack = scenario('whitewash', { blind: true })
    expect(summarise(simulate(attack, 1, { ...SIZE, weeks: 26 })).bad).to.be.above(15)
  })

  it('stops at the floor in a glut', () => {
    const glut = (floor: boolean) => summarise(simulate(scenario('glut', { floor, glutFrom: 26 }), 1, SIZE)).lastIndex
    expect(glut(true)).to.be.at.least(0.54)
    expect(glut(false)).to.be.below(glut(true))
  })

  it('draws the median with the lowest and the highest, and keeps a token level with Kryder inflation only', () => {
    expect(spreadOver([3, 1, 2])).to.deep.equal({ median: 2, low: 1, high: 3 })
    const records = simulate(scenario('default'), 1, { stewards: 60, weeks: 110 })
    expect(tokenPrices(records, 1.15).at(-1)).to.be.within(0.8, 1.25)
    expect(tokenPrices(records, 1).at(-1)).to.be.below(tokenPrices(records, 1.15).at(-1) as number)
  })
})
