/** What the operator decides, and limits of the daemon. */
import { DAY, HOUR } from '../base/units.ts'
import { COST_MODEL, type CostModel } from '../pricing/bidder.ts'

export interface StewardConfig {
  /** Bytes offered in all. */
  readonly quota: number
  /** Bytes of the quota's volume that stay free. R12. */
  readonly reserve: number
  readonly cost: CostModel
  /** Longest time between two readings of a blob that compare it with its id. Seconds of chain time, up to the midnight after. */
  readonly scrub: number
}

/** Everything but the quota, which has no default. */
export const STEWARD_CONFIG: Omit<StewardConfig, 'quota' | 'reserve'> = {
  cost: COST_MODEL,
  scrub: 30 * DAY,
}

/** A bid binds so long: an interrupted upload is taken up within it, by the winner or a runner-up. Seconds of chain time. */
export const BID_LIFE = 14 * DAY
/** Between notice and pruning, for what was placed without an advert that says another span. Seconds. */
export const LONGEST_GRACE = 14 * DAY
/** Room is kept free for a lot that was won and not delivered so long. Seconds of chain time. */
export const PROMISE_LIFE = 3 * DAY
/** A placement may begin so long before or after its offer: the award waits for the upload, clocks of two heads differ. Seconds. */
export const START_BEFORE = BID_LIFE
export const START_AFTER = HOUR
/** Renewals reach at most so far beyond the longest term. market.md: offers from 21 days before the end. */
export const RENEWAL_LEAD = 21 * DAY
/** Announcements of further rows per placement: some 250 years of monthly checks. */
export const MAX_ROWS = 1024
/** An arrival of fewer bytes is not worth a note: it starts anew after a restart. Bytes. */
export const NOTED_ARRIVAL = 256 * 1024
