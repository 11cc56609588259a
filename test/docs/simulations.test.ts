import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { tablesOf as detectionTables } from '../../bench/detection/summary.ts'
import { tablesOf as durabilityTables } from '../../bench/durability/summary.ts'
import { withTable } from '../../bench/page.ts'
import type { Result } from '../../bench/report.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const rowsOf = (name: string) => (JSON.parse(read(`bench/results/${name}.json`)) as Result).rows

describe('docs/explanation, the tables of simulations', () => {
  it('detection.md shows the committed results, and no false conviction rate above the accepted one', () => {
    const page = read('docs/explanation/detection.md')
    const { villains, innocent } = detectionTables(rowsOf('detection'))
    expect(withTable(withTable(page, 'villains', villains), 'innocent', innocent)).to.equal(page)
    const rates = rowsOf('detection').filter(({ label }) => label.includes('honest agents named'))
    expect(rates).to.have.length(8)
    for (const { label, met } of rates) expect(met, label).to.equal(true)
  })

  it('durability.md shows the committed results and charts', () => {
    const page = read('docs/explanation/durability.md')
    const { cells, closed } = durabilityTables(rowsOf('durability'))
    expect(withTable(withTable(page, 'cells', cells), 'closed', closed)).to.equal(page)
    const internet = durabilityTables(rowsOf('network-sim')).cells
    expect(withTable(page, 'internet', internet)).to.equal(page)
    for (const code of ['3-of-10', '8-of-24']) {
      expect(page).to.contain(`bench/results/durability-${code}.svg`)
      expect(read(`bench/results/durability-${code}.svg`)).to.match(/^<svg /)
    }
  })
})
