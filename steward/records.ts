/** What the steward writes down, and under which key. Receipts are written once and kept for ever; what changes is small and apart. */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import type { Placement } from '../base/typed-data.ts'
import type { HeldPlacement } from './held-placement.ts'

/** A version of a placement, signed by both sides (M3). Written once. */
export interface Receipt {
  readonly placement: Placement
  /** The uploader's, 65 bytes. */
  readonly signature: Uint8Array
  /** Ours, 65 bytes. */
  readonly countersignature: Uint8Array
  /** Of a manifest copy: what it is announced under. */
  readonly locator?: Uint8Array
}

/** A placement with all that changes about it: small, rewritten when something happens to it. The rules see `held` only. */
export interface Holding {
  readonly held: HeldPlacement
  /** Digests of all that both signed, hex, in order: the first is its name, `Rows` may be about any. The last one counts. */
  readonly versions: readonly string[]
  /** SHA-256 of the read token, hex. */
  readonly tokenHash: string
  /** Hex; of a manifest copy. */
  readonly locator?: string
  /** The advert it was awarded under, hex; zeros when there was none. */
  readonly advert: string
  readonly heldAt: number
  /** Gwei of HOLD: its part of all that was swept. */
  readonly earned: bigint
  readonly sweeps: number
  /** Bounties over it that were not claimed in time. */
  readonly missed: number
  /** The cut of the newest round that was missed: its interval is not owed any more. Seconds. */
  readonly forfeited?: number
  /** Terms before the last renewal, and when that was: a docket on its way may be computed with them. */
  readonly before?: { readonly price: bigint; readonly end: number; readonly until: number }
  /** Notice was given, or ours was taken: when it ends, with the uploader's signature (net/messages/store.ts, `noticeDigest`), hex. */
  readonly leaving?: { readonly end: number; readonly signature: string }
  /** When its bytes were last compared with their id, beside the readings for answers. Seconds; absent: when it came. */
  readonly checkedAt?: number
  /** Pruned, and nothing of it is left on disk. */
  readonly cleared?: true
}

/** A bounty of ours on its way. */
export interface BountyRecord {
  /** Hex of the bounty id. */
  readonly id: string
  readonly poster: Address
  readonly claimKey: Address
  /** Gwei of HOLD. */
  readonly amount: bigint
  readonly deadline: number
  /** Hex. */
  readonly docketHash: string
  /** The docket, when the note carried it; a larger one stands under its hash. */
  readonly docket?: Uint8Array
  /**
   * `posted`: to be answered. `claimed`: a sweep is in the outbox. `swept`: paid, not final yet. `revoked`: taken back, not final yet.
   * `bogus`: nobody can claim it, see `why`. `lost`: we cannot, see `why`. `released`: we gave it back, since blobs on it are lost.
   * `gone`: its block was undone. `missed`: the deadline passed.
   */
  readonly phase: 'posted' | 'claimed' | 'swept' | 'revoked' | 'bogus' | 'lost' | 'released' | 'gone' | 'missed'
  /** Of the event that led to the phase. */
  readonly block: number
  readonly postedAt: number
  readonly sweptAt?: number
  readonly revokedAt?: number
  /** The sweep's id in the outbox, and when it was written there. */
  readonly intent?: string
  readonly claimedAt?: number
  /** Rises when a sweep came to nothing and is made again. */
  readonly attempt: number
  /** A sweep of it was intended once: whatever became of that, it is not released any more. */
  readonly wasClaimed?: true
  /** Ids of the placements it pays for, once known. */
  readonly placements?: readonly string[]
  readonly why?: string
}

