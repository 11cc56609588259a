/** The size of an internet: ten thousand stewards, a million objects on the ladder, counted rather than computed. */
import { CODES, PLANS, playCell } from './durability/cells.ts'
import { LAWS } from './durability/lifetimes.ts'
import { WEATHERS } from './durability/population.ts'
import { figuresOf, rowsOf, tablesOf } from './durability/summary.ts'
import { writeTable } from './page.ts'
import type { Bench, Row } from './report.ts'

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]
const STEWARDS = 10_000
/** Of one seed and weather: a million in all. */
const OBJECTS = 1_000_000 / SEEDS.length / WEATHERS.length

export const bench: Bench = {
  title: 'a year of a million objects among ten thousand stewards, 3-of-10 on the ladder',
  run: async () => {
    const [plan] = PLANS
    const [code] = CODES
    if (plan === undefined || code === undefined) throw new Error('no plan or no code')
    const cells = WEATHERS.map((weather) =>
      playCell(plan, code, weather, LAWS.prior, SEEDS, { stewards: STEWARDS, objects: OBJECTS }),
    )
    const rows = rowsOf(cells, [])
    await writeTable('docs/explanation/durability.md', 'internet', tablesOf(rows).cells)
    return [...rows, ...cells.map(boundRow)]
  },
}

/** The computed chance must not lie below what is counted. */
function boundRow({ weather, seeds }: ReturnType<typeof playCell>): Row {
  const figures = figuresOf({ plan: '', code: '', weather, law: '', seeds })
  const { nines, countedLow, countedHigh } = figures
  return {
    label: `${weather}: nines by count, at least`,
    value: Number(countedLow.toFixed(2)),
    unit: 'nines',
    against: `computed ${nines.toFixed(2)}`,
    target: 'the computed nines are not above what the count allows',
    met: countedHigh === null || nines <= countedHigh,
  }
}
