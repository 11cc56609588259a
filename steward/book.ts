/**
 * The steward's book: what it holds and what it is asked for, in memory for deciding and in one keyed store for ever. A change is planned
 * as a `BookBatch`, committed as one synced batch, and only then seen by readers: memory never runs ahead of the disk.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Change, Journal } from '../base/ports.ts'
import { nextDueOf } from './decide.ts'
import { DueQueue } from './due-queue.ts'
import { areBytesFree, type HeldPlacement, lastPaymentOf } from './held-placement.ts'
import type { PromiseRecord } from './promise.ts'
import {
  type ArrivalRecord,
  type BidRecord,
  type BountyRecord,
  decodeRecord,
  encodeRecord,
  type Holding,
  KEYS,
  type NoticeRecord,
  type Receipt,
  type ReleaseRecord,
  type RowsRecord,
} from './records.ts'

/** Collects what one step changes. Later calls for the same record win. */
export class BookBatch {
  readonly changes = new Map<string, Uint8Array | undefined>()
  readonly apply: (() => void)[] = []
  private readonly book: Book

  constructor(book: Book) {
    this.book = book
  }

  holding(holding: Holding): void {
    this.changes.set(KEYS.holding(holding.held.id), encodeRecord(holding))
    this.apply.push(() => this.book.show(holding))
  }

  /** What both sides signed; `id` names the placement it is of, `place` is that of its digest in `versions`, from 1. */
  receipt(id: string, place: number, receipt: Receipt): void {
    this.changes.set(KEYS.receipt(id, place), encodeRecord(receipt))
  }

  rows(id: string, rows: RowsRecord): void {
    this.changes.set(KEYS.rows(id, toHex(rows.answersRoot)), encodeRecord(rows))
  }

  notice(id: string, n: number, notice: NoticeRecord): void {
    this.changes.set(KEYS.notice(id, n), encodeRecord(notice))
  }

  bounty(bounty: BountyRecord): void {
    this.changes.set(KEYS.bounty(bounty.id), encodeRecord(bounty))
    this.apply.push(() => this.book.bounties.set(bounty.id, bounty))
  }

  /** The bounty has come to its end: a line for statements is all that stays. */
  close(bounty: BountyRecord): void {
    const { docket: _, ...rest } = bounty
    this.changes.set(KEYS.bounty(bounty.id), undefined)
    this.changes.set(KEYS.docket(bounty.docketHash), undefined)
    this.changes.set(KEYS.past(bounty.id), encodeRecord(rest))
    this.apply.push(() => this.book.bounties.delete(bounty.id))
  }

  docket(hash: string, docket: Uint8Array): void {
    this.changes.set(KEYS.docket(hash), docket)
  }

  release(release: ReleaseRecord): void {
    this.changes.set(KEYS.release(release.bounty), encodeRecord(release))
    this.apply.push(() => this.book.releases.set(release.bounty, release))
  }

  dropRelease(bounty: string): void {
    this.changes.set(KEYS.release(bounty), undefined)
    this.apply.push(() => this.book.releases.delete(bounty))
  }

  bid(bid: BidRecord): void {
    this.changes.set(KEYS.bid(bid.advert), encodeRecord(bid))
    this.apply.push(() => this.book.bids.set(bid.advert, bid))
  }

  dropBid(advert: string): void {
    this.changes.set(KEYS.bid(advert), undefined)
    this.apply.push(() => this.book.bids.delete(advert))
  }

  promise(promise: PromiseRecord): void {
    this.changes.set(KEYS.promise(promise.from), encodeRecord(promise))
    this.apply.push(() => this.book.promises.set(promise.from, promise))
  }

  arrival(blob: string, arrival: ArrivalRecord | undefined): void {
    this.changes.set(KEYS.arrival(blob), arrival && encodeRecord(arrival))
  }

  draining(isDraining: boolean): void {
    this.changes.set(KEYS.draining, isDraining ? new Uint8Array([1]) : undefined)
    this.apply.push(() => {
      this.book.isDraining = isDraining
    })
  }

  paused(isPaused: boolean): void {
    this.changes.set(KEYS.paused, isPaused ? new Uint8Array([1]) : undefined)
    this.apply.push(() => {
      this.book.isPaused = isPaused
    })
  }

  /** `id` names the placement of the copy. */
  successor(id: string, stored: Uint8Array | undefined): void {
    this.changes.set(KEYS.successor(id), stored)
  }

  /** What convicts an uploader of a wrong clearing, until a report takes it. */
  wrongClearing(advert: string, evidence: Uint8Array): void {
    this.changes.set(KEYS.wrongClearing(advert), evidence)
  }

  cursor(cursor: Uint8Array): void {
    this.changes.set(KEYS.cursor, cursor)
  }

  /** Changes planned elsewhere: outbox intents. */
  also(changes: readonly Change[]): void {
    for (const { key, value } of changes) this.changes.set(key, value)
  }
}

