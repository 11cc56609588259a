/** What five years of a simulated market come to: one line a run, and a line with its spread over the seeds. Pure. */
import type { WeekRecord } from './world.ts'

/** Weeks before everything is in place: the first two terms. */
const SETTLING = 26
const PER_MONTH = 30 / 7

/** One run. Prices in parts of the reference price, which falls like disks do. */
export interface RunSummary {
  /** Average price of awards and renewals; and against the marginal honest cost. */
  readonly price: number
  readonly overCost: number
  /** Standard deviation of the index from week to week, %. */
  readonly volatility: number
  /** Bytes with cheats and flaky stewards, %: on average, and in the worst week. */
  readonly bad: number
  readonly worstBad: number
  readonly hhi: number
  /** All that buyers pay, rent, adverts and what losses cost to mend, against the marginal honest cost of what is stored. */
  readonly allIn: number
  readonly used: number
  /** Lots nobody took, %. */
  readonly unplaced: number
  /** Objects of which too few shares were left. */
  readonly lost: number
  /** How far the shill moved the index, % on average. */
  readonly moved: number
  readonly lastIndex: number
  /** What a slot of the cartel earned, in parts of an honest one's. */
  readonly cartelIncome: number
}

export function summarise(records: readonly WeekRecord[]): RunSummary {
  const counted = records.slice(Math.min(SETTLING, records.length >> 1))
  const mean = (pick: (record: WeekRecord) => number) => {
    const values = counted.map(pick).filter(Number.isFinite)
    return values.reduce((sum, value) => sum + value, 0) / values.length
  }
  const steps = counted.slice(1).map(({ index }, i) => Math.log(index / (counted[i] as WeekRecord).index))
  const sum = (pick: (record: WeekRecord) => number) => counted.reduce((all, record) => all + pick(record), 0)
  return {
    price: mean(({ price }) => price),
    overCost: mean(({ price }) => price) / mean(({ marginal }) => marginal),
    volatility: 100 * Math.sqrt(steps.reduce((all, step) => all + step * step, 0) / steps.length),
    bad: 100 * mean(({ badShare }) => badShare),
    worstBad: 100 * Math.max(...counted.map(({ badShare }) => badShare)),
    hhi: mean(({ hhi }) => hhi),
    allIn:
      (sum(({ rent }) => rent) / PER_MONTH + sum(({ extra }) => extra)) /
      (sum(({ lots, marginal }) => lots * marginal) / PER_MONTH),
    used: mean(({ used }) => used),
    unplaced: 100 * mean(({ unplaced }) => unplaced),
    lost: sum(({ lost }) => lost),
    moved: 100 * mean(({ index, indexWithoutShill }) => Math.abs(index / indexWithoutShill - 1)),
    lastIndex: records.at(-1)?.index ?? Number.NaN,
    cartelIncome: mean(({ cartelIncome }) => cartelIncome) / mean(({ honestIncome }) => honestIncome),
  }
}

/** Median with the lowest and the highest of the seeds. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export function spreadOver(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: sorted[sorted.length >> 1] as number, low: sorted[0] as number, high: sorted.at(-1) as number }
}

/**
 * What a byte-month costs in HOLD over the years, as a multiple of its first price. People spend a steady sum of money on storage and hold tokens
 * for a steady time, so a token is worth that sum by the number of tokens (quantity theory); the price in money is the simulated one.
 * @param growth of the supply a year: 1.15 with the inflation of the design, 1 without
 */
export function tokenPrices(records: readonly WeekRecord[], growth: number): readonly number[] {
  const price = (record: WeekRecord) => record.index * 1.15 ** (-record.week / 52.14) * growth ** (record.week / 52.14)
  const settled = records.slice(SETTLING)
  const first = settled.slice(0, 13).reduce((sum, record) => sum + price(record), 0) / 13
  return settled.map((record) => price(record) / first)
}
