/** ShillUploader: buys storage from stewards of its own at twice the price, three times a week, and pays the fee each time. */

import { gwei, wei } from '../../base/units.ts'
import { SCENARIOS } from '../../bench/market/scenarios.ts'
import { summarise } from '../../bench/market/summary.ts'
import { simulate } from '../../bench/market/world.ts'
import { advertFee, advertValue, rentOf } from '../../pricing/rates.ts'

/** How far the index was from what it had been without it, on average; and the fee of its adverts in parts of the rent it pays to itself. */
export function runShill(seed: number, size: { readonly stewards: number; readonly weeks: number }) {
  const scenario = SCENARIOS.find(({ name }) => name === 'shill')
  if (!scenario) throw new Error('no scenario shill')
  const [price, length, seconds] = [10n ** 16n, 30 * 2 ** 30, 90 * 86_400]
  const fee = advertFee(advertValue(length, wei(price), seconds), gwei(0n)) * 10n ** 9n
  return {
    moved: summarise(simulate(scenario, seed, size)).moved,
    fee: Number((10_000n * fee) / rentOf([{ price, length, seconds }])) / 100,
  }
}
