/**
 * `/holdfast/index/1`: which steward holds which blob. docs/spec/wire.md §8. A holder signs one statement for up to 2,048 entries, so that
 * announcing a million blobs takes five hundred signatures; each entry can still be shown and checked alone.
 */
import { concat, utf8 } from '../../base/bytes.ts'
import { type CborValue, encodeCbor } from '../../base/codec.ts'
import { recoverSigner, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { keccak256 } from '../../base/hash.ts'
import {
  address,
  bytes,
  bytesUpTo,
  type Field,
  list,
  type Of,
  optional,
  record,
  row,
  text,
  uint,
  variants,
} from './fields.ts'
import { isIncluded, rootOf, type Tree, treeOf } from './inclusion.ts'

export const INDEX_PROTOCOL = '/holdfast/index/1'
/** Cap of each frame: a page. Bytes. protocol.md §6. */
export const MAX_INDEX_BYTES = 256 * 1024
/** Entries of one statement. */
export const MAX_ENTRIES = 2048
/** Keys of one lookup. */
export const MAX_LOOKUP = 4096
/** Longest life of a record, from its announcement. Seconds. pool.md; holders announce again every 20 minutes. */
export const RECORD_LIFE = 40 * 60

const terms = {
  holder: address,
  /** Multiaddrs; absent: those in the registrar. */
  addresses: optional(list(text(160), 8, 1)),
  /** UTC seconds; at most `RECORD_LIFE` ahead. */
  expires: uint(0xffffffff),
  count: uint(MAX_ENTRIES, 1),
  /** RFC 6962 root over the entries (`entryBytes`). */
  root: bytes(32),
}
const unsigned = record(terms)
const statement = record({ ...terms, signature: bytes(65) })

/** The id of a manifest copy where the key is a locator; no bytes where the key is the blob's own id. */
const blobIdOrNone: Field<Uint8Array | undefined> = {
  encode: (value) => value ?? new Uint8Array(0),
  decode: (value, name) => {
    const given = bytesUpTo(32).decode(value, name)
    return given.length === 0 ? undefined : bytes(32).decode(value, name)
  },
}
const entry = row({ key: bytes(32), blobId: blobIdOrNone })
const proven = row({
  /** Index into the page's statements. */
  statement: uint(MAX_LOOKUP),
  key: bytes(32),
  blobId: blobIdOrNone,
  position: uint(MAX_ENTRIES - 1),
  path: bytesUpTo(11 * 32),
})

/** A holder's signed word that it holds `count` blobs. */
export type Statement = Of<typeof statement>
/** Blob id, or the locator of a manifest and the copy's blob id. */
export type IndexEntry = Of<typeof entry>
/** An entry with its way to a statement's root. */
export type ProvenEntry = Of<typeof proven>

const message = variants('index', {
  /** Holder → index: the entries are exactly those under the statement's root. Answered by `taken`. */
  announce: record({ statement, entries: list(entry, MAX_ENTRIES, 1) }),
  /** How many of them the index keeps. */
  taken: record({ count: uint(MAX_ENTRIES) }),
  /** Anybody → index. Answered by `found` pages. */
  lookup: record({ keys: list(bytes(32), MAX_LOOKUP, 1) }),
  /** A page; each page brings the statements its entries need. `more` 1: another follows. */
  found: record({ statements: list(statement, MAX_LOOKUP), entries: list(proven, MAX_LOOKUP), more: uint(1) }),
})

export type IndexMessage = Of<typeof message>

export function encodeIndex(value: IndexMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeIndex(value: CborValue): IndexMessage {
  return message.decode(value, 'index')
}

/** A leaf of the statement's tree: key ‖ blob id, or the key alone. */
export function entryBytes({ key, blobId }: Pick<IndexEntry, 'key' | 'blobId'>): Uint8Array {
  return blobId === undefined ? key : concat(key, blobId)
}

/** What the holder signs: keccak256("holdfast/announce/1" ‖ CBOR of the statement without signature). */
export function statementDigest(value: Of<typeof unsigned>): Uint8Array {
  return keccak256(utf8('holdfast/announce/1'), encodeCbor(unsigned.encode(value)))
}

/** A signed announcement of 1 to `MAX_ENTRIES` entries, with its tree. */
export function announce(
  secret: Uint8Array,
  about: Omit<Of<typeof unsigned>, 'root' | 'count'>,
  entries: readonly IndexEntry[],
): { readonly statement: Statement; readonly entries: readonly IndexEntry[]; readonly tree: Tree } {
  if (entries.length === 0 || entries.length > MAX_ENTRIES)
    throw new HoldfastError('INPUT_RANGE', { name: 'entries', expected: `1 to ${MAX_ENTRIES}`, got: entries.length })
  const tree = treeOf(entries.map(entryBytes))
  const value = { ...about, count: entries.length, root: rootOf(tree) }
  return { statement: { ...value, signature: signDigest(secret, statementDigest(value)) }, entries, tree }
}

/** True when the holder itself signed. Says nothing about the time. */
export function isSigned(value: Statement): boolean {
  return recoverSigner(statementDigest(value), value.signature) === value.holder
}

/** True when the entry is one of the statement's. */
export function isStated(value: ProvenEntry, by: Statement): boolean {
  return isIncluded(entryBytes(value), value.position, by.count, value.path, by.root)
}

/** Bytes of a statement in a page, for filling pages. */
export function statementSize(value: Statement): number {
  return encodeCbor(statement.encode(value)).length
}

/** Bytes of a proven entry in a page, at most. */
export function entrySize(value: Pick<ProvenEntry, 'blobId' | 'path'>): number {
  return 1 + 3 + 34 + (value.blobId === undefined ? 1 : 34) + 3 + 3 + value.path.length
}
