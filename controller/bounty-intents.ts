/** What the chain is told of bounties: the calls, and the intents that carry them. */
import type { Address } from '../base/curve.ts'
import type { Change } from '../base/ports.ts'
import { HOUR } from '../base/units.ts'
import type { PostEffect } from './facts.ts'
import type { Policy } from './policy.ts'
import type { BountyRecord } from './records.ts'

/** A post is worth sending while so much of its answer window is left; of the shorter window after a release, half. Seconds. */
const ANSWERING = 48 * HOUR
const ANSWERING_AGAIN = 12 * HOUR
/** A docket that its steward has not been offered so long before the deadline is withheld. Seconds. protocol.md §4. */
const OFFERED = 24 * HOUR

/** What a post says to the contract. */
export interface PostCall {
  readonly steward: Address
  readonly deadline: number
  readonly claimKey: Address
  /** Gwei of HOLD. */
  readonly amount: bigint
  readonly docketHash: Uint8Array
  readonly note: Uint8Array
  /** Sent later than this it leaves its steward too little time. Chain time. */
  readonly notAfter: number
}

/** What takes a released bounty back. */
export interface ReleasedCall {
  readonly claimKey: Address
  readonly steward: Address
  /** The steward's, 65 bytes. */
  readonly signature: Uint8Array
  /** After this an ordinary revoke does as well. Chain time. */
  readonly retryUntil: number
}

/** Intents for the outbox; pure, each keyed by an id that is derived from what it does. */
export interface Intents {
  post(id: string, call: PostCall): readonly Change[]
  revoke(id: string, bountyId: Uint8Array): readonly Change[]
  revokeReleased(id: string, call: ReleasedCall): readonly Change[]
  /** `value`: gwei of HOLD. */
  advert(id: string, advertHash: Uint8Array, value: bigint): readonly Change[]
}

/**
 * Until when a post is sent. Never later than the patience after its decision: stewards know its block alone, and take a docket that reaches one
 * more than a day and an hour after its cut for underpaid, and all that follow it. docs/spec/schedule.md.
 */
export function notAfterOf(
  { due, deadline, again }: Pick<PostEffect, 'due' | 'deadline' | 'again'>,
  { postPatience }: Pick<Policy, 'postPatience'>,
): number {
  return again ? deadline - ANSWERING_AGAIN : Math.min(deadline - ANSWERING, due + postPatience)
}

/**
 * True when a docket that is not in its bounty's note was offered to its steward too late to be answered, or never: our miss, not the
 * steward's. Who could not be reached had its offer. protocol.md §4.
 */
export function isWithheld({
  toHand,
  offeredAt,
  deadline,
  again,
}: Pick<BountyRecord, 'toHand' | 'offeredAt' | 'deadline' | 'again'>): boolean {
  return offeredAt === undefined ? toHand === true : offeredAt > deadline - (again ? ANSWERING_AGAIN : OFFERED)
}
