import { expect } from 'chai'
import { plotLine } from '../../cli/plot-line.ts'

describe('cli/plot-line', () => {
  it('draws a line from its lowest to its highest value, with the scale at the left', () => {
    const rows = plotLine([1, 2, 3, 4], { width: 10, height: 4 })
    expect(rows).to.have.length(4)
    expect(rows[0]).to.match(/^ {7}4 \u2502 {3}\u2588$/)
    expect(rows.at(-1)).to.match(/0\.7 \u2502.\u2588\u2588\u2588$/)
  })

  it('averages what does not fit, leaves out what is no number, and draws nothing of nothing', () => {
    const wide = plotLine(
      Array.from({ length: 1000 }, (_, i) => i),
      { width: 60, height: 3 },
    )
    for (const row of wide) expect(row.length).to.be.at.most(70)
    expect(plotLine([], { width: 10, height: 3 })).to.deep.equal([])
    expect(plotLine([Number.NaN, 5, 5], { width: 10, height: 2 })).to.have.length(2)
  })
})
