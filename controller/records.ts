/** The ledger's records: what stands under which key. Values are tagged JSON; answers are raw bytes, 32 a row. */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import type { Placement } from '../base/typed-data.ts'
import type { Seconds, UnixTime } from '../base/units.ts'
import type { Advert } from '../net/messages/bid.ts'
import type { Award, AwardedLot, BlobSlot, ObjectEntry, PutPlan } from '../uploader/put-book.ts'
import type { LotState } from '../uploader/put-journal.ts'
import type { WayReason } from './settle.ts'

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
  /** Wei of HOLD for the rent of all its terms, renewals included; absent: they are bounded by their prices alone. */
  readonly total?: bigint
  /** Least bond of a lot, as so long of its rent; absent: any. Repairs and moves of the put ask for the same. */
  readonly leastBond?: Seconds
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
  /** Its owner let it go: nothing of it is renewed or repaired. */
  readonly removedAt?: UnixTime
}

/** One object of a backup: a base, or what changed since the one before it. */
export interface BackupLink {
  readonly version: number
  readonly cap: Uint8Array
  /** Of its put; hex of its locator; its size in bytes. */
  readonly ref: string
  readonly id: string
  readonly bytes: number
}

/** The newest backup that is whole. */
export interface BackupRecord {
  /** What its restoring needs, the base first. */
  readonly links: readonly BackupLink[]
  /** Chain time of what it says. */
  readonly at: UnixTime
  /** How often its pointer was intended. */
  readonly tries: number
  /** Block of its pointer, once the chain shows it. */
  readonly shownAt?: number
  /** Its pointer is final. */
  readonly pointed: boolean
}

/** A backup that is being stored. Its content stands beside it, and the journal of its put. */
export interface BackupDraft {
  readonly version: number
  /** Links before it; none: it is a base. */
  readonly links: readonly BackupLink[]
  readonly at: UnixTime
  readonly k: number
  readonly n: number
}

/** The receipt: the newest placement both sides signed. Kept for ever (protocol.md §5). */
export interface ReceiptRecord extends BlobSlot {
  readonly ref: string
  /** The repair it comes from, hex; its award stands under that name. Absent: the put itself. */
  readonly repair?: string
  readonly placement: Placement
  readonly signature: Uint8Array
  readonly countersignature: Uint8Array
  readonly salt: Uint8Array
  readonly attempt: number
}

/** A repair, from the commit that decided on it. Its auction is a put record of the same name. */
export interface RepairRecord {
  /** Hex; follows from what it mends (repair-plan.ts). */
  readonly id: string
  readonly plan: PutPlan
  /** 32 random bytes: all its salts come from it, so that a repair taken up again makes the same blobs. */
  readonly seed: Uint8Array
  /** Who has which lot, and the attempt its blobs are made under: an attempt belongs to one steward. */
  readonly lots: readonly LotState[]
  readonly startedAt: UnixTime
  /** `done`: nothing of it is left to do. */
  readonly stage: 'open' | 'done'
}

