/**
 * What needs a peer: renewals, reads that make new rows, dockets to hand over, releases and bisections to ask for. A job runs beside the
 * loop, tells its outcome as a fact in a step of its own, and is tried again by `decide` when it failed; a docket is tried until its deadline.
 */
import { concat, fromHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { type Domain, type Placement, placementDigest, rowsDigest } from '../base/typed-data.ts'
import { HOUR } from '../base/units.ts'
import { answersRootOf } from '../blob/answers-root.ts'
import { answerRows, nonceOf } from '../blob/challenge.ts'
import { copyTokenOf, readTokenOf } from '../blob/object-keys.ts'
import { askRelease, runBisection } from './ask-steward.ts'
import type { Bounties } from './bounties.ts'
import { rebuildDocket } from './dockets.ts'
import type { Effect } from './facts.ts'
import type { Ledger } from './ledger.ts'
import type { Policy } from './policy.ts'
import type { RunStep, StewardCalls } from './ports.ts'
import type { BountyRecord, PromiseRecord, ReceiptRecord } from './records.ts'
import { handPromise, offerRound, type SettleDeps } from './settle-off-chain.ts'
import type { Step } from './step.ts'
import { askTerms, isRefusal, lookForNotice, type TermsDeps } from './terms-job.ts'

type Renew = Extract<Effect, { kind: 'renew' }>
type TopUp = Extract<Effect, { kind: 'top-up' }>

export interface JobsDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly account: Address
  readonly chainSecret: Uint8Array
  readonly nonceKey: Uint8Array
  readonly policy: Policy
  readonly calls: StewardCalls
  /** Where a docket may be left that its steward does not take: its monitors. */
  readonly leaveAt?: () => readonly Address[]
  /** True for stewards that get requests (P5); absent: all do. */
  mayAsk?(steward: Address): boolean
  /** Chain time. */
  now(): number
  readonly clock: Clock
  readonly log: Log
}

/**
 * What waits for a turn. `urgent`: dockets and releases, which have a deadline; `usual`: renewals and reads. Bisections wait for slow answers,
 * hundreds of them where much is lost: they have turns of their own, so that nothing else waits behind them.
 */
type Lane = 'urgent' | 'usual' | 'bisection'
/** Jobs at the same time: each holds at most one blob in memory. */
const PARALLEL = 4
const BISECTIONS = 2
/** Between two tries to hand over a docket: milliseconds of real time, or an hour of a chain's time that is moved by hand. */
const HAND_PAUSE_MS = 15_000
const HAND_PAUSE = HOUR

/** Until when it is not tried again (monotonic milliseconds), and since when (chain time). */
interface Pause {
  readonly until: number
  readonly since: number
}

export class Jobs {
  private readonly deps: JobsDeps
  private readonly stopping = new AbortController()
  private readonly active = new Map<string, { readonly lane: Lane; readonly run: Promise<void> }>()
  /** By lane, in the order of their turns. */
  private readonly waiting: Readonly<Record<Lane, { readonly id: string; readonly run: () => Promise<void> }[]>> = {
    urgent: [],
    usual: [],
    bisection: [],
  }
  /** Dockets whose steward did not answer. */
  private readonly handAfter = new Map<string, Pause>()
  /** Dockets that were left with monitors. */
  private readonly left = new Set<string>()
  private step: RunStep | undefined
  /** Offers and vouchers whose steward did not answer. */
  private readonly offerAfter = new Map<string, Pause>()
  private bounties: Pick<Bounties, 'onRelease' | 'offers'> | undefined

  constructor(deps: JobsDeps) {
    this.deps = deps
  }

  /** The controller lends its steps and its books of bounties; once, before it starts. */
  bind(step: RunStep, bounties: Pick<Bounties, 'onRelease' | 'offers'>): void {
    this.step = step
    this.bounties = bounties
  }

  /** Jobs that run or wait for their turn. */
  running(): number {
    return this.active.size + Object.values(this.waiting).reduce((sum, { length }) => sum + length, 0)
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    for (const lane of Object.values(this.waiting)) lane.length = 0
    await Promise.all([...this.active.values()].map(({ run }) => run))
  }

  renew(effect: Renew): void {
    this.enqueue('usual', effect.id, () => this.runRenew(effect))
  }

  /** One question for all that a steward holds of a put. */
  askTerms({ ref, steward }: Extract<Effect, { kind: 'ask-terms' }>): void {
    this.enqueue('usual', `ask-terms/${ref}/${steward}`, () => askTerms(this.termsDeps(), ref, steward))
  }

  /** Where a docket goes there is a moment to ask whether its steward leaves. */
  lookForNotice(steward: Address): void {
    if (this.deps.mayAsk?.(steward) === false) return
    this.enqueue('usual', `notice/${steward}`, () => lookForNotice(this.termsDeps(), steward))
  }

