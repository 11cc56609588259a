/** `/holdfast/index/1`: which steward holds which blob. docs/spec/wire.md §8. */
import { utf8 } from '../../base/bytes.ts'
import { type CborValue, encodeCbor } from '../../base/codec.ts'
import { recoverSigner, signDigest } from '../../base/curve.ts'
import { keccak256 } from '../../base/hash.ts'
import { address, bytes, list, type Of, optional, record, text, uint, variants } from './fields.ts'

export const INDEX_PROTOCOL = '/holdfast/index/1'
/** Cap of each frame: a page. Bytes. protocol.md §6. */
export const MAX_INDEX_BYTES = 256 * 1024
/** Keys of one lookup. */
export const MAX_LOOKUP = 4096
/** Longest life of a record, from its announcement. Seconds. pool.md; stewards announce again every 20 minutes. */
export const RECORD_LIFE = 40 * 60

const unsigned = {
  /** Blob id; for a manifest copy the locator of its object. */
  key: bytes(32),
  /** Id of the copy, when `key` is a locator. */
  blobId: optional(bytes(32)),
  holder: address,
  /** Multiaddrs; absent: those in the registrar. */
  addresses: optional(list(text(160), 8, 1)),
  /** UTC seconds; at most `RECORD_LIFE` ahead. */
  expires: uint(0xffffffff),
}
const statement = record(unsigned)
const indexRecord = record({ ...unsigned, signature: bytes(65) })

/** A holder's word that it holds a blob, without the signature. */
export type IndexStatement = Of<typeof statement>
/** The same, signed by the holder. */
export type IndexRecord = Of<typeof indexRecord>

const message = variants('index', {
  /** Holder → index. Answered by `taken`. */
  announce: record({ records: list(indexRecord, 4096, 1) }),
  /** How many of them the index keeps. */
  taken: record({ count: uint(4096) }),
  /** Anybody → index. Answered by `found` pages. */
  lookup: record({ keys: list(bytes(32), MAX_LOOKUP, 1) }),
  /** A page; `more` 1: another follows. */
  found: record({ records: list(indexRecord, 4096), more: uint(1) }),
})

export type IndexMessage = Of<typeof message>

export function encodeIndex(value: IndexMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeIndex(value: CborValue): IndexMessage {
  return message.decode(value, 'index')
}

/** What the holder signs: keccak256("holdfast/announce/1" ‖ CBOR of the record without signature). */
export function statementDigest(value: IndexStatement): Uint8Array {
  return keccak256(utf8('holdfast/announce/1'), encodeCbor(statement.encode(value)))
}

export function signStatement(secret: Uint8Array, value: IndexStatement): IndexRecord {
  return { ...value, signature: signDigest(secret, statementDigest(value)) }
}

/** True when the holder itself signed the record. Says nothing about its time. */
export function isSigned(value: IndexRecord): boolean {
  return recoverSigner(statementDigest(value), value.signature) === value.holder
}

/** Bytes of a record in a page, for filling pages. */
export function recordBytes(value: IndexRecord): number {
  return encodeCbor(indexRecord.encode(value)).length
}
