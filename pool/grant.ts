/**
 * Grants of the right to store (P8, P9): signed by the verifier, spent once, byte by byte, with the steward they are for. Who has one may pass it on to
 * a client it sponsors, never for more than it has. Pure; the audience remembers what was spent, durably and before the act.
 */
import { concat, equalBytes, fromHex, u32, u64, utf8 } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { keccak256 } from '../base/hash.ts'

/** What the verifier says: `requester` may store `bytes` with `audience`. */
export interface Grant {
  /** keccak256(chainId, registrar): a grant of another pool is none. 32 bytes. */
  readonly pool: Uint8Array
  /** Whose inventory was checked. */
  readonly requester: Address
  /** Who checked it: the audience itself, or a monitor for it. */
  readonly verifier: Address
  /** The one steward that takes it. */
  readonly audience: Address
  readonly bytes: number
  /** Chain time; may not be used later. */
  readonly expires: number
  /** 32 random bytes. */
  readonly id: Uint8Array
}

/** A grant, or a part of it, goes to somebody else. */
export interface Transfer {
  readonly to: Address
  /** At most what its giver has. */
  readonly bytes: number
  /** Of the giver, 65 bytes. */
  readonly signature: Uint8Array
}

/** A grant with all its transfers: what is shown to the audience. */
export interface Right {
  readonly grant: Grant
  /** The verifier's, 65 bytes. */
  readonly signature: Uint8Array
  /** In order. */
  readonly transfers: readonly Transfer[]
}

/** From a repository to its client, and from that to one it helps: more hands have no use. */
export const MAX_TRANSFERS = 4

/** keccak256("holdfast/grant/1" ‖ pool ‖ requester ‖ verifier ‖ audience ‖ u64 bytes ‖ u32 expires ‖ id). */
export function grantDigest({ pool, requester, verifier, audience, bytes, expires, id }: Grant): Uint8Array {
  const parties = [requester, verifier, audience].map((party) => fromHex(party, 20))
  return keccak256(utf8('holdfast/grant/1'), pool, concat(...parties), u64(bytes), u32(expires), id)
}

/** keccak256("holdfast/transfer/1" ‖ digest of the grant or of the transfer before ‖ to ‖ u64 bytes). */
export function transferDigest(before: Uint8Array, to: Address, bytes: number): Uint8Array {
  return keccak256(utf8('holdfast/transfer/1'), before, fromHex(to, 20), u64(bytes))
}

export function signGrant(secret: Uint8Array, grant: Grant): Right {
  return { grant, signature: signDigest(secret, grantDigest(grant)), transfers: [] }
}

/** Passes a right on. @throws `RIGHT_INVALID` for more bytes than there are, or one hand too many */
export function transferRight(secret: Uint8Array, right: Right, to: Address, bytes: number): Right {
  const { digest, bytes: most } = chainOf(right).at(-1) as Link
  if (bytes > most) refuse(`a transfer of ${bytes} bytes out of ${most}`)
  if (right.transfers.length >= MAX_TRANSFERS) refuse(`more than ${MAX_TRANSFERS} transfers`)
  const signature = signDigest(secret, transferDigest(digest, to, bytes))
  return { ...right, transfers: [...right.transfers, { to, bytes, signature }] }
}

/** What an audience asks of a right. */
export interface RightCheck {
  readonly pool: Uint8Array
  /** Us. */
  readonly audience: Address
  /** Whoever wants to store: the last hand of the right. */
  readonly holder: Address
  /** Chain time. */
  readonly now: number
  /** Whether a verifier other than ourselves is believed: a monitor in good standing. */
  isTrusted(verifier: Address): boolean
}

/** Bytes that the holder may store with us under this right. @throws `RIGHT_INVALID` saying why it is none */
export function assertRight(right: Right, { pool, audience, holder, now, isTrusted }: RightCheck): number {
  const { grant, transfers } = right
  if (!equalBytes(grant.pool, pool)) refuse('a grant of another pool')
  if (grant.audience !== audience) refuse(`a grant for ${grant.audience}`)
  if (now > grant.expires) refuse('a grant that has expired')
  if (grant.verifier !== audience && !isTrusted(grant.verifier)) refuse(`${grant.verifier} may not verify for us`)
  if (recoverSigner(grantDigest(grant), right.signature) !== grant.verifier)
    refuse('the verifier did not sign the grant')
  if (transfers.length > MAX_TRANSFERS) refuse(`more than ${MAX_TRANSFERS} transfers`)
  const links = chainOf(right)
  for (const [i, { to, bytes, signature }] of transfers.entries()) {
    const before = links[i] as Link
    if (bytes > before.bytes) refuse(`a transfer of ${bytes} bytes out of ${before.bytes}`)
    if (recoverSigner(transferDigest(before.digest, to, bytes), signature) !== before.holder)
      refuse(`${before.holder} did not sign the transfer`)
  }
  const last = links.at(-1) as Link
  if (last.holder !== holder) refuse(`a right of ${last.holder}`)
  return last.bytes
}

/** What was stored under one grant. */
export interface Spent {
  readonly bytes: number
  /** Of the grant: after it the record may go. */
  readonly expires: number
}

/** One more blob under a right of `most` bytes. @throws `RIGHT_INVALID` when that is more than the right has left */
export function spendRight(right: Right, most: number, before: Spent | undefined, length: number): Spent {
  const bytes = (before?.bytes ?? 0) + length
  if (bytes > most) refuse(`${length} bytes, of the grant ${Math.max(0, most - (before?.bytes ?? 0))} are left`)
  return { bytes, expires: right.grant.expires }
}

interface Link {
  readonly holder: Address
  readonly bytes: number
  readonly digest: Uint8Array
}

/** Every hand in order, with what it has and what its transfer refers to. */
function chainOf({ grant, transfers }: Right): readonly Link[] {
  const links: Link[] = [{ holder: grant.requester, bytes: grant.bytes, digest: grantDigest(grant) }]
  for (const { to, bytes } of transfers)
    links.push({ holder: to, bytes, digest: transferDigest((links.at(-1) as Link).digest, to, bytes) })
  return links
}

function refuse(what: string): never {
  throw new HoldfastError('RIGHT_INVALID', { what })
}
