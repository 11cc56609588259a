/**
 * Reading, hashing and encrypting one segment in one pass, piece by piece, into memory that the preparing threads see. The result equals
 * `encryptSegment` of blob/segment.ts; the hash is what `guardSegment` compares. Nothing leaves before the caller has compared it.
 */
import { createCipheriv, createHash, type Hash } from 'node:crypto'
import { KiB } from '../base/units.ts'
import { segmentKeyOf } from '../blob/object-keys.ts'
import { TAG_BYTES } from '../blob/segment.ts'

/** Bytes read at a time. */
const PIECE = 256 * KiB
/** Bytes of one cipher call, each of which leaves an array of this size to the garbage collector. */
const STEP = 64 * KiB
const ZERO_NONCE = new Uint8Array(12)

export interface SealJob {
  readonly readKey: Uint8Array
  /** Index of the segment within its object. */
  readonly segment: number
  /** Plaintext bytes, and where they begin. */
  readonly length: number
  readonly offset: number
  /** Room for the ciphertext and its tag; undefined: only the hash is wanted. */
  readonly target?: Uint8Array
  /** Also gets all plaintext, in order. */
  readonly whole?: Hash
  /** May use the memory it is offered. */
  read(offset: number, length: number, into: Uint8Array): Promise<Uint8Array>
}

/** @returns SHA-256 of the plaintext */
export async function sealSegment({
  readKey,
  segment,
  length,
  offset,
  target,
  whole,
  read,
}: SealJob): Promise<Uint8Array> {
  const hash = createHash('sha256')
  const cipher = target && createCipheriv('aes-256-gcm', segmentKeyOf(readKey, segment), ZERO_NONCE)
  const room = new Uint8Array(Math.min(PIECE, length))
  for (let at = 0; at < length; at += PIECE) {
    const piece = await read(offset + at, Math.min(PIECE, length - at), room)
    hash.update(piece)
    whole?.update(piece)
    for (let from = 0; cipher && from < piece.length; from += STEP)
      target.set(cipher.update(piece.subarray(from, from + STEP)), at + from)
  }
  if (cipher) {
    cipher.final()
    target.subarray(length, length + TAG_BYTES).set(cipher.getAuthTag())
  }
  return hash.digest()
}
