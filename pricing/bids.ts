/**
 * Sealed bids: what a steward asks, how it is committed to, and which reveals count. market.md, steps 2 and 3. Pure.
 * net/messages/bid.ts carries the same records over the wire; test/pricing/bids.test.ts holds the two encodings together.
 */
import { equalBytes, fromHex, uintBytes, utf8 } from '../base/bytes.ts'
import { encodeCbor } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'

/** What one steward asks for one lot. */
export interface Bid {
  readonly steward: Address
  /** Wei of HOLD per GiB-month. */
  readonly price: bigint
  /** Wei of HOLD per GiB read beyond `egressFree` bytes of a placement per 30 days. */
  readonly egressPrice: bigint
  readonly egressFree: number
  /** Gwei of HOLD at stake for this lot. */
  readonly bond: bigint
  /** Bytes the steward can still take, where it says so. */
  readonly capacity?: number | undefined
}

/** A commitment, and what was revealed for it, if anything. */
export interface SealedBid {
  readonly steward: Address
  /** 32 bytes, published before any reveal. */
  readonly commit: Uint8Array
  readonly bid?: Bid
  /** 32 bytes. */
  readonly salt?: Uint8Array
  /** The commitment or the reveal came after its window. */
  readonly late?: boolean
}

/** Dearer bids are refused as absurd: 2⁹⁶ wei a GiB-month, 79 thousand million HOLD. What is below it never overflows a uint128 in any sum. */
export const ABSURD_PRICE = 1n << 96n

/** CBOR of a bid: the only form that is hashed. Wei as big-endian bytes without leading zeros, for CBOR integers end at 2⁶⁴. */
export function encodeBid(bid: Bid): Uint8Array {
  return encodeCbor({
    steward: fromHex(bid.steward, 20),
    price: shortest(bid.price),
    egressPrice: shortest(bid.egressPrice),
    egressFree: bid.egressFree,
    bond: bid.bond <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bid.bond) : bid.bond,
    ...(bid.capacity === undefined ? {} : { capacity: bid.capacity }),
  })
}

/** SHA-256("holdfast/bid/1" ‖ CBOR(bid) ‖ salt): hides the bid, and holds its maker to it. @param salt 32 random bytes */
export function commitOf(bid: Bid, salt: Uint8Array): Uint8Array {
  return sha256(utf8('holdfast/bid/1'), encodeBid(bid), salt)
}

/** SHA-256 of the bid: decides between equal scores, in a way no bidder can choose for another. market.md step 3. */
export function bidHash(bid: Bid): Uint8Array {
  return sha256(encodeBid(bid))
}

/** Why a bid does not count. */
export type Refusal =
  | 'not-invited'
  | 'late' // after its window
  | 'withdrawn' // committed and not revealed
  | 'not-positive' // a price of nothing or less: nobody stores for that, and nobody is asked to believe it
  | 'absurd' // a number that no market gives, or that does not fit its type
  | 'wrong-reveal' // the reveal does not fit the commitment
  | 'wrong-steward' // a bid in another one's name
  | 'second-bid' // one lot a steward, so one bid
  | 'holds-a-lot'
  | 'no-room' // it says itself that it cannot take the lot
  | 'egress-price' // asks more for reading than the advert allows
  | 'bond-short' // less bond than the auction asks for, or less stake behind it
  | 'over-reserve'
  | 'cluster' // its network has its share already
  | 'newcomer' // newcomers have their share already

/** A bid that does not fit its commitment counts for nothing; `undefined`: it fits. */
export function checkReveal(sealed: SealedBid): Refusal | undefined {
  const { bid, salt, commit, steward } = sealed
  if (sealed.late) return 'late'
  if (!bid || !salt) return 'withdrawn'
  if (bid.steward !== steward) return 'wrong-steward'
  const broken = checkNumbers(bid)
  if (broken) return broken
  if (salt.length !== 32 || !equalBytes(commitOf(bid, salt), commit)) return 'wrong-reveal'
  return undefined
}

/** Numbers no honest bid has; `undefined`: they make sense. Looked at before anything is encoded, so that nothing overflows. */
function checkNumbers({ price, egressPrice, egressFree, bond, capacity }: Bid): Refusal | undefined {
  if (price <= 0n) return 'not-positive'
  const isByteCount = (count: number) => Number.isSafeInteger(count) && count >= 0
  const isSane =
    price < ABSURD_PRICE &&
    egressPrice >= 0n &&
    egressPrice < ABSURD_PRICE &&
    bond >= 0n &&
    bond < 1n << 64n &&
    isByteCount(egressFree) &&
    (capacity === undefined || isByteCount(capacity))
  return isSane ? undefined : 'absurd'
}

function shortest(value: bigint): Uint8Array {
  return value === 0n ? new Uint8Array() : uintBytes(value, Math.ceil(value.toString(16).length / 2))
}
