/** Who holds what, as a reader finds out, and how fast each holder turned out to be. */
import type { Address } from '../base/curve.ts'

/** A steward that may hold a blob. */
export interface Holder {
  readonly id: Address
  /** Multiaddrs. */
  readonly addresses: readonly string[]
}

/** A holder of a manifest copy. */
export interface CopyHolder extends Holder {
  /** Id of its copy. 32 bytes. */
  readonly blobId: Uint8Array
}

/** Looks in indexes first; asks the registered repositories themselves when told to. Answers what it found, never throws for what it did not. */
export interface Finder {
  /** Holders of each blob, by hex of its id. @param widely also those that no index names: every repository, as a guess */
  blobs(
    ids: readonly Uint8Array[],
    options: { readonly widely: boolean; readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<string, readonly Holder[]>>
  /** Holders of manifest copies. */
  copies(
    locator: Uint8Array,
    options: { readonly widely: boolean; readonly signal: AbortSignal },
  ): Promise<readonly CopyHolder[]>
}

/** A blob that came, checked against its id, in memory that is the caller's from now on; with a manifest copy also the sealed successor record kept beside it. */
export interface FetchedBlob {
  readonly bytes: Uint8Array
  readonly successor?: Uint8Array
}

export interface FetchWish {
  readonly blobId: Uint8Array
  readonly token: Uint8Array
  /** Exactly, where it is known. Bytes. */
  readonly length?: number
  /** Of each raw range, where the length is not known. Bytes. */
  readonly maxLength?: number
  readonly signal: AbortSignal
  /** Called with the number of bytes that came since the last call. */
  onBytes?(count: number): void
}

/** One blob from one holder. @throws `BLOB_CORRUPT` when the bytes are not the blob's, the holder's refusal, or what the wire throws */
export type FetchBlob = (holder: Holder, wish: FetchWish) => Promise<FetchedBlob>

/** What was measured of holders during one get. */
export interface SpeedBoard {
  /** A fetch came to its end: `bytes` in `ms`. */
  finished(holder: Address, bytes: number, ms: number): void
  /** A fetch failed; `bad`: the holder served wrong bytes, and is asked last from then on. */
  failed(holder: Address, bad: boolean): void
  /** A fetch fell behind: others are asked first from then on; should it come to its end after all, that counts. */
  slow(holder: Address): void
  /** Smaller is better: expected milliseconds for `bytes`; holders nobody has tried stand between the quick and the failed. */
  expected(holder: Address, bytes: number): number
}

/** Milliseconds that an untried holder is taken to need for one MiB: slower than a known good one, so that those keep the work. */
const UNTRIED_MS_PER_MIB = 100
/** What falling behind adds at most, each failure, and wrong bytes. Milliseconds. */
const SLOW_MS = 5_000
const FAILURE_MS = 10_000
const BAD_MS = 1e9

export function createSpeedBoard(): SpeedBoard {
  const known = new Map<Address, { msPerByte?: number; penalty: number }>()
  const entryOf = (holder: Address) => {
    const entry = known.get(holder) ?? { penalty: 0 }
    known.set(holder, entry)
    return entry
  }
  return {
    finished: (holder, bytes, ms) => {
      const entry = entryOf(holder)
      const measured = ms / Math.max(bytes, 1024)
      entry.msPerByte = entry.msPerByte === undefined ? measured : 0.6 * entry.msPerByte + 0.4 * measured
      entry.penalty /= 2
    },
    failed: (holder, bad) => {
      entryOf(holder).penalty += bad ? BAD_MS : FAILURE_MS
    },
    slow: (holder) => {
      const entry = entryOf(holder)
      entry.penalty = Math.max(entry.penalty, SLOW_MS)
    },
    expected: (holder, bytes) => {
      const { msPerByte = UNTRIED_MS_PER_MIB / 2 ** 20, penalty = 0 } = known.get(holder) ?? {}
      return msPerByte * Math.max(bytes, 1024) + penalty
    },
  }
}
