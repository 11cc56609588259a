/** What the durability simulation came to: rows of a bench, the tables and the charts of docs/explanation/durability.md. Pure. */
import { markdownTable } from '../page.ts'
import { type Chart, drawChart } from '../plot.ts'
import type { Row } from '../report.ts'
import { poissonInterval } from '../statistics.ts'
import { type Cell, type ClosedForm, CODES, PLANS } from './cells.ts'
import { WEATHERS } from './population.ts'

/** More nines than the product ever shows are not shown here either: no model of stewards is better than that. */
const MOST_NINES = 9

export interface Figures {
  /** Nines of a year: −log₁₀ of the expected loss, over all seeds, and of the worst and the best seed. At most 9. */
  readonly nines: number
  readonly low: number
  readonly high: number
  readonly lost: number
  readonly objects: number
  /** Nines that the count of lost objects allows with 95 %; the upper end is absent when none was lost. */
  readonly countedLow: number
  readonly countedHigh: number | null
  readonly checks: number
  /** Shares made again a share and month, and the part of them that was there after all. */
  readonly repairs: number
  readonly falsely: number
  readonly fewest: number
}

const ninesOf = (loss: number) => Math.min(MOST_NINES, loss <= 0 ? MOST_NINES : -Math.log10(loss))
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

export function figuresOf({ seeds }: Cell): Figures {
  const objects = sum(seeds.map((seed) => seed.objects))
  const lost = sum(seeds.map(({ losses }) => losses))
  const [few, many] = poissonInterval(lost)
  const each = seeds.map(({ expectedLoss }) => ninesOf(expectedLoss))
  const repairs = sum(seeds.map((seed) => seed.repairs))
  return {
    nines: ninesOf(sum(seeds.map(({ expectedLoss }) => expectedLoss)) / seeds.length),
    low: Math.min(...each),
    high: Math.max(...each),
    lost,
    objects,
    countedLow: ninesOf(many / objects),
    countedHigh: few === 0 ? null : ninesOf(few / objects),
    checks: sum(seeds.map(({ checksPerShareMonth }) => checksPerShareMonth)) / seeds.length,
    repairs: sum(seeds.map(({ repairsPerShareMonth }) => repairsPerShareMonth)) / seeds.length,
    falsely: repairs === 0 ? 0 : sum(seeds.map(({ falseRepairs }) => falseRepairs)) / repairs,
    fewest: Math.min(...seeds.map(({ fewest }) => fewest)),
  }
}

const shown = (nines: number) => (nines >= MOST_NINES ? '> 9' : nines.toFixed(1))
const range = (low: number, high: number) => (shown(low) === shown(high) ? shown(low) : `${shown(low)}–${shown(high)}`)
const counted = ({ countedLow, countedHigh }: Figures) =>
  countedHigh === null ? `≥ ${countedLow.toFixed(1)}` : `${countedLow.toFixed(1)}–${countedHigh.toFixed(1)}`

