import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import { deriveConfidence, lossOf, ninesOf } from '../../controller/confidence.ts'
import { POLICY } from '../../controller/policy.ts'
import { gapOf } from '../../controller/schedule.ts'

const page = (name: string) => readFileSync(new URL(`../../docs/spec/${name}.md`, import.meta.url), 'utf8')
/** Cells of the table whose head starts with `head`. */
function tableOf(text: string, head: string): string[][] {
  const lines = text.slice(text.indexOf(head)).split('\n')
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

describe('docs/spec, its tables', () => {
  it('confidence.md gives c by tenure and silence as the code does', () => {
    const [head, , ...rows] = tableOf(page('confidence'), '| tenure |')
    expect(rows).to.have.length(5)
    for (const [tenure, ...cells] of rows)
      for (const [i, cell] of cells.entries())
        expect(cell).to.equal(deriveConfidence(Number(tenure) * DAY, Number(head?.[i + 1]) * DAY, POLICY).toFixed(4))
  })

  it('confidence.md gives losses as the code does', () => {
    const [, , ...rows] = tableOf(page('confidence'), '| shares |')
    expect(rows).to.have.length(6)
    for (const [shares, chance, loss, nines] of rows) {
      const computed = lossOf(Array<number>(Number(shares)).fill(Number(chance)), 3)
      expect([loss, nines]).to.deep.equal([computed.toExponential(2), String(ninesOf(computed))])
    }
  })

  it('schedule.md gives the ladder of the policy', () => {
    const [, , ...rows] = tableOf(page('schedule'), '| proofs in a row |')
    expect(rows.map(([, gap]) => Number.parseInt(gap ?? '', 10))).to.deep.equal(
      [0, 1, 2, 3].map((streak) => gapOf(streak, 0.5, POLICY) / DAY),
    )
  })
})
