/**
 * What a docket must pay at least to count as payment up to its cut. The controller fixes cut and amount when it decides, the post may
 * reach a block up to a day later (docs/spec/schedule.md); the steward knows the block only, and leaves that much room.
 */
import { DAY, HOUR } from '../base/units.ts'
import { docketAmount } from '../pricing/rates.ts'
import { paidUntil } from './held-placement.ts'
import type { Holding } from './records.ts'

/** The controller's cut may lie so long before the hour of the block: a post is given up after a day, and hours are whole. Seconds. */
export const CUT_TOLERANCE = DAY + HOUR

/** Up to when nothing is owed any more: what was paid, or forfeited by a round that was missed. */
export function settledUntil(holding: Holding): number {
  return Math.max(paidUntil(holding.held), holding.forfeited ?? 0)
}

/**
 * The least an honest docket over these placements pays. Gwei of HOLD.
 * @param cut the hour of the post's block
 * @param settled later ends of settled intervals, by placement: rounds that were posted before and are still open
 */
export function leastOwed(holdings: Iterable<Holding>, cut: number, settled: ReadonlyMap<string, number>): bigint {
  return owedUpTo(holdings, cut - CUT_TOLERANCE, cut, settled)
}

/**
 * Up to when an amount pays: the latest hour, counted back from the cut, that it covers; not before what is settled. Taken for paid up to the cut
 * itself, a gwei a day would be a payment for ever: each day is shorter than the tolerance. Seconds.
 */
export function coveredUntil(
  holdings: readonly Holding[],
  cut: number,
  settled: ReadonlyMap<string, number>,
  amount: bigint,
): number {
  const earliest = holdings.reduce((least, holding) => Math.min(least, settledUntil(holding)), cut)
  // hours back from the cut: `low` may be too few, `high` are enough, for up to what is settled nothing is owed
  let [low, high] = [0, Math.ceil((cut - earliest) / HOUR)]
  while (low < high) {
    const back = Math.floor((low + high) / 2)
    if (amount >= owedUpTo(holdings, cut - back * HOUR, cut, settled)) high = back
    else low = back + 1
  }
  return cut - high * HOUR
}

/**
 * How much of the time up to the cut an amount leaves unpaid beyond what there is room for. Such a payment counts so much earlier: whoever pays late
 * or too little once is heard again with the next full round, whoever goes on so comes to the notice by the time that is owed. Seconds.
 */
export function shortfallOf(cut: number, covered: number): number {
  return Math.max(0, cut - CUT_TOLERANCE - covered)
}

/** Rent from what is settled to `until`, at the terms that hold at `cut`. Gwei of HOLD. */
function owedUpTo(
  holdings: Iterable<Holding>,
  until: number,
  cut: number,
  settled: ReadonlyMap<string, number>,
): bigint {
  return docketAmount(
    Array.from(holdings, (holding) => {
      const { id, length } = holding.held
      const { price, end } = termsAt(holding, cut)
      const from = Math.max(settledUntil(holding), settled.get(id) ?? 0)
      return { price, length, seconds: Math.max(0, Math.min(until, end) - from) }
    }),
  )
}

/** A docket that was decided before a renewal, or just after it, may be computed with either terms: the lower price and the earlier end are enough. */
function termsAt({ held, before }: Holding, cut: number): { readonly price: bigint; readonly end: number } {
  if (!before || cut > before.until + CUT_TOLERANCE) return held
  return { price: before.price < held.price ? before.price : held.price, end: Math.min(before.end, held.end) }
}
