/**
 * Challenges and answers (protocol.md §3). The nonce is the key of a MAC over the whole blob, so that no state of a hash
 * kept from an earlier reading stands in for the bytes: test/blob/cheats.test.ts runs the cheats.
 */
import { createHash, createHmac, type Hmac } from 'node:crypto'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { assertBytes, concat, equalBytes, fromHex, toHex, u32, u64, utf8 } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Domain } from '../base/typed-data.ts'

const HEADER_TAG = utf8('holdfast/answer1')
const NONCE_TAG = utf8('holdfast/nonce/1')

/** The blob a challenge is about. */
export interface ChallengedBlob {
  /** 32 bytes. */
  readonly blobId: Uint8Array
  /** Bytes. */
  readonly length: number
}

/** The 116 bytes that a challenge comes down to: chain, market, blob, length, nonce. @param domain of the market */
export function headerOf(domain: Domain, { blobId, length }: ChallengedBlob, nonce: Uint8Array): Uint8Array {
  assertBytes(blobId, 32, 'blobId')
  assertBytes(nonce, 32, 'nonce')
  return concat(HEADER_TAG, u64(domain.chainId), fromHex(domain.contract, 20), blobId, u64(length), nonce)
}

/** The nonces of one uploader. A million of them are taken from a copied state: a new HMAC object each would cost ten times as much. */
export interface NonceSource {
  /** Nonce j of a blob. 32 bytes. */
  nonceOf(blobId: Uint8Array, row: number): Uint8Array
}

/** @param nonceKey 32 bytes, kept by the controller alone: a nonce known early is an answer kept instead of the bytes */
export function createNonceSource(nonceKey: Uint8Array): NonceSource {
  assertBytes(nonceKey, 32, 'nonceKey')
  const keyed = hmac.create(nobleSha256, nonceKey)
  const scratch = keyed.clone()
  const message = concat(NONCE_TAG, new Uint8Array(32), u32(0))
  return {
    nonceOf: (blobId, row) => {
      assertBytes(blobId, 32, 'blobId')
      message.set(blobId, 16)
      message.set(u32(row), 48)
      return keyed._cloneInto(scratch).update(message).digest()
    },
  }
}

/** Nonce j of a blob, for one; `createNonceSource` for many. */
export function nonceOf(nonceKey: Uint8Array, blobId: Uint8Array, row: number): Uint8Array {
  return createNonceSource(nonceKey).nonceOf(blobId, row)
}

/** The answer to one challenge, from the whole blob in memory. 32 bytes. */
export function answerOf(domain: Domain, blobId: Uint8Array, blob: Uint8Array, nonce: Uint8Array): Uint8Array {
  return answerHash(domain, { blobId, length: blob.length }, nonce).update(blob).digest()
}

/**
 * The answers to several challenges over one blob in memory, in the order of the nonces: the uploader's rows.
 * The caller has just hashed the blob to its id; nothing here checks it.
 */
export function answerRows(
  domain: Domain,
  blobId: Uint8Array,
  blob: Uint8Array,
  nonces: readonly Uint8Array[],
): Uint8Array[] {
  return nonces.map((nonce) => answerOf(domain, blobId, blob, nonce))
}

/** Several answers from one reading of a blob that need not fit in memory. */
export interface Answerer {
  /** The next bytes of the blob. @throws `BLOB_CORRUPT` as soon as there are more than its length */
  update(chunk: Uint8Array): void
  /**
   * The answers, in the order of the nonces. Call it once.
   * @throws `BLOB_CORRUPT` when what was read is not the blob: then no answer leaves
   */
  finish(): Uint8Array[]
}

/** Starts answering; the blob's id is checked in the same reading. @throws `INPUT_FORMAT` for an id or nonce that is not 32 bytes */
export function createAnswerer(domain: Domain, blob: ChallengedBlob, nonces: readonly Uint8Array[]): Answerer {
  const answers = nonces.map((nonce) => answerHash(domain, blob, nonce))
  const id = createHash('sha256')
  let read = 0
  return {
    update: (chunk) => {
      read += chunk.length
      if (read > blob.length) throw new HoldfastError('BLOB_CORRUPT', { blob: toHex(blob.blobId) })
      id.update(chunk)
      for (const answer of answers) answer.update(chunk)
    },
    finish: () => {
      if (read !== blob.length || !equalBytes(id.digest(), blob.blobId))
        throw new HoldfastError('BLOB_CORRUPT', { blob: toHex(blob.blobId) })
      return answers.map((answer) => answer.digest())
    },
  }
}

function answerHash(domain: Domain, blob: ChallengedBlob, nonce: Uint8Array): Hmac {
  return createHmac('sha256', sha256(headerOf(domain, blob, nonce)))
}
