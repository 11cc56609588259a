/** Points with bars on two axes, as SVG: all that the benches draw. The same data gives the same bytes. */

export interface Point {
  readonly x: number
  readonly y: number
  /** Ends of the upright bar. */
  readonly low: number
  readonly high: number
  readonly mark: number
  readonly series: number
}

export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** Ascending; the first and the last are the ends of the axis. x is logarithmic, y is not. */
  readonly xTicks: readonly number[]
  readonly yTicks: readonly number[]
  readonly series: readonly string[]
  readonly marks: readonly string[]
  readonly points: readonly Point[]
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 420, 60, 190, 40, 50]
/** Told apart also by those who do not see red and green as two, on white and on dark pages. */
const COLOURS = ['#0072b2', '#e69f00', '#d55e00', '#009e73', '#cc79a7', '#56b4e9']

/** The shape of a mark around a point. */
function shape(mark: number, x: number, y: number, colour: string): string {
  const at = (dx: number, dy: number) => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`
  const outlines = [
    [at(-5, -5), at(5, -5), at(5, 5), at(-5, 5)],
    [at(0, -6), at(6, 5), at(-6, 5)],
    [at(0, -7), at(6, 0), at(0, 7), at(-6, 0)],
  ]
  const outline = outlines[mark - 1]
  if (outline === undefined) return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="5" fill="${colour}"/>`
  return `<polygon points="${outline.join(' ')}" fill="${colour}"/>`
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const label = (x: number, y: number, text: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(text)}</text>`

/** The chart as the text of an SVG file. @throws Error when a point lies outside the axes, so that nothing is left out unseen */
export function drawChart({ title, xLabel, yLabel, xTicks, yTicks, series, marks, points }: Chart): string {
  const [x0, x1] = [Math.log(xTicks[0] as number), Math.log(xTicks.at(-1) as number)]
  const [y0, y1] = [yTicks[0] as number, yTicks.at(-1) as number]
  const atX = (x: number) => LEFT + ((Math.log(x) - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT)
  const atY = (y: number) => HEIGHT - BOTTOM - ((y - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM)
  const lines: string[] = []
  for (const x of xTicks) {
    lines.push(`<path d="M${atX(x).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}" stroke="#8884"/>`)
    lines.push(label(atX(x), HEIGHT - BOTTOM + 18, String(x), 'text-anchor="middle"'))
  }
  for (const y of yTicks) {
    lines.push(`<path d="M${LEFT} ${atY(y).toFixed(1)}H${WIDTH - RIGHT}" stroke="#8884"/>`)
    lines.push(label(LEFT - 8, atY(y) + 4, String(y), 'text-anchor="end"'))
  }
  for (const { x, y, low, high, mark, series: of } of points) {
    if (Math.log(x) < x0 || Math.log(x) > x1 || low < y0 || high > y1)
      throw new Error(`${x}, ${low}…${high} is off the chart`)
    const colour = COLOURS[of % COLOURS.length] as string
    lines.push(
      `<path d="M${atX(x).toFixed(1)} ${atY(low).toFixed(1)}V${atY(high).toFixed(1)}" stroke="${colour}" stroke-width="1.5"/>`,
    )
    lines.push(shape(mark, atX(x), atY(y), colour))
  }
  series.forEach((name, i) => {
    lines.push(
      `<rect x="${WIDTH - RIGHT + 20}" y="${TOP + 20 * i}" width="12" height="12" fill="${COLOURS[i % COLOURS.length]}"/>`,
    )
    lines.push(label(WIDTH - RIGHT + 40, TOP + 20 * i + 11, name))
  })
  marks.forEach((name, i) => {
    const y = TOP + 20 * (series.length + 1 + i)
    lines.push(shape(i, WIDTH - RIGHT + 26, y + 6, '#888'), label(WIDTH - RIGHT + 40, y + 11, name))
  })
  lines.push(label(LEFT, 22, title, 'font-size="15"'))
  lines.push(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, xLabel, 'text-anchor="middle"'))
  lines.push(
    label(0, 0, yLabel, `transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle"`),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#666">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${lines.join('\n')}
</svg>
`
}
