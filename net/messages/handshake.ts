/** `/holdfast/handshake/1`: who is there (protocol.md §7). docs/spec/wire.md §3. The protocol id stands in net/node.ts. */
import type { CborValue } from '../../base/codec.ts'
import { address, bytes, type Of, optional, record, uint, variants } from './fields.ts'

/** Cap of each frame. Bytes. */
export const MAX_HANDSHAKE_BYTES = 1024

const UINT32 = 0xffffffff
/** A signed Hello: also shown as evidence, when its author signed two that contradict. */
export const helloField = record({
  connectionId: bytes(32),
  nonce: bytes(32),
  time: uint(),
  from: address,
  to: address,
  pool: bytes(32),
  roles: uint(UINT32),
  version: uint(UINT32),
  signature: bytes(65),
})

const message = variants('handshake', {
  /** A → B. `from` absent: an anonymous client. */
  hi: record({ connectionId: bytes(32), from: optional(address) }),
  /** B → A: a signed Hello. `to` is zero for an anonymous client. */
  hello: helloField,
  /** A → B: a signed Welcome; not sent by an anonymous client. `hello` is the digest of the Hello. */
  welcome: record({ hello: bytes(32), time: uint(), from: address, to: address, signature: bytes(65) }),
})

export type HandshakeMessage = Of<typeof message>

export function encodeHandshake(value: HandshakeMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeHandshake(value: CborValue): HandshakeMessage {
  return message.decode(value, 'handshake')
}
