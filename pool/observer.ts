/** Observations as a monitor makes them: of now, with the networks of both sides as they are registered. */
import type { Address } from '../base/curve.ts'
import { unixTime } from '../base/units.ts'
import { clusterOf } from './candidates.ts'
import type { MonitorDeps } from './monitor-ports.ts'
import type { Observation, ObservationKind } from './observation.ts'

/** @param blobId hex @param weight 1: it counts in patterns */
export type Observe = (
  accused: Address,
  accuser: Address,
  kind: ObservationKind,
  blobId: string | undefined,
  weight: 0 | 1,
) => Observation

export function createObserver({ chain, registry }: Pick<MonitorDeps, 'chain' | 'registry'>): Observe {
  return (accused, accuser, kind, blobId, weight) => {
    const cluster = clusterOf(registry.member(accused))
    const accuserCluster = clusterOf(registry.member(accuser))
    return {
      at: unixTime(chain.now()),
      accused,
      accuser,
      kind,
      weight,
      ...(cluster === undefined ? {} : { cluster }),
      ...(accuserCluster === undefined ? {} : { accuserCluster }),
      ...(blobId === undefined ? {} : { blobId }),
    }
  }
}
