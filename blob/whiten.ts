/** Shares and blobs: a share becomes a blob by whitening, so that no two stewards hold equal or derivable bytes (protocol.md §2.4). */
import { createCipheriv, hash } from 'node:crypto'
import { shareKeyOf } from './object-keys.ts'

const ZERO_COUNTER = new Uint8Array(16)

/** The blob of a share, or the share of a blob: AES-256-CTR is its own inverse. A new array of the same length. */
export function whiten(
  repairKey: Uint8Array,
  segment: number,
  share: number,
  salt: Uint8Array,
  bytes: Uint8Array,
): Uint8Array {
  return createCipheriv('aes-256-ctr', shareKeyOf(repairKey, segment, share, salt), ZERO_COUNTER).update(bytes)
}

/** Bytes of one cipher call where the result replaces its input: what the call leaves behind stays small. */
const STEP = 64 * 1024

/** The same in place, for bytes nobody else looks at: a blob that was fetched becomes its share without a second array of its size. */
export function whitenInPlace(
  repairKey: Uint8Array,
  segment: number,
  share: number,
  salt: Uint8Array,
  bytes: Uint8Array,
): void {
  const cipher = createCipheriv('aes-256-ctr', shareKeyOf(repairKey, segment, share, salt), ZERO_COUNTER)
  for (let at = 0; at < bytes.length; at += STEP) bytes.set(cipher.update(bytes.subarray(at, at + STEP)), at)
}

/** A blob's id: SHA-256 of its stored bytes. 32 bytes. */
export function blobIdOf(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}
