/** One blob with one steward, its terms and all its answers, as both sides would have signed them; for tests that book it in a ledger. */
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { type Domain, type Placement, placementDigest } from '../../base/typed-data.ts'
import { DAY, MiB } from '../../base/units.ts'
import { answersRootOf } from '../../blob/answers-root.ts'
import { answerRows, nonceOf } from '../../blob/challenge.ts'
import { POLICY } from '../../controller/policy.ts'

export interface Wanted {
  readonly domain: Domain
  readonly nonceKey: Uint8Array
  readonly uploader: Address
  readonly steward: Address
  readonly blob: Uint8Array
  readonly start: number
  /** Bytes that are paid for; the blob itself may be shorter. */
  readonly length?: number
  /** Wei of HOLD per GiB-month. */
  readonly price?: bigint
}

/** `id`: hex of the placement's digest. */
export interface BookedBlob {
  readonly id: string
  readonly placement: Placement
  readonly answers: readonly Uint8Array[]
}

export function aBookedBlob({
  domain,
  nonceKey,
  uploader,
  steward,
  blob,
  start,
  length = 24 * MiB,
  price = 5_000_000_000_000_000n,
}: Wanted): BookedBlob {
  const blobId = sha256(blob)
  const nonces = Array.from({ length: POLICY.rows }, (_, row) => nonceOf(nonceKey, blobId, row))
  const answers = answerRows(domain, blobId, blob, nonces)
  const placement: Placement = {
    uploader,
    steward,
    blobId,
    length,
    price,
    egressPrice: 0n,
    egressFree: 0,
    start,
    end: start + 90 * DAY,
    grace: POLICY.grace,
    bond: 0n,
    answersRoot: answersRootOf(answers),
    tokenHash: new Uint8Array(32),
    advert: new Uint8Array(32),
    offerUntil: start + DAY,
    version: 1,
  }
  return { id: toHex(placementDigest(domain, placement)), placement, answers }
}
