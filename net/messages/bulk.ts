/** What is said on the plain endpoint after the handshake. docs/spec/wire.md §12. One request a socket. */
import type { CborValue } from '../../base/codec.ts'
import { bytes, type Of, record, uint, variants } from './fields.ts'
import { MAX_BLOB } from './placement.ts'

/** Cap of each frame. Bytes. */
export const MAX_BULK_BYTES = 128

const message = variants('bulk', {
  /** Dialler → dialled: the bytes that were agreed on under this id. Answered by `bytes`. */
  take: record({ transfer: bytes(32) }),
  /** Dialled → dialler: raw bytes follow. */
  bytes: record({ length: uint(MAX_BLOB) }),
  /** Dialler → dialled: it brings what was agreed on under this id. Answered by `go`. */
  give: record({ transfer: bytes(32) }),
  /** Dialled → dialler: so many raw bytes are awaited; answered by `taken` when they are here, checked or not. */
  go: record({ length: uint(MAX_BLOB) }),
  /** Dialled → dialler: they are here. Whether they are the right ones is said on the encrypted channel. */
  taken: record({}),
})

export type BulkMessage = Of<typeof message>

export function encodeBulk(value: BulkMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeBulk(value: CborValue): BulkMessage {
  return message.decode(value, 'bulk')
}
