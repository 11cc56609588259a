/**
 * A ticket: one challenge over one blob whose answer only its uploader knew when it sealed it (pool.md, "The right to store", step 3). It is
 * made for this purpose; rows of bounties are never used. Whoever checks it learns one hash and, once, that the answer fits. Pure.
 */
import { equalBytes } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'

export interface Ticket {
  /** 32 random bytes that no row of a bounty has. */
  readonly nonce: Uint8Array
  /** SHA-256 of the answer. */
  readonly seal: Uint8Array
}

/** @param answer of blob/challenge.ts to `nonce` */
export function sealTicket(nonce: Uint8Array, answer: Uint8Array): Ticket {
  return { nonce, seal: sha256(answer) }
}

/** True when the answer is the one that was sealed. */
export function fitsTicket({ seal }: Pick<Ticket, 'seal'>, answer: Uint8Array): boolean {
  return equalBytes(sha256(answer), seal)
}
