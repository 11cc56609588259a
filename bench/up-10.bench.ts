/** From nothing to a market in which a put succeeds: chain, contracts, index, controller, ten stewards, all real processes. */
import { writeFile } from 'node:fs/promises'
import { openMarket } from '../test/market/market.ts'
import { median } from './measure.ts'
import type { Bench } from './report.ts'

const RUNS = 3

export const bench: Bench = {
  title: 'holdfast up with ten stewards',
  run: async () => {
    const samples: { upSeconds: number; firstPutSeconds: number }[] = []
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now()
      const market = await openMarket(10)
      try {
        const upSeconds = (performance.now() - start) / 1000
        const path = market.sandbox.path('small')
        await writeFile(path, 'small')
        await market.put(path)
        samples.push({ upSeconds, firstPutSeconds: (performance.now() - start) / 1000 - upSeconds })
      } finally {
        await market.close()
      }
    }
    const value = median(samples.map(({ upSeconds }) => upSeconds))
    return [
      { label: 'until ready', value, unit: 's', samples, target: '≤ 10', met: value <= 10 },
      {
        label: 'the first put after it',
        value: median(samples.map(({ firstPutSeconds }) => firstPutSeconds)),
        unit: 's',
      },
    ]
  },
}
