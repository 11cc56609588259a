/**
 * The troubles of honest stewards: outages of their own, of their network, and of a provider that strangers share; slow disks; readers that cannot
 * reach them; disks that die at once or blob by blob. Rates are assumptions, on the gloomy side, and stand in the table of the page.
 */
import { DAY, HOUR } from '../../base/units.ts'
import type { Random } from '../random.ts'

/** From (inclusive) to (exclusive). Seconds. */
export type Span = readonly [from: number, to: number]

/** Events a month, each. */
export const RATES = {
  /** Outages of one's own: lognormal median and spread; one steward in twenty has eight times as many. */
  outage: 0.7,
  outageSpread: 0.6,
  flaky: 0.05,
  flakyTimes: 8,
  /** Of a declared cluster, and of a provider behind several clusters. */
  cluster: 0.3,
  provider: 0.3,
  /** Readers of some networks get no answer, while the chain is reached. */
  path: 0.3,
  /** A disk is lost with a fifth to all of the blobs. */
  crash: 0.02,
} as const

/** Chance that a steward that is there turns a reader away twice within an hour: an ordinary one, and one of twenty with a slow disk. */
export const TURNED_AWAY = { ordinary: 0.005, slow: 0.04 } as const

export interface Life {
  readonly down: readonly Span[]
  /** Readers whose number is odd are cut off. */
  readonly path: readonly Span[]
  readonly turnsAway: number
  readonly crash?: { readonly at: number; readonly part: number }
  /** Part of the blobs that rots away each day, from a day on. */
  readonly rot?: { readonly from: number; readonly part: number }
}

/** Events at a rate a month between two times, each as long as `length` says. */
export function eventsOf(random: Random, start: number, end: number, perMonth: number, length: () => number): Span[] {
  const spans: Span[] = []
  if (perMonth <= 0) return spans
  const mean = (30 * DAY) / perMonth
  for (let at = start + random.exponential(mean); at < end; at += random.exponential(mean))
    spans.push([at, at + length()])
  return spans
}

/** Mostly hours, one in ten days. */
export function outageLength(random: Random): number {
  return random.chance(0.1) ? random.exponential(3 * DAY) : HOUR / 2 + random.exponential(8 * HOUR)
}

/** Overlapping spans become one; ascending. */
export function merge(spans: readonly Span[]): Span[] {
  const merged: [number, number][] = []
  for (const [from, to] of [...spans].sort(([a], [b]) => a - b)) {
    const last = merged.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}

export function isIn(spans: readonly Span[], at: number): boolean {
  return spans.some(([from, to]) => at >= from && at < to)
}

/** The first moment from `at` on that lies in no span. */
export function firstOutside(spans: readonly Span[], at: number): number {
  let moment = at
  for (const [from, to] of spans) if (moment >= from && moment < to) moment = to
  return moment
}

/** @param shared outages of its cluster and its provider */
export function honestLife(random: Random, start: number, end: number, shared: readonly Span[]): Life {
  const rate = random.logNormal(RATES.outage, RATES.outageSpread) * (random.chance(RATES.flaky) ? RATES.flakyTimes : 1)
  const crash = eventsOf(random, start, end, RATES.crash, () => 0)[0]
  return {
    down: merge([...eventsOf(random, start, end, rate, () => outageLength(random)), ...shared]),
    path: eventsOf(random, start, end, RATES.path, () => random.exponential(12 * HOUR)),
    turnsAway: random.chance(0.05) ? TURNED_AWAY.slow : TURNED_AWAY.ordinary,
    ...(crash ? { crash: { at: crash[0], part: 0.2 + 0.8 * random.next() } } : {}),
    ...(random.chance(0.02) ? { rot: { from: start + random.next() * (end - start), part: 0.03 } } : {}),
  }
}
