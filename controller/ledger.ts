/**
 * The ledger: everything the controller knows, in memory for deciding and in one keyed store for ever. A change is planned as a
 * `LedgerBatch`, committed as one synced batch, and only then seen by readers: memory never runs ahead of the disk.
 */
import { readU32, u32 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { hasCode } from '../base/errors.ts'
import type { Change, Journal } from '../base/ports.ts'
import type { PlacementState } from './placement-state.ts'
import {
  BACKED_UP,
  type BackupDraft,
  type BackupRecord,
  type BountyRecord,
  decodeRecord,
  encodeRecord,
  isBackedUp,
  KEYS,
  type ObjectRecord,
  type PromiseRecord,
  type PutRecord,
  type ReceiptRecord,
  type RepairRecord,
  type SuccessorRecord,
} from './records.ts'

/** Sums over our account in the market, from its events. Wei of HOLD for deposits and withdrawals, gwei for fees. */
export interface Money {
  readonly deposited: bigint
  readonly withdrawn: bigint
  readonly advertFees: bigint
}

/**
 * How soon what no backup has should be in one. `soon`: an object, or a share that was placed anew; without it it is lost with this
 * machine. `daily`: a renewal. `weekly`: rows, which a read of the blob would bring again. Everything else the chain tells.
 */
export type Urgency = 'soon' | 'daily' | 'weekly'

const NO_MONEY: Money = { deposited: 0n, withdrawn: 0n, advertFees: 0n }

/** Collects what one step changes. Later calls for the same record win. */
export class LedgerBatch {
  readonly changes = new Map<string, Uint8Array | undefined>()
  readonly apply: (() => void)[] = []
  /** What of this should be backed up, and how soon. */
  readonly urgent = new Set<Urgency>()
  private readonly ledger: Ledger

  constructor(ledger: Ledger) {
    this.ledger = ledger
  }

  placement(state: PlacementState): void {
    this.record(KEYS.placement(state.id), state, () => this.ledger.placements.set(state.id, state))
  }

  object(object: ObjectRecord, id: string): void {
    if (object.backup === undefined) this.urgent.add('soon')
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

  repair(repair: RepairRecord): void {
    this.record(KEYS.repair(repair.id), repair, () => this.ledger.repairs.set(repair.id, repair))
  }

  successor(successor: SuccessorRecord): void {
    this.record(KEYS.successor(successor.id), successor, () => this.ledger.successors.set(successor.id, successor))
  }

  receipt(id: string, receipt: ReceiptRecord): void {
    const urgency = this.ledger.urgencyOf(receipt)
    if (urgency !== undefined) this.urgent.add(urgency)
    this.record(KEYS.receipt(id), receipt, () => {
      const known = this.ledger.placementsOfRef.get(receipt.ref) ?? new Set<string>()
      this.ledger.placementsOfRef.set(receipt.ref, known.add(id))
    })
  }

  /** All rows of a placement, 32 bytes each, in row order. */
  answers(id: string, answers: Uint8Array): void {
    const known = this.ledger.placements.get(id)
    if (known !== undefined && known.rides !== true) this.urgent.add('weekly')
    this.changes.set(KEYS.answers(id), answers)
  }

  bounty(bounty: BountyRecord): void {
    this.record(KEYS.bounty(bounty.id), bounty, () => this.ledger.showBounty(bounty))
  }

  /** Promises as this batch will leave them, by steward. */
  readonly pendingPromises = new Map<Address, PromiseRecord>()

  promise(promise: PromiseRecord): void {
    // its steward knows it as well, and gives it back: docs/spec/settlement.md
    this.urgent.add('weekly')
    this.pendingPromises.set(promise.to, promise)
    this.record(KEYS.promise(promise.to), promise, () => this.ledger.promises.set(promise.to, promise))
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

  /** The newest whole backup as this batch will leave it, if it touches it. */
  pendingBackup: BackupRecord | undefined

  /** The newest whole backup. */
  backup(backup: BackupRecord): void {
    this.pendingBackup = backup
    this.record(KEYS.backup, backup, () => {
      this.ledger.backup = backup
    })
  }

  /** The backup that is being stored; undefined: none any more. */
  backupDraft(draft: BackupDraft | undefined): void {
    const apply = () => {
      this.ledger.backupDraft = draft
    }
    if (draft !== undefined) this.record(KEYS.backupDraft, draft, apply)
    else {
      this.changes.set(KEYS.backupDraft, undefined)
      this.apply.push(apply)
    }
  }

  /** A backup may be made over the newer one that this ledger does not come from. */
  backupsAllowed(): void {
    this.changes.set(KEYS.backupHeld, undefined)
    this.apply.push(() => {
      this.ledger.isBackupHeld = false
    })
  }

  /** What only a ledger fresh from a backup needs was done. */
  lookedThrough(): void {
    this.changes.set(KEYS.recovered, undefined)
    this.apply.push(() => {
      this.ledger.isRecovered = false
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
  readonly repairs = new Map<string, RepairRecord>()
  /** By the locator of the object they are about. */
  readonly successors = new Map<string, SuccessorRecord>()
  readonly bounties = new Map<string, BountyRecord>()
  readonly bountyOfPlan = new Map<string, string>()
  /** Those that are on the chain and neither swept nor revoked, by id. */
  readonly postedBounties = new Map<string, BountyRecord>()
  /** What is tried off chain now, by id. */
  readonly offeredBounties = new Map<string, BountyRecord>()
  /** By steward. */
  readonly promises = new Map<Address, PromiseRecord>()
  readonly objectOfRef = new Map<string, string>()
  readonly placementsOfRef = new Map<string, Set<string>>()
  money: Money = NO_MONEY
  backup: BackupRecord | undefined
  backupDraft: BackupDraft | undefined
  /** What no backup has, not even the one that is being stored. */
  readonly unsaved = new Set<Urgency>()
  /** It was made from a backup, and nobody has looked through it since. */
  isRecovered = false
  /** It was made from another backup than the newest one, which its owner may still want. */
  isBackupHeld = false
  /** Told after commits that leave something unsaved. */
  onUnsaved: (() => void) | undefined
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
    await load<RepairRecord>(KEYS.repair(''), (repair) => ledger.repairs.set(repair.id, repair))
    await load<SuccessorRecord>(KEYS.successor(''), (successor) => ledger.successors.set(successor.id, successor))
    await load<BountyRecord>(KEYS.bounty(''), (bounty) => ledger.showBounty(bounty))
    await load<PromiseRecord>(KEYS.promise(''), (promise) => ledger.promises.set(promise.to, promise))
    await load<ObjectRecord>(KEYS.object(''), (object, id) => {
      ledger.objects.set(id, object)
      ledger.objectOfRef.set(object.ref, id)
    })
    await load<ReceiptRecord>(KEYS.receipt(''), (receipt, id) => {
      ledger.placementsOfRef.set(receipt.ref, (ledger.placementsOfRef.get(receipt.ref) ?? new Set()).add(id))
    })
    const money = await journal.get(KEYS.money)
    if (money) ledger.money = decodeRecord<Money>(KEYS.money, money)
    const backup = await journal.get(KEYS.backup)
    if (backup) ledger.backup = decodeRecord<BackupRecord>(KEYS.backup, backup)
    const draft = await journal.get(KEYS.backupDraft)
    if (draft) ledger.backupDraft = decodeRecord<BackupDraft>(KEYS.backupDraft, draft)
    ledger.isRecovered = (await journal.get(KEYS.recovered)) !== undefined
    ledger.isBackupHeld = (await journal.get(KEYS.backupHeld)) !== undefined
    await ledger.readUnsaved()
    return ledger
  }

  /** What changed since the newest backup, told from the marks: an object or a receipt among it decides how soon the next one is due. */
  private async readUnsaved(): Promise<void> {
    const newest = this.backup?.links.at(-1)
    // What a ledger was restored from is not in it: it has no placements to pay, so another one has to follow.
    if (newest !== undefined && !this.objects.has(newest.id)) this.unsaved.add('soon')
    // Objects from before there were backups.
    if (newest === undefined && this.objects.size > 0) this.unsaved.add('soon')
    const generation = this.generation
    for await (const [key] of this.marks((at) => at >= generation)) {
      const object = this.objects.get(key.slice(KEYS.object('').length))
      if (key.startsWith(KEYS.object('')) && object?.backup === undefined) this.unsaved.add('soon')
      else if (key.startsWith(KEYS.receipt(''))) {
        const receipt = await this.receipt(key.slice(KEYS.receipt('').length))
        const urgency = receipt && this.urgencyOf(receipt)
        if (urgency !== undefined) this.unsaved.add(urgency)
      } else if (key.startsWith(KEYS.answers('')) && !this.placements.get(key.slice(KEYS.answers('').length))?.rides)
        this.unsaved.add('weekly')
    }
  }

  /** The version of the backup that will carry what changes now. */
  get generation(): number {
    return (this.backupDraft?.version ?? this.backup?.links.at(-1)?.version ?? 0) + 1
  }

  /** Receipts of a put on its way wait for its object: half a put is of no use to anybody. */
  urgencyOf({ ref, placement }: ReceiptRecord): Urgency | undefined {
    const put = this.puts.get(ref)
    if (put?.plan.backup === true) return undefined
    if (placement.version > 1) return 'daily'
    return put?.stage === 'finished' ? 'soon' : undefined
  }

  batch(): LedgerBatch {
    return new LedgerBatch(this)
  }

  /** For batches: memory follows the disk. */
  showBounty(bounty: BountyRecord): void {
    this.bounties.set(bounty.id, bounty)
    this.bountyOfPlan.set(bounty.plan, bounty.id)
    if (bounty.phase === 'posted') this.postedBounties.set(bounty.id, bounty)
    else this.postedBounties.delete(bounty.id)
    if (bounty.phase === 'offered') this.offeredBounties.set(bounty.id, bounty)
    else this.offeredBounties.delete(bounty.id)
  }

  /** One synced batch; memory follows when it is durable. */
  async commit(batch: LedgerBatch): Promise<void> {
    const changes: Change[] = [...batch.changes].map(([key, value]) => ({ key, value }))
    const generation = u32(this.generation)
    for (const key of batch.changes.keys())
      if (isBackedUp(key)) changes.push({ key: KEYS.changed(key), value: generation })
    if (changes.length > 0) await this.journal.commit(changes)
    for (const apply of batch.apply) apply()
    for (const urgency of batch.urgent) this.unsaved.add(urgency)
    if (batch.urgent.size > 0) this.onUnsaved?.()
  }

  /** Every record that a backup carries, ascending; `since`: only what changed in that generation or later (deleted ones as undefined). */
  async *backedUp(since?: number): AsyncIterable<readonly [string, Uint8Array | undefined]> {
    if (since === undefined) {
      for (const prefix of BACKED_UP) for await (const record of this.journal.list(prefix)) yield record
      return
    }
    for await (const [key] of this.marks((generation) => generation >= since)) yield [key, await this.journal.get(key)]
  }

  /** Keys that changed, with the generation in which. */
  async *marks(fits: (generation: number) => boolean): AsyncIterable<readonly [string, number]> {
    const prefix = KEYS.changed('')
    for await (const [mark, value] of this.journal.list(prefix)) {
      const generation = readU32(value, 0)
      if (fits(generation)) yield [mark.slice(prefix.length), generation]
    }
  }

  /** A record that only its writer reads. */
  async get(key: string): Promise<Uint8Array | undefined> {
    return this.journal.get(key)
  }

  async cursor(): Promise<Uint8Array | undefined> {
    return this.journal.get(KEYS.cursor)
  }

  /** Undefined also when the record is damaged: a read of the blob makes them again. */
  async answers(id: string): Promise<Uint8Array | undefined> {
    try {
      return await this.journal.get(KEYS.answers(id))
    } catch (cause) {
      if (hasCode(cause, 'STORE_DAMAGED')) return undefined
      throw cause
    }
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
