/** What the right to store allows (pool.md, "The right to store"). Pool policy: every number may be another one in another pool. */
import { DAY, GiB, MiB } from '../base/units.ts'

export interface RightPolicy {
  /** Of what a repository stores for others, it may store this part elsewhere: one in so many. Expansion is 3.3×, so a quarter is fair. */
  readonly fraction: number
  /** A sample names at least so many placements, of at least so many uploaders, where the inventory has that many. */
  readonly placements: number
  readonly uploaders: number
  /** One cluster of uploaders counts for at most this part of what is asked for: one in so many. */
  readonly perCluster: number
  /** A placement counts while its uploader and steward had a final sweep within so long. Seconds of chain time. */
  readonly sweptWithin: number
  /** A grant may be used so long. Seconds of chain time. */
  readonly grantLife: number
  /** What a member without inventory gets from one verifier, in all; and all such members together. Bytes. */
  readonly allowance: number
  readonly newcomers: number
  /** Most for one grant. Bytes. */
  readonly most: number
  /** Draws before a verifier gives up on an inventory. */
  readonly draws: number
}

export const RIGHT_POLICY: RightPolicy = {
  fraction: 4,
  placements: 16,
  uploaders: 6,
  perCluster: 6,
  sweptWithin: 35 * DAY,
  grantLife: DAY,
  allowance: 16 * MiB,
  newcomers: GiB,
  most: 16 * GiB,
  draws: 1024,
}
