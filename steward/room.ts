/** Room: what is held, what is arriving and what was promised, against what the operator offers. Also the locks of blobs. */
import { HoldfastError } from '../base/errors.ts'
import type { Capacity } from '../pricing/bidder.ts'
import type { Book } from './book.ts'
import { PROMISE_LIFE, type StewardConfig } from './config.ts'
import type { ArrivalRecord } from './records.ts'

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
  /** Blobs on their way in; `isParked`: broken off, to be taken up again. */
  const arriving = new Map<string, ArrivalRecord & { readonly isParked: boolean }>()
  /** Bytes of lots that are bid for and not decided, by advert. */
  const sealed = new Map<string, number>()

  function arrivingBytes(): number {
    let bytes = 0
    for (const { length } of arriving.values()) bytes += length
    return bytes
  }

  function promised(): number {
    let bytes = 0
    for (const lot of sealed.values()) bytes += lot
    for (const bid of book.bids.values())
      if (bid.state !== 'lost' && now() < bid.madeAt + PROMISE_LIFE && !sealed.has(bid.advert))
        bytes += Math.max(0, bid.lotBytes - book.placedUnder(bid.advert).bytes)
    return bytes
  }

  return {
    promised,
    arriving: arrivingBytes,
    /** For the price of a bid. */
    async capacity(): Promise<Capacity> {
      const { quota, reserve } = config()
      return {
        quota,
        reserve,
        used: book.bytesHeld + arrivingBytes(),
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
    /** What is on its way under an advert, beside one blob. */
    comingUnder(advert: string, except: string): { readonly bytes: number; readonly blobs: number } {
      let [bytes, blobs] = [0, 0]
      for (const [blob, arrival] of arriving) {
        if (arrival.advert !== advert || blob === except) continue
        bytes += arrival.length
        blobs++
      }
      return { bytes, blobs }
    },
    /** Takes a blob's bytes out of the quota while it arrives; `park` or `leave` ends it. @throws `STORE_FULL` */
    admit(blob: string, arrival: ArrivalRecord): void {
      const others = arrivingBytes() - (arriving.get(blob)?.length ?? 0)
      if (!book.isHeld(blob) && book.bytesHeld + others + arrival.length > config().quota)
        throw new HoldfastError('STORE_FULL', { what: `a blob of ${arrival.length} bytes: the quota is used up` })
      arriving.set(blob, { ...arrival, isParked: false })
    },
    /** It broke off: its part stays on disk, and in the quota, until its offer is over. */
    park(blob: string, arrival: ArrivalRecord): void {
      arriving.set(blob, { ...arrival, isParked: true })
    },
    leave(blob: string): void {
      arriving.delete(blob)
    },
    /** Parked ones that nobody will take up any more. */
    expired(): { readonly blob: string; readonly length: number }[] {
      const over: { blob: string; length: number }[] = []
      for (const [blob, { isParked, until, length }] of arriving)
        if (isParked && until < now()) over.push({ blob, length })
      return over
    },
  }
}
