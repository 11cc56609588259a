/**
 * Whether a steward owes a read: a failed one accuses nobody who does not. Pure; what the chain says comes in as a fact. protocol.md §5 and §8:
 * unpaid for 34 days, a placement is noticed and then pruned, and who pruned rightly has nothing to serve.
 */
import { DAY } from '../base/units.ts'
import type { ReceiptShown } from './evidence-form.ts'

/** Since start or the last payment, after which a steward may give notice. Seconds. protocol.md §8. */
export const UNPAID_AFTER = 34 * DAY

/** When the chain has to be asked whether the pair was paid, and since when; undefined: the placement is young enough. */
export function paymentAskedSince({ placement }: ReceiptShown, now: number): number | undefined {
  return now - placement.start <= UNPAID_AFTER ? undefined : now - UNPAID_AFTER
}

/** Undefined when it owes the read, else why it need not. @param isPaid whether the pair was paid since `paymentAskedSince` */
export function whyNotOwed(receipt: ReceiptShown | undefined, now: number, isPaid: boolean): string | undefined {
  if (receipt === undefined) return 'no placement is shown'
  const { start, end } = receipt.placement
  if (now < start || now >= end) return 'the placement is not in its term'
  if (!isPaid && paymentAskedSince(receipt, now) !== undefined) return 'the placement is not paid for'
  return undefined
}