export class Book {
  readonly holdings = new Map<string, Holding>()
  /** Placement ids by blob, hex. */
  readonly byBlob = new Map<string, Set<string>>()
  /** Bounties that have not come to their end. */
  readonly bounties = new Map<string, BountyRecord>()
  /** By bounty, until nobody can ask for them any more. */
  readonly releases = new Map<string, ReleaseRecord>()
  readonly bids = new Map<string, BidRecord>()
  /** What was promised by vouchers, by uploader. */
  readonly promises = new Map<Address, PromiseRecord>()
  /** Placement ids by the digest of any of their versions. */
  readonly idOfDigest = new Map<string, string>()
  /** The operator lets this steward run empty. */
  isDraining = false
  /** The operator wants nothing new; what is held is kept, and renewed. */
  isPaused = false
  /** Neither: blobs that are new here are taken. */
  get isOpen(): boolean {
    return !this.isDraining && !this.isPaused
  }

  /** When a placement's rules have something to say. */
  readonly due = new DueQueue()
  /** When the bytes of a blob that is held were last compared with their id. */
  readonly checked = new DueQueue()
  /** Bytes of blobs that at least one living placement keeps, and that are not lost. */
  bytesHeld = 0
  /** Bytes of living placements that pay no rent: they came by the right to store. */
  bytesFree = 0
  /** Living placements by their advert, hex: how much of a lot has come. */
  private readonly lots = new Map<string, { bytes: number; blobs: number }>()
  /** Placements by their uploader, living and dead, and the bytes of those that can be read. */
  private readonly uploaders = new Map<Address, { placements: number; bytes: number }>()
  private readonly journal: Journal

  private constructor(journal: Journal) {
    this.journal = journal
  }

  /** Reads everything but receipts, rows, dockets, successors and what is past. @throws `LEDGER_CORRUPT` */
  static async open(journal: Journal): Promise<Book> {
    const book = new Book(journal)
    const load = async <Record>(prefix: string, take: (record: Record) => void) => {
      for await (const [key, value] of journal.list(prefix)) take(decodeRecord<Record>(key, value))
    }
    await load<Holding>(KEYS.holding(''), (holding) => book.show(holding))
    await load<BountyRecord>(KEYS.bounty(''), (bounty) => book.bounties.set(bounty.id, bounty))
    await load<ReleaseRecord>(KEYS.release(''), (release) => book.releases.set(release.bounty, release))
    await load<BidRecord>(KEYS.bid(''), (bid) => book.bids.set(bid.advert, bid))
    book.isDraining = (await journal.get(KEYS.draining)) !== undefined
    book.isPaused = (await journal.get(KEYS.paused)) !== undefined
    await load<PromiseRecord>(KEYS.promise(''), (promise) => book.promises.set(promise.from, promise))
    return book
  }

  batch(): BookBatch {
    return new BookBatch(this)
  }

  /** One synced batch; memory follows when it is durable. */
  async commit(batch: BookBatch): Promise<void> {
    if (batch.changes.size > 0) await this.journal.commit([...batch.changes].map(([key, value]) => ({ key, value })))
    for (const apply of batch.apply) apply()
  }

  /** For batches: memory follows the disk. */
  show(holding: Holding): void {
    const { id, blobId, length } = holding.held
    const before = this.isHeld(blobId)
    this.count(this.holdings.get(id), -1)
    this.count(holding, 1)
    this.holdings.set(id, holding)
    const ids = this.byBlob.get(blobId)
    if (ids) ids.add(id)
    else this.byBlob.set(blobId, new Set([id]))
    const after = this.isHeld(blobId)
    if (before !== after) this.bytesHeld += after ? length : -length
    for (const digest of holding.versions) this.idOfDigest.set(digest, id)
    this.due.set(id, nextDueOf(holding.held))
    this.checked.set(blobId, after ? this.checkedAt(blobId) : undefined)
  }

  /** The newest reading of a blob that compared it with its id: at its arrival, for an answer that was paid, or for its own sake. */
  checkedAt(blob: string): number {
    let last = 0
    for (const id of this.byBlob.get(blob) ?? []) {
      const holding = this.holdings.get(id)
      if (!holding || holding.held.state === 'pruned') continue
      const paid = lastPaymentOf(holding.held)
      last = Math.max(last, holding.checkedAt ?? holding.heldAt, paid.id === '' ? 0 : paid.at)
    }
    return last
  }

  private count(holding: Holding | undefined, sign: 1 | -1): void {
    if (!holding) return
    const { uploader, state, lost, length } = holding.held
    const { placements, bytes } = this.heldFor(uploader)
    const readable = state === 'pruned' || lost ? 0 : length
    this.uploaders.set(uploader, { placements: placements + sign, bytes: bytes + sign * readable })
    if (state === 'pruned') return
    if (holding.held.price === 0n) this.bytesFree += sign * length
    const lot = this.lots.get(holding.advert) ?? { bytes: 0, blobs: 0 }
    lot.bytes += sign * holding.held.length
    lot.blobs += sign
    if (lot.blobs > 0) this.lots.set(holding.advert, lot)
    else this.lots.delete(holding.advert)
  }

