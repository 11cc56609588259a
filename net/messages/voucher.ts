/** `/holdfast/voucher/1`: a round that is settled without the chain: docket, sweep signature, voucher. docs/spec/wire.md §13. */
import type { CborValue } from '../../base/codec.ts'
import { MAX_DOCKET } from './docket.ts'
import { address, bytes, type Of, optional, record, uint, uint64, uint128, variants } from './fields.ts'

export const VOUCHER_PROTOCOL = '/holdfast/voucher/1'
/** Cap of each frame; dockets themselves are raw bytes. Bytes. protocol.md §6. */
export const MAX_VOUCHER_FRAME = 4096

const message = variants('voucher', {
  /**
   * Uploader → steward: the docket of a round, off chain. `amount`: gwei it pays; `signature`: of the uploader over
   * `Docket(steward, docketHash, amount, deadline)`. Answered by `go`, then the raw bytes, then `answer`.
   */
  offer: record({
    docketHash: bytes(32),
    amount: uint64,
    deadline: uint(0xffffffff),
    length: uint(MAX_DOCKET, 4),
    signature: bytes(65),
  }),
  go: record({}),
  /**
   * The sweep signature: by the claim secret of the docket over `Sweep(steward, deadline)`. `known`: the highest voucher that its signer has
   * from this uploader; absent: none. Answered by `voucher`.
   */
  answer: record({ signature: bytes(65), known: optional(record({ cumulative: uint128, signature: bytes(65) })) }),
  /**
   * Uploader → steward: what it promised in all, gwei. `round`: hash of the docket it is for; `signature`: of `from` over
   * `Voucher(from, steward, cumulative)`. Also the first message of a stream, as often as it takes. Answered by `taken`.
   */
  voucher: record({ round: bytes(32), from: address, cumulative: uint128, signature: bytes(65) }),
  /** It is on disk. */
  taken: record({}),
})

export type VoucherMessage = Of<typeof message>

export function encodeVoucherMessage(value: VoucherMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeVoucherMessage(value: CborValue): VoucherMessage {
  return message.decode(value, 'voucher')
}
