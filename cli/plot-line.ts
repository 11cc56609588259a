/** A line of numbers as a chart of characters, for terminals. Pure. */
const FILLED = ['\u2581', '\u2582', '\u2583', '\u2584', '\u2585', '\u2586', '\u2587', '\u2588'] as const

/** Rows of text, top first, with the scale at the left. Values are spread evenly; more than `width` are averaged. */
export function plotLine(
  values: readonly number[],
  size: { readonly width: number; readonly height: number },
): readonly string[] {
  const columns = squeeze(values.filter(Number.isFinite), size.width)
  if (columns.length === 0) return []
  const [low, high] = [Math.min(...columns), Math.max(...columns)]
  const span = high - low || Math.abs(high) || 1
  // A little air below, so that the lowest value is seen.
  const base = Math.max(0, low - span * 0.1)
  const unit = (high - base) / (size.height * FILLED.length) || 1
  const label = (value: number) => Number(value.toPrecision(3)).toString().padStart(8)
  return Array.from({ length: size.height }, (_, i) => {
    const row = size.height - 1 - i
    const cells = columns.map((value) => {
      const eighths = Math.round((value - base) / unit) - row * FILLED.length
      return eighths <= 0 ? ' ' : (FILLED[Math.min(FILLED.length, eighths) - 1] as string)
    })
    const scale = i === 0 ? label(high) : row === 0 ? label(base) : ' '.repeat(8)
    return `${scale} \u2502${cells.join('')}`.trimEnd()
  })
}

function squeeze(values: readonly number[], width: number): readonly number[] {
  if (values.length <= width) return values
  return Array.from({ length: width }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / width), Math.floor(((i + 1) * values.length) / width))
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
}