  topUp(effect: TopUp): void {
    this.enqueue('usual', effect.id, () => this.runTopUp(effect))
  }

  /** Gives a docket to its steward; harmless when it has it. */
  hand(bounty: BountyRecord): void {
    // not offered, so what comes of it is no miss
    if (this.deps.mayAsk?.(bounty.steward) === false) return
    if (this.deps.now() > bounty.deadline) return
    if (this.isPaused(this.handAfter.get(bounty.id))) return
    this.enqueue('urgent', `hand/${bounty.id}`, () => this.runHand(bounty))
  }

  /** Asks its steward for a round off chain; harmless when it was asked. */
  offer(bounty: BountyRecord): void {
    this.settle(`offer/${bounty.id}`, bounty.steward, (deps) => offerRound(deps, bounty))
  }

  /** Gives the newest voucher to its steward; harmless when it has it. */
  handVoucher(promise: PromiseRecord): void {
    this.settle(`voucher/${promise.to}`, promise.to, (deps) => handPromise(deps, promise))
  }

  private pause(): Pause {
    const { clock, now } = this.deps
    return { until: clock.monotonic() + HAND_PAUSE_MS, since: now() }
  }

  private isPaused(pause: Pause | undefined): boolean {
    const { clock, now } = this.deps
    return pause !== undefined && clock.monotonic() < pause.until && now() < pause.since + HAND_PAUSE
  }

  private settle(id: string, steward: Address, run: (deps: SettleDeps) => Promise<void>): void {
    const { bounties } = this
    if (this.deps.mayAsk?.(steward) === false || !bounties) return
    if (this.isPaused(this.offerAfter.get(id))) return
    const step: RunStep = (act) => this.inStep(act)
    this.enqueue('urgent', id, async () => {
      try {
        await run({ ...this.deps, step, bounties, signal: this.stopping.signal })
        this.offerAfter.delete(id)
      } catch (cause) {
        this.offerAfter.set(id, this.pause())
        throw cause
      }
    })
  }

  /** Asks whether its steward gives the bounty back; never after the deadline, when what was not swept is a miss. */
  ask(bounty: BountyRecord): void {
    const { bounties } = this
    if (this.deps.mayAsk?.(bounty.steward) === false) return
    if (this.deps.now() > bounty.deadline) return
    if (!bounties) throw new HoldfastError('INTERNAL', { what: 'jobs are not bound to a controller' })
    const step: RunStep = (run) => this.inStep(run)
    this.enqueue('urgent', `ask/${bounty.id}`, () =>
      askRelease({ ...this.deps, step, bounties, signal: this.stopping.signal }, bounty),
    )
  }

  /** Questions over a missed docket; all placements of it ask for the same. */
  bisect({ docket }: Extract<Effect, { kind: 'bisect' }>): void {
    const step: RunStep = (run) => this.inStep(run)
    this.enqueue('bisection', `bisect/${docket}`, () =>
      runBisection({ ...this.deps, step, signal: this.stopping.signal }, docket),
    )
  }

  /** The docket with this hash, for the steward it is for, once its post is final (protocol.md §4). */
  async docket(hash: string, asker: Address | undefined): Promise<Uint8Array | undefined> {
    for (const bounty of this.deps.ledger.bounties.values()) {
      const { docketHash, steward, phase, final } = bounty
      if (docketHash !== hash || steward !== asker || phase !== 'posted' || !final) continue
      if (bounty.toHand) await this.offered(bounty)
      return this.deps.ledger.docket(hash)
    }
    return undefined
  }

  private termsDeps(): TermsDeps {
    return { ...this.deps, step: (run) => this.inStep(run), signal: this.stopping.signal }
  }

  private enqueue(lane: Lane, id: string, run: () => Promise<void>): void {
    const queue = this.waiting[lane]
    if (this.stopping.signal.aborted || this.active.has(id) || queue.some((job) => job.id === id)) return
    queue.push({ id, run })
    this.pump()
  }

  private pump(): void {
    const { urgent, bisection } = this.waiting
    const bisecting = () => [...this.active.values()].filter(({ lane }) => lane === 'bisection').length
    while (this.active.size - bisecting() < PARALLEL) {
      const lane = urgent.length > 0 ? 'urgent' : 'usual'
      if (!this.startNext(lane)) break
    }
    while (bisection.length > 0 && bisecting() < BISECTIONS) this.startNext('bisection')
  }

  private startNext(lane: Lane): boolean {
    const job = this.waiting[lane].shift()
    if (!job) return false
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
    this.active.set(job.id, { lane, run })
    return true
  }

  private tell(run: (step: Step) => void): Promise<void> {
    return this.inStep(run)
  }

