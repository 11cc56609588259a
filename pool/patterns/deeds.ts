/** What each steward did, sorted once for all patterns that look at it. Pure. */
import type { Address } from '../../base/curve.ts'
import type { Observation } from '../observation.ts'

/** All of one accused, by what it is; weight 1 only: what was said and not seen convicts nobody. */
export interface Deeds {
  readonly accused: Address
  /** Times of sweeps by blob, ascending. */
  readonly sweeps: ReadonlyMap<string, readonly Observation[]>
  readonly served: readonly Observation[]
  readonly failed: readonly Observation[]
  readonly silent: readonly Observation[]
  readonly fetched: readonly Observation[]
}

/** One pass over the observations. */
export function deedsOf(observations: readonly Observation[]): Deeds[] {
  const byAccused = Map.groupBy(
    observations.filter(({ weight, blobId }) => weight === 1 && blobId !== undefined),
    ({ accused }) => accused,
  )
  return [...byAccused].map(([accused, all]) => {
    const byKind = Map.groupBy(all, ({ kind }) => kind)
    const swept = [...(byKind.get('swept') ?? [])].sort((a, b) => a.at - b.at)
    return {
      accused,
      sweeps: Map.groupBy(swept, ({ blobId }) => blobId as string),
      served: byKind.get('probe-ok') ?? [],
      failed: [...(byKind.get('probe-failed') ?? []), ...(byKind.get('refused') ?? [])],
      silent: byKind.get('timeout') ?? [],
      fetched: byKind.get('fetched') ?? [],
    }
  })
}
