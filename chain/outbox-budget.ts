/** What may be spent on fees within a day of chain time (reliability.md R18). For outbox-flights.ts. */
import { DAY } from '../base/units.ts'
import type { OutboxLimits } from './outbox-options.ts'
import type { Entry, Settled } from './outbox-record.ts'
import type { Fees } from './rpc.ts'

interface Planned {
  readonly one: { readonly entry: Entry }
  readonly gas: bigint
}

/** @param time chain time. Seconds. */
export function createBudget({ dayBudget, spared }: OutboxLimits, time: () => number) {
  let fees: { readonly at: number; readonly wei: bigint }[] = []
  return {
    /** Counts the fee of an outcome. */
    spend({ at, fee }: Settled): void {
      if (fee > 0n) fees.push({ at, wei: fee })
    },
    /** Those of `planned`, in their order, that the day still allows. @param onTheWay gas of what was sent and is not settled */
    allow<Item extends Planned>(
      planned: readonly Item[],
      onTheWay: readonly bigint[],
      { base, tip }: Fees,
    ): readonly Item[] {
      if (dayBudget === undefined) return planned
      fees = fees.filter(({ at }) => at > time() - DAY)
      let spent =
        fees.reduce((sum, { wei }) => sum + wei, 0n) + onTheWay.reduce((sum, gas) => sum + gas * (base + tip), 0n)
      return planned.filter(({ one, gas }) => {
        const cost = gas * (base + tip)
        if (!spared?.includes(one.entry.intent.kind) && spent + cost > dayBudget) return false
        spent += cost
        return true
      })
    },
  }
}
