/**
 * The rounds of one uploader with one steward: when the product's schedule asks, what the steward does, what the chain shows. Gaps and deadlines are
 * those of controller/schedule.ts.
 */
import { DAY, HOUR } from '../../base/units.ts'
import { POLICY } from '../../controller/policy.ts'
import { deadlineOf, gapOf, hourAtOrAfter } from '../../controller/schedule.ts'
import type { ObservationKind } from '../../pool/observation.ts'
import type { Random } from '../random.ts'
import type { Actor, StewardActor } from './cast.ts'
import { firstOutside } from './lives.ts'

/** One blob at one steward. */
export interface Held {
  readonly id: string
  readonly from: number
  /** The uploader counts on it until then. */
  until: number
  /** The bytes are gone from then on. */
  lostAt: number
  /** Newest sweep over it at or before a time is looked up here. */
  readonly sweeps: number[]
}

export interface Pair {
  readonly uploader: Actor
  readonly steward: StewardActor
  readonly blobs: readonly Held[]
  /** It was given up then; the uploader looks for another steward. */
  droppedAt?: number
}

/** Takes what is seen: kind, when, over which blob. */
export type See = (kind: ObservationKind, at: number, blobId: string) => void

/** @param see rounds are told here, for each blob of the docket */
export function playPair(pair: Pair, random: Random, start: number, end: number, see: See): void {
  const { steward, uploader, blobs } = pair
  let streak = 0
  let misses = 0
  let due = hourAtOrAfter(start + (POLICY.ladder[0] ?? DAY))
  while (due < end) {
    const deadline = deadlineOf(due)
    const at = sweepTime(pair, random, due, deadline)
    const living = blobs.filter(({ until }) => until > due)
    if (living.length === 0) return
    if (at === undefined) {
      for (const { id } of living) see('missed', deadline, id)
      streak = 0
      misses++
      // a villain of an uploader goes on as long as its stewards do
      if (misses >= 2 && uploader.vice !== 'posts what nobody can sweep') {
        for (const blob of living) blob.until = deadline
        pair.droppedAt = deadline
        return
      }
      due = hourAtOrAfter(deadline + (misses >= 2 ? 7 * DAY : 2 * HOUR))
      continue
    }
    misses = 0
    for (const blob of living) {
      if (blob.lostAt <= at && steward.vice === undefined) {
        blob.until = at // an honest steward releases what it lost
        continue
      }
      see('swept', at, blob.id)
      blob.sweeps.push(at)
      if (steward.vice === 'deletes after each sweep' && at > steward.from)
        blob.lostAt = Math.min(blob.lostAt, at + HOUR)
    }
    streak++
    const gap =
      steward.vice === 'trades with itself' && uploader.vice === 'trades with itself'
        ? 3 * DAY
        : gapOf(streak, random.next(), POLICY)
    due = hourAtOrAfter(Math.max(at + HOUR, due + gap))
  }
}

/** When the bounty is swept; undefined: not in time. */
function sweepTime(
  { steward, uploader, blobs }: Pair,
  random: Random,
  due: number,
  deadline: number,
): number | undefined {
  if (uploader.vice === 'posts what nobody can sweep' && due > uploader.from) return undefined
  const isExit = steward.vice === 'deletes after each sweep'
  if (isExit && blobs.every(({ lostAt, until }) => lostAt <= due || until <= due)) return undefined
  // most answer within hours of seeing the post, a few take their time
  const wanted = due + HOUR / 2 + random.exponential(random.chance(0.1) ? 20 * HOUR : 3 * HOUR)
  const at = firstOutside(steward.life.down, wanted)
  return at <= deadline ? at : undefined
}
