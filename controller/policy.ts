/**
 * Policy: every number of the controller that its owner may change without any other program noticing. What two programs must agree on
 * (the multiples of hours, the window of 72 hours) is not here but in schedule.ts.
 */
import { DAY, HOUR, type Seconds, seconds } from '../base/units.ts'

/** What the owner wants. `auto`: what is worth its gas goes on chain, and so does everything with a peer that is new, late or silent. */
export type Settle = 'auto' | 'chain' | 'vouchers'

/** How stewards leave. `shape`: tail exponent, no unit, > 0. `scale`: age at which a newcomer starts to count as known. */
export interface Lifetimes {
  readonly shape: number
  readonly scale: Seconds
}

/** All choices of `decide`, `schedule` and `confidence`. */
export interface Policy {
  /** Gaps between rounds after 0, 1, 2 … proofs in a row; the last one repeats. */
  readonly ladder: readonly Seconds[]
  /** Part of a gap by which it may become shorter or longer. */
  readonly jitter: number
  /** No gap is longer, jitter included. */
  readonly longestGap: Seconds
  /** A docket takes along what is due within this part of its gap. */
  readonly groupWithin: number
  /** Entries of one docket, at most. */
  readonly docketEntries: number
  /** A post that is not on the chain this long after it was decided is cancelled. */
  readonly postPatience: Seconds
  /** After a post that failed the next round waits at least so long: each try spends a row. */
  readonly postPause: Seconds
  /** A steward is asked for a release so long after a post that is not swept, and again after each such pause, until the deadline. */
  readonly askAfter: Seconds
  readonly askAgain: Seconds
  /** A missed docket of at least so many blobs is bisected before its blobs are asked alone … */
  readonly bisectFrom: number
  /** … for so long at most, with such pauses between two tries. */
  readonly bisectFor: Seconds
  readonly bisectAgain: Seconds
  /** A suspect that could not be asked again (no row, no read) is given up after this. */
  readonly retryWindow: Seconds
  /** A steward that missed a round is offered nothing new for this long. */
  readonly barred: Seconds
  /** Which rounds are settled by voucher. */
  readonly settle: Settle
  /** A steward is new until one of its placements passed so many checks. */
  readonly settleAfter: number
  /** A round that is not settled off chain within this goes on chain. */
  readonly offerPatience: Seconds
  /** Answers prepared at upload and at each top-up. */
  readonly rows: number
  /** A top-up is ordered when so many rows are left. */
  readonly rowsLow: number
  /** Pause between two tries of a top-up, and between two offers of a renewal. */
  readonly tryAgain: Seconds
  /** Renew by itself. */
  readonly renew: boolean
  /** Offers of renewal start this long before the end. */
  readonly renewFrom: Seconds
  /** Between a steward's unpaid notice and its pruning; stands in every placement we sign. */
  readonly grace: Seconds
  /** A term that ended without a last round is closed this long after its end. */
  readonly closeAfter: Seconds
  readonly lifetimes: Lifetimes
  /** Chance a month that a steward loses a blob without leaving. */
  readonly silentLoss: number
  /** Mean time between events that take a whole cluster of stewards at once. */
  readonly clusterLife: Seconds
}

/** The defaults. Sources: protocol.md §3, §4, §8; market.md "Contracts"; docs/spec/schedule.md and docs/spec/confidence.md. */
export const POLICY: Policy = {
  ladder: [1, 7, 14, 30].map((days) => seconds(days * DAY)), // protocol.md §8
  jitter: 0.25, // protocol.md §8
  longestGap: seconds(30 * DAY), // protocol.md §8; with a window of 78 h two payments are at most 33.25 d apart, the unpaid rule starts at 34 d
  groupWithin: 0.25, // protocol.md §8
  docketEntries: 1_000_000, // 64 MiB of entries; docket/1 streams at most 96 MiB (protocol.md §6)
  postPatience: seconds(24 * HOUR), // protocol.md §3
  postPause: seconds(24 * HOUR), // docs/spec/schedule.md: one row a day at most
  askAfter: seconds(6 * HOUR), // docs/spec/schedule.md, Damage
  askAgain: seconds(12 * HOUR), // docs/spec/schedule.md, Damage
  bisectFrom: 16, // protocol.md §8
  bisectFor: seconds(3 * DAY), // a retry after it still ends within 7 days of the miss: 3 d and 78 h
  bisectAgain: seconds(6 * HOUR), // docs/spec/schedule.md, A miss
  retryWindow: seconds(7 * DAY), // protocol.md §8
  barred: seconds(30 * DAY), // protocol.md §8
  settle: 'auto', // market.md, Accounts: on chain where a bounty is worth its gas
  settleAfter: 3, // docs/spec/settlement.md: the ladder's first three rungs, 22 days
  offerPatience: seconds(6 * HOUR), // docs/spec/settlement.md: of the 24 h in which a post must come about
  rows: 9, // protocol.md §3: the ladder to day 112 and three spare
  rowsLow: 3, // protocol.md §3
  tryAgain: seconds(DAY), // docs/spec/schedule.md
  renew: true, // market.md, Contracts
  renewFrom: seconds(21 * DAY), // market.md, Contracts
  grace: seconds(14 * DAY), // protocol.md §5
  closeAfter: seconds(48 * DAY), // 34 d unpaid and 14 d grace: after that the steward has pruned (protocol.md §8)
  lifetimes: { shape: 0.5, scale: seconds(90 * DAY) }, // protocol.md §8; re-fitted from observed outcomes later
  silentLoss: 0.01, // protocol.md §8
  clusterLife: seconds(3650 * DAY), // protocol.md §8
}
