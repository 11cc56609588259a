/**
 * What the controller's local HTTP API answers (docs/spec is the protocol's; this is ours). Amounts are decimal strings of HOLD,
 * times ISO-8601 UTC of chain time, ids lower-case hex, addresses 0x and lower-case hex. Everything here may be shown and logged.
 */
import type { Address } from '../base/curve.ts'

export interface ControllerStatus {
  readonly role: 'controller'
  readonly account: Address
  readonly chain: {
    readonly id: number
    readonly block: number
    readonly time: string
    readonly headAgeSeconds: number
  }
  /** In the market, spendable. */
  readonly balance: string
  /** In open bounties. */
  readonly open: string
  /** Of the chain's own coin, for fees. */
  readonly coin: string
  readonly objects: {
    readonly count: number
    readonly bytes: number
    readonly healthy: number
    readonly suspect: number
    readonly atRisk: number
  }
  readonly placements: Readonly<Record<string, number>>
  readonly bounties: {
    readonly open: number
    readonly posted: number
    readonly swept: number
    readonly revoked: number
  }
  /** Of the ledger: `done` when a final pointer names a backup with every object; `held`: none is made over a newer one of its owner's. */
  readonly backup?: {
    readonly state: 'off' | 'none' | 'held' | 'pending' | 'done'
    readonly version?: number
    readonly at?: string
    /** Why the last try came to nothing. */
    readonly failure?: string
  }
  /** Seconds of rent the balance pays for, at today's placements; absent when nothing is placed. */
  readonly runwaySeconds?: number
  readonly nextDue?: string
  readonly alerts: readonly string[]
  /** Objects of which not every blob is held, worst first. */
  readonly troubles?: readonly ObjectTrouble[]
}

/** What is wrong with an object, and what is done about it. */
export interface ObjectTrouble {
  readonly object: string
  readonly name?: string
  /** Blobs by state; only states that occur, `held` and `placing` left out. `outcast`: with stewards that are not in good standing. */
  readonly states: Readonly<Record<string, number>>
  readonly next: string
}

/** An object that is let go, or would be. */
export interface RemovalView {
  readonly object: string
  readonly name?: string
  /** Shares and copies that are still kept. */
  readonly placements: number
  /** When the last of them ends; absent: nothing of it is kept. */
  readonly ends?: string
  /** Rent of agreed terms that is not due for it. HOLD. */
  readonly saved: string
  /** Stewards that did not take the notice. */
  readonly away: readonly Address[]
}

export interface ObjectSummary {
  readonly id: string
  readonly name?: string
  readonly size: number
  readonly k: number
  readonly n: number
  readonly segments: number
  /** Confirmed shares of the worst segment. */
  readonly shares: number
  readonly suspect: number
  /** Probability that it can be read now; and its nines, at most 9. */
  readonly confidence: number
  readonly nines: number
  readonly nextCheck?: string
  readonly expires?: string
  readonly createdAt: string
  readonly contentHash?: string
  /** What of it is missing or in doubt, and what is done about it. */
  readonly trouble?: Pick<ObjectTrouble, 'states' | 'next'>
  /** When its owner let it go: it ends with `expires`. */
  readonly removed?: string
  /** Version of the backup of the ledger that it is; absent for an object of the user's. */
  readonly backup?: number
}

export interface ObjectDetail extends ObjectSummary {
  /** Hex; opened with the ledger key, which the controller does not have. */
  readonly sealedCap: string
  readonly segmentSize: number
}

/** A line of `stat --shares`. */
export interface ShareStatus {
  readonly type: 'share' | 'copy'
  readonly object: string
  readonly segment: number
  readonly share: number
  readonly blobId: string
  readonly length: number
  readonly steward: Address
  readonly state: string
  /** Of its steward, where it is not good: such a share counts as missing, and another one takes its place. */
  readonly standing?: string
  readonly confidence: number
  /** Checks passed so far. */
  readonly checksDone: number
  readonly lastProof?: string
  readonly nextCheck?: string
  readonly start: string
  readonly end: string
  readonly version: number
  readonly answersLeft: number
  /** HOLD per GiB-month. */
  readonly price: string
  /** HOLD paid for it so far. */
  readonly paid: string
  /** Why it is in this state, and what comes next: sentences for people, absent where there is nothing to say. */
  readonly why?: string
  readonly next?: string
  /** Both on one line. */
  readonly note?: string
}

