/**
 * Successor records (protocol.md §2.7): which shares have been repaired since the manifest was made, and their new salts
 * and ids. A record can only relocate: a segment decoded with it must still pass its own tag.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { assertBytes, compareBytes, concat, utf8 } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { hkdf, keccak256, sha256 } from '../base/hash.ts'
import { MiB } from '../base/units.ts'
import type { SegmentShares } from './manifest.ts'

/** Most bytes of a sealed record: some 140,000 repaired shares. */
export const MAX_SUCCESSOR_BYTES = 8 * MiB
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A share that is no longer as the manifest has it. */
export interface SuccessorEntry {
  readonly segment: number
  readonly share: number
  /** 16 bytes. */
  readonly salt: Uint8Array
  /** 32 bytes. */
  readonly blobId: Uint8Array
}

/** All shares that differ from the manifest, ascending by segment, then share. */
export interface Successor {
  /** At least 1, higher at each later repair. */
  readonly version: number
  readonly entries: readonly SuccessorEntry[]
}

/** With the editor key's signature, 65 bytes. */
export interface SignedSuccessor extends Successor {
  readonly signature: Uint8Array
}

/** Whose record it must be: the object's locator and the manifest's editor. */
export interface SuccessorOwner {
  readonly locator: Uint8Array
  readonly editor: Address
}

/** Signs a complete record with the object's editor secret. @throws `INPUT_FORMAT` when its version or entries are not in form. */
export function signSuccessor(
  editorSecret: Uint8Array,
  locator: Uint8Array,
  { version, entries }: Successor,
): SignedSuccessor {
  const fault = faultOf({ version, entries })
  if (fault !== undefined)
    throw new HoldfastError('INPUT_FORMAT', { name: 'successor record', expected: 'one in form', got: fault })
  return { version, entries, signature: signDigest(editorSecret, digestOf(locator, { version, entries })) }
}

/** Whether the object's editor signed it. */
export function verifySuccessor(record: SignedSuccessor, { locator, editor }: SuccessorOwner): boolean {
  return recoverSigner(digestOf(locator, record), record.signature) === editor
}

/**
 * The record as its steward keeps and serves it.
 * @param nonce 12 fresh random bytes
 * @throws `INPUT_RANGE` when it would exceed `MAX_SUCCESSOR_BYTES`
 */
export function sealSuccessor(repairKey: Uint8Array, record: SignedSuccessor, nonce: Uint8Array): Uint8Array {
  assertBytes(nonce, NONCE_BYTES, 'nonce')
  const cipher = createCipheriv('aes-256-gcm', recordKeyOf(repairKey), nonce)
  const plain = encodeCbor({ ...fieldsOf(record), signature: record.signature })
  if (plain.length > MAX_SUCCESSOR_BYTES - NONCE_BYTES - TAG_BYTES)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'successor record',
      expected: `at most ${MAX_SUCCESSOR_BYTES} bytes`,
      got: plain.length,
    })
  return concat(nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag())
}

/**
 * The record in sealed bytes, when it is the editor's.
 * @throws `NET_OVERSIZE`, or `NET_MALFORMED` when it does not decrypt, is not in form, or is signed by another: ask another source
 */
export function openSuccessor(repairKey: Uint8Array, sealed: Uint8Array, owner: SuccessorOwner): SignedSuccessor {
  if (sealed.length > MAX_SUCCESSOR_BYTES)
    throw new HoldfastError('NET_OVERSIZE', { limit: MAX_SUCCESSOR_BYTES, got: sealed.length })
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return refuse('a successor record cut short')
  const decipher = createDecipheriv('aes-256-gcm', recordKeyOf(repairKey), sealed.subarray(0, NONCE_BYTES))
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  let plain: Uint8Array
  try {
    plain = concat(decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final())
  } catch (cause) {
    return refuse('a successor record that does not decrypt', cause)
  }
  const record = readSuccessor(decodeCbor(plain, MAX_SUCCESSOR_BYTES))
  return verifySuccessor(record, owner)
    ? record
    : refuse('a successor record that the object\u2019s editor did not sign')
}

