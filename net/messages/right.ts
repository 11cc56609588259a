/** `/holdfast/right/1`: the right to store (P9). docs/spec/wire.md §9. One request a stream. */
import { utf8 } from '../../base/bytes.ts'
import { type CborValue, encodeCbor } from '../../base/codec.ts'
import type { Address } from '../../base/curve.ts'
import { keccak256 } from '../../base/hash.ts'
import { address, bytes, list, type Of, optional, record, row, uint, variants } from './fields.ts'
import { placementField } from './placement.ts'

export const RIGHT_PROTOCOL = '/holdfast/right/1'
/** Cap of each frame. Bytes. protocol.md §6. */
export const MAX_RIGHT_BYTES = 256 * 1024
/** Draws answered in one frame, placements challenged in one request, entries of one deposit. */
export const DRAWS_PER_PAGE = 32
export const MAX_CHALLENGES = 1024
export const MAX_DEPOSIT = 256

const UINT32 = 0xffffffff

const commitmentFields = {
  /** keccak256(chainId, registrar). */
  pool: bytes(32),
  requester: address,
  verifier: address,
  /** Whom the grant is to be for. */
  audience: address,
  /** Asked for. Bytes. */
  bytes: uint(Number.MAX_SAFE_INTEGER, 1),
  /** The inventory: bytes (0: there is none), placements, different uploaders, root (zeros when there is none). */
  total: uint(),
  count: uint(UINT32),
  uploaders: uint(UINT32),
  root: bytes(32),
  /** Bytes it may store elsewhere by other grants that live. */
  used: uint(),
  /** Chain time. */
  at: uint(UINT32),
}
const unsignedCommitment = record(commitmentFields)
const commitment = record({ ...commitmentFields, signature: bytes(65) })

const receiptFields = { placement: placementField, signature: bytes(65), countersignature: bytes(65) }
const sibling = row({ sum: uint(), hash: bytes(32), left: uint(1) })

export const grantField = record({
  pool: bytes(32),
  requester: address,
  verifier: address,
  audience: address,
  bytes: uint(Number.MAX_SAFE_INTEGER, 1),
  expires: uint(UINT32),
  id: bytes(32),
})
const transfer = record({ to: address, bytes: uint(Number.MAX_SAFE_INTEGER, 1), signature: bytes(65) })
/** A grant with its transfers, as an offer of store/1 carries it. */
export const rightField = record({ grant: grantField, signature: bytes(65), transfers: list(transfer, 4) })

const depositEntry = record({
  ...receiptFields,
  /** Nonce and SHA-256 of the answer: sealed tickets, two of a placement (pool.md). */
  tickets: list(row({ nonce: bytes(32), seal: bytes(32) }), 2),
  /** Read token, lent so that the verifier may read the blob and hash it. */
  token: optional(bytes(32)),
})

const message = variants('right', {
  /** Requester → verifier: a signed commitment. Answered by `draw`, by `granted` (allowance), or an error. */
  ask: record({ commitment }),
  /** Verifier → requester: the byte offsets number `first` to `first + count − 1` under the seed. Answered by `leaves`. */
  draw: record({ seed: bytes(32), first: uint(UINT32), count: uint(DRAWS_PER_PAGE, 1) }),
  /** Requester → verifier: the placement at each offset, in order, with its way to the root. Answered by `draw` or `challenge`. */
  leaves: record({
    entries: list(record({ ...receiptFields, path: list(sibling, 48) }), DRAWS_PER_PAGE, 1),
  }),
  /** Verifier → requester: answer these; blobs that were drawn, each once. Answered by `answers`. */
  challenge: record({ nonces: list(row({ blobId: bytes(32), nonce: bytes(32) }), MAX_CHALLENGES, 1) }),
  /** Requester → verifier: in the order of the nonces. Answered by `granted` or an error. */
  answers: record({ answers: list(bytes(32), MAX_CHALLENGES, 1) }),
  /** Verifier → requester. */
  granted: record({ right: rightField }),
  /** Uploader → verifier: what is needed to check its placements with others. Signed by the uploader of all of them (see `depositDigest`). */
  deposit: record({ verifier: address, entries: list(depositEntry, MAX_DEPOSIT, 1), signature: bytes(65) }),
  /** Verifier → uploader: so many are kept. */
  taken: record({ count: uint(MAX_DEPOSIT) }),
})

export type RightMessage = Of<typeof message>
/** What the requester says of its inventory, without signature. */
export type CommitmentTerms = Of<typeof unsignedCommitment>
export type Commitment = Of<typeof commitment>
export type DepositEntry = Of<typeof depositEntry>

export function encodeRight(value: RightMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeRight(value: CborValue): RightMessage {
  return message.decode(value, 'right')
}

/** What the requester signs: keccak256("holdfast/inventory/1" ‖ CBOR of the commitment without signature). */
export function commitmentDigest(terms: CommitmentTerms): Uint8Array {
  return keccak256(utf8('holdfast/inventory/1'), encodeCbor(unsignedCommitment.encode(terms)))
}

/** What the uploader signs: keccak256("holdfast/deposit/1" ‖ CBOR {verifier, entries}). */
export function depositDigest(verifier: Address, entries: readonly DepositEntry[]): Uint8Array {
  const encoded = { verifier: address.encode(verifier), entries: entries.map((entry) => depositEntry.encode(entry)) }
  return keccak256(utf8('holdfast/deposit/1'), encodeCbor(encoded))
}
