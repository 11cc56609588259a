import { expect } from 'chai'
import { markdownTable, withTable } from '../../bench/page.ts'
import { type Chart, drawChart } from '../../bench/plot.ts'

const chart: Chart = {
  title: 'a < b & c',
  xLabel: 'x',
  yLabel: 'y',
  xTicks: [1, 10],
  yTicks: [0, 5],
  series: ['one', 'two'],
  marks: ['round', 'square'],
  points: [
    { x: 2, y: 3, low: 2, high: 4, series: 0, mark: 0 },
    { x: 5, y: 1, low: 1, high: 1, series: 1, mark: 1 },
  ],
}

describe('bench/plot', () => {
  it('draws every point with its bar, the same bytes each time, and escapes texts', () => {
    const svg = drawChart(chart)
    expect(svg).to.equal(drawChart(chart))
    expect(svg.match(/stroke-width="1.5"/g)).to.have.length(2)
    expect(svg).to.contain('a &lt; b &amp; c').and.not.contain('NaN')
    expect(svg.match(/<circle/g)).to.have.length(2) // the point and its mark in the legend
  })

  it('refuses a point that it would have to leave out', () => {
    const [point] = chart.points
    for (const wrong of [
      { ...point, x: 20 },
      { ...point, high: 6 },
    ])
      expect(() => drawChart({ ...chart, points: [wrong as (typeof chart.points)[number]] })).to.throw('off the chart')
  })
})

describe('bench/page', () => {
  it('puts a table between its marks and leaves the rest alone', () => {
    const text = 'before\n<!-- begin a: made by npm run bench -->\nold\n<!-- end a -->\nafter\n'
    const table = markdownTable([
      ['x', 'y'],
      ['1', '2'],
    ])
    expect(withTable(text, 'a', table)).to.equal(
      'before\n<!-- begin a: made by npm run bench -->\n| x | y |\n|---|---|\n| 1 | 2 |\n<!-- end a -->\nafter\n',
    )
    expect(() => withTable(text, 'b', table)).to.throw('no marks')
  })
})
