/**
 * The put journal: what must be on disk before the first byte of a segment leaves (protocol.md §2.1), so that an interrupted
 * put resumes with the same keys and no key ever covers two plaintexts. It holds the object key, so it is sealed, always.
 *
 * One record for the head, and one for every 1,024 segment hashes: a large object does not rewrite its whole journal each time.
 */
import { fromHex, toHex0x } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { KiB } from '../base/units.ts'
import type { Vault } from './vault.ts'

/** Where one put's records are kept: a directory of its own, in the product. The caller chooses which journal belongs to which source. */
export interface PutJournal {
  /** Undefined when there is no such record. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Durable when it resolves. */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Removes all records. */
  clear(): Promise<void>
}

/** Who a lot's blobs go to, and under which attempt. A lot without a steward has an attempt no steward has seen. */
export interface LotState {
  readonly steward?: Address
  readonly attempt: number
}

/** All of a put that chance or history decided. */
export interface PutState {
  readonly objectKey: Uint8Array
  /** Object key of the indirect manifest, should there be one. */
  readonly indirectKey: Uint8Array
  /** Gives the salts of the manifest's copies. 32 random bytes. */
  readonly copySeed: Uint8Array
  readonly size: number
  readonly segmentSize: number
  readonly k: number
  readonly n: number
  readonly name?: string
  readonly type?: string
  readonly lots: readonly LotState[]
  /**
   * Attempts that a manifest names already, so that it can no longer change: first those of the object's shares, then those of its
   * indirect manifest's. From then on a missing share may be sent under that attempt only.
   */
  readonly frozen: readonly (readonly number[])[]
}

const HEAD = 'head'
/** Hashes of a page. */
const PAGE = 1024
const MAX_HEAD_BYTES = 64 * KiB

/** A journal with its seal and format. */
export interface PutRecords {
  /** The put that was begun and not completed, if any. @throws `KEY_DAMAGED` when the journal was sealed by another user or is damaged */
  load(): Promise<PutState | undefined>
  save(state: PutState): Promise<void>
  /** SHA-256 of a segment's plaintext, when its first byte may have left. */
  hashOf(segment: number): Promise<Uint8Array | undefined>
  /** Durable when it resolves. */
  writeHash(segment: number, hash: Uint8Array): Promise<void>
  clear(): Promise<void>
}

/** Opens nothing by itself. Calls to `writeHash` must not overlap. */
export function createPutRecords(journal: PutJournal, vault: Vault): PutRecords {
  let page: { readonly index: number; readonly hashes: Uint8Array } | undefined
  const openPage = async (index: number): Promise<Uint8Array> => {
    if (page?.index !== index) {
      const sealed = await journal.read(pageName(index))
      page = { index, hashes: sealed === undefined ? new Uint8Array(0) : vault.open(sealed, 'put journal') }
    }
    return page.hashes
  }
  return {
    load: async () => {
      const sealed = await journal.read(HEAD)
      return sealed === undefined ? undefined : readState(vault.open(sealed, 'put journal'))
    },
    save: (state) => journal.write(HEAD, vault.seal(writeState(state))),
    hashOf: async (segment) => {
      const hashes = await openPage(Math.floor(segment / PAGE))
      const at = 32 * (segment % PAGE)
      const hash = hashes.slice(at, at + 32)
      return hash.length === 32 && hash.some((byte) => byte !== 0) ? hash : undefined
    },
    writeHash: async (segment, hash) => {
      const index = Math.floor(segment / PAGE)
      const hashes = await openPage(index)
      const at = 32 * (segment % PAGE)
      const grown = new Uint8Array(Math.max(hashes.length, at + 32))
      grown.set(hashes)
      grown.set(hash, at)
      await journal.write(pageName(index), vault.seal(grown))
      page = { index, hashes: grown }
    },
    clear: async () => {
      page = undefined
      await journal.clear()
    },
  }
}

function pageName(index: number): string {
  return `hashes-${index}`
}

function writeState(state: PutState): Uint8Array {
  const { objectKey, indirectKey, copySeed, size, segmentSize, k, n, name, type, frozen } = state
  const record: Record<string, CborValue> = {
    v: 1,
    objectKey,
    indirectKey,
    copySeed,
    size,
    segmentSize,
    k,
    n,
    frozen,
    lots: state.lots.map(({ steward, attempt }) => [
      steward === undefined ? new Uint8Array(0) : fromHex(steward),
      attempt,
    ]),
  }
  if (name !== undefined) record['name'] = name
  if (type !== undefined) record['type'] = type
  return encodeCbor(record)
}

function readState(bytes: Uint8Array): PutState {
  const record = decodeCbor(bytes, MAX_HEAD_BYTES) as Readonly<Record<string, CborValue>>
  if (record['v'] !== 1)
    throw new HoldfastError('STORE_VERSION', { path: 'put journal', expected: 1, got: String(record['v']) })
  const { name, type } = record as { name?: string; type?: string }
  const lots = record['lots'] as readonly (readonly [Uint8Array, number])[]
  return {
    objectKey: record['objectKey'] as Uint8Array,
    indirectKey: record['indirectKey'] as Uint8Array,
    copySeed: record['copySeed'] as Uint8Array,
    size: record['size'] as number,
    segmentSize: record['segmentSize'] as number,
    k: record['k'] as number,
    n: record['n'] as number,
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
    frozen: record['frozen'] as readonly (readonly number[])[],
    lots: lots.map(([steward, attempt]) => ({
      ...(steward.length === 0 ? {} : { steward: toHex0x(steward) }),
      attempt,
    })),
  }
}
