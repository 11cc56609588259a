/**
 * What needs a peer: renewals, reads that make new rows, dockets to hand over. A job runs beside the loop, tells its outcome as a fact
 * in a step of its own, and is tried again by `decide` a day later when it failed; a docket is tried until its deadline.
 */
import { concat, fromHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { type Domain, type Placement, placementDigest, rowsDigest } from '../base/typed-data.ts'
import { answersRootOf } from '../blob/answers-root.ts'
import { answerRows, nonceOf } from '../blob/challenge.ts'
import { copyTokenOf, readTokenOf } from '../blob/object-keys.ts'
import type { Effect } from './facts.ts'
import type { Ledger } from './ledger.ts'
import type { BountyRecord, ReceiptRecord } from './records.ts'
import type { Step } from './step.ts'

type Renew = Extract<Effect, { kind: 'renew' }>
type TopUp = Extract<Effect, { kind: 'top-up' }>

/** What is asked of a steward. Each has its own deadline and throws a HoldfastError. */
export interface StewardCalls {
  /** The countersignature of the next version. */
  renew(steward: Address, placement: Placement, signature: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** Announces the root over all answers, the new ones included. */
  announceRows(
    steward: Address,
    rows: { readonly placement: Uint8Array; readonly answersRoot: Uint8Array; readonly signature: Uint8Array },
    signal: AbortSignal,
  ): Promise<void>
  handDocket(
    steward: Address,
    docket: { readonly bountyId: Uint8Array; readonly docketHash: Uint8Array; readonly bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<void>
  /** The whole blob, checked against its id. */
  read(
    steward: Address,
    blob: { readonly blobId: Uint8Array; readonly length: number; readonly token: Uint8Array },
    signal: AbortSignal,
  ): Promise<Uint8Array>
}

export interface JobsDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly account: Address
  readonly chainSecret: Uint8Array
  readonly nonceKey: Uint8Array
  readonly calls: StewardCalls
  /** Chain time. */
  now(): number
  readonly clock: Clock
  readonly log: Log
}

type RunStep = <Result>(run: (step: Step) => Promise<Result> | Result) => Promise<Result>

/** Jobs at the same time: each holds at most one blob in memory. */
const PARALLEL = 4
/** Between two tries to hand over a docket. Milliseconds of real time. */
const HAND_PAUSE_MS = 15_000

export class Jobs {
  private readonly deps: JobsDeps
  private readonly stopping = new AbortController()
  private readonly active = new Map<string, Promise<void>>()
  private readonly waiting: { readonly id: string; readonly run: () => Promise<void> }[] = []
  /** Dockets whose steward did not answer, and when to try again (monotonic). */
  private readonly handAfter = new Map<string, number>()
  private step: RunStep | undefined

  constructor(deps: JobsDeps) {
    this.deps = deps
  }

  /** The controller lends its steps; once, before it starts. */
  bind(step: RunStep): void {
    this.step = step
  }

  /** Jobs that run or wait for their turn. */
  running(): number {
    return this.active.size + this.waiting.length
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.waiting.length = 0
    await Promise.all(this.active.values())
  }

  renew(effect: Renew): void {
    this.enqueue(effect.id, () => this.runRenew(effect))
  }

  topUp(effect: TopUp): void {
    this.enqueue(effect.id, () => this.runTopUp(effect))
  }

  /** Gives a docket to its steward; harmless when it has it. */
  hand(bounty: BountyRecord): void {
    if (this.deps.now() > bounty.deadline) return
    if ((this.handAfter.get(bounty.id) ?? 0) > this.deps.clock.monotonic()) return
    this.enqueue(`hand/${bounty.id}`, () => this.runHand(bounty))
  }

  /** The docket with this hash, for the steward it is for, once its post is final (protocol.md §4). */
  async docket(hash: string, asker: Address | undefined): Promise<Uint8Array | undefined> {
    for (const { docketHash, steward, phase, final } of this.deps.ledger.bounties.values())
      if (docketHash === hash && steward === asker && phase === 'posted' && final) return this.deps.ledger.docket(hash)
    return undefined
  }

  private enqueue(id: string, run: () => Promise<void>): void {
    if (this.stopping.signal.aborted || this.active.has(id) || this.waiting.some((job) => job.id === id)) return
    this.waiting.push({ id, run })
    this.pump()
  }

  private pump(): void {
    while (this.active.size < PARALLEL) {
      const job = this.waiting.shift()
      if (!job) return
      const run = job
        .run()
        .catch((cause: unknown) => {
          const error = asHoldfastError(cause)
          if (!this.stopping.signal.aborted)
            this.deps.log.warn('job failed', { job: job.id.split('/')[0], code: error.code, message: error.message })
        })
        .finally(() => {
          this.active.delete(job.id)
          this.pump()
        })
      this.active.set(job.id, run)
    }
  }

  private tell(run: (step: Step) => void): Promise<void> {
    if (!this.step) throw new HoldfastError('INTERNAL', { what: 'jobs are not bound to a controller' })
    return this.step(run)
  }

  private async receiptOf(id: string): Promise<ReceiptRecord> {
    const receipt = await this.deps.ledger.receipt(id)
    if (!receipt) throw new HoldfastError('LEDGER_CORRUPT', { key: `receipt/${id}` })
    return receipt
  }

  /**
   * Same bytes, same price, same start: only the end and the version move. market.md, Contracts. The offer stands until the old end: asked
   * again after an answer that was lost, it is the very same one, and the steward gives the same countersignature.
   */
  private async runRenew(effect: Renew): Promise<void> {
    const { domain, chainSecret, calls } = this.deps
    const receipt = await this.receiptOf(effect.placement)
    if (receipt.placement.version >= effect.version) return
    const placement: Placement = {
      ...receipt.placement,
      end: effect.end,
      version: effect.version,
      offerUntil: receipt.placement.end,
    }
    const digest = placementDigest(domain, placement)
    const signature = signDigest(chainSecret, digest)
    const countersignature = await calls.renew(effect.steward, placement, signature, this.stopping.signal)
    if (recoverSigner(digest, countersignature) !== effect.steward)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the renewal is not countersigned by the steward' })
    await this.tell((step) => {
      step.batch.receipt(effect.placement, { ...receipt, placement, signature, countersignature })
      step.tell(effect.placement, { kind: 'renewed', version: effect.version, end: effect.end })
    })
  }

  /** Reads the blob, which also shows that its steward serves, and prepares further rows from it. protocol.md §3, §5. */
  private async runTopUp(effect: TopUp): Promise<void> {
    const { domain, ledger, nonceKey, chainSecret, calls } = this.deps
    const receipt = await this.receiptOf(effect.placement)
    const { blobId, length } = receipt.placement
    const token = this.tokenOf(receipt)
    const bytes = await calls.read(effect.steward, { blobId, length, token }, this.stopping.signal)
    const known = (await ledger.answers(effect.placement)) ?? new Uint8Array()
    const kept = known.slice(0, 32 * effect.from)
    const nonces = Array.from({ length: effect.count }, (_, i) => nonceOf(nonceKey, blobId, effect.from + i))
    const answers = concat(kept, ...answerRows(domain, blobId, bytes, nonces))
    const rows = answers.length / 32
    const answersRoot = answersRootOf(Array.from({ length: rows }, (_, i) => answers.subarray(32 * i, 32 * i + 32)))
    const placement = fromHex(effect.placement, 32)
    const signature = signDigest(chainSecret, rowsDigest(domain, { placement, answersRoot }))
    await calls.announceRows(effect.steward, { placement, answersRoot, signature }, this.stopping.signal)
    await this.tell((step) => {
      step.batch.answers(effect.placement, answers)
      step.tell(effect.placement, { kind: 'read-verified', at: this.deps.now(), rows })
    })
  }

  private async runHand(bounty: BountyRecord): Promise<void> {
    const bytes = await this.deps.ledger.docket(bounty.docketHash)
    if (!bytes) return // closed meanwhile
    try {
      const docket = { bountyId: fromHex(bounty.id, 32), docketHash: fromHex(bounty.docketHash, 32), bytes }
      await this.deps.calls.handDocket(bounty.steward, docket, this.stopping.signal)
    } catch (cause) {
      this.handAfter.set(bounty.id, this.deps.clock.monotonic() + HAND_PAUSE_MS)
      throw cause
    }
    this.handAfter.delete(bounty.id)
    await this.tell((step) => {
      const { toHand: _, ...handed } = this.deps.ledger.bounties.get(bounty.id) ?? bounty
      step.batch.bounty(handed)
    })
  }

  private tokenOf(receipt: ReceiptRecord): Uint8Array {
    const { ledger } = this.deps
    const object = ledger.objects.get(ledger.objectOfRef.get(receipt.ref) ?? '')
    if (!object) throw new HoldfastError('OBJECT_UNKNOWN', { id: `of put ${receipt.ref.slice(0, 16)}` })
    const { blobId } = receipt.placement
    const { indirect } = object
    if (receipt.kind === 'copy') {
      return copyTokenOf(indirect && receipt.segment === 1 ? indirect.copyKey : object.copyKey, blobId)
    }
    return readTokenOf(indirect && receipt.segment >= object.segments ? indirect.repairKey : object.repairKey, blobId)
  }
}
