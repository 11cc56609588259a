/**
 * Segments: how an object is cut, and the encryption of each cut (protocol.md §2.1–2.3).
 *
 * A segment's key has a fixed nonce, so it must never encrypt two plaintexts. Before the first ciphertext byte of a
 * segment leaves the machine, the caller writes down what `guardSegment` returns; at any later attempt it hands that in.
 */
import { createCipheriv, createDecipheriv, hash } from 'node:crypto'
import { equalBytes, toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { MiB } from '../base/units.ts'
import { assertCode } from './erasure.ts'
import { segmentKeyOf } from './object-keys.ts'

/** Plaintext bytes of a segment unless the user says otherwise. protocol.md §2.2. */
export const DEFAULT_SEGMENT_SIZE = 24 * MiB
/** Most bytes of a blob. protocol.md §6, store/1. */
export const MAX_BLOB_BYTES = 64 * MiB
/** Most shares of one object: what bounds its manifest, 2.4 TiB at the default cut. Larger objects need larger segments. */
export const MAX_OBJECT_SHARES = 2 ** 20
/** Authentication tag appended to a segment. Bytes. */
export const TAG_BYTES = 16
/** Cipher calls work on this much at a time: the call is cheap by then, and the intermediate buffers stay small. Bytes. */
const STEP = 256 * 1024
const ZERO_NONCE = new Uint8Array(12)

/** How an object is cut and coded. */
export interface Cut {
  /** Plaintext bytes of every segment but the last. */
  readonly segmentSize: number
  /** Shares that give a segment back. */
  readonly k: number
  /** Shares made of a segment. */
  readonly n: number
}

/** One segment: `length` plaintext bytes from `offset`, in shares of `shareLength` bytes. */
export interface SegmentPlan {
  readonly index: number
  readonly offset: number
  readonly length: number
  readonly shareLength: number
}

/** An object's segments, in order. */
export interface ObjectPlan extends Cut {
  /** Plaintext bytes of the object. */
  readonly size: number
  readonly segments: readonly SegmentPlan[]
}

/** @throws `INPUT_RANGE` unless 1 ≤ k ≤ n ≤ 256 and 1 ≤ segmentSize ≤ k · 64 MiB − 16. */
export function assertCut({ segmentSize, k, n }: Cut): void {
  assertCode(k, n)
  const most = k * MAX_BLOB_BYTES - TAG_BYTES
  if (!Number.isSafeInteger(segmentSize) || segmentSize < 1 || segmentSize > most)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'segmentSize',
      expected: `an integer from 1 to ${most}`,
      got: segmentSize,
    })
}

/** Segments of an object of `size` bytes: at least one, also for an empty object. */
export function countSegments(size: number, segmentSize: number): number {
  return Math.max(1, Math.ceil(size / segmentSize))
}

/** Bytes of each share of a segment with `length` plaintext bytes. */
export function shareLengthOf(length: number, k: number): number {
  return Math.ceil((length + TAG_BYTES) / k)
}

/**
 * The segments of an object; needs its size only.
 * @throws `INPUT_RANGE` for a size that is no whole number of bytes, for a bad cut, or when there would be more than 2²⁰ shares
 */
export function planObject(size: number, cut: Cut): ObjectPlan {
  assertCut(cut)
  if (!Number.isSafeInteger(size) || size < 0)
    throw new HoldfastError('INPUT_RANGE', { name: 'size', expected: 'a whole number of bytes', got: size })
  const count = countSegments(size, cut.segmentSize)
  const most = Math.floor(MAX_OBJECT_SHARES / cut.n)
  if (count > most)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'segmentSize',
      expected: `one that cuts ${size} bytes into at most ${most} segments`,
      got: cut.segmentSize,
    })
  const segments = Array.from({ length: count }, (_, index) => {
    const offset = index * cut.segmentSize
    const length = Math.min(cut.segmentSize, size - offset)
    return { index, offset, length, shareLength: shareLengthOf(length, cut.k) }
  })
  return { size, segmentSize: cut.segmentSize, k: cut.k, n: cut.n, segments }
}