/** The record that counts: the highest version; of equal versions the greater SHA-256 of what is signed. */
export function newestSuccessor(records: readonly SignedSuccessor[]): SignedSuccessor | undefined {
  return records.reduce<SignedSuccessor | undefined>((best, record) => {
    if (best === undefined || record.version > best.version) return record
    if (record.version < best.version) return best
    return compareBytes(sha256(bodyOf(record)), sha256(bodyOf(best))) > 0 ? record : best
  }, undefined)
}

/**
 * Where the shares are now: the manifest's list with the record's entries put in.
 * @throws `NET_MALFORMED` when the record names a share that the object does not have
 */
export function applySuccessor(segments: readonly SegmentShares[], record: Successor | undefined): SegmentShares[] {
  const now = segments.map(({ salts, blobIds }) => ({ salts: [...salts], blobIds: [...blobIds] }))
  for (const { segment, share, salt, blobId } of record?.entries ?? []) {
    const shares = now[segment]
    if (shares === undefined || share >= shares.salts.length)
      return refuse(`a successor record for share ${share} of segment ${segment}, which the object does not have`)
    shares.salts[share] = salt
    shares.blobIds[share] = blobId
  }
  return now
}

function recordKeyOf(repairKey: Uint8Array): Uint8Array {
  assertBytes(repairKey, 32, 'repairKey')
  return hkdf(repairKey, 'successor')
}

function digestOf(locator: Uint8Array, record: Successor): Uint8Array {
  assertBytes(locator, 32, 'locator')
  return keccak256(utf8('holdfast/successor/1'), locator, bodyOf(record))
}

/** What is signed: the CBOR without the signature. */
function bodyOf(record: Successor): Uint8Array {
  return encodeCbor(fieldsOf(record))
}

function fieldsOf({ version, entries }: Successor): { readonly [key: string]: CborValue } {
  return { v: 1, version, entries: entries.map(({ segment, share, salt, blobId }) => [segment, share, salt, blobId]) }
}

function readSuccessor(value: CborValue): SignedSuccessor {
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array)
    return refuse('a successor record that is no map')
  const { v, version, entries, signature, ...others } = value as { readonly [key: string]: CborValue }
  if (v !== 1 || Object.keys(others).length > 0) return refuse('a successor record of another version')
  if (
    typeof version !== 'number' ||
    !Array.isArray(entries) ||
    !(signature instanceof Uint8Array) ||
    signature.length !== 65
  )
    return refuse('a successor record with fields of the wrong type')
  const record = { version, entries: entries.map(readEntry), signature }
  const fault = faultOf(record)
  return fault === undefined ? record : refuse(`a successor record with ${fault}`)
}

function readEntry(value: CborValue): SuccessorEntry {
  if (!Array.isArray(value) || value.length !== 4)
    return refuse('a successor record with an entry that is no list of four')
  const [segment, share, salt, blobId] = value as readonly CborValue[]
  if (
    typeof segment !== 'number' ||
    typeof share !== 'number' ||
    !(salt instanceof Uint8Array) ||
    !(blobId instanceof Uint8Array)
  )
    return refuse('a successor record with an entry of the wrong types')
  return { segment, share, salt, blobId }
}

/** What is wrong with a record's values, if anything. */
function faultOf({ version, entries }: Successor): string | undefined {
  if (!Number.isSafeInteger(version) || version < 1) return 'a version below 1'
  for (const [at, { segment, share, salt, blobId }] of entries.entries()) {
    if (!Number.isInteger(segment) || segment < 0 || segment > 0xffffffff) return `segment ${segment}`
    if (!Number.isInteger(share) || share < 0 || share > 255) return `share ${share}`
    if (salt.length !== 16 || blobId.length !== 32) return 'a salt or id of the wrong length'
    const before = entries[at - 1]
    if (before && (segment < before.segment || (segment === before.segment && share <= before.share)))
      return 'entries out of order'
  }
  return undefined
}

function refuse(what: string, cause?: unknown): never {
  throw new HoldfastError('NET_MALFORMED', { what }, { cause })
}
