/** Line and bar charts as SVG text: what docs/ shows of a simulation. No dependency, no script, readable on light and dark pages. */

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
  /** Lowest and highest at each point, drawn as a band. */
  readonly band?: readonly (readonly [number, number, number])[]
}

export interface ChartOptions {
  readonly title: string
  readonly x: string
  readonly y: string
  /** Range of the y axis; absent: from 0 to the largest value. */
  readonly yRange?: readonly [number, number]
  /** A dashed level with its name. */
  readonly level?: { readonly at: number; readonly name: string }
}

const [WIDTH, HEIGHT] = [760, 360]
const [LEFT, RIGHT, TOP, BOTTOM] = [60, 20, 40, 74]
/** Told apart also by those who see few colours. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#555555']

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const round = (value: number) => Number(value.toFixed(1))
const label = (value: number) => Number(value.toPrecision(3)).toString()

/** A chart of lines over one x axis. */
export function lineChart(series: readonly Series[], options: ChartOptions): string {
  const all = series.flatMap(({ points, band = [] }) => [
    ...points.map(([, y]) => y),
    ...band.map(([, , high]) => high),
  ])
  const xs = series.flatMap(({ points }) => points.map(([x]) => x))
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)]
  const [y0, y1] = options.yRange ?? [0, niceTop(Math.max(...all.filter(Number.isFinite), options.level?.at ?? 0))]
  const px = (x: number) => round(LEFT + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT))
  const py = (y: number) =>
    round(HEIGHT - BOTTOM - ((Math.min(Math.max(y, y0), y1) - y0) / (y1 - y0 || 1)) * (HEIGHT - TOP - BOTTOM))
  const lines = series.map(({ points, band }, i) => {
    const colour = COLOURS[i % COLOURS.length]
    const shade = band
      ? `<polygon fill="${colour}" fill-opacity="0.15" points="${[...band.map(([x, low]) => `${px(x)},${py(low)}`), ...[...band].reverse().map(([x, , high]) => `${px(x)},${py(high)}`)].join(' ')}"/>`
      : ''
    const drawn = points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => `${px(x)},${py(y)}`)
    return `${shade}<polyline fill="none" stroke="${colour}" stroke-width="2" points="${drawn.join(' ')}"/>`
  })
  const xTicks = Array.from({ length: 6 }, (_, i) => x0 + ((x1 - x0) * i) / 5).map(
    (x) => `<text x="${px(x)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${label(x)}</text>`,
  )
  return frame(
    options,
    y0,
    y1,
    py,
    [...xTicks, ...lines],
    series.map(({ name }) => name),
  )
}

/** Bars with whiskers from the lowest to the highest value. */
export function barChart(
  bars: readonly { readonly name: string; readonly value: number; readonly low: number; readonly high: number }[],
  options: ChartOptions,
): string {
  const [y0, y1] = options.yRange ?? [0, niceTop(Math.max(...bars.map(({ high }) => high), options.level?.at ?? 0))]
  const py = (y: number) =>
    round(HEIGHT - BOTTOM - ((Math.min(Math.max(y, y0), y1) - y0) / (y1 - y0 || 1)) * (HEIGHT - TOP - BOTTOM))
  const step = (WIDTH - LEFT - RIGHT) / bars.length
  const drawn = bars.map(({ name, value, low, high }, i) => {
    const [x, width] = [LEFT + step * (i + 0.2), step * 0.6]
    const middle = round(x + width / 2)
    return `<rect x="${round(x)}" y="${py(value)}" width="${round(width)}" height="${round(py(y0) - py(value))}" fill="${COLOURS[0]}"/><line x1="${middle}" x2="${middle}" y1="${py(low)}" y2="${py(high)}" stroke="#333" stroke-width="1.5"/><text x="${middle}" y="${HEIGHT - BOTTOM + 14}" text-anchor="end" transform="rotate(-28 ${middle} ${HEIGHT - BOTTOM + 14})">${escaped(name)}</text>`
  })
  return frame({ ...options, x: '' }, y0, y1, py, drawn, [])
}

function frame(
  options: ChartOptions,
  y0: number,
  y1: number,
  py: (y: number) => number,
  body: readonly string[],
  names: readonly string[],
): string {
  const yTicks = Array.from({ length: 6 }, (_, i) => y0 + ((y1 - y0) * i) / 5).map(
    (y) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(y)}" y2="${py(y)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${py(y) + 4}" text-anchor="end">${label(y)}</text>`,
  )
  const level = options.level
    ? `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(options.level.at)}" y2="${py(options.level.at)}" stroke="#a00" stroke-dasharray="6 4"/><text x="${WIDTH - RIGHT}" y="${py(options.level.at) - 4}" text-anchor="end" fill="#a00">${escaped(options.level.name)}</text>`
    : ''
  const legend = names.map(
    (name, i) =>
      `<rect x="${LEFT + i * 168}" y="${HEIGHT - 22}" width="12" height="12" fill="${COLOURS[i % COLOURS.length]}"/><text x="${LEFT + 18 + i * 168}" y="${HEIGHT - 12}">${escaped(name)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11"><title>${escaped(options.title)}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/><text x="${LEFT}" y="22" font-size="14">${escaped(options.title)}</text>${yTicks.join('')}<text x="14" y="${(TOP + HEIGHT - BOTTOM) / 2}" transform="rotate(-90 14 ${(TOP + HEIGHT - BOTTOM) / 2})" text-anchor="middle">${escaped(options.y)}</text><text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - BOTTOM + 32}" text-anchor="middle">${escaped(options.x)}</text>${body.join('')}${level}${legend.join('')}</svg>\n`
}

/** The next round number up. */
function niceTop(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value || 1))
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= value) ?? 10) * unit
}