/**
 * The bookkeeping that keeps a segment's key to one plaintext.
 * @param recorded the SHA-256 written down when this segment of this object was first encrypted; undefined the first time
 * @param plaintext what is to be encrypted now
 * @param path of the source, for the message
 * @returns its SHA-256, to be written down durably before any ciphertext leaves
 * @throws `INPUT_CHANGED` when it is not the plaintext of before: the put must start a new object
 */
export function guardSegment(recorded: Uint8Array | undefined, plaintext: Uint8Array, path: string): Uint8Array {
  const current = hash('sha256', plaintext, 'buffer')
  if (recorded !== undefined && !equalBytes(recorded, current))
    throw new HoldfastError('INPUT_CHANGED', { path, recorded: toHex(recorded), current: toHex(current) })
  return current
}

/**
 * AES-256-GCM of a segment, the tag appended: plaintext.length + 16 bytes.
 * @param into where to write them, if not into new memory; at least as long
 */
export function encryptSegment(
  readKey: Uint8Array,
  segment: number,
  plaintext: Uint8Array,
  into?: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', segmentKeyOf(readKey, segment), ZERO_NONCE)
  const sealed = takeBuffer(into, plaintext.length + TAG_BYTES)
  for (let at = 0; at < plaintext.length; at += STEP) sealed.set(cipher.update(plaintext.subarray(at, at + STEP)), at)
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
  return sealed
}

/**
 * The plaintext of a segment, only when its tag is right.
 * @param primaries the ciphertext in order, in any number of pieces, padding after it ignored: the k primary shares
 * @param length plaintext bytes of the segment
 * @param into where to write them, if not into new memory; at least as long. Of no use to anyone after a failure
 * @throws `OBJECT_CORRUPT` when the tag fails or ciphertext is missing
 */
export function decryptSegment(
  readKey: Uint8Array,
  segment: number,
  primaries: readonly Uint8Array[],
  length: number,
  into?: Uint8Array,
): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', segmentKeyOf(readKey, segment), ZERO_NONCE)
  const plaintext = takeBuffer(into, length)
  const tag = new Uint8Array(TAG_BYTES)
  let at = 0
  for (const piece of primaries) {
    const body = piece.subarray(0, Math.max(0, Math.min(piece.length, length - at)))
    for (let from = 0; from < body.length; from += STEP) {
      plaintext.set(decipher.update(body.subarray(from, from + STEP)), at)
      at += Math.min(STEP, body.length - from)
    }
    // what follows the plaintext's bytes is the tag, then padding
    const rest = piece.subarray(body.length)
    const tagAt = at - length
    if (at >= length && tagAt < TAG_BYTES) {
      const part = rest.subarray(0, TAG_BYTES - tagAt)
      tag.set(part, tagAt)
      at += part.length
    }
  }
  try {
    if (at !== length + TAG_BYTES) throw new Error(`${at} of ${length + TAG_BYTES} bytes of ciphertext`)
    decipher.setAuthTag(tag)
    decipher.final()
  } catch (cause) {
    plaintext.fill(0) // unverified bytes stay nowhere
    throw new HoldfastError('OBJECT_CORRUPT', { what: `segment ${segment} fails its tag` }, { cause })
  }
  return plaintext
}

/** The k primary shares of a segment's ciphertext: views of it, but for the last ones, which are padded with zeros. */
export function splitSegment(sealed: Uint8Array, k: number): Uint8Array[] {
  const shareLength = Math.ceil(sealed.length / k)
  return Array.from({ length: k }, (_, j) => {
    const view = sealed.subarray(j * shareLength, (j + 1) * shareLength)
    if (view.length === shareLength) return view
    const padded = new Uint8Array(shareLength)
    padded.set(view)
    return padded
  })
}

/** The first `length` bytes of the caller's array, or of a new one. */
function takeBuffer(into: Uint8Array | undefined, length: number): Uint8Array {
  if (into === undefined) return new Uint8Array(length)
  if (into.length >= length) return into.subarray(0, length)
  throw new HoldfastError('INPUT_RANGE', { name: 'into', expected: `at least ${length} bytes`, got: into.length })
}
