/**
 * Copies of a manifest (protocol.md §2.6): ordinary blobs that stewards keep and that are announced under the locator.
 * Whoever has copyKey can make a new copy of any old one, with other bytes and another id, and cannot open it.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { assertBytes, concat, equalBytes } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { hkdf } from '../base/hash.ts'
import { capOf } from './cap.ts'
import { decodeManifest, MAX_MANIFEST_BYTES, type Manifest } from './manifest.ts'
import { copyKeyOf } from './object-keys.ts'

const SALT_BYTES = 16
const TAG_BYTES = 16
/** Most bytes of a copy: salt, manifest, tag. */
export const MAX_COPY_BYTES = SALT_BYTES + MAX_MANIFEST_BYTES + TAG_BYTES
const ZERO_NONCE = new Uint8Array(12)
const ZERO_COUNTER = new Uint8Array(16)

/**
 * The encrypted manifest under all copies. The key follows from the cap, which follows from the manifest: it covers no other plaintext.
 * @throws `INPUT_RANGE` for a manifest that has to be indirect
 */
export function sealManifest(manifest: Uint8Array): Uint8Array {
  if (manifest.length > MAX_MANIFEST_BYTES)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'manifest',
      expected: `at most ${MAX_MANIFEST_BYTES} bytes`,
      got: manifest.length,
    })
  const cipher = createCipheriv('aes-256-gcm', hkdf(capOf(manifest), 'manifest'), ZERO_NONCE)
  return concat(cipher.update(manifest), cipher.final(), cipher.getAuthTag())
}

/** A copy of a sealed manifest. @param salt 16 fresh random bytes, its own for every copy */
export function makeCopy(copyKey: Uint8Array, sealed: Uint8Array, salt: Uint8Array): Uint8Array {
  return concat(salt, whitenCopy(copyKey, salt, sealed))
}

/** A new copy out of an old one, without opening it. @throws `INPUT_RANGE` for the old copy's own salt: the same bytes are no new copy */
export function remakeCopy(copyKey: Uint8Array, copy: Uint8Array, salt: Uint8Array): Uint8Array {
  const old = copy.subarray(0, SALT_BYTES)
  if (equalBytes(old, salt))
    throw new HoldfastError('INPUT_RANGE', { name: 'salt', expected: 'a fresh one', got: 'the old one' })
  return makeCopy(copyKey, unwhiten(copyKey, copy), salt)
}

/**
 * The manifest of a copy, which is what the cap says or nothing.
 * @returns its bytes (for new copies and the cap) and what they say
 * @throws `OBJECT_MANIFEST` when the copy does not decrypt, does not fit the cap, or is no valid manifest
 */
export function openCopy(
  cap: Uint8Array,
  copy: Uint8Array,
): { readonly bytes: Uint8Array; readonly manifest: Manifest } {
  const sealed = unwhiten(copyKeyOf(cap), copy)
  const decipher = createDecipheriv('aes-256-gcm', hkdf(cap, 'manifest'), ZERO_NONCE)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  let bytes: Uint8Array
  try {
    bytes = concat(decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final())
  } catch (cause) {
    throw new HoldfastError('OBJECT_MANIFEST', { what: 'the copy does not decrypt with this cap' }, { cause })
  }
  if (!equalBytes(capOf(bytes), cap))
    throw new HoldfastError('OBJECT_MANIFEST', { what: 'it is another than the cap names' })
  return { bytes, manifest: decodeManifest(bytes) }
}

function unwhiten(copyKey: Uint8Array, copy: Uint8Array): Uint8Array {
  if (copy.length < SALT_BYTES + TAG_BYTES || copy.length > MAX_COPY_BYTES)
    throw new HoldfastError('OBJECT_MANIFEST', { what: `a copy of ${copy.length} bytes` })
  return whitenCopy(copyKey, copy.subarray(0, SALT_BYTES), copy.subarray(SALT_BYTES))
}

function whitenCopy(copyKey: Uint8Array, salt: Uint8Array, bytes: Uint8Array): Uint8Array {
  assertBytes(copyKey, 32, 'copyKey')
  assertBytes(salt, SALT_BYTES, 'salt')
  return createCipheriv('aes-256-ctr', hkdf(copyKey, 'copy', salt), ZERO_COUNTER).update(bytes)
}
