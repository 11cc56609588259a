/**
 * The pointer to the newest backup of the ledger: what stands on the chain, so that recovery words alone find everything again
 * (protocol.md §10). The chain's order is its version: nobody but the owner's key can write a newer one.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { assertBytes, concat } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import { HoldfastError } from '../base/errors.ts'
import { hkdf } from '../base/hash.ts'

/** The contract takes no more. Bytes. */
export const MAX_POINTER_BYTES = 256
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What a pointer says. */
export interface Pointer {
  /** Of the backup, from 1. */
  readonly version: number
  /** Opens the backup's object. 32 bytes. */
  readonly cap: Uint8Array
}

/**
 * nonce ‖ AES-256-GCM of CBOR {v: 1, version, cap} under HKDF(backupKey, "pointer") ‖ tag.
 * @param nonce 12 fresh random bytes
 */
export function sealPointer(backupKey: Uint8Array, { version, cap }: Pointer, nonce: Uint8Array): Uint8Array {
  assertBytes(cap, 32, 'cap')
  assertBytes(nonce, NONCE_BYTES, 'nonce')
  const cipher = createCipheriv('aes-256-gcm', pointerKeyOf(backupKey), nonce)
  return concat(nonce, cipher.update(encodeCbor({ v: 1, version, cap })), cipher.final(), cipher.getAuthTag())
}

/** @throws `BACKUP_INVALID` when other words made it, or it is damaged */
export function openPointer(backupKey: Uint8Array, bytes: Uint8Array): Pointer {
  const wrong = (what: string, cause?: unknown) => new HoldfastError('BACKUP_INVALID', { what }, { cause })
  if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.length > MAX_POINTER_BYTES)
    throw wrong(`a pointer of ${bytes.length} bytes`)
  let plain: Uint8Array
  try {
    const opener = createDecipheriv('aes-256-gcm', pointerKeyOf(backupKey), bytes.subarray(0, NONCE_BYTES))
    opener.setAuthTag(bytes.subarray(-TAG_BYTES))
    plain = concat(opener.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), opener.final())
  } catch (cause) {
    throw wrong('the pointer on the chain does not open with these words', cause)
  }
  let record: Readonly<Record<string, CborValue>>
  try {
    record = decodeCbor(plain, MAX_POINTER_BYTES) as typeof record
  } catch (cause) {
    throw wrong('the pointer is no CBOR of this protocol', cause)
  }
  const { v, version, cap } = record
  if (v !== 1) throw wrong(`a pointer of version ${String(v)}, this program knows 1`)
  if (!Number.isSafeInteger(version) || !(cap instanceof Uint8Array) || cap.length !== 32)
    throw wrong('the pointer lacks a version or a cap')
  return { version: version as number, cap }
}

function pointerKeyOf(backupKey: Uint8Array): Uint8Array {
  assertBytes(backupKey, 32, 'backupKey')
  return hkdf(backupKey, 'pointer')
}
