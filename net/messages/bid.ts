/** `/holdfast/bid/1`: one sealed-bid auction, one stream per invited steward (market.md). docs/spec/wire.md §4. */
import { utf8 } from '../../base/bytes.ts'
import { type CborValue, encodeCbor } from '../../base/codec.ts'
import type { Address } from '../../base/curve.ts'
import { keccak256, sha256 } from '../../base/hash.ts'
import { address, bytes, list, type Of, optional, record, row, uint, uint64, uint128, variants } from './fields.ts'

export const BID_PROTOCOL = '/holdfast/bid/1'
/** Cap of each frame. Bytes. protocol.md §6. */
export const MAX_BID_BYTES = 4096
/** Entries that fit a page with its keys, of commits and of reveals. */
export const COMMITS_PER_PAGE = 50
export const REVEALS_PER_PAGE = 16
/** Bidders of one auction. */
export const MAX_BIDDERS = 4096

const UINT32 = 0xffffffff

const advertFields = {
  chainId: uint(),
  market: address,
  uploader: address,
  /** 32 random bytes: equal puts have different adverts. */
  id: bytes(32),
  /** Lots in order: `count` of them with `blobs` blobs and `bytes` bytes each; n in all. */
  lots: list(row({ count: uint(256, 1), bytes: uint(), blobs: uint(UINT32, 1) }), 64, 1),
  k: uint(256, 1),
  n: uint(256, 1),
  /** Seconds of chain time. */
  term: uint(UINT32, 1),
  /** Highest score that can win. Wei per GiB-month. */
  reserve: uint128,
  /** Windows, from the moment the advert was received. Milliseconds. */
  commitMs: uint(3_600_000),
  revealMs: uint(3_600_000),
  /** What a bid may ask at most for reading beyond `egressFree` bytes a month. Wei per GiB. */
  egressPrice: uint128,
  egressFree: uint(),
  /** Seconds between unpaid notice and pruning. */
  grace: uint(UINT32),
  /** Spread: most lots per operator cluster and for newcomers (younger than 30 days); 0: the rule is off. */
  perCluster: uint(256),
  newcomers: uint(256),
  /** Least bond for one lot, gwei, of which so much stands on the chain; absent: any. */
  bond: optional(uint64),
}
const unsignedAdvert = record(advertFields)
const advert = record({ ...advertFields, signature: bytes(65) })

const bid = record({
  steward: address,
  /** Wei per GiB-month. */
  price: uint128,
  /** Wei per GiB beyond `egressFree` bytes per 30 days. */
  egressPrice: uint128,
  egressFree: uint(),
  /** Gwei at stake for this lot. */
  bond: uint64,
  /** Bytes the steward can still take, where it says so. */
  capacity: optional(uint()),
})

/** One line of the published list of commits. */
const commitEntry = row({
  steward: address,
  commit: bytes(32),
  /** That it holds a lot to the end of the term. Ppm. */
  confidence: uint(1_000_000),
  /** Stewards with the same number fall together; 0: it stands alone. */
  cluster: uint(MAX_BIDDERS),
  /** 1: registered less than 30 days ago. */
  newcomer: uint(1),
  /** Stake behind its bond, gwei. */
  backing: uint64,
})

/** What is cleared by, beside the advert: all of it published before any bid is opened. */
const rules = record({
  /** Share indexes that are given out. */
  lots: list(uint(255), 256),
  /** Wei per GiB-month, at most the advert's. */
  reserve: uint128,
  /** Most lots for newcomers; absent: the rule is off. */
  newcomers: optional(uint(256)),
  /** Clusters of those who have a lot already. */
  held: list(uint(MAX_BIDDERS), 256),
})
/** One line of the clearing. */
const revealEntry = record({ bid, salt: bytes(32), lot: optional(uint(255)) })

