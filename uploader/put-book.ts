/**
 * PutBook: what moving an object's bytes needs from whoever keeps the ledger. The controller implements it, in process or through
 * its local API. The uploader alone knows the read key; the controller alone knows the chain key and the nonce key.
 *
 * Every call may be repeated: `ref` names one put for ever, and the same question gets the recorded answer.
 */
import type { Address } from '../base/curve.ts'
import type { Domain, Placement } from '../base/typed-data.ts'
import type { Seconds, UnixTime } from '../base/units.ts'

/** A steward, and where it listens. */
export interface StewardTarget {
  readonly id: Address
  /** Multiaddrs. */
  readonly addresses: readonly string[]
}

/** What is to be placed: sizes only, nothing that could be read. A lot is share i of every segment and one manifest copy. */
export interface PutPlan {
  /** 64 hex digits; HKDF(objectKey, "ref"): names the put before its locator is known, and gives nothing away. */
  readonly ref: string
  readonly k: number
  readonly n: number
  /** Plaintext bytes. */
  readonly bytes: number
  /** Blob length of a share of each segment, in order: first those of the object, then those of its indirect manifest, if any. */
  readonly shareLengths: readonly number[]
  /** Bytes of one manifest copy, exactly. */
  readonly copyLength: number
  /** Bytes of one copy of the indirect manifest's own manifest, when there is one: each lot keeps one of both kinds. */
  readonly indirectCopyLength?: number
  readonly term: Seconds
  readonly name?: string
  /** A backup of the ledger: its checks ride along with those of other placements. */
  readonly backup?: true
  /** Of a repair: the put whose blobs it makes again, and which. Then `ref` names the repair, and there is nothing else to place. */
  readonly mends?: { readonly ref: string; readonly blobs: readonly MissingBlob[] }
}

/** A blob that is missing, and its length in bytes. */
export interface MissingBlob extends BlobSlot {
  readonly length: number
}

/** Money in wei of HOLD, except `fees` (wei of the chain's own coin). What an earlier run of the same put paid or agreed is not in it again. */
export interface Quote {
  /** Rent over the term at the expected price, and at most; of the lots that nobody has taken yet. */
  readonly rent: bigint
  readonly rentAtMost: bigint
  readonly advertFee: bigint
  readonly fees: bigint
  /** Wei of HOLD per GiB-month: expected price and reserve. */
  readonly price: bigint
  readonly reserve: bigint
  /** The least anybody is known to take: a steward without a price of its own asks no less. Wei of HOLD per GiB-month. */
  readonly floor: bigint
  readonly balance: bigint
  /** Stewards that would be asked. */
  readonly stewards: number
  /** Account that places and pays. */
  readonly uploader?: Address
  /** What an earlier run of this put came to. */
  readonly before?: {
    readonly advertFee: bigint
    /** Over the term, of the lots that are given out: paid as it is earned. */
    readonly rent: bigint
    /** Blobs that stewards have signed for. */
    readonly blobs: number
  }
}

export interface AwardLimits {
  /** Wei of HOLD per GiB-month. */
  readonly maxPrice?: bigint
  /** Wei of HOLD in all: rent over the term and advert fee. */
  readonly budget?: bigint
  /** Wei of HOLD that all terms of it may come to, renewals included; absent: renewals are bounded by their prices alone. */
  readonly total?: bigint
  /** Least bond of a lot, as so long of its rent at the expected price, in stake that stands on the chain; absent: any. */
  readonly leastBond?: Seconds
  /** Stewards that granted the right to store a lot (P9): they are given the lots, for nothing, and there is no advert and no auction. */
  readonly granted?: readonly StewardTarget[]
}

/** One lot and who takes it, at which terms. */
export interface AwardedLot {
  /** 0 … n−1: the share index. */
  readonly lot: number
  readonly steward: Address
  /** Multiaddrs of the steward. */
  readonly addresses: readonly string[]
  readonly price: bigint
  readonly egressPrice: bigint
  readonly egressFree: number
  /** Gwei of HOLD. */
  readonly bond: bigint
  /** When its term starts, where it was given out later than the award; rent runs from there. */
  readonly start?: UnixTime
}

/** What the auction gave. Recorded: asking again with the same ref gives the same. */
export interface Award {
  readonly ref: string
  readonly domain: Domain
  readonly uploader: Address
  /** SHA-256 of the signed advert, hex. */
  readonly advert: string
  readonly lots: readonly AwardedLot[]
  /** Lots nobody took. */
  readonly missing: readonly number[]
  readonly start: UnixTime
  readonly end: UnixTime
  readonly offerUntil: UnixTime
  /** Rows to prepare for each blob. */
  readonly rows: number
  /** For people: what happened in the auction. */
  readonly summary: {
    readonly invited: number
    readonly bids: number
    /** Uniform price, wei of HOLD per GiB-month. */
    readonly price: bigint
    readonly reserve: bigint
    readonly thin: boolean
    /** False where all stewards share one loopback address and the cluster rule is off. */
    readonly clusterRule: boolean
    /** Wei of HOLD. */
    readonly advertFee: bigint
    /** Score of each bid, ascending; wei of HOLD per GiB-month. */
    readonly scores: readonly {
      readonly steward: Address
      readonly bid: bigint
      readonly score: bigint
      readonly won: boolean
    }[]
  }
}

