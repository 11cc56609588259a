/** What the shares of one segment amount to: how many are confirmed, whether to repair, whether it is lost. Pure. protocol.md §8. */
import type { ShareState } from './placement-state.ts'

export interface SegmentHealth {
  /** Shares `held` or `suspect`. */
  readonly confirmed: number
  /** Repair starts at so many confirmed shares or fewer: n − ⌈(n − k) / 4⌉; 8 of 10 for 3-of-10. */
  readonly threshold: number
  readonly needsRepair: boolean
  /** Fewer than k confirmed shares are left. */
  readonly isLost: boolean
}

/** @param states of the current placements of the segment's shares, one a share index at most; a missing one counts as not confirmed */
export function segmentHealth(states: readonly ShareState[], k: number, n: number): SegmentHealth {
  const confirmed = states.filter((state) => state === 'held' || state === 'suspect').length
  const threshold = n - Math.ceil((n - k) / 4)
  const isLost = confirmed < k
  return { confirmed, threshold, needsRepair: !isLost && confirmed < n && confirmed <= threshold, isLost }
}

/** Until when the steward of a placement is offered nothing new: 30 days from its last miss; 0 when it never missed. protocol.md §8. */
export function barredUntil(totals: { readonly lastMiss: number }, barred: number): number {
  return totals.lastMiss === 0 ? 0 : totals.lastMiss + barred
}
