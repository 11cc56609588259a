/** Errors across a stream: a peer gets the number and nothing else; what it sends becomes an error of ours that names it. */
import type { CborValue } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, codeOfWire, ERRORS, type ErrorCode, HoldfastError } from '../base/errors.ts'

/** Codes that mean the same on either side. All others speak of the peer's own state and are told as `PEER_REFUSED`. */
const SHARED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TIMED_OUT',
  'INPUT_FORMAT',
  'INPUT_RANGE',
  'BLOB_CORRUPT',
  'BLOB_UNKNOWN',
  'NET_MALFORMED',
  'NET_OVERSIZE',
  'NET_TIMEOUT',
  'NET_PROTOCOL',
  'NET_TRANSFER',
  'PEER_HANDSHAKE',
  'PEER_STANDING',
  'PEER_CLOCK',
  'PEER_BUSY',
  'PEER_REFUSED',
  'FUNDS_PRICE',
  'AUCTION_CHEAT',
  'PLACEMENT_INVALID',
  'SUCCESSOR_OLD',
  'BOUNTY_INVALID',
  'VOUCHER_INVALID',
  'VOUCHER_OLD',
  'VOUCHER_SHORT',
  'VOUCHER_UNCOVERED',
  'VOUCHER_OWED',
  'POOL_UNREGISTERED',
  'POOL_NO_ROLE',
  'GRANT_WRONG',
  'RIGHT_INVALID',
  'RIGHT_UNPROVEN',
  'EVIDENCE_FOREIGN',
  'EVIDENCE_INVALID',
  'EVIDENCE_REPLAYED',
  'EVIDENCE_MUTED',
])

/** The frame that ends a stream in place of an answer. */
export function encodeError(cause: unknown): CborValue {
  return { error: ERRORS[asHoldfastError(cause).code].wire }
}

/** The error in a frame, if it is an error frame. `data.told` is the peer's own code or number; it is never trusted as more than its word. */
export function errorOf(value: CborValue, peer: Address): HoldfastError | undefined {
  if (typeof value !== 'object' || value instanceof Uint8Array || Array.isArray(value)) return undefined
  const fields = value as { readonly [key: string]: CborValue }
  const number = fields.error
  if (number === undefined || Object.keys(fields).length !== 1) return undefined
  if (typeof number !== 'number')
    return new HoldfastError('NET_MALFORMED', { what: 'an error that is not a number', peer })
  const code = codeOfWire(number)
  const told = code ?? String(number)
  if (code === undefined || !SHARED.has(code)) return new HoldfastError('PEER_REFUSED', { peer, what: told, told })
  return new HoldfastError(code, { peer, what: `${peer} said so`, name: peer, told })
}
