/** Room: what is held, what is arriving and what was promised, against what the operator offers. Also the locks of blobs. */
import { HoldfastError } from '../base/errors.ts'
import type { Capacity } from '../pricing/bidder.ts'
import type { Book } from './book.ts'
import { PROMISE_LIFE, type StewardConfig } from './config.ts'

/** One holder at a time for each key, in order of asking. */
export function createLocks() {
  const last = new Map<string, Promise<unknown>>()
  return async function locked<Result>(key: string, run: () => Promise<Result>): Promise<Result> {
    const turn = (last.get(key) ?? Promise.resolve()).then(run, run)
    const settled = turn.catch(() => undefined) // the caller has the failure; the next one in line does not depend on it
    last.set(key, settled)
    try {
      return await turn
    } finally {
      if (last.get(key) === settled) last.delete(key)
    }
  }
}

export type Locked = ReturnType<typeof createLocks>

export interface RoomDeps {
  readonly book: Book
  config(): StewardConfig
  freeSpace(): Promise<number>
  /** Chain time. */
  now(): number
}

export type Room = ReturnType<typeof createRoom>

export function createRoom({ book, config, freeSpace, now }: RoomDeps) {
  /** Bytes of blobs on their way in, and of bids that are sealed and not decided. */
  const arriving = new Map<string, number>()
  const sealed = new Map<string, number>()
  const sum = (bytes: Iterable<number>) => {
    let total = 0
    for (const count of bytes) total += count
    return total
  }

  function promised(): number {
    let bytes = sum(sealed.values())
    for (const bid of book.bids.values())
      if (bid.state !== 'lost' && now() < bid.madeAt + PROMISE_LIFE && !sealed.has(bid.advert))
        bytes += Math.max(0, bid.lotBytes - book.placedUnder(bid.advert).bytes)
    return bytes
  }

  return {
    promised,
    arriving: () => sum(arriving.values()),
    /** For the price of a bid. */
    async capacity(): Promise<Capacity> {
      const { quota, reserve } = config()
      return {
        quota,
        reserve,
        used: book.bytesHeld + sum(arriving.values()),
        promised: promised(),
        free: await freeSpace(),
      }
    },
    /** Room for a lot until its auction is decided. Call `release` in any case. */
    hold(advert: string, bytes: number): void {
      sealed.set(advert, bytes)
    },
    release(advert: string): void {
      sealed.delete(advert)
    },
    /** Takes a blob's bytes out of the quota while it arrives. Call the result at its end. @throws `STORE_FULL` */
    admit(blob: string, length: number): () => void {
      if (book.isKept(blob)) return () => undefined
      const used = book.bytesHeld + sum(arriving.values())
      if (used + length > config().quota)
        throw new HoldfastError('STORE_FULL', { what: `a blob of ${length} bytes: the quota is used up` })
      arriving.set(blob, length)
      return () => void arriving.delete(blob)
    },
  }
}