  private inStep<Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result> {
    if (!this.step) throw new HoldfastError('INTERNAL', { what: 'jobs are not bound to a controller' })
    return this.step(run)
  }

  private async receiptOf(id: string): Promise<ReceiptRecord> {
    const receipt = await this.deps.ledger.receipt(id)
    if (!receipt) throw new HoldfastError('LEDGER_CORRUPT', { key: `receipt/${id}` })
    return receipt
  }

  /**
   * Same bytes, same start: price, end and version move. market.md, Contracts. The offer stands until the old end: asked again after an answer
   * that was lost, it is the very same one, and the steward gives the same countersignature.
   */
  private async runRenew(effect: Renew): Promise<void> {
    const { domain, chainSecret, calls } = this.deps
    const receipt = await this.receiptOf(effect.placement)
    if (receipt.placement.version >= effect.version) return
    const placement: Placement = {
      ...receipt.placement,
      price: effect.price,
      end: effect.end,
      version: effect.version,
      offerUntil: receipt.placement.end,
    }
    const digest = placementDigest(domain, placement)
    const signature = signDigest(chainSecret, digest)
    const countersignature = await calls
      .renew(effect.steward, placement, signature, this.stopping.signal)
      .catch(async (cause: unknown) => {
        if (isRefusal(cause)) await this.declined(effect)
        throw cause
      })
    if (recoverSigner(digest, countersignature) !== effect.steward)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the renewal is not countersigned by the steward' })
    await this.tell((step) => {
      step.batch.receipt(effect.placement, { ...receipt, placement, signature, countersignature })
      step.tell(effect.placement, {
        kind: 'renewed',
        version: effect.version,
        end: effect.end,
        price: effect.price,
      })
    })
  }

  /** Who refuses one of a lot is not asked for its others at this price: they go to one auction together. */
  private declined({ placement, price }: Renew): Promise<void> {
    return this.tell((step) => {
      const refused = step.placement(placement)
      for (const { id, contract } of refused ? this.deps.ledger.placementsOf(refused.ref) : [])
        if (step.placement(id)?.steward === refused?.steward && contract?.offer?.price === price)
          step.tell(id, { kind: 'contract', fact: { kind: 'declined' } })
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
    // The root is over all rows from the first on: when the old answers are gone, they are made again, too.
    const from = known.length >= 32 * effect.from ? effect.from : 0
    const kept = known.slice(0, 32 * from)
    const nonces = Array.from({ length: effect.from + effect.count - from }, (_, i) =>
      nonceOf(nonceKey, blobId, from + i),
    )
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
    const bytes = (await this.deps.ledger.docket(bounty.docketHash)) ?? (await rebuildDocket(this.deps, bounty))
    if (!bytes) return // closed meanwhile
    // Before it leaves: a steward that does not take it cannot say that it was not offered.
    await this.offered(bounty)
    try {
      const docket = { bountyId: fromHex(bounty.id, 32), docketHash: fromHex(bounty.docketHash, 32), bytes }
      await this.deps.calls.handDocket(bounty.steward, docket, this.stopping.signal)
    } catch (cause) {
      this.handAfter.set(bounty.id, this.pause())
      await this.leave(bounty, bytes)
      throw cause
    }
    this.handAfter.delete(bounty.id)
    await this.tell((step) => {
      const { toHand: _, ...handed } = this.deps.ledger.bounties.get(bounty.id) ?? bounty
      step.batch.bounty(handed)
    })
  }

  /** A docket that its steward does not take is left with monitors, where the steward demands it (protocol.md §4). Once a process. */
  private async leave(bounty: BountyRecord, bytes: Uint8Array): Promise<void> {
    if (this.left.has(bounty.id)) return
    this.left.add(bounty.id)
    const docket = { bountyId: fromHex(bounty.id, 32), docketHash: fromHex(bounty.docketHash, 32), bytes }
    for (const monitor of this.deps.leaveAt?.() ?? []) {
      try {
        await this.deps.calls.handDocket(monitor, docket, this.stopping.signal)
        this.deps.log.info('docket left with a monitor', { bounty: bounty.id, monitor })
      } catch (cause) {
        this.deps.log.info('docket not left', { bounty: bounty.id, monitor, why: asHoldfastError(cause).message })
      }
    }
  }

  private async offered({ id }: BountyRecord): Promise<void> {
    if (this.deps.ledger.bounties.get(id)?.offeredAt !== undefined) return
    await this.tell((step) => {
      const bounty = this.deps.ledger.bounties.get(id)
      if (bounty && bounty.offeredAt === undefined) step.batch.bounty({ ...bounty, offeredAt: step.now })
    })
  }

  /** The token that opens the blob of a receipt. @throws `OBJECT_UNKNOWN` */
  tokenOf(receipt: ReceiptRecord): Uint8Array {
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
