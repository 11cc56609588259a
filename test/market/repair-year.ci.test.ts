/**
 * A year in which three of ten stewards leave for good, each at a random time, and others take their place: nothing is lost, and it ends with
 * every share and copy held. HOLDFAST_SEED=n repeats a run's choices.
 */
import { expect } from 'chai'
import { effort } from '../effort.ts'
import { killHard } from '../processes.ts'
import { pidOf } from './after-crashes.ts'
import { hashFile, type ShareLine, useMarket } from './market.ts'

const SEED = Number(process.env.HOLDFAST_SEED ?? (Date.now() ^ process.pid) >>> 0)
const HOLDERS = 10
const YEAR = 365
/** The last one leaves early enough that its silence is noticed within the year. Days. */
const LAST = 280

/** Numbers in [0, 1) that the seed decides (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe(`market: a year in which stewards are replaced (HOLDFAST_SEED=${SEED})`, function () {
  this.timeout(900_000)
  const leaving = effort(3, 3, 6)
  const market = useMarket(HOLDERS + leaving)
  const random = randomOf(SEED)
  const told: string[] = []

  const isThere = ({ state }: ShareLine) => state === 'held' || state === 'suspect'

  it(`ends with everything held although ${leaving} stewards left`, async () => {
    const { path, sha256 } = await market().file('year', 300_000)
    const { id } = await market().put(path)
    const days = Array.from({ length: leaving }, () => 3 + Math.floor(random() * (LAST - 3))).sort((a, b) => a - b)
    const read = async () => {
      const out = market().sandbox.path('year-out')
      await market().ok(['get', id, '-o', out, '--overwrite', 'always'], { timeoutMs: 120_000 })
      expect(await hashFile(out)).to.equal(sha256)
    }
    const advance = (span: number) =>
      market().ok(['devnet', 'advance', `${span}d`, '--timeout', '600s'], { timeoutMs: 660_000 })
    const dead = new Set<string>()
    let today = 0
    for (const day of days) {
      if (day > today) await advance(day - today)
      today = day
      const living = [...new Set((await market().shares(id)).filter(isThere).map(({ steward }) => steward))]
        .filter((steward) => !dead.has(steward))
        .sort()
      const leaver = living[Math.floor(random() * living.length)] as string
      dead.add(leaver)
      await killHard(await pidOf(market(), 'steward', leaver))
      told.push(`day ${day}: ${leaver.slice(0, 10)} leaves`)
      await read()
    }
    await advance(YEAR - today)
    await read()
    // one missing share of ten is no reason to repair by itself (8 of 10 is): its owner may order it all the same
    const missing = (await market().shares(id)).filter((line) => !isThere(line)).length
    expect(missing, 'blobs missing at the end of the year: one share and one copy at most').to.be.at.most(2)
    await market().ok(['repair', id])
    await advance(1)
    const shares = await market().shares(id)
    const past = (await market().shares(id, '--history')).filter((line) => !isThere(line) && !dead.has(line.steward))
    expect(shares.length, `not held with the living: ${JSON.stringify(past)}`).to.equal(2 * HOLDERS)
    for (const { state, steward } of shares) {
      expect(state).to.equal('held')
      expect(dead.has(steward), steward).to.equal(false)
    }
    const slots = new Set(shares.map(({ type, segment, share }) => `${type}/${segment}/${share}`))
    expect(slots.size).to.equal(2 * HOLDERS)
    await read()
  })

  after(() => {
    for (const line of told) console.log(`      ${line}`)
  })
})
