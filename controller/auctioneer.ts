/**
 * Gathers bids for one put and has them cleared (market.md, steps 1–4 and 6). Every invited steward is asked at once; a window ends early
 * when all have answered. Gathering talks to peers; choosing is pricing/'s pure function, which anyone can run again.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Advert, AuctionRules, Bid, CommitEntry } from '../net/messages/bid.ts'
import type { PutPlan, StewardTarget } from '../uploader/put-book.ts'
import type { BidSession } from './bid-session.ts'
import type { AuctionOutcome } from './put-desk.ts'
import type { PutRecord } from './records.ts'

/** A steward that may be asked. */
export interface Invited {
  readonly id: Address
  readonly addresses: readonly string[]
  /** When it registered. Seconds. */
  readonly since: number
}

/** A bid that was opened, with the commit it fits. */
export interface OpenedBid extends CommitEntry {
  readonly bid: Bid
  readonly salt: Uint8Array
}

/** An auction before its bids are opened. */
export interface Called {
  readonly put: PutRecord
  /** Share indexes to give out. */
  readonly lots: readonly number[]
  readonly invited: readonly Invited[]
  /** Who has a lot already, or another share of what is repaired. */
  readonly holders: readonly StewardTarget[]
  /** Gwei that stand behind a bid of each for one lot. */
  readonly backing: ReadonlyMap<Address, bigint>
  /** Wei of HOLD per GiB-month; lower than the advert's reserve, it counts instead. */
  readonly maxPrice?: bigint
}

/** What is published of it with the commits: the rules, and what is known of each bidder. */
export interface Described {
  readonly rules: AuctionRules
  of(steward: Invited): Omit<CommitEntry, 'steward' | 'commit'>
}

/** All that an auction gathered, for clearing. */
export interface Gathered extends Called {
  readonly rules: AuctionRules
  readonly book: readonly CommitEntry[]
  readonly bids: readonly OpenedBid[]
}

export interface AuctioneerDeps {
  invited(plan: PutPlan): readonly Invited[]
  /** Who holds other shares of the segments that a repair mends; they are not asked. */
  holders(put: PutRecord): readonly StewardTarget[]
  open(steward: Invited, advert: Advert, signal: AbortSignal): Promise<BidSession>
  /** What of each one's stake stands behind a lot of this put; who is left out has nothing there. */
  backing(put: PutRecord, stewards: readonly Address[]): Promise<ReadonlyMap<Address, bigint>>
  /** Rules and what is known of everyone; pure. */
  describe(called: Called): Described
  /** Clears; pure. */
  clear(gathered: Gathered): AuctionOutcome
  readonly clock: Clock
  readonly log: Log
  /** Window of the commits, and of the reveals. Milliseconds of real time. */
  readonly windowMs: number
}

/** At most so many are asked for one put. */
const MAX_INVITED = 1024

export function createAuctioneer(deps: AuctioneerDeps) {
  return async function auction(
    put: PutRecord,
    lots: readonly number[],
    limits: { readonly maxPrice?: bigint },
  ): Promise<AuctionOutcome> {
    const { clock, log, windowMs } = deps
    const holders = [
      ...(put.award?.lots ?? []).map(({ steward, addresses }) => ({ id: steward, addresses })),
      ...deps.holders(put),
    ]
    const holds = new Set(holders.map(({ id }) => id))
    const invited = deps
      .invited(put.plan)
      .filter(({ id }) => !put.failed.includes(id) && !holds.has(id))
      .slice(0, MAX_INVITED)
    const ended = new AbortController()
    const sessions = new Map<Address, BidSession>()
    /** Runs one exchange with each, drops who fails or is late. */
    const ask = async <Answer>(
      stewards: readonly Invited[],
      exchange: (steward: Invited) => Promise<Answer>,
    ): Promise<Map<Address, Answer>> => {
      const answers = new Map<Address, Answer>()
      const asked = stewards.map(async (steward) => {
        try {
          answers.set(steward.id, await exchange(steward))
        } catch (cause) {
          const error = asHoldfastError(cause)
          log.info('no bid', { steward: steward.id, code: error.code, message: error.message })
        }
      })
      const window = new AbortController()
      await Promise.race([Promise.all(asked), clock.sleep(windowMs, window.signal).catch(() => undefined)]) // everyone answered: the wait is cut short
      window.abort()
      return new Map(answers)
    }
    try {
      const commits = await ask(invited, async (steward) => {
        const session = await deps.open(steward, put.advert, ended.signal)
        sessions.set(steward.id, session)
        return session.commit()
      })
      const bidders = invited.filter(({ id }) => commits.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1))
      const backing = await deps.backing(
        put,
        bidders.map(({ id }) => id),
      )
      const called = { put, lots, invited, holders, backing, ...limits }
      const described = deps.describe(called)
      const { rules } = described
      const book: CommitEntry[] = bidders.map((steward) => ({
        steward: steward.id,
        commit: commits.get(steward.id) as Uint8Array,
        ...described.of(steward),
      }))
      const opened = await ask(bidders, (steward) => sessionOf(sessions, steward.id).reveal(rules, book))
      const bids = book.flatMap((entry) => {
        const reveal = opened.get(entry.steward)
        return reveal ? [{ ...entry, ...reveal }] : []
      })
      const outcome = deps.clear({ ...called, rules, book, bids })
      const lotOf = new Map(outcome.lots.map(({ steward, lot }) => [steward, lot]))
      const reveals = bids.map(({ bid, salt, steward }) => ({ bid, salt, ...lotField(lotOf.get(steward)) }))
      await ask(
        bidders.filter(({ id }) => opened.has(id)),
        ({ id }) =>
          sessionOf(sessions, id).settle({ price: outcome.summary.price, reveals, ...lotField(lotOf.get(id)) }),
      )
      return outcome
    } finally {
      ended.abort()
      for (const session of sessions.values()) session.abort(new HoldfastError('NET_CLOSED', { what: 'the auction' }))
    }
  }
}

const lotField = (lot: number | undefined) => (lot === undefined ? {} : { lot })

function sessionOf(sessions: ReadonlyMap<Address, BidSession>, id: Address): BidSession {
  const session = sessions.get(id)
  if (!session) throw new HoldfastError('INTERNAL', { what: 'a bid without a session' })
  return session
}
