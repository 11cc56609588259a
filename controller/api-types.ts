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
  /** Seconds of rent the balance pays for, at today's placements; absent when nothing is placed. */
  readonly runwaySeconds?: number
  readonly nextDue?: string
  readonly alerts: readonly string[]
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
  readonly confidence: number
  /** Checks passed so far. */
  readonly checksDone: number
  readonly lastProof?: string
  readonly nextCheck?: string
  readonly end: string
  readonly version: number
  readonly answersLeft: number
  /** HOLD per GiB-month. */
  readonly price: string
  /** HOLD paid for it so far. */
  readonly paid: string
  /** What happened last and what comes next, for people. */
  readonly note?: string
}

export interface PlannedAct {
  readonly when: string
  readonly what: 'bounty' | 'revoke' | 'renewal' | 'top-up'
  readonly steward: Address
  readonly placements: number
  readonly amount?: string
  readonly why: string
}

/** Money per counterparty and per placement; HOLD. */
export interface Accounts {
  readonly deposited: string
  readonly withdrawn: string
  readonly advertFees: string
  readonly balance: string
  readonly open: string
  readonly stewards: readonly {
    readonly steward: Address
    readonly placements: number
    readonly bytes: number
    readonly posted: string
    readonly swept: string
    readonly revoked: string
    readonly open: string
    readonly bounties: number
    readonly missed: number
  }[]
}