/** Which successor record is the newest, and which copies have it. What it says follows from the receipts. protocol.md §2.7. */
export interface SuccessorRecord {
  /** Locator of the object it is about, hex: a user's object, or its list of shares. */
  readonly id: string
  readonly ref: string
  /** Of the newest: chain time of the repair, or one more than before where that is more. */
  readonly version: number
  /** The version each copy's steward took last, by placement. */
  readonly handed: Readonly<Record<string, number>>
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
  /** `offered`: its steward is asked off chain. `vouched`: proved there, and promised; the chain knows nothing of it. */
  readonly phase: 'offered' | 'vouched' | 'intended' | 'posted' | 'swept' | 'revoked' | 'failed'
  /** Why it goes the way it goes, where that was weighed. */
  readonly why?: WayReason
  /** Chain time at which it was promised. */
  readonly vouchedAt?: number
  /** Block of the event that led to the phase; absent before the first. */
  readonly block?: number
  /** The phase is deep enough in the chain to be acted on. */
  readonly final: boolean
  /** Block time of the post, once it is seen. */
  readonly postedAt?: number
  /** How often its steward was asked for a release, and when last. */
  readonly asked?: { readonly n: number; readonly at: number }
  /** Its steward gave it back: the signature of `Release`, 65 bytes, and the placements whose blobs are lost. */
  readonly release?: { readonly at: number; readonly signature: Uint8Array; readonly lost: readonly string[] }
  /** Found on the chain, posted after the backup that the ledger comes from. It is never posted from here. */
  readonly adopted?: true
  /** Its docket also asks, or may ask, for blobs that the ledger does not know. */
  readonly partial?: true
  /** No round of a placement waits for its end, so it is taken back for its own sake: the n-th time, when, and whether that came to nothing. */
  readonly takenBack?: { readonly n: number; readonly at: number; readonly failed?: true }
  /** Over what a released bounty left. */
  readonly again?: true
  /** The docket does not fit the note, and its steward does not have it yet. */
  readonly toHand?: boolean
  /** When it was offered first, whether its steward was there to take it or not. Chain time. */
  readonly offeredAt?: number
}

/** What we promised a steward by vouchers, in all. The voucher itself is the signature over `cumulative`, the same each time it is made. Gwei of HOLD. */
export interface PromiseRecord {
  readonly to: Address
  readonly cumulative: bigint
  /** What the chain says was paid of it. */
  readonly redeemed: bigint
  /** Of `redeemed`, what the feed has shown in payments. */
  readonly paidOut?: bigint
  /** Of `cumulative`, what no round of this ledger accounts for. */
  readonly unknown: bigint
  /** When it rose last. Chain time; 0: never. */
  readonly at: number
  /** Hash of the docket it rose for last. */
  readonly round?: string
  /** Its steward does not have the newest voucher yet. */
  readonly toHand?: true
  /** When a round last came to nothing off chain. */
  readonly silentAt?: number
}

export const KEYS = {
  cursor: 'cursor',
  money: 'money',
  /** The last block that was looked at for bonds that leave: u32. */
  bonds: 'bonds',
  put: (ref: string) => `put/${ref}`,
  object: (id: string) => `object/${id}`,
  placement: (id: string) => `placement/${id}`,
  receipt: (id: string) => `receipt/${id}`,
  answers: (id: string) => `answers/${id}`,
  repair: (id: string) => `repair/${id}`,
  successor: (id: string) => `successor/${id}`,
  bounty: (id: string) => `bounty/${id}`,
  /** By the steward's account. */
  promise: (to: string) => `promise/${to}`,
  /** Bytes of a docket that is not in the note of its bounty, by its hash; deleted with the bounty's end. */
  docket: (hash: string) => `docket/${hash}`,
  /** The generation (version of the backup that will have it) in which a record was changed: u32. */
  changed: (key: string) => `changed/${key}`,
  backup: 'backup/last',
  backupDraft: 'backup/draft',
  backupContent: 'backup/content',
  backupJournal: (name: string) => `backup/journal/${name}`,
  /** Stands in a ledger that was made from a backup, until its controller has looked through it. */
  recovered: 'backup/recovered',
  /** Stands in a ledger that was made from another backup than the newest: none is made over that one. */
  backupHeld: 'backup/held',
} as const

/** What a backup carries; all else is this machine's own. docs/spec/backup.md. A test holds every key of `KEYS` against this list. */
export const BACKED_UP: readonly string[] = [
  KEYS.money,
  KEYS.put(''),
  KEYS.object(''),
  KEYS.placement(''),
  KEYS.receipt(''),
  KEYS.answers(''),
  KEYS.repair(''),
  KEYS.successor(''),
  KEYS.bounty(''),
  KEYS.promise(''),
  KEYS.docket(''),
]

/** True for a record that belongs into a backup. */
export function isBackedUp(key: string): boolean {
  return BACKED_UP.some((prefix) => (prefix.endsWith('/') ? key.startsWith(prefix) : key === prefix))
}

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
