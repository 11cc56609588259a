/**
 * Small hashes and key derivation, for identities, digests and records; the same code runs in browsers.
 * Bulk hashing of blobs is `blob/`'s business and uses the platform's native code.
 */
import { hkdf as nobleHkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { concat, utf8 } from './bytes.ts'

/** Keccak-256 as Ethereum uses it. 32 bytes. */
export function keccak256(...parts: readonly Uint8Array[]): Uint8Array {
  return keccak_256(concat(...parts))
}

/** SHA-256 of the joined parts. 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return nobleSha256(concat(...parts))
}

/** HMAC-SHA256. 32 bytes. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(nobleSha256, key, message)
}

/** HMAC-SHA512. 64 bytes. */
export function hmacSha512(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(sha512, key, message)
}

/** HKDF-SHA256 with an empty salt, 32 bytes out (protocol.md, opening). `info` is ASCII text or text followed by bytes. */
export function hkdf(ikm: Uint8Array, info: string, ...rest: readonly Uint8Array[]): Uint8Array {
  return nobleHkdf(nobleSha256, ikm, undefined, concat(utf8(info), ...rest), 32)
}