/** Our word that a bounty is not swept any more, since blobs on its docket are lost (protocol.md §8). One a bounty, ever. */
export interface ReleaseRecord {
  /** Hex of the bounty id. */
  readonly bounty: string
  readonly poster: Address
  readonly docketHash: string
  readonly postedAt: number
  readonly deadline: number
  /** Of Release(bounty, deadline), 65 bytes. */
  readonly signature: Uint8Array
  /** Ids of the lost blobs, hex, ascending. */
  readonly lost: readonly string[]
  /** Placements of the sound ones: the poster asks for them again over the same rows. */
  readonly rest: readonly string[]
  /** Up to when the round pays; what is posted again for it pays no further. Seconds. */
  readonly cut: number
  readonly signedAt: number
  /** When the poster first said that it has it. */
  readonly takenAt?: number
}

/** A bid that was revealed: its maker is bound by it until it runs out. */
export interface BidRecord {
  /** SHA-256 of the signed advert, hex. */
  readonly advert: string
  readonly uploader: Address
  /** Wei of HOLD per GiB-month. */
  readonly price: bigint
  readonly egressPrice: bigint
  readonly egressFree: number
  /** Gwei of HOLD. */
  readonly bond: bigint
  /** Seconds between notice and pruning, as advertised. */
  readonly grace: number
  /** Seconds. */
  readonly term: number
  /** Bytes that may be placed under the advert: one lot, beside what was there when we bid. */
  readonly lotBytes: number
  /** Blobs, likewise. */
  readonly lotBlobs: number
  readonly madeAt: number
  readonly state: 'revealed' | 'won' | 'lost'
  /** Chain time after which it binds nobody. */
  readonly until: number
}

/** Further answers the uploader committed to (protocol.md §5, `Rows`). */
export interface RowsRecord {
  readonly answersRoot: Uint8Array
  /** The uploader's, 65 bytes. */
  readonly signature: Uint8Array
}

/** A signed `Unpaid` notice. */
export interface NoticeRecord {
  readonly placement: Uint8Array
  readonly pruneAfter: number
  /** Ours, 65 bytes. */
  readonly signature: Uint8Array
}

/** A blob that is arriving: its part may be continued after a restart. */
export interface ArrivalRecord {
  readonly length: number
  /** Hex. */
  readonly advert: string
  /** Chain time after which nobody waits for it. */
  readonly until: number
}

export const KEYS = {
  cursor: 'cursor',
  /** By place in `Holding.versions`, from 1. */
  receipt: (id: string, place: number) => `receipt/${id}/${place}`,
  holding: (id: string) => `holding/${id}`,
  /** One an announcement, by its root. */
  rows: (id: string, root: string) => `rows/${id}/${root}`,
  /** Signed `Unpaid` notices, by number. */
  notice: (id: string, n: number) => `notice/${id}/${n}`,
  bounty: (id: string) => `bounty/${id}`,
  /** Bounties that came to an end, for statements. By id: one that a reorganisation brings again ends once. */
  past: (id: string) => `past/${id}`,
  docket: (hash: string) => `docket/${hash}`,
  release: (bounty: string) => `release/${bounty}`,
  /** What an uploader promised by vouchers. */
  promise: (from: string) => `promise/${from}`,
  bid: (advert: string) => `bid/${advert}`,
  /** Evidence of a wrong clearing: CBOR, pool/clearing.ts. */
  wrongClearing: (advert: string) => `wrong-clearing/${advert}`,
  arrival: (blob: string) => `arrival/${blob}`,
  /** Stands while the operator drains this steward: it gives notice wherever it is asked for another term. */
  draining: 'draining',
  /** Stands while the operator wants nothing new. */
  paused: 'paused',
  /** By placement: u32 version, then the sealed successor record that its uploader handed over for the manifest copy. */
  successor: (id: string) => `successor/${id}`,
} as const

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf8', { fatal: true })

/** Bytes of a record. */
export function encodeRecord(record: object): Uint8Array {
  return encoder.encode(JSON.stringify(toTagged(record)))
}

/** The record behind the bytes. @throws `LEDGER_CORRUPT` */
export function decodeRecord<Record>(key: string, bytes: Uint8Array): Record {
  try {
    return fromTagged(JSON.parse(decoder.decode(bytes))) as Record
  } catch (cause) {
    throw new HoldfastError('LEDGER_CORRUPT', { key }, { cause })
  }
}
