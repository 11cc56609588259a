/** `/holdfast/fetch/1`: a blob comes from a steward. docs/spec/wire.md §6. A stream carries any number of requests, one after another. */
import type { CborValue } from '../../base/codec.ts'
import { MAX_SUCCESSOR_BYTES } from '../../blob/successor.ts'
import { bytes, type Of, optional, record, uint, variants } from './fields.ts'
import { MAX_BLOB } from './placement.ts'

export const FETCH_PROTOCOL = '/holdfast/fetch/1'
/** Cap of each frame. Bytes. */
export const MAX_FETCH_BYTES = 1024

const message = variants('fetch', {
  /** Reader → steward: `length` bytes from `from` on (absent: to the end). `plain`: they may come over the plain endpoint. */
  get: record({
    blobId: bytes(32),
    token: bytes(32),
    from: uint(MAX_BLOB),
    length: optional(uint(MAX_BLOB)),
    plain: optional(uint(1, 1)),
  }),
  /**
   * Steward → reader: a blob of `total`. Raw bytes follow: first `successor` of them, the newest sealed successor record kept beside a
   * manifest copy (absent: none), then `length` of the blob.
   */
  blob: record({ length: uint(MAX_BLOB), total: uint(MAX_BLOB), successor: optional(uint(MAX_SUCCESSOR_BYTES, 1)) }),
  /** Steward → reader, in place of `blob` where `plain` was asked: the blob's bytes wait under this id; only the successor record follows here. */
  aside: record({
    transfer: bytes(32),
    length: uint(MAX_BLOB),
    total: uint(MAX_BLOB),
    successor: optional(uint(MAX_SUCCESSOR_BYTES, 1)),
  }),
})

export type FetchMessage = Of<typeof message>

export function encodeFetch(value: FetchMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeFetch(value: CborValue): FetchMessage {
  return message.decode(value, 'fetch')
}
