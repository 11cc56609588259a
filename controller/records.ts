/** The ledger's records: what stands under which key. Values are tagged JSON; answers are raw bytes, 32 a row. */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import type { Placement } from '../base/typed-data.ts'
import type { UnixTime } from '../base/units.ts'
import type { Advert } from '../net/messages/bid.ts'
import type { Award, AwardedLot, BlobSlot, ObjectEntry, PutPlan } from '../uploader/put-book.ts'

/** One put, from its advert to its object. */
export interface PutRecord {
  readonly ref: string
  readonly plan: PutPlan
  /** `advertised`: the fee is on its way or paid. `awarded`: lots are given out. `finished`: an object stands under `object`. */
  readonly stage: 'advertised' | 'awarded' | 'finished'
  /** Signed; and its hash in hex. */
  readonly advert: Advert
  readonly advertHash: string
  /** Gwei of HOLD paid as the advert's fee, at least; and the value the fee was computed from. */
  readonly advertFee: bigint
  readonly value: bigint
  /** Wei of HOLD per GiB-month. */
  readonly reserve: bigint
  /** Wei of HOLD for rent and fee; absent: no limit. */
  readonly budget?: bigint
  readonly award?: Award
  /** Losing bidders under the reserve, cheapest first: who takes over a lot. */
  readonly runnersUp: readonly AwardedLot[]
  /** Who did not take what it won, and is not asked again for this put. */
  readonly failed: readonly Address[]
  readonly object?: string
}

/** An object, with what the controller keeps of it. */
export interface ObjectRecord extends ObjectEntry {
  readonly createdAt: UnixTime
}

/** The receipt: the newest placement both sides signed. Kept for ever (protocol.md §5). */
export interface ReceiptRecord extends BlobSlot {
  readonly ref: string
  readonly placement: Placement
  readonly signature: Uint8Array
  readonly countersignature: Uint8Array
  readonly salt: Uint8Array
  readonly attempt: number
}

/** A bounty of ours, from the commit that decided on it. One docket, one bounty. */
export interface BountyRecord {
  /** Hex of the bounty id. */
  readonly id: string
  /** The docket (plan) it pays for; names the rounds in placement-state.ts. */
  readonly plan: string
  readonly steward: Address
  readonly claimKey: Address
  /** Gwei of HOLD. */
  readonly amount: bigint
  readonly due: UnixTime
  readonly deadline: UnixTime
  readonly docketHash: string
  /** Ids of the placements on it. */
  readonly placements: readonly string[]
  readonly phase: 'intended' | 'posted' | 'swept' | 'revoked' | 'failed'
  /** Block of the event that led to the phase; absent before the first. */
  readonly block?: number
  /** The phase is deep enough in the chain to be acted on. */
  readonly final: boolean
  /** The docket does not fit the note, and its steward does not have it yet. */
  readonly toHand?: boolean
}

export const KEYS = {
  cursor: 'cursor',
  money: 'money',
  put: (ref: string) => `put/${ref}`,
  object: (id: string) => `object/${id}`,
  placement: (id: string) => `placement/${id}`,
  receipt: (id: string) => `receipt/${id}`,
  answers: (id: string) => `answers/${id}`,
  bounty: (id: string) => `bounty/${id}`,
  /** Bytes of a docket that is not in the note of its bounty, by its hash; deleted with the bounty's end. */
  docket: (hash: string) => `docket/${hash}`,
} as const

/** Bytes of a record. */
export function encodeRecord(record: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(toTagged(record)))
}

/** The record behind the bytes. @throws `LEDGER_CORRUPT` */
export function decodeRecord<Record>(key: string, bytes: Uint8Array): Record {
  try {
    return fromTagged(JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes))) as Record
  } catch (cause) {
    throw new HoldfastError('LEDGER_CORRUPT', { key }, { cause })
  }
}
