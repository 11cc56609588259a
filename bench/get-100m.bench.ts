/** `get` of 100 MiB from ten stewards, bytes compared. */
import { readFile, rm } from 'node:fs/promises'
import { equalBytes } from '../base/bytes.ts'
import {
  type CommandCost,
  commandRows,
  costOf,
  daemonRows,
  getFloor,
  idleRow,
  withMarket,
  writeInput,
} from './market-cost.ts'
import { compare, median } from './measure.ts'
import type { Bench } from './report.ts'

export const bench: Bench = {
  title: 'get of 100 MiB over ten stewards',
  run: () =>
    withMarket(async (market) => {
      const path = await writeInput(market, 0)
      const { id } = await market.put(path)
      const input = await readFile(path)
      const output = market.sandbox.path('output')
      const costs: CommandCost[] = []
      const comparison = await compare(
        getFloor,
        async () => {
          const cost = await costOf(market, ['get', id, '-o', output, '--overwrite', 'always'])
          if (!equalBytes(await readFile(output), input)) throw new Error('other bytes came back')
          await rm(output)
          costs.push(cost)
          return cost.cpuSeconds
        },
        { pairs: 5, most: 10 },
      )
      const warm = costs.slice(1)
      return [
        {
          label: 'CPU of all processes',
          value: comparison.ours,
          unit: 'CPU-s',
          against: 'bare primitives (ids, whitening undone, decryption), CPU-s',
          comparison,
          note: `${median(warm.map(({ cpuOf }) => cpuOf.command)).toFixed(1)} of them in the command itself`,
        },
        ...commandRows(warm, (all) => median(all.map(({ wallSeconds }) => wallSeconds))),
        ...daemonRows(market),
        await idleRow(market),
      ]
    }),
}
