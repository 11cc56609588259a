/** Which offers bind us: pure checks of a signed placement against the bid we made, and of a renewal against the placement we hold. */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Placement } from '../base/typed-data.ts'
import { GiB } from '../base/units.ts'
import { MAX_BLOB_BYTES } from '../blob/segment.ts'
import { LONGEST_TERM, SHORTEST_TERM } from '../pricing/bidder.ts'
import { assertRenewalPrice } from '../pricing/renewal.ts'
import { LONGEST_GRACE, RENEWAL_LEAD, START_AFTER, START_BEFORE } from './config.ts'
import type { BidRecord, Holding } from './records.ts'

/** An offer as it came, with the digest that both sides sign. */
export interface Offer {
  readonly placement: Placement
  /** The uploader's, 65 bytes. */
  readonly signature: Uint8Array
  readonly digest: Uint8Array
}

const refuse = (what: string): never => {
  throw new HoldfastError('PLACEMENT_INVALID', { what })
}

/** It names us, the uploader signed it, and its time is not over. @throws `PLACEMENT_INVALID` saying which is not so */
export function assertOffered({ placement, signature, digest }: Offer, steward: Address, now: number): void {
  if (placement.steward !== steward) refuse(`it is for ${placement.steward}`)
  if (recoverSigner(digest, signature) !== placement.uploader) refuse('the uploader did not sign it')
  if (now > placement.offerUntil) refuse('the offer has expired')
}

/** The first version: its terms are those of the bid. `placed`: bytes and blobs already held under the same advert. @throws `PLACEMENT_INVALID` */
export function assertAwarded(
  placement: Placement,
  bid: BidRecord | undefined,
  placed: { readonly bytes: number; readonly blobs: number },
  now: number,
): asserts bid is BidRecord {
  const { length, price, start, end } = placement
  if (!bid || bid.uploader !== placement.uploader || now > bid.until)
    return refuse(`we made no bid on advert ${toHex(placement.advert)}`)
  if (placement.version !== 1) refuse('a first placement has version 1')
  if (length < 1 || length > MAX_BLOB_BYTES) refuse(`a blob of ${length} bytes`)
  if (price < bid.price) refuse(`price ${price}, bid was ${bid.price}`)
  if (placement.egressPrice < bid.egressPrice)
    refuse(`egress price ${placement.egressPrice}, bid was ${bid.egressPrice}`)
  if (placement.egressFree > bid.egressFree)
    refuse(`${placement.egressFree} bytes free to read, bid were ${bid.egressFree}`)
  if (placement.bond > bid.bond) refuse(`bond ${placement.bond}, bid was ${bid.bond}`)
  if (placement.grace > bid.grace) refuse(`a grace of ${placement.grace} s, advertised were ${bid.grace}`)
  if (end - start !== bid.term) refuse(`a term of ${end - start} s, advertised were ${bid.term}`)
  if (start < now - START_BEFORE || start > now + START_AFTER || end <= now) refuse('a start that is not now')
  if (placed.bytes + length > bid.lotBytes || placed.blobs + 1 > bid.lotBlobs)
    refuse('more than the lot that was advertised')
}

/** Most that whoever pays nothing may have read free in 30 days. Bytes. */
const FREE_READS = 4 * GiB

/** A first placement without money: by a right that is checked elsewhere, at terms that bind us to nothing else. @throws `PLACEMENT_INVALID` */
export function assertFree(placement: Placement, now: number): void {
  const { length, start, end, advert } = placement
  if (placement.version !== 1) refuse('a first placement has version 1')
  if (length < 1 || length > MAX_BLOB_BYTES) refuse(`a blob of ${length} bytes`)
  if (advert.some((byte) => byte !== 0)) refuse('what is placed by right has no advert')
  if (placement.egressFree > FREE_READS) refuse(`${placement.egressFree} bytes free to read`)
  if (placement.bond > 0n) refuse(`bond ${placement.bond} without rent`)
  if (placement.grace > LONGEST_GRACE) refuse(`a grace of ${placement.grace} s`)
  if (end - start < SHORTEST_TERM || end - start > LONGEST_TERM) refuse(`a term of ${end - start} s`)
  if (start < now - START_BEFORE || start > now + START_AFTER || end <= now) refuse('a start that is not now')
}

/** True when only the time of the offer differs: an upload taken up again, whose first countersignature its uploader never booked. */
export function isSameDeal(a: Placement, b: Placement): boolean {
  return (Object.keys(a) as (keyof Placement)[]).every((key) => {
    const [one, other] = [a[key], b[key]]
    return (
      key === 'offerUntil' ||
      (one instanceof Uint8Array && other instanceof Uint8Array ? equalBytes(one, other) : one === other)
    )
  })
}

/** The next version: the same bytes, a price (whether it is enough is the bidder's business), a later end. `last`: the newest version both signed. @throws `PLACEMENT_INVALID` */
export function assertRenewal(
  placement: Placement,
  holding: Holding | undefined,
  last: Placement | undefined,
  now: number,
): asserts holding is Holding {
  if (!holding || !last || holding.held.state === 'pruned') return refuse('its blob is not held for this uploader')
  if (holding.held.state === 'warned') refuse('it is unpaid')
  if (placement.version !== last.version + 1) refuse(`version ${placement.version}, the newest is ${last.version}`)
  if (placement.length !== last.length) refuse('another length')
  if (placement.price === 0n) refuse('what was placed by right is placed anew')
  if (holding.leaving !== undefined) refuse('notice was given')
  assertRenewalPrice(placement.price, placement.length, placement.end - placement.start)
  if (placement.egressPrice < last.egressPrice || placement.egressFree > last.egressFree)
    refuse('worse terms for reading')
  if (placement.bond > last.bond) refuse('a larger bond')
  if (placement.grace > last.grace) refuse('a longer grace')
  if (placement.start !== last.start) refuse('another start')
  if (placement.end <= last.end || placement.end <= now) refuse('it ends no later')
  if (placement.end > now + LONGEST_TERM + RENEWAL_LEAD) refuse('it ends too late')
}