/** What is missing of an object, and what is done about it. */
export interface RepairView {
  readonly object: string
  readonly name?: string
  readonly parts: readonly {
    readonly kind: 'share' | 'copy'
    readonly segment: number
    /** Indices of the missing shares, or copies. */
    readonly missing: readonly number[]
    /** How many are confirmed; a repair starts by itself at `threshold`. */
    readonly confirmed: number
    readonly threshold: number
    /** Bytes that a repair would place. */
    readonly bytes: number
    /** `enough`: above the threshold, and left alone. */
    readonly state: 'enough' | 'planned' | 'repairing' | 'lost'
  }[]
}

export interface PlannedAct {
  readonly when: string
  readonly what: 'bounty' | 'voucher' | 'revoke' | 'renewal' | 'top-up' | 'ask' | 'bisection' | 'give-up' | 'repair'
  /** Absent where an auction will tell. */
  readonly steward?: Address
  readonly placements: number
  readonly amount?: string
  readonly why: string
}

/** A round of one docket, for statements. HOLD. */
export interface RoundView {
  readonly due: string
  readonly steward: Address
  readonly way: 'chain' | 'voucher'
  /** Why it went that way, where that was weighed: a word of controller/settle.ts. */
  readonly why?: string
  /** Blobs on its docket; 0 where a backup left them out. */
  readonly blobs: number
  readonly amount: string
  readonly state: 'on the way' | 'open' | 'swept' | 'promised' | 'revoked' | 'failed'
  /** When a voucher was written for it. */
  readonly promised?: string
}

/** Money per counterparty and per placement; HOLD. */
export interface Accounts {
  readonly deposited: string
  readonly withdrawn: string
  readonly advertFees: string
  readonly balance: string
  readonly open: string
  /** In vouchers that were not redeemed yet. */
  readonly promised: string
  /** Accounts that do not say what they are about; none: the books balance to the gwei. */
  readonly differences: readonly { readonly account: string; readonly books: string; readonly shown: string }[]
  readonly stewards: readonly {
    readonly steward: Address
    readonly placements: number
    readonly bytes: number
    readonly posted: string
    readonly swept: string
    readonly revoked: string
    readonly open: string
    /** What it proved and was or will be paid for: swept, and promised in all. */
    readonly rent: string
    /** Promised by vouchers in all, and what it redeemed of that. */
    readonly vouched: string
    readonly redeemed: string
    /** Decided, and neither on the chain nor promised yet. */
    readonly onTheWay: string
    readonly bounties: number
    readonly missed: number
    /** Given back by the steward with a list of lost blobs. */
    readonly released: number
  }[]
}

/** An auction this controller held. Prices: HOLD per GiB-month. */
export interface AuctionView {
  /** Hash of its advert. */
  readonly id: string
  /** When it was cleared. */
  readonly at?: string
  readonly for: 'object' | 'repair' | 'backup'
  readonly object?: string
  readonly name?: string
  readonly lots: number
  readonly bytes: number
  readonly termSeconds: number
  readonly reserve: string
  /** `short`: some lots found nobody yet. */
  readonly state: 'advertised' | 'short' | 'awarded'
  readonly invited?: number
  readonly bids?: number
  /** The uniform price. */
  readonly cleared?: string
  /** Lots given out. */
  readonly given?: number
  /** Fewer than one and a half bids a lot. */
  readonly thin?: boolean
}

export interface AuctionDetail extends AuctionView {
  /** All bids under the reserve, ascending; who won has a lot and the price that it is paid. */
  readonly scores: readonly {
    readonly steward: Address
    readonly bid: string
    readonly score: string
    readonly lot?: number
    readonly price?: string
  }[]
}

/** HOLD per GiB-month. */
export interface PricesView {
  readonly at: string
  readonly index: string
  /** Seven days ago. */
  readonly indexBefore: string
  readonly reference: string
  readonly floor: string
  /** What an advert takes at most unless told otherwise. */
  readonly reserve: string
  readonly auctions: number
  /** Different stewards that bid in them. */
  readonly bidders: number
  readonly history: readonly {
    readonly at: string
    readonly index: string
    readonly cleared: string
    readonly bytes: number
  }[]
}
