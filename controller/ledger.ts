/**
 * The ledger: everything the controller knows, in memory for deciding and in one keyed store for ever. A change is planned as a
 * `LedgerBatch`, committed as one synced batch, and only then seen by readers: memory never runs ahead of the disk.
 */
import type { Address } from '../base/curve.ts'
import type { Change, Journal } from '../base/ports.ts'
import type { PlacementState } from './placement-state.ts'
import {
  type BountyRecord,
  decodeRecord,
  encodeRecord,
  KEYS,
  type ObjectRecord,
  type PutRecord,
  type ReceiptRecord,
} from './records.ts'

/** Sums over our account in the market, from its events. Wei of HOLD for deposits and withdrawals, gwei for fees. */
export interface Money {
  readonly deposited: bigint
  readonly withdrawn: bigint
  readonly advertFees: bigint
}

const NO_MONEY: Money = { deposited: 0n, withdrawn: 0n, advertFees: 0n }

/** Collects what one step changes. Later calls for the same record win. */
export class LedgerBatch {
  readonly changes = new Map<string, Uint8Array | undefined>()
  readonly apply: (() => void)[] = []
  private readonly ledger: Ledger

  constructor(ledger: Ledger) {
    this.ledger = ledger
  }

  placement(state: PlacementState): void {
    this.record(KEYS.placement(state.id), state, () => this.ledger.placements.set(state.id, state))
  }

  object(object: ObjectRecord, id: string): void {
    this.record(KEYS.object(id), object, () => {
      this.ledger.objects.set(id, object)
      this.ledger.objectOfRef.set(object.ref, id)
    })
  }

  put(put: PutRecord): void {
    this.record(KEYS.put(put.ref), put, () => this.ledger.puts.set(put.ref, put))
  }

  /** Only for a put of which nothing came. */
  dropPut(ref: string): void {
    this.changes.set(KEYS.put(ref), undefined)
    this.apply.push(() => this.ledger.puts.delete(ref))
  }

  receipt(id: string, receipt: ReceiptRecord): void {
    this.record(KEYS.receipt(id), receipt, () => {
      const known = this.ledger.placementsOfRef.get(receipt.ref) ?? new Set<string>()
      this.ledger.placementsOfRef.set(receipt.ref, known.add(id))
    })
  }

  /** All rows of a placement, 32 bytes each, in row order. */
  answers(id: string, answers: Uint8Array): void {
    this.changes.set(KEYS.answers(id), answers)
  }

  bounty(bounty: BountyRecord): void {
    this.record(KEYS.bounty(bounty.id), bounty, () => {
      this.ledger.bounties.set(bounty.id, bounty)
      this.ledger.bountyOfPlan.set(bounty.plan, bounty.id)
    })
  }

  /** Keeps a docket for its steward; undefined deletes it. */
  docket(hash: string, docket: Uint8Array | undefined): void {
    this.changes.set(KEYS.docket(hash), docket)
  }

  /** The sums as this batch will leave them, if it touches them. */
  pendingMoney: Money | undefined

  money(money: Money): void {
    this.pendingMoney = money
    this.record(KEYS.money, money, () => {
      this.ledger.money = money
    })
  }

  cursor(cursor: Uint8Array): void {
    this.changes.set(KEYS.cursor, cursor)
  }

  /** Changes planned elsewhere: outbox intents. */
  also(changes: readonly Change[]): void {
    for (const { key, value } of changes) this.changes.set(key, value)
  }

  private record(key: string, record: object, apply: () => void): void {
    this.changes.set(key, encodeRecord(record))
    this.apply.push(apply)
  }
}

export class Ledger {
  readonly placements = new Map<string, PlacementState>()
  readonly objects = new Map<string, ObjectRecord>()
  readonly puts = new Map<string, PutRecord>()
  readonly bounties = new Map<string, BountyRecord>()
  readonly bountyOfPlan = new Map<string, string>()
  readonly objectOfRef = new Map<string, string>()
  readonly placementsOfRef = new Map<string, Set<string>>()
  money: Money = NO_MONEY
  private readonly journal: Journal

  private constructor(journal: Journal) {
    this.journal = journal
  }

  /** Reads everything but answers and receipts, which are read when needed. @throws `LEDGER_CORRUPT` */
  static async open(journal: Journal): Promise<Ledger> {
    const ledger = new Ledger(journal)
    const load = async <Record>(prefix: string, take: (record: Record, id: string) => void) => {
      for await (const [key, value] of journal.list(prefix))
        take(decodeRecord<Record>(key, value), key.slice(prefix.length))
    }
    await load<PlacementState>(KEYS.placement(''), (state) => ledger.placements.set(state.id, state))
    await load<PutRecord>(KEYS.put(''), (put) => ledger.puts.set(put.ref, put))
    await load<BountyRecord>(KEYS.bounty(''), (bounty) => {
      ledger.bounties.set(bounty.id, bounty)
      ledger.bountyOfPlan.set(bounty.plan, bounty.id)
    })
    await load<ObjectRecord>(KEYS.object(''), (object, id) => {
      ledger.objects.set(id, object)
      ledger.objectOfRef.set(object.ref, id)
    })
    await load<ReceiptRecord>(KEYS.receipt(''), (receipt, id) => {
      ledger.placementsOfRef.set(receipt.ref, (ledger.placementsOfRef.get(receipt.ref) ?? new Set()).add(id))
    })
    const money = await journal.get(KEYS.money)
    if (money) ledger.money = decodeRecord<Money>(KEYS.money, money)
    return ledger
  }

  batch(): LedgerBatch {
    return new LedgerBatch(this)
  }

  /** One synced batch; memory follows when it is durable. */
  async commit(batch: LedgerBatch): Promise<void> {
    if (batch.changes.size > 0) await this.journal.commit([...batch.changes].map(([key, value]) => ({ key, value })))
    for (const apply of batch.apply) apply()
  }

  async cursor(): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.cursor)
  }

  async answers(id: string): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.answers(id))
  }

  async docket(hash: string): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.docket(hash))
  }

  async receipt(id: string): Promise<ReceiptRecord | undefined> {
    const bytes = await this.journal.get(KEYS.receipt(id))
    return bytes && decodeRecord<ReceiptRecord>(KEYS.receipt(id), bytes)
  }

  /** Placements of a put, in no order. */
  *placementsOf(ref: string): Iterable<PlacementState> {
    for (const id of this.placementsOfRef.get(ref) ?? []) {
      const state = this.placements.get(id)
      if (state) yield state
    }
  }

  /** The object whose id starts with `prefix`, if exactly one does; else how many do. */
  find(prefix: string): ObjectRecord | number {
    const exact = this.objects.get(prefix)
    if (exact) return exact
    const found = [...this.objects].filter(([id]) => id.startsWith(prefix))
    return found.length === 1 ? (found[0] as [string, ObjectRecord])[1] : found.length
  }

  /** Bytes under live placements with one steward. */
  bytesWith(steward: Address): number {
    let sum = 0
    for (const state of this.placements.values()) if (state.steward === steward) sum += state.length
    return sum
  }
}
