/** How soon villains are named by the product's patterns, and how often the innocent are: 1,000 simulated pool-months. */
import { strengthOf } from '../pool/patterns/strength.ts'
import { judgePools } from './detection/judge.ts'
import { rowsOf, tablesOf } from './detection/summary.ts'
import { writeTable } from './page.ts'
import type { Bench, Row } from './report.ts'

const PAGE = 'docs/explanation/detection.md'
const SEED = 20261130

export const bench: Bench = {
  title: 'patterns: how soon villains are named, how often the innocent',
  run: async () => {
    const outcome = judgePools({ pools: 250, days: 120, seed: SEED, every: 3 })
    for (const line of outcome.named) console.log(`  falsely: ${line}`)
    const rows: Row[] = [
      {
        label: 'simulated',
        value: outcome.poolMonths,
        unit: 'pool-months',
        target: '≥ 1,000',
        met: outcome.poolMonths >= 1000,
      },
      ...rowsOf(outcome),
    ]
    for (const liars of [1, 2]) {
      const pools = 20
      const { framed, framedNamed } = judgePools({
        pools,
        days: 120,
        seed: SEED + liars,
        every: 6,
        liars,
        villains: false,
      })
      rows.push({
        label: `two stewards a pool, lied about for four months by ${liars} of their 3 monitors: named by a pattern`,
        value: framedNamed,
        unit: `of ${framed}`,
        ...(liars === 1 ? { target: 'none: one voice convicts nobody', met: framedNamed === 0 } : {}),
        ...(liars === 2 ? { note: 'a finding is advice; the panel decides' } : {}),
      })
    }
    rows.push({
      label: 'panel of 31, 21 to convict, each a liar with 20 %: powers of ten by which a false conviction is unlikely',
      value: strengthOf(21, 31, 0.2),
      unit: '',
      target: '≥ 7',
      met: strengthOf(21, 31, 0.2) >= 7,
    })
    const tables = tablesOf(rows)
    await writeTable(PAGE, 'villains', tables.villains)
    await writeTable(PAGE, 'innocent', tables.innocent)
    return rows
  },
}
