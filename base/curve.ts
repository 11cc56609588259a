/** secp256k1: addresses, signatures over bare digests (65 bytes r ‖ s ‖ v), recovery, secrets from hashes (protocol.md §1). */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import * as secp from '@noble/secp256k1'
import { assertBytes, bytesToUint, concat, toHex0x, uintBytes, utf8 } from './bytes.ts'
import { HoldfastError } from './errors.ts'
import { hmacSha512, keccak256 } from './hash.ts'

// The library signs synchronously only with hashes handed to it (RFC 6979 nonces).
secp.hashes.sha256 = nobleSha256
secp.hashes.hmacSha256 = (key, message) => hmac(nobleSha256, key, message)

/** An account, actor or claim key: `0x` and 40 lower-case hex digits. */
export type Address = `0x${string}`
/** Order of the group. */
export const CURVE_ORDER = secp.Point.CURVE().n
/** "Nobody": an anonymous client, an open bounty. */
export const ZERO_ADDRESS: Address = `0x${'0'.repeat(40)}`

/** `value` as an address in canonical (lower) case. @throws `INPUT_FORMAT` when it is not 0x and 40 hex digits. */
export function parseAddress(value: string, name = 'address'): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(value))
    throw new HoldfastError('INPUT_FORMAT', { name, expected: '0x and 40 hex digits', got: value.slice(0, 80) })
  return value.toLowerCase() as Address
}

/** Compressed (33 bytes) or uncompressed (65 bytes) public key of a 32-byte secret. */
export function publicKeyOf(secret: Uint8Array, compressed = true): Uint8Array {
  assertBytes(secret, 32, 'secret')
  return secp.getPublicKey(secret, compressed)
}

/** The actor id of a public key in either form: last 20 bytes of keccak256 of the 64 coordinate bytes. */
export function addressOfPublicKey(publicKey: Uint8Array): Address {
  try {
    const point = secp.Point.fromBytes(publicKey)
    return toHex0x(keccak256(point.toBytes(false).subarray(1)).subarray(12))
  } catch (cause) {
    throw new HoldfastError('KEY_INVALID', { what: 'public key' }, { cause })
  }
}

/** The account of a 32-byte secret. */
export function addressOf(secret: Uint8Array): Address {
  return addressOfPublicKey(publicKeyOf(secret))
}

/** Low-s signature over a bare 32-byte digest: r ‖ s ‖ v, 65 bytes, v 27 or 28. Deterministic (RFC 6979). */
export function signDigest(secret: Uint8Array, digest: Uint8Array): Uint8Array {
  assertBytes(digest, 32, 'digest')
  const recovered = secp.sign(digest, secret, { prehash: false, lowS: true, format: 'recovered' })
  return concat(recovered.subarray(1), Uint8Array.of(27 + (recovered[0] as number)))
}

/** Who signed: the address, or undefined when the signature is malformed, high-s or recovers nothing. */
export function recoverSigner(digest: Uint8Array, signature: Uint8Array): Address | undefined {
  if (digest.length !== 32 || signature.length !== 65) return undefined
  const v = signature[64] as number
  if (v !== 27 && v !== 28) return undefined
  if (bytesToUint(signature.subarray(32, 64)) > CURVE_ORDER >> 1n) return undefined
  try {
    const key = secp.recoverPublicKey(concat(Uint8Array.of(v - 27), signature.subarray(0, 64)), digest, {
      prehash: false,
    })
    return addressOfPublicKey(key)
  } catch {
    return undefined // nothing recovers from it: the caller's answer is the same as for a foreign signer
  }
}

/** EIP-2098: {r, yParityAndS} of a 65-byte signature, 32 bytes each. */
export function compactSignature(signature: Uint8Array): { r: Uint8Array; yParityAndS: Uint8Array } {
  assertBytes(signature, 65, 'signature')
  const yParityAndS = signature.slice(32, 64)
  if (signature[64] === 28) yParityAndS[0] = (yParityAndS[0] as number) | 0x80
  return { r: signature.slice(0, 32), yParityAndS }
}

/** `1 + (OS2IP(HMAC-SHA512(key label, message x)) mod (n − 1))` as 32 bytes (protocol.md §1): a uniform secret from a hash. */
export function deriveSecret(label: string, message: Uint8Array): Uint8Array {
  return uintBytes(1n + (bytesToUint(hmacSha512(utf8(label), message)) % (CURVE_ORDER - 1n)), 32)
}
