/** `/holdfast/docket/1`: dockets too large for a note, and what a steward says about one. docs/spec/wire.md §7. */
import type { CborValue } from '../../base/codec.ts'
import { bytes, type Of, record, uint, variants } from './fields.ts'

export const DOCKET_PROTOCOL = '/holdfast/docket/1'
/** Cap of each frame; dockets themselves are raw bytes. Bytes. */
export const MAX_DOCKET_FRAME = 1024
/** Cap of a docket: u32 count and 64 bytes for each of 1.5 million challenges. Bytes. protocol.md §6. */
export const MAX_DOCKET = 96 * 1024 * 1024

const message = variants('docket', {
  /** Steward or monitor → uploader: the docket with this hash. */
  get: record({ docketHash: bytes(32) }),
  /** The answer: `length` raw bytes follow, whose keccak256 is the hash asked for. */
  docket: record({ length: uint(MAX_DOCKET, 4) }),
  /** Uploader → steward: the docket of this bounty. Answered by `go`, then the raw bytes, then `taken`. */
  push: record({ docketHash: bytes(32), bountyId: bytes(32), length: uint(MAX_DOCKET, 4) }),
  /**
   * Uploader → steward: is this bounty given back? `signature`: of the bounty's poster over `Demand(bountyId, docketHash)`. Answered by
   * `release` or `nothing`.
   */
  ask: record({ bountyId: bytes(32), docketHash: bytes(32), signature: bytes(65) }),
  /** Nothing to give back: still at work, swept, or not known here. */
  nothing: record({}),
  /** These blobs of its docket are lost; a `Release` of the bounty. `count` × 32 raw bytes follow, ascending; answered by `taken`. */
  release: record({ bountyId: bytes(32), deadline: uint(0xffffffff), signature: bytes(65), count: uint(1_500_000, 1) }),
  /**
   * Uploader → steward: a question of a bisection, over a part of a docket that was missed. `signature`: of the uploader over
   * `Docket(steward, docketHash, 0, until)`. Answered by `go`; then the raw bytes of the part, then `answer`.
   */
  bisect: record({ docketHash: bytes(32), until: uint(0xffffffff), signature: bytes(65), length: uint(MAX_DOCKET, 4) }),
  /** SHA-256("holdfast/bisect/1" ‖ claim secret of the part). */
  answer: record({ answer: bytes(32) }),
  go: record({}),
  taken: record({}),
})

export type DocketMessage = Of<typeof message>

export function encodeDocketMessage(value: DocketMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeDocketMessage(value: CborValue): DocketMessage {
  return message.decode(value, 'docket')
}
