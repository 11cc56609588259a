/** `/holdfast/store/1`: a blob goes to a steward. docs/spec/wire.md §5. A stream carries any number of requests, one after another. */
import { u32, utf8 } from '../../base/bytes.ts'
import type { CborValue } from '../../base/codec.ts'
import { keccak256 } from '../../base/hash.ts'
import { MAX_SUCCESSOR_BYTES } from '../../blob/successor.ts'
import { bytes, type Of, optional, record, uint, uint128, variants } from './fields.ts'
import { MAX_BLOB, placementField } from './placement.ts'
import { rightField } from './right.ts'

export const STORE_PROTOCOL = '/holdfast/store/1'
/** Cap of each frame. Bytes. */
export const MAX_STORE_BYTES = 4096

const message = variants('store', {
  /**
   * Uploader → steward: take this blob at these terms. `locator`: announce it under the locator (a manifest copy), else under its id. `right`: of
   * who offers no money, a grant for this steward.
   */
  offer: record({
    placement: placementField,
    signature: bytes(65),
    locator: optional(bytes(32)),
    right: optional(rightField),
    /** The bytes may be brought to the plain endpoint. */
    plain: optional(uint(1, 1)),
  }),
  /**
   * Steward → uploader: send the bytes from `offset` on; the raw bytes follow. `offset` = length: they are here already. `transfer`: bring them
   * to the plain endpoint under this id; no raw bytes follow here, but `sent`, or `inline` when that did not work.
   */
  go: record({ offset: uint(MAX_BLOB), transfer: optional(bytes(32)) }),
  /** Uploader → steward: the bytes are at the plain endpoint. Answered by `signed`, or by `go` without transfer when they are not the blob. */
  sent: record({}),
  /** Uploader → steward: they did not get there. Answered by `go` without transfer. */
  inline: record({}),
  /** Steward → uploader: it is durable; the countersignature over the placement's digest. Answers an offer's bytes and a renewal. */
  signed: record({ signature: bytes(65) }),
  /** Uploader → steward: the next version of a placement whose bytes are here. Answered by `signed`. */
  renewal: record({ placement: placementField, signature: bytes(65) }),
  /** Uploader → steward: at what price do you go on for another term? `placement`: digest of one of its versions. Answered by `quote` or `leaving`. */
  terms: record({ placement: bytes(32) }),
  /** Steward → uploader: wei per GiB-month, for the next term. */
  quote: record({ price: uint128 }),
  /** Steward → uploader: its notice, over `noticeDigest` of the placement and this end. It binds once the uploader's own `notice` says the same. */
  leaving: record({ end: uint(0xffffffff, 1), signature: bytes(65) }),
  /** Uploader → steward: notice, or taking the steward's: the contract ends then. `placement` as in `terms`. Answered by `taken`. */
  notice: record({ placement: bytes(32), end: uint(0xffffffff, 1), signature: bytes(65) }),
  /** Uploader → steward: `Rows`, further answers; `placement` is the placement's digest. Answered by `taken`. */
  rows: record({ placement: bytes(32), answersRoot: bytes(32), signature: bytes(65) }),
  /**
   * Uploader → steward: a successor record for the copy `blobId`, signed by the placement's uploader (see `successorDigest`).
   * `length` raw bytes, the sealed record, follow at once; answered by `taken`.
   */
  successor: record({
    blobId: bytes(32),
    version: uint(0xffffffff, 1),
    length: uint(MAX_SUCCESSOR_BYTES, 1),
    signature: bytes(65),
  }),
  /** Steward → uploader: done. */
  taken: record({}),
})

export type StoreMessage = Of<typeof message>
/** One request of an uploader. */
export type StoreRequest = Extract<
  StoreMessage,
  { readonly kind: 'offer' | 'renewal' | 'terms' | 'notice' | 'rows' | 'successor' }
>

export function encodeStore(value: StoreMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeStore(value: CborValue): StoreMessage {
  return message.decode(value, 'store')
}

/** What the placement's uploader signs with a successor record: keccak256("holdfast/successor-for/1" ‖ blob id ‖ u32 version ‖ sealed record). */
export function successorDigest(blobId: Uint8Array, version: number, sealed: Uint8Array): Uint8Array {
  return keccak256(utf8('holdfast/successor-for/1'), blobId, u32(version), sealed)
}

/**
 * What either side signs to give notice, and the uploader to take the steward's: keccak256("holdfast/notice/1" ‖ digest of the placement's first
 * version ‖ u32 end).
 */
export function noticeDigest(placement: Uint8Array, end: number): Uint8Array {
  return keccak256(utf8('holdfast/notice/1'), placement, u32(end))
}
