/** What the shares of one segment amount to: how many are confirmed, whether to repair, whether it is lost. Pure. protocol.md §8. */
import type { ShareState } from './placement-state.ts'

export interface SegmentHealth {
  /** Shares `held` or `suspect` at stewards in good standing. */
  readonly confirmed: number
  /** Repair starts at so many confirmed shares or fewer: n − ⌈(n − k) / 4⌉; 8 of 10 for 3-of-10. */
  readonly threshold: number
  readonly needsRepair: boolean
  /** Fewer than k shares are left, those with outcast stewards counted: a verdict loses nothing. */
  readonly isLost: boolean
  /** Enough are confirmed to make the others again. */
  readonly isMendable: boolean
}

/** @param states of the current placements of the segment's shares, one a share index at most; a missing one counts as not confirmed */
export function segmentHealth(states: readonly (ShareState | 'outcast')[], k: number, n: number): SegmentHealth {
  const confirmed = states.filter((state) => state === 'held' || state === 'suspect').length
  const threshold = n - Math.ceil((n - k) / 4)
  const isLost = confirmed + states.filter((state) => state === 'outcast').length < k
  const isMendable = confirmed >= k
  return {
    confirmed,
    threshold,
    needsRepair: isMendable && confirmed < n && confirmed <= threshold,
    isLost,
    isMendable,
  }
}

/** Until when the steward of a placement is offered nothing new: 30 days from its last miss; 0 when it never missed. protocol.md §8. */
export function barredUntil(totals: { readonly lastMiss: number }, barred: number): number {
  return totals.lastMiss === 0 ? 0 : totals.lastMiss + barred
}
