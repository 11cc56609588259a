/**
 * What the steward knows of one placement it countersigned: terms, payments, notice. Plain readonly data; `decide` alone makes the next one.
 * Times are seconds of chain time. Kept for ever, also when the bytes are gone: it is the receipt's history.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Placement } from '../base/typed-data.ts'

/** `held`: bytes kept. `warned`: kept, and the uploader was told that they go. `pruned`: this placement no longer keeps them. */
export type HeldState = 'held' | 'warned' | 'pruned'

/** One round that was paid: a final sweep, or a voucher for it. */
export interface Payment {
  /** Bounty id, or the name of the voucher's round; hex. */
  readonly id: string
  /** Block time of the sweep, or when the voucher came. */
  readonly at: number
  /** What it paid up to (protocol.md §5, Interval). */
  readonly cut: number
}

/** A bounty over this blob that can still be swept. */
export interface OpenBounty {
  readonly id: string
  readonly deadline: number
}

export interface HeldPlacement {
  /** EIP-712 digest of the first signed version, hex: the placement's name for ever. */
  readonly id: string
  readonly uploader: Address
  /** Hex. */
  readonly blobId: string
  readonly length: number
  /** Wei of HOLD per GiB and 30 days. */
  readonly price: bigint
  readonly start: number
  readonly end: number
  /** Seconds between notice and pruning, as signed. */
  readonly grace: number
  /** Of the highest version both sides signed. */
  readonly version: number
  /** Newest payments, oldest first: enough to survive a reorganisation of the chain. */
  readonly payments: readonly Payment[]
  /** The newest of the payments that are no longer listed. */
  readonly settled: Payment
  readonly open: readonly OpenBounty[]
  readonly notice?: { readonly n: number; readonly at: number; readonly pruneAfter: number; readonly warned: number }
  /** Notices so far. */
  readonly notices: number
  /**
   * Its bytes are gone or wrong: since when, and how that was noticed. Nothing is answered or served for it. `told`: its uploader knows,
   * and has taken the bounty over it back by our release.
   */
  readonly lost?: { readonly at: number; readonly why: string; readonly told?: true }
  readonly prunedAt?: number
  readonly reason?: 'unpaid' | 'ended' | 'lost'
  readonly state: HeldState
}

/** A placement at the moment of its countersignature. `id` is the hex digest of `placement`. */
export function holdPlacement(id: string, placement: Placement): HeldPlacement {
  return {
    id,
    uploader: placement.uploader,
    blobId: toHex(placement.blobId),
    length: placement.length,
    price: placement.price,
    start: placement.start,
    end: placement.end,
    grace: placement.grace,
    version: placement.version,
    payments: [],
    settled: { id: '', at: placement.start, cut: placement.start },
    open: [],
    notices: 0,
    state: 'held',
  }
}

/** The last payment; before the first one, the start of the term stands in for it. */
export function lastPaymentOf(held: HeldPlacement): Payment {
  return held.payments.reduce((last, payment) => (payment.at >= last.at ? payment : last), held.settled)
}

/** Up to when everything is paid. */
export function paidUntil(held: HeldPlacement): number {
  return held.payments.reduce((cut, payment) => Math.max(cut, payment.cut), held.settled.cut)
}

/** The bytes of a blob may go when every placement over it is pruned. protocol.md §5: state is kept by placement, not by blob id. */
export function areBytesFree(placementsOfBlob: Iterable<HeldPlacement>): boolean {
  for (const held of placementsOfBlob) if (held.state !== 'pruned') return false
  return true
}
