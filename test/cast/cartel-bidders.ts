/** CartelBidders: three in ten stewards have one owner, look like many, and all ask for just under the reserve. */
import { SCENARIOS } from '../../bench/market/scenarios.ts'
import { summarise } from '../../bench/market/summary.ts'
import { simulate } from '../../bench/market/world.ts'

/** What a slot of the cartel earned in parts of an honest one's, and how much dearer the market was for it. */
export function runCartel(seed: number, size: { readonly stewards: number; readonly weeks: number }) {
  const run = (name: string) => {
    const scenario = SCENARIOS.find((one) => one.name === name)
    if (!scenario) throw new Error(`no scenario ${name}`)
    return summarise(simulate(scenario, seed, size))
  }
  const [cartel, usual] = [run('cartel-hidden'), run('default')]
  return { income: cartel.cartelIncome, dearer: cartel.price / usual.price - 1 }
}