/** Which blob of the put: share `share` of segment `segment` (counted through `shareLengths`), or the manifest copy of lot `share`. */
export interface BlobSlot {
  readonly kind: 'share' | 'copy'
  /** Of a copy: 0 the object's manifest, 1 the manifest of its indirect manifest. */
  readonly segment: number
  readonly share: number
}

/** What the controller needs to fill in and sign a placement. */
export interface PlacementDraft extends BlobSlot {
  readonly ref: string
  readonly steward: Address
  readonly blobId: Uint8Array
  readonly length: number
  readonly answersRoot: Uint8Array
  /** SHA-256 of the read token. */
  readonly tokenHash: Uint8Array
}

export interface SignedPlacement {
  readonly placement: Placement
  /** The uploader's, 65 bytes. */
  readonly signature: Uint8Array
}

/** A placement both sides signed, with the prepared answers. The receipt of M3. */
export interface Receipt extends BlobSlot, SignedPlacement {
  readonly ref: string
  /** The steward's countersignature, 65 bytes. */
  readonly countersignature: Uint8Array
  /** The rows' answers, 32 bytes each, in row order. */
  readonly answers: readonly Uint8Array[]
  /** Salt of the whitening or of the copy, 16 bytes. */
  readonly salt: Uint8Array
  /** Rises when the share goes to another steward (protocol.md §2.4). */
  readonly attempt: number
}

/** What the ledger knows of one blob of a put; for resuming. */
export interface BookedBlob extends BlobSlot {
  readonly blobId: Uint8Array
  readonly steward: Address
  readonly salt: Uint8Array
  readonly attempt: number
}

/** The finished object. Holds no read key: the cap is sealed under the ledger key, which the controller does not have. */
export interface ObjectEntry {
  readonly ref: string
  /** Locator: the object's id. 32 bytes. */
  readonly id: Uint8Array
  readonly sealedCap: Uint8Array
  readonly repairKey: Uint8Array
  readonly copyKey: Uint8Array
  readonly editorSecret: Uint8Array
  readonly k: number
  readonly n: number
  readonly size: number
  readonly segmentSize: number
  readonly segments: number
  /** Present when the manifest is indirect: what there is to know of the object that lists the shares; the put's last `segments` are its own. */
  readonly indirect?: {
    readonly id: Uint8Array
    readonly repairKey: Uint8Array
    readonly copyKey: Uint8Array
    readonly editorSecret: Uint8Array
    readonly size: number
    readonly segments: number
  }
  readonly name?: string
  /** Version of the backup of the ledger that it is; absent for an object of the user's. */
  readonly backup?: number
  /** Of the whole plaintext, for "put again": same source, same bytes. 32 bytes. */
  readonly contentHash?: Uint8Array
}

/** All of the book, for those that pass calls on. */
export const BOOK_METHODS = [
  'quote',
  'award',
  'nonces',
  'sign',
  'book',
  'replace',
  'progress',
  'finish',
] as const satisfies readonly (keyof PutBook)[]

export interface PutBook {
  /** What it would cost. Sends nothing, spends nothing. */
  quote(plan: PutPlan): Promise<Quote>
  /**
   * Pays the advert fee, runs the auction, records who takes which lot.
   * @throws before anything is paid `FUNDS_LOW`, `FUNDS_BUDGET`, and what `assertHopeful` throws; after it `AUCTION_NO_BIDS` (nobody at all)
   */
  award(plan: PutPlan, limits: AwardLimits): Promise<Award>
  /** Nonces 0 … count−1 of each blob: all that ever leaves of the nonce key before a post. */
  nonces(
    blobIds: readonly Uint8Array[],
    count: number,
    /** Of a stranger's blobs: refused for a blob that is placed, whose nonces nobody may know. */
    isFresh?: boolean,
  ): Promise<readonly (readonly Uint8Array[])[]>
  /** Fills in the award's terms, checks them and the budget, signs. @throws `PLACEMENT_INVALID` when the draft does not fit the award. */
  sign(drafts: readonly PlacementDraft[]): Promise<readonly SignedPlacement[]>
  /** Durable when it resolves. A receipt booked already is accepted and changes nothing. */
  book(receipts: readonly Receipt[]): Promise<void>
  /**
   * `failed` did not take its lot (or broke off): the runner-up, who has the lot from now on, also for `award`.
   * `failed` is the zero address for a lot of `Award.missing` that a later run asks for again.
   * @throws `AUCTION_NO_BIDS` when there is none left
   */
  replace(ref: string, lot: number, failed: Address): Promise<AwardedLot>
  /** What is booked for this put so far. */
  progress(ref: string): Promise<readonly BookedBlob[]>
  /** Every share and copy is booked: the object exists. */
  finish(object: ObjectEntry): Promise<void>
}
