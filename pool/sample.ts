/**
 * The sample a verifier draws from an inventory after its root was committed to: by byte offset, so that a placement is drawn as often as it
 * is large, until what was drawn covers what is asked for (pool.md, "The right to store", step 2). Pure.
 */
import { bytesToUint, u32, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { hmacSha256 } from '../base/hash.ts'
import type { RightPolicy } from './right-policy.ts'

/** What was drawn, as far as the rules look at it. */
export interface Drawn {
  /** Hex; a blob that is drawn twice counts once. */
  readonly blobId: string
  readonly length: number
  /** Uploaders that are probably one; the uploader itself where nothing more is known. */
  readonly cluster: string
  readonly uploader: Address
  /** Its advert fee was paid, and its pair had a final sweep in time. What is not eligible is asked like the rest and counts for nothing. */
  readonly isEligible: boolean
}

/** What an inventory says of itself. */
export interface Extent {
  /** Bytes, placements, different uploaders. */
  readonly total: number
  readonly count: number
  readonly uploaders: number
}

/**
 * Byte offset number `i`: the first bytes of HMAC-SHA256(seed, "holdfast/right-draw/1" ‖ root ‖ u32 i), modulo the total. The seed is fresh
 * and the verifier's own, shown after the root is signed: nobody can choose the root for the offsets, or the offsets for the root.
 */
export function offsetAt(seed: Uint8Array, root: Uint8Array, i: number, total: number): number {
  const message = new Uint8Array(21 + 32 + 4)
  message.set(utf8('holdfast/right-draw/1'))
  message.set(root, 21)
  message.set(u32(i), 53)
  return Number(bytesToUint(hmacSha256(seed, message)) % BigInt(total))
}

/** What a sample is worth: bytes that count, at most a part of what is asked for from one cluster. */
export function creditOf(drawn: Iterable<Drawn>, bytes: number, policy: RightPolicy): number {
  const most = Math.ceil(bytes / policy.perCluster)
  const clusters = new Map<string, number>()
  const seen = new Set<string>()
  for (const { blobId, cluster, length, isEligible } of drawn) {
    if (!isEligible || seen.has(blobId)) continue
    seen.add(blobId)
    clusters.set(cluster, Math.min(most, (clusters.get(cluster) ?? 0) + length))
  }
  let credit = 0
  for (const counted of clusters.values()) credit += counted
  return credit
}

/** True when the sample covers `bytes` and is as wide as the inventory allows. */
export function isEnough(drawn: readonly Drawn[], bytes: number, extent: Extent, policy: RightPolicy): boolean {
  const blobs = new Set(drawn.map(({ blobId }) => blobId))
  const uploaders = new Set(drawn.map(({ uploader }) => uploader))
  return (
    blobs.size >= Math.min(policy.placements, extent.count) &&
    uploaders.size >= Math.min(policy.uploaders, extent.uploaders) &&
    creditOf(drawn, bytes, policy) >= bytes
  )
}