const message = variants('bid', {
  /** Controller → steward. `txHash`: the transaction that paid the advert fee. Answered by `sealed`, or an error: no bid. */
  invite: record({ advert, txHash: optional(bytes(32)) }),
  /** Steward → controller: SHA-256("holdfast/bid/1" ‖ CBOR(bid) ‖ salt), signed (see `commitDigest`). */
  sealed: record({ commit: bytes(32), signature: bytes(65) }),
  /** Controller → steward: the commits are these and no others; `commits` pages follow until `count` are told. Answered by `reveal`. */
  book: record({ root: bytes(32), count: uint(MAX_BIDDERS, 1), rules }),
  commits: record({ entries: list(commitEntry, COMMITS_PER_PAGE, 1) }),
  /** Steward → controller: the bid of its commit. */
  reveal: record({ bid, salt: bytes(32) }),
  /** Controller → steward: uniform price; `lot`: the one the steward won, absent: none. `reveals` pages follow until `count` are told. */
  outcome: record({ price: uint128, lot: optional(uint(255)), count: uint(MAX_BIDDERS), signature: bytes(65) }),
  reveals: record({ entries: list(revealEntry, REVEALS_PER_PAGE, 1) }),
})

/** Parts of an auction in records that are kept: evidence of a wrong clearing. */
export const advertField = advert
export const commitEntryField = commitEntry
export const revealEntryField = revealEntry
export const rulesField = rules

/** What an advert says, without signature. */
export type AdvertTerms = Of<typeof unsignedAdvert>
/** A signed advert. */
export type Advert = Of<typeof advert>
export type Bid = Of<typeof bid>
export type CommitEntry = Of<typeof commitEntry>
/** What is cleared by, beside the advert. */
export type AuctionRules = Of<typeof rules>
export type RevealEntry = Of<typeof revealEntry>
export type BidMessage = Of<typeof message>

/** Bytes of the largest lot: what one steward would hold. */
export function lotBytes(terms: AdvertTerms): number {
  return Math.max(...terms.lots.map((lot) => lot.bytes))
}

export function encodeBidMessage(value: BidMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeBidMessage(value: CborValue): BidMessage {
  return message.decode(value, 'bid')
}

/** What the uploader signs: keccak256("holdfast/advert/1" ‖ CBOR of the advert without signature). */
export function advertDigest(terms: AdvertTerms): Uint8Array {
  return keccak256(utf8('holdfast/advert/1'), encodeCbor(unsignedAdvert.encode(terms)))
}

/** The advert's name on chain and in placements: SHA-256 of the signed advert's CBOR. */
export function advertHashOf(value: Advert): Uint8Array {
  return sha256(encodeCbor(advert.encode(value)))
}

/** SHA-256("holdfast/bid/1" ‖ CBOR(bid) ‖ salt). market.md step 2. */
export function bidCommit(value: Bid, salt: Uint8Array): Uint8Array {
  return sha256(utf8('holdfast/bid/1'), encodeCbor(bid.encode(value)), salt)
}

/** SHA-256 of a bid's CBOR: breaks ties between scores. market.md step 3. */
export function bidHash(value: Bid): Uint8Array {
  return sha256(encodeCbor(bid.encode(value)))
}

/** What a steward signs with its commit: keccak256("holdfast/commit/1" ‖ advert hash ‖ commit). */
export function commitDigest(advertHash: Uint8Array, commit: Uint8Array): Uint8Array {
  return keccak256(utf8('holdfast/commit/1'), advertHash, commit)
}

/** Root of rules and list, ascending by steward: SHA-256("holdfast/commits/2" ‖ advert hash ‖ CBOR of the rules ‖ CBOR of each entry). */
export function commitsRoot(advertHash: Uint8Array, rule: AuctionRules, entries: readonly CommitEntry[]): Uint8Array {
  const parts = byBidder(entries, (entry) => entry.steward).map((entry) => encodeCbor(commitEntry.encode(entry)))
  return sha256(utf8('holdfast/commits/2'), advertHash, encodeCbor(rules.encode(rule)), ...parts)
}

/** What the uploader signs with the outcome: keccak256("holdfast/clearing/1" ‖ CBOR {advert, root, price, entries ascending by steward}). */
export function clearingDigest(
  advertHash: Uint8Array,
  root: Uint8Array,
  price: bigint,
  entries: readonly RevealEntry[],
): Uint8Array {
  const sorted = byBidder(entries, (entry) => entry.bid.steward).map((entry) => revealEntry.encode(entry))
  return keccak256(
    utf8('holdfast/clearing/1'),
    encodeCbor({ advert: advertHash, root, price: uint128.encode(price), entries: sorted }),
  )
}

function byBidder<T>(entries: readonly T[], steward: (entry: T) => Address): T[] {
  return [...entries].sort((a, b) => (steward(a) < steward(b) ? -1 : 1))
}
