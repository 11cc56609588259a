/** Nines against checks and repairs: a thousand stewards, eight seeds, every schedule in every weather. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { holdAgainstClosedForm, playCells } from './durability/cells.ts'
import { LAWS } from './durability/lifetimes.ts'
import { chartsOf, rowsOf, tablesOf } from './durability/summary.ts'
import { writeTable } from './page.ts'
import { type Bench, RESULTS } from './report.ts'

const PAGE = 'docs/explanation/durability.md'
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

export const bench: Bench = {
  title: 'durability: nines against checks and repairs, by schedule, code and weather',
  run: async () => {
    const cells = playCells(SEEDS, 1)
    const closed = [
      holdAgainstClosedForm(11, 365, LAWS.prior, 50_000),
      holdAgainstClosedForm(12, 365, LAWS.faster, 20_000),
      holdAgainstClosedForm(13, 180, LAWS.memoryless, 20_000),
    ]
    const rows = rowsOf(cells, closed)
    const tables = tablesOf(rows)
    await writeTable(PAGE, 'cells', tables.cells)
    await writeTable(PAGE, 'closed', tables.closed)
    await mkdir(RESULTS, { recursive: true })
    for (const [name, svg] of chartsOf(cells)) await writeFile(join(RESULTS, name), svg)
    return rows
  },
}
