/**
 * One step of the steward: facts told to placements and changes of bounties, until one commit. Later facts of a step see what the earlier
 * ones changed. Effects come out in order, to be performed after the commit.
 */
import type { Address } from '../base/curve.ts'
import type { Book, BookBatch } from './book.ts'
import { decide, type Effect, type Fact } from './decide.ts'
import { noPromise, type PromiseRecord } from './promise.ts'
import type { BountyRecord, Holding } from './records.ts'

export class Step {
  readonly batch: BookBatch
  readonly effects: Effect[] = []
  /** Chain time. Seconds. */
  readonly now: number
  private readonly book: Book
  private readonly holdings = new Map<string, Holding>()
  private readonly bounties = new Map<string, BountyRecord | undefined>()
  private readonly promises = new Map<Address, PromiseRecord>()

  constructor(book: Book, now: number) {
    this.book = book
    this.now = now
    this.batch = book.batch()
  }

  /** The placement as this step sees it. */
  holding(id: string): Holding | undefined {
    return this.holdings.get(id) ?? this.book.holdings.get(id)
  }

  /** The bounty as this step sees it. */
  bounty(id: string): BountyRecord | undefined {
    return this.bounties.has(id) ? this.bounties.get(id) : this.book.bounties.get(id)
  }

  /** All bounties as this step sees them. */
  *allBounties(): Iterable<BountyRecord> {
    for (const id of new Set([...this.book.bounties.keys(), ...this.bounties.keys()])) {
      const bounty = this.bounty(id)
      if (bounty) yield bounty
    }
  }

  /** Tells a fact to a placement. Nothing is written when nothing changes. */
  tell(id: string, fact: Fact): void {
    const holding = this.holding(id)
    if (!holding) return
    const { next, effects } = decide(holding.held, fact, this.now)
    this.effects.push(...effects)
    if (!isSame(next, holding.held)) this.save({ ...holding, held: next })
  }

  save(holding: Holding): void {
    this.holdings.set(holding.held.id, holding)
    this.batch.holding(holding)
  }

  saveBounty(bounty: BountyRecord): void {
    this.bounties.set(bounty.id, bounty)
    this.batch.bounty(bounty)
  }

  /** What an uploader promised, as this step sees it. */
  promise(from: Address): PromiseRecord {
    return this.promises.get(from) ?? this.book.promises.get(from) ?? noPromise(from)
  }

  savePromise(promise: PromiseRecord): void {
    this.promises.set(promise.from, promise)
    this.batch.promise(promise)
  }

  /** The bounty has come to its end. What was asked off chain before it was posted waits for no voucher any more. */
  closeBounty(bounty: BountyRecord): void {
    const { round, ...promise } = this.promise(bounty.poster)
    if (round?.docketHash === bounty.docketHash) this.savePromise(promise)
    this.bounties.set(bounty.id, undefined)
    this.batch.close(bounty)
  }
}

/** Equal field by field: rules build new objects also when they change nothing. */
function isSame(a: object, b: object): boolean {
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => {
    const [one, other] = [(a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]]
    if (one === other) return true
    return typeof one === 'object' && typeof other === 'object' && one !== null && other !== null && isSame(one, other)
  })
}
