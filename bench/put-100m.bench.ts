/** `put` of 100 MiB to ten stewards: 3 of 10, nine rows prepared, receipts signed, everything synced to disk. */
import {
  type CommandCost,
  commandRows,
  costOf,
  daemonRows,
  idleRow,
  putFloor,
  withMarket,
  writeInput,
} from './market-cost.ts'
import { compare, median } from './measure.ts'
import type { Bench } from './report.ts'

export const bench: Bench = {
  title: 'put of 100 MiB over ten stewards',
  run: () =>
    withMarket(async (market) => {
      const costs: CommandCost[] = []
      const comparison = await compare(
        putFloor,
        async () => {
          const path = await writeInput(market, costs.length)
          const cost = await costOf(market, ['put', path, '--yes'])
          costs.push(cost)
          return cost.cpuSeconds
        },
        { pairs: 3, most: 6 },
      )
      const warm = costs.slice(1)
      return [
        {
          label: 'CPU of all processes',
          value: comparison.ours,
          unit: 'CPU-s',
          against: 'bare primitives (cipher, whitening, ids at both ends, nine rows), CPU-s',
          comparison,
          note: `${median(warm.map(({ cpuOf }) => cpuOf.command)).toFixed(1)} of them in the command itself`,
        },
        ...commandRows(warm, (all) => median(all.map(({ wallSeconds }) => wallSeconds))),
        ...daemonRows(market),
        await idleRow(market),
      ]
    }),
}
