/** `/holdfast/sponsor/1`: a client without id stores through a sponsor (P12). docs/spec/wire.md §10. Any number of requests on one stream. */
import type { CborValue } from '../../base/codec.ts'
import { bytes, bytesUpTo, type Of, optional, record, text, variants } from './fields.ts'
import { placementField } from './placement.ts'

export const SPONSOR_PROTOCOL = '/holdfast/sponsor/1'
/** Cap of each frame. Bytes: the receipts of 64 blobs with their answers, as text. */
export const MAX_SPONSOR_BYTES = 1024 * 1024

const BODY = MAX_SPONSOR_BYTES - 256

const message = variants('sponsor', {
  /** Client → sponsor: a call of the put book; `args` is the UTF-8 of tagged JSON, an array. Answered by `result`. */
  call: record({ method: text(8), args: bytesUpTo(BODY) }),
  /** Sponsor → client: tagged JSON; no bytes where there is nothing to say. */
  result: record({ value: bytesUpTo(BODY) }),
  /**
   * Client → sponsor: pass this blob on to its steward. `ref` names the put; the placement carries the sponsor's own signature. The
   * blob's bytes follow at once; answered by `signed`.
   */
  blob: record({ ref: bytes(32), placement: placementField, signature: bytes(65), locator: optional(bytes(32)) }),
  /** Sponsor → client: the steward's countersignature. */
  signed: record({ signature: bytes(65) }),
})

export type SponsorMessage = Of<typeof message>

export function encodeSponsor(value: SponsorMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeSponsor(value: CborValue): SponsorMessage {
  return message.decode(value, 'sponsor')
}
