/** Repositories with inventories, for tests: placements both sides signed, over blobs that are really there or not. */
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { type Domain, type Placement, placementDigest } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import type { DepositEntry } from '../../net/messages/right.ts'
import { type Inventory, inventoryOf } from '../../pool/inventory.ts'
import type { SignedReceipt } from '../../pool/right-requester.ts'
import { rng } from '../net/nodes.ts'

export const MARKET: Domain = { chainId: 31337, contract: `0x${'a1'.repeat(20)}` }
export const AT = 1_800_000_000

export interface AnUploader {
  readonly secret: Uint8Array
  readonly account: Address
  readonly token: Uint8Array
  readonly advert: Uint8Array
}

export function anUploader(): AnUploader {
  const secret = rng.bytes(32)
  return { secret, account: addressOf(secret), token: rng.bytes(32), advert: rng.bytes(32) }
}

/** A blob that somebody placed with a steward. */
export interface Held extends SignedReceipt {
  readonly blob: Uint8Array
  readonly digest: Uint8Array
  readonly uploader: AnUploader
}

export function hold(
  steward: Uint8Array,
  uploader: AnUploader,
  blob: Uint8Array = rng.bytes(1000),
  change: Partial<Placement> = {},
): Held {
  const placement: Placement = {
    uploader: uploader.account,
    steward: addressOf(steward),
    blobId: blobIdOf(blob),
    length: blob.length,
    price: 10n ** 15n,
    egressPrice: 0n,
    egressFree: 2 ** 30,
    start: AT - DAY,
    end: AT + 89 * DAY,
    grace: 14 * DAY,
    bond: 0n,
    answersRoot: rng.bytes(32),
    tokenHash: sha256(uploader.token),
    advert: uploader.advert,
    offerUntil: AT,
    version: 1,
    ...change,
  }
  const digest = placementDigest(MARKET, placement)
  const signature = signDigest(uploader.secret, digest)
  return { placement, signature, countersignature: signDigest(steward, digest), blob, digest, uploader }
}

/** The commitment's tree over what is held. */
export function treeOver(held: readonly Held[]): Inventory {
  return inventoryOf(
    held.map(({ placement, digest }) => ({ blobId: placement.blobId, length: placement.length, digest })),
  )
}

export function receiptOf(held: readonly Held[]): (digest: Uint8Array) => Promise<SignedReceipt> {
  const found = new Map(held.map((one) => [toHex(one.digest), one]))
  return async (digest) => found.get(toHex(digest)) as Held
}

/** What its uploader lends for it. */
export function lent({ placement, signature, countersignature, uploader }: Held): DepositEntry {
  return { placement, signature, countersignature, tickets: [], token: uploader.token }
}
