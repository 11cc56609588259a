/** What the simulation of pools came to, as rows of a bench and as the tables of docs/explanation/detection.md. Pure. */
import { PATTERNS } from '../../pool/patterns/finding.ts'
import { markdownTable } from '../page.ts'
import type { Row } from '../report.ts'
import { poissonInterval, quantile } from '../statistics.ts'
import { VICES, type Vice } from './cast.ts'
import type { Outcome } from './judge.ts'

/** False convictions for an honest agent and month that are accepted, the upper end of the interval. */
export const ACCEPTED = 1e-4
/** Days within which half of the villains, and nine in ten, are to be named. */
export const HALF_BY = 40
export const MOST_BY = 75

/** Why it takes so long, where the table asks. */
const WHY: Partial<Record<Vice, string>> = {
  'deletes after each sweep':
    'the others are dropped by their uploaders, one interval each, before five dockets of theirs were read',
  'ring on one disk': 'the disk must fall four times in 30 days while both of a pair are looked at',
}

interface Found {
  readonly vice: string
  readonly pattern: string
  readonly acted: number
  readonly found: number
  readonly median: number | null
  readonly p90: number | null
}
interface Falsely {
  readonly pattern: string
  readonly named: number
  readonly honestMonths: number
  readonly rate: number
  readonly low: number
  readonly high: number
}

/** One row a vice, one a pattern and one for all patterns together. */
export function rowsOf({ villains, falsely, honestMonths }: Outcome): Row[] {
  const found = (Object.keys(VICES) as Vice[]).map((vice): Row => {
    const days = villains.get(vice) ?? []
    const named = days.filter((one) => one !== undefined)
    // who was not named stands at the end of the queue, so that a median over the found alone does not flatter
    const all = days.map((one) => one ?? Number.POSITIVE_INFINITY)
    const [median, p90] = all.length === 0 ? [Number.NaN, Number.NaN] : [quantile(all, 0.5), quantile(all, 0.9)]
    const sample: Found = {
      vice,
      pattern: VICES[vice],
      acted: days.length,
      found: named.length,
      median: Number.isFinite(median) ? median : null,
      p90: Number.isFinite(p90) ? p90 : null,
    }
    return {
      label: `${VICES[vice]}: ${vice}: half are named within`,
      value: sample.median ?? -1,
      unit: 'days',
      target: `half within ${HALF_BY} days, nine in ten within ${MOST_BY}`,
      met: median <= HALF_BY && p90 <= MOST_BY,
      note: `nine in ten within ${sample.p90 === null ? 'more than was simulated' : `${sample.p90.toFixed(0)} days`}; named ${named.length} of ${days.length}${WHY[vice] === undefined ? '' : `; ${WHY[vice]}`}`,
      samples: [sample],
    }
  })
  const total = [...falsely.values()].reduce((sum, one) => sum + one, 0)
  const rates = [
    ...PATTERNS.map((name) => [name, falsely.get(name) ?? 0] as const),
    ['all patterns', total] as const,
  ].map(([pattern, named]): Row => {
    const [low, high] = poissonInterval(named).map((one) => one / honestMonths) as [number, number]
    const sample: Falsely = {
      pattern,
      named,
      honestMonths: Math.round(honestMonths),
      rate: named / honestMonths,
      low,
      high,
    }
    return {
      label: `${pattern}: honest agents named, for each agent and month`,
      value: sample.rate,
      unit: '',
      target: `< ${ACCEPTED}, upper end of 95 %`,
      met: high < ACCEPTED,
      note: `${named} in ${Math.round(honestMonths).toLocaleString('en')} agent-months; 95 %: ${low.toExponential(1)} to ${high.toExponential(1)}`,
      samples: [sample],
    }
  })
  return [...found, ...rates]
}

/** The table of villains and the table of the innocent, from the rows as they stand in the JSON file. */
export function tablesOf(rows: readonly Row[]): { readonly villains: string; readonly innocent: string } {
  const samples = rows.flatMap(({ samples }) => samples ?? []) as (Found | Falsely)[]
  const days = (value: number | null) => (value === null ? 'not within the time simulated' : `${value.toFixed(0)} days`)
  const villains = samples.filter((one): one is Found => 'vice' in one)
  const innocent = samples.filter((one): one is Falsely => 'rate' in one)
  return {
    villains: markdownTable([
      ['pattern', 'villain', 'named', 'half within', 'nine in ten within'],
      ...villains.map(({ pattern, vice, acted, found, median, p90 }) => [
        pattern,
        vice,
        `${found} of ${acted}`,
        days(median),
        days(p90),
      ]),
    ]),
    innocent: markdownTable([
      ['pattern', 'honest agents named', 'agent-months', 'rate', '95 % interval'],
      ...innocent.map(({ pattern, named, honestMonths, rate, low, high }) => [
        pattern,
        String(named),
        honestMonths.toLocaleString('en'),
        rate === 0 ? '0' : rate.toExponential(1),
        `${low === 0 ? '0' : low.toExponential(1)} to ${high.toExponential(1)}`,
      ]),
    ]),
  }
}
