/**
 * Every number of the patterns. They are policy of a pool; the defaults are held against honest agents with outages, slow disks, crashes and
 * shared networks in bench/detection, and the table of docs/explanation/detection.md says what they let through.
 */
import { DAY, HOUR, type Seconds, seconds } from '../base/units.ts'

/** How one pattern weighs what it counts. */
export interface Measure {
  /** The part of the counted units (days, rounds, stewards) that an honest agent in trouble spoils, rather more than less. 0 … 1. */
  readonly honest: number
  /** Fewer counted units than this accuse nobody. */
  readonly least: number
  /** A finding needs so much: −log₁₀ of the chance that an honest agent spoils as many of as many units. */
  readonly bar: number
}

export interface PatternPolicy {
  /** Observations older than this count no more: what an agent did is forgiven by doing better. */
  readonly window: Seconds
  /** Windows within it that are looked at as well, longest first: whoever turned bad last week has three good weeks in the long one. */
  readonly shorter: readonly Seconds[]
  readonly selectiveServing: Measure & {
    /** A read that nobody answered counts only if another reader was served within this: silence convicts of nothing. */
    readonly aliveWithin: Seconds
  }
  readonly exitAfterClaim: Measure & {
    /** A blob is fresh for so long after its sweep; what is lost meanwhile was let go with the money in hand. */
    readonly fresh: Seconds
  }
  readonly fetchJustInTime: Measure & {
    /** A read before a sweep by less than this was within the round: 72 to 78 hours from due time to deadline. protocol.md §4. */
    readonly round: Seconds
  }
  readonly missingRing: Measure & {
    /** Members, at least. */
    readonly size: number
    /** Two stewards were looked at together when less than this lay between. */
    readonly near: Seconds
  }
  readonly bogusUploader: Measure & {
    /** A steward that sweeps for others within this of its miss was there and could pay itself: the bounty was at fault. */
    readonly aliveWithin: Seconds
  }
  readonly selfDealing: Measure & {
    /** Part of a steward's sweeps that one uploader cluster must pay for. */
    readonly captive: number
  }
  readonly serialAccuser: Measure & {
    /** A report is dismissed when probes around it, within this, came through. */
    readonly probedWithin: Seconds
  }
}

/**
 * The defaults. Pattern names and the 30 days: pool.md. A bar of 4 is one honest agent in 10,000 if `honest` were the truth for all; it is what
 * agents in trouble reach, so that the measured rate lies far below (bench/detection).
 */
export const PATTERN_POLICY: PatternPolicy = {
  window: seconds(30 * DAY), // pool.md
  shorter: [seconds(14 * DAY)],
  // a busy steward turns a reader away now and then; on one day in ten it may turn away one that comes twice
  selectiveServing: { honest: 0.1, least: 4, bar: 4.5, aliveWithin: seconds(2 * HOUR) },
  // three days cover the sweep's finality and a probe; an honest steward that loses a disk spoils one such span, or two that touch
  exitAfterClaim: { honest: 0.02, least: 3, bar: 4.5, fresh: seconds(3 * DAY) },
  // whoever holds a blob has no reason to read it elsewhere, but may want the same blob as a reader
  fetchJustInTime: { honest: 0.02, least: 4, bar: 5, round: seconds(78 * HOUR) },
  // when one of two strangers is away, the other one is too about once in seven times: a network that they share, or chance
  missingRing: { honest: 0.15, least: 4, bar: 2, size: 3, near: seconds(2 * HOUR) },
  // one steward in ten may have lost the blob, or been away, just then
  bogusUploader: { honest: 0.1, least: 4, bar: 4, aliveWithin: seconds(3 * DAY) },
  // an uploader spreads over n ≥ 10 stewards; a fifth at one of them leaves room for small markets
  selfDealing: { honest: 0.2, least: 6, bar: 5, captive: 0.5 },
  // pool.md: over 30 % dismissed is muted; an outage may end before the probe comes
  serialAccuser: { honest: 0.3, least: 8, bar: 4.5, probedWithin: seconds(12 * HOUR) },
}