/** One row a cell, the closed forms, and all lost objects against what was expected of all cells. */
export function rowsOf(cells: readonly Cell[], closed: readonly ClosedForm[]): Row[] {
  const rows = cells.map((cell): Row => {
    const figures = figuresOf(cell)
    const { nines, low, high, lost, objects, checks, repairs, falsely, fewest } = figures
    return {
      label: `${cell.code}, ${cell.weather}, ${cell.plan}${cell.law.includes('prior') ? '' : `, ${cell.law}`}: nines of a year`,
      value: Number(nines.toFixed(2)),
      unit: nines >= MOST_NINES ? 'nines or more' : 'nines',
      note: `seeds ${range(low, high)}; lost ${lost} of ${objects.toLocaleString('en')} objects (${counted(figures)} nines); ${checks.toFixed(2)} checks and ${repairs.toFixed(3)} repairs a share and month, ${(100 * falsely).toFixed(0)} % of them of shares that were there; fewest shares ${fewest}`,
      samples: [cell],
    }
  })
  const forms = closed.map(({ law, days, objects, lost, predicted }): Row => {
    const [few, many] = poissonInterval(lost)
    const [low, high] = [few / objects, many / objects]
    return {
      label: `3-of-10, nobody asked, nothing repaired, ${days} days, ${law}: lost`,
      value: lost / objects,
      unit: 'of all',
      against: `closed form ${predicted.toPrecision(3)}`,
      target: 'closed form within 95 %',
      met: predicted >= low && predicted <= high,
      note: `95 %: ${low.toPrecision(3)} to ${high.toPrecision(3)}`,
      samples: [{ law, days, objects, lost, predicted } satisfies ClosedForm],
    }
  })
  const lost = sum(cells.flatMap(({ seeds }) => seeds.map(({ losses }) => losses)))
  const expected = sum(cells.flatMap(({ seeds }) => seeds.map((seed) => seed.expectedLoss * seed.objects)))
  const [few] = poissonInterval(lost)
  return [
    ...rows,
    ...forms,
    {
      label: 'all cells: objects lost',
      value: lost,
      unit: 'objects',
      against: `expected at most ${expected.toFixed(1)}`,
      target: 'not more than expected, with 95 %',
      met: few <= expected,
    },
  ]
}

/** @param rows as they stand in the JSON file */
export function tablesOf(rows: readonly Row[]): { readonly cells: string; readonly closed: string } {
  const samples = rows.flatMap(({ samples }) => samples ?? []) as (Cell | ClosedForm)[]
  const cells = samples.filter((one): one is Cell => 'seeds' in one)
  const closed = samples.filter((one): one is ClosedForm => 'predicted' in one)
  return {
    cells: markdownTable([
      ['code', 'weather', 'schedule', 'nines (seeds)', 'lost', 'nines by count, 95 %', 'checks', 'repairs', 'false'],
      ...cells.map((cell) => {
        const figures = figuresOf(cell)
        const { nines, low, high, lost, objects, checks, repairs, falsely } = figures
        const weather = cell.law.includes('prior') ? cell.weather : `${cell.weather}; ${cell.law}`
        return [
          cell.code,
          weather,
          cell.plan,
          `${shown(nines)} (${range(low, high)})`,
          `${lost} of ${objects.toLocaleString('en')}`,
          counted(figures),
          checks.toFixed(2),
          repairs.toFixed(3),
          `${(100 * falsely).toFixed(0)} %`,
        ]
      }),
    ]),
    closed: markdownTable([
      ['lifetimes', 'days', 'objects', 'lost', 'closed form', '95 % of the count'],
      ...closed.map(({ law, days, objects, lost, predicted }) => {
        const [few, many] = poissonInterval(lost).map((one) => one / objects) as [number, number]
        return [
          law,
          String(days),
          objects.toLocaleString('en'),
          (lost / objects).toPrecision(3),
          predicted.toPrecision(3),
          `${few.toPrecision(3)} to ${many.toPrecision(3)}`,
        ]
      }),
    ]),
  }
}

/** One chart a code: nines of a year against checks a share and month. By file name. */
export function chartsOf(cells: readonly Cell[]): ReadonlyMap<string, string> {
  return new Map(
    CODES.map(({ k, n }) => {
      const code = `${k}-of-${n}`
      const ours = cells.filter((cell) => cell.code === code && cell.law.includes('prior'))
      const chart: Chart = {
        title: `${code}: durability against checks, a year, eight seeds`,
        xLabel: 'checks a share and month',
        yLabel: 'nines of a year (at most 9 shown)',
        xTicks: [1, 2, 5, 10, 20, 50],
        yTicks: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        series: WEATHERS,
        marks: PLANS.map(({ name }) => name),
        points: ours.map((cell) => {
          const { checks, nines, low, high } = figuresOf(cell)
          return {
            x: checks,
            y: nines,
            low,
            high,
            series: WEATHERS.indexOf(cell.weather),
            mark: PLANS.findIndex(({ name }) => name === cell.plan),
          }
        }),
      }
      return [`durability-${code}.svg`, drawChart(chart)]
    }),
  )
}
