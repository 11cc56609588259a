/** The keys of one object, all from its random objectKey or from its cap (protocol.md §2). Each is 32 bytes unless said otherwise. */
import { assertBytes, u16, u32 } from '../base/bytes.ts'
import { hkdf } from '../base/hash.ts'

/** Decrypts the segments. Only `put`, `get` and whoever holds the cap see it. */
export function readKeyOf(objectKey: Uint8Array): Uint8Array {
  assertBytes(objectKey, 32, 'objectKey')
  return hkdf(objectKey, 'read')
}

/** Whitens shares, opens successor records, makes read tokens; lets the controller repair without being able to read. */
export function repairKeyOf(objectKey: Uint8Array): Uint8Array {
  assertBytes(objectKey, 32, 'objectKey')
  return hkdf(objectKey, 'repair')
}

/**
 * Salt of share i of segment s at put. 16 bytes. (At repair it is random.)
 * @param attempt 0 at first; stays when an upload to the same steward resumes, rises by 1 when the share goes to another one
 */
export function saltOf(objectKey: Uint8Array, segment: number, share: number, attempt: number): Uint8Array {
  assertBytes(objectKey, 32, 'objectKey')
  return hkdf(objectKey, 'salt', u32(segment), u16(share), u32(attempt)).slice(0, 16)
}

/** Key of one segment's AES-256-GCM. It covers one plaintext, ever: see segment.ts. */
export function segmentKeyOf(readKey: Uint8Array, segment: number): Uint8Array {
  assertBytes(readKey, 32, 'readKey')
  return hkdf(readKey, 'segment', u32(segment))
}

/** Key of one share's whitening. */
export function shareKeyOf(repairKey: Uint8Array, segment: number, share: number, salt: Uint8Array): Uint8Array {
  assertBytes(repairKey, 32, 'repairKey')
  assertBytes(salt, 16, 'salt')
  return hkdf(repairKey, 'share', u32(segment), u16(share), salt)
}

/** What a steward asks for before it serves a blob; it keeps only the token's SHA-256. */
export function readTokenOf(repairKey: Uint8Array, blobId: Uint8Array): Uint8Array {
  assertBytes(repairKey, 32, 'repairKey')
  assertBytes(blobId, 32, 'blobId')
  return hkdf(repairKey, 'grant', blobId)
}

/** The read token of a manifest copy: from the cap's holder, who has no repairKey before the manifest is open. */
export function copyTokenOf(copyKey: Uint8Array, blobId: Uint8Array): Uint8Array {
  assertBytes(copyKey, 32, 'copyKey')
  assertBytes(blobId, 32, 'blobId')
  return hkdf(copyKey, 'grant', blobId)
}

/** Makes new copies of the sealed manifest out of old ones, and cannot open it. */
export function copyKeyOf(cap: Uint8Array): Uint8Array {
  assertBytes(cap, 32, 'cap')
  return hkdf(cap, 'copies')
}