  /** What was ever placed by an uploader, and the bytes of it that are here. */
  heldFor(uploader: Address): { readonly placements: number; readonly bytes: number } {
    return this.uploaders.get(uploader) ?? { placements: 0, bytes: 0 }
  }

  /** What is held under an advert. @param advert hex */
  placedUnder(advert: string): { readonly bytes: number; readonly blobs: number } {
    return this.lots.get(advert) ?? { bytes: 0, blobs: 0 }
  }

  /** Placements over a blob, living and dead. */
  *heldOf(blob: string): Iterable<HeldPlacement> {
    for (const id of this.byBlob.get(blob) ?? []) {
      const holding = this.holdings.get(id)
      if (holding) yield holding.held
    }
  }

  /** Bytes; 0 for a blob that nobody ever placed here. */
  lengthOf(blob: string): number {
    for (const { length } of this.heldOf(blob)) return length
    return 0
  }

  /** True while a living placement keeps the blob. */
  isKept(blob: string): boolean {
    return !areBytesFree(this.heldOf(blob))
  }

  /** True when the bytes of a blob that is kept are gone or wrong. */
  isLost(blob: string): boolean {
    for (const held of this.heldOf(blob)) if (held.lost && held.state !== 'pruned') return true
    return false
  }

  /** True when a blob is kept and, as far as we know, here. */
  isHeld(blob: string): boolean {
    return this.isKept(blob) && !this.isLost(blob)
  }

  /** The living placement of one uploader over a blob. */
  livingOf(blob: string, uploader: Address): Holding | undefined {
    for (const held of this.heldOf(blob))
      if (held.uploader === uploader && held.state !== 'pruned') return this.holdings.get(held.id)
    return undefined
  }

  /** Every blob that is held, once for each locator that its placements have: another uploader's must not hide its owner's. */
  *kept(): Iterable<{ readonly blobId: Uint8Array; readonly locator?: Uint8Array }> {
    for (const [blob, ids] of this.byBlob) {
      if (!this.isHeld(blob)) continue
      const holdings = [...ids]
        .flatMap((id) => this.holdings.get(id) ?? [])
        .filter(({ held }) => held.state !== 'pruned')
      const locators = new Set(holdings.flatMap(({ locator }) => locator ?? []))
      if (locators.size === 0) yield { blobId: fromHex(blob, 32) }
      for (const locator of locators) yield { blobId: fromHex(blob, 32), locator: fromHex(locator, 32) }
    }
  }

  async cursor(): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.cursor)
  }

  /** Evidence of a wrong clearing, by the advert's hash in hex. */
  async wrongClearing(advert: string): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.wrongClearing(advert))
  }

  async receipt(id: string, place: number): Promise<Receipt | undefined> {
    const key = KEYS.receipt(id, place)
    const bytes = await this.journal.get(key)
    return bytes && decodeRecord<Receipt>(key, bytes)
  }

  async docket(hash: string): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.docket(hash))
  }

  async rowsCount(id: string, limit: number): Promise<number> {
    let count = 0
    for await (const _ of this.journal.list(KEYS.rows(id, ''), { limit })) count++
    return count
  }

  async notice(id: string, n: number): Promise<NoticeRecord | undefined> {
    const key = KEYS.notice(id, n)
    const bytes = await this.journal.get(key)
    return bytes && decodeRecord<NoticeRecord>(key, bytes)
  }

  async successor(id: string): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.successor(id))
  }

  /** A bounty that came to an end. A killed dev chain may bring it again. */
  async ended(id: string): Promise<BountyRecord | undefined> {
    const key = KEYS.past(id)
    const bytes = await this.journal.get(key)
    return bytes && decodeRecord<BountyRecord>(key, bytes)
  }

  /** Bounties that came to an end, posted at or after `since`, in no order. */
  async *past(since: number): AsyncIterable<BountyRecord> {
    for await (const [key, value] of this.journal.list(KEYS.past(''))) {
      const bounty = decodeRecord<BountyRecord>(key, value)
      if (bounty.postedAt >= since) yield bounty
    }
  }

  /** What was arriving when the process ended last. */
  async *arrivals(): AsyncIterable<readonly [string, ArrivalRecord]> {
    const prefix = KEYS.arrival('')
    for await (const [key, value] of this.journal.list(prefix))
      yield [key.slice(prefix.length), decodeRecord<ArrivalRecord>(key, value)]
  }
}

/**
 * Which unfinished arrivals may be continued after a restart: for `openBlobFiles`, before the book is open.
 * @param now chain time; offers that ran out are not waited for
 */
export async function resumableParts(
  journal: Journal,
  now: number,
): Promise<(part: { readonly id: Uint8Array; readonly bytes: number }) => boolean> {
  const prefix = KEYS.arrival('')
  const arrivals = new Map<string, ArrivalRecord>()
  for await (const [key, value] of journal.list(prefix))
    arrivals.set(key.slice(prefix.length), decodeRecord<ArrivalRecord>(key, value))
  return ({ id, bytes }) => {
    const arrival = arrivals.get(toHex(id))
    return arrival !== undefined && arrival.until >= now && bytes <= arrival.length
  }
}
