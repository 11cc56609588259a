/**
 * The steward: the daemon on spare disk. Facts come in by one door (the chain feed and a timer), are decided by pure rules, committed in one
 * synced batch with the feed's cursor and intents, and leave as effects. Peers come in by four protocols. This file is the loop and the wiring.
 */
import { type Address, addressOf } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Journal, Log, Rng, Service, TickAnswer } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { type UnixTime, unixTime, type Wei } from '../base/units.ts'
import type { Route } from '../net/http-server.ts'
import { BID_PROTOCOL } from '../net/messages/bid.ts'
import { DOCKET_PROTOCOL } from '../net/messages/docket.ts'
import { FETCH_PROTOCOL } from '../net/messages/fetch.ts'
import { STORE_PROTOCOL } from '../net/messages/store.ts'
import { VOUCHER_PROTOCOL } from '../net/messages/voucher.ts'
import type { NetNode } from '../net/node.ts'
import type { Holding as Announced } from '../pool/index-client.ts'
import { NO_REPORTS, type Reports } from '../pool/reporter.ts'
import type { Transfers } from '../pool/transfers.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import { type Accuse, createAccuse } from './accuse.ts'
import { createBidding } from './bid.ts'
import { createBisection } from './bisect.ts'
import { Book } from './book.ts'
import { createCheck } from './check.ts'
import type { StewardConfig } from './config.ts'
import { createDamage } from './damage.ts'
import { createHold } from './hold.ts'
import type { Answer, Fault, FeedUpdate, StewardChain, StewardIndexes, StewardNotices, StewardOutbox } from './ports.ts'
import { createPrune } from './prune.ts'
import { createReading } from './reading.ts'
import { createReleases } from './release.ts'
import { createRenewals } from './renew.ts'
import type { Granted, RightOrder } from './right.ts'
import { openRightService, type RightService, type StewardRightDeps } from './right-service.ts'
import { createLocks, createRoom } from './room.ts'
import { createScrub } from './scrub.ts'
import { createServe } from './serve.ts'
import { Step } from './step.ts'
import { createSweeper } from './sweep.ts'
import { type Alert, type DiskUse, stewardRoutes } from './views.ts'
import { createVouchers } from './vouchers.ts'
import { createWatch, MAX_ATTEMPTS } from './watch.ts'

export interface StewardDeps {
  readonly journal: Journal
  readonly files: BlobFiles
  /** `createAnswering(…).answer`, or a villain's. */
  readonly answer: Answer
  readonly chain: StewardChain
  readonly outbox: StewardOutbox
  readonly indexes: StewardIndexes
  /** Of the plain endpoint, where it is open; absent: everything goes over encrypted channels. */
  readonly transfers?: Transfers
  readonly notices?: StewardNotices
  /** Of the market. */
  readonly domain: Domain
  /** The actor's key: id, channel and chain account. */
  readonly secret: Uint8Array
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  /** Reference price today (pricing/reference.ts). Wei of HOLD per GiB-month. */
  reference(): Wei
  /** What the right to store needs; absent: nothing is verified, and nothing taken without money. */
  readonly right?: StewardRightDeps
  /** Where uploaders are reported; left out: nowhere. */
  readonly reports?: Reports
  /** As the pool sees us, for the view. */
  standing?(): string
  /** False: the volume with the blob files is not there. Left out: it always is. */
  isMounted?(): Promise<boolean>
  /** Bytes on disk beside the blobs, for the view. */
  diskUse?(): Promise<DiskUse>
  readonly fault?: Fault
}

export interface Steward extends Service {
  readonly id: Address
  /** Serves peers from now on. */
  attach(node: Pick<NetNode, 'handle' | 'open'>): Promise<void>
  /** Brings the feed to `block`, lets what is running end, and says whether anything is left to do. Returns within about a second. */
  tick(block: number): Promise<TickAnswer>
  /** The local API. */
  routes(): Route[]
  /** Why it is not ready, if it is not; for `/readyz`. */
  unready(): string | undefined
  /** Everything it holds, for the indexes. */
  holdings(): Iterable<Announced>
  /** New limits from now on: nothing that is held goes because of them. */
  configure(config: StewardConfig): void
  /** Something for the operator's eyes. */
  alert(code: string, about: string): void
  /** Rights to store with others, for whom the operator says. @throws `RIGHT_UNPROVEN` */
  orderRights(wanted: RightOrder, signal?: AbortSignal): Promise<readonly Granted[]>
  readonly book: Book
  /** The first failure that stopped the loop: state on disk is sound, this process is not. */
  readonly failure: Error | undefined
}

/** Streams of one connection at the same time. */
const STREAMS = { store: 8, fetch: 16, docket: 2, bid: 4, voucher: 2 } as const
/** Longest wait of the timer: a clock that jumps is noticed within it. Milliseconds. */
const TIMER_MS = 30_000
const TICK_WAIT_MS = 1_000
/** Updates without anything for us, after which the cursor is written all the same. */
const IDLE_UPDATES = 64
const MAX_ALERTS = 200

/** Reads the book and wires the parts. Nothing runs before `start`, nothing is served before `attach`. */
export async function createSteward(deps: StewardDeps, config: StewardConfig): Promise<Steward> {
  const book = await Book.open(deps.journal)
  return new StewardDaemon(deps, config, book, deps.right && (await openRightService(deps, deps.right, book, config)))
}

class StewardDaemon implements Steward {
  readonly id: Address
  readonly book: Book
  failure: Error | undefined
  private readonly deps: StewardDeps
  private config: StewardConfig
  private readonly alerts: Alert[] = []
  private readonly stopping = new AbortController()
  private readonly running: Promise<void>[] = []
  private readonly watch: ReturnType<typeof createWatch>
  private readonly damage: ReturnType<typeof createDamage>
  private readonly releases: ReturnType<typeof createReleases>
  private readonly sweeper: ReturnType<typeof createSweeper>
  private readonly check: ReturnType<typeof createCheck>
  private readonly scrub: ReturnType<typeof createScrub>
  private readonly prune: ReturnType<typeof createPrune>
  private readonly serve: ReturnType<typeof createServe>
  private readonly hold: ReturnType<typeof createHold>
  private readonly bidding: ReturnType<typeof createBidding>
  private readonly vouchers: ReturnType<typeof createVouchers>
  private readonly room: ReturnType<typeof createRoom>
  private readonly right: RightService | undefined
  private readonly accuse: Accuse
  private queue: Promise<unknown> = Promise.resolve()
  private wakeTimer: (() => void) | undefined
  private changed: (() => void)[] = []
  private head = { number: -1, timestamp: 0 }
  private finalHead = -1
  private idleUpdates = 0

  constructor(deps: StewardDeps, config: StewardConfig, book: Book, right: RightService | undefined) {
    this.right = right
    const { files, domain, secret, clock, rng, log, chain, outbox, answer, indexes, fault } = deps
    this.deps = deps
    this.config = config
    this.book = book
    this.id = addressOf(secret)
    const steward = this.id
    const locked = createLocks()
    const now = () => chain.now()
    const current = () => this.config
    const step = <Result>(run: (step: Step) => Result | Promise<Result>) => this.step(run)
    const alert = (code: string, about: string) => this.alert(code, about)
    const room = createRoom({ book, config: current, freeSpace: () => files.freeSpace(), now })
    this.room = room
    this.watch = createWatch({ book, steward, log, alert })
    const shared = { book, domain, secret, steward, clock, log, now, step, alert, locked, room, config: current, fault }
    const accuse = createAccuse({
      ...shared,
      reports: deps.reports ?? NO_REPORTS,
      rng,
    })
    this.accuse = accuse
    const isMounted = async () => (await deps.isMounted?.()) ?? true
    const damage = createDamage({ ...shared, files, isMounted })
    this.damage = damage
    this.releases = createReleases({ ...shared, watch: this.watch })
    this.sweeper = createSweeper({
      ...shared,
      watch: this.watch,
      damage,
      answer,
      outbox,
      release: (bounty, lost) => this.releases.release(bounty, lost),
      notify: () => this.notify(),
      bogus: accuse.bogus,
    })
    this.scrub = createScrub({
      ...shared,
      files,
      damage,
      period: () => this.config.scrub,
      isAnswering: () => this.sweeper.running() > 0,
      notify: () => {
        this.notify()
        this.wakeTimer?.()
      },
    })
    this.check = createCheck({
      ...shared,
      files,
      damage,
      compareAll: (...args) => this.scrub.compareAll(...args),
    })
    this.prune = createPrune({ ...shared, files, notices: deps.notices })
    const renewals = createRenewals({ ...shared, files, reference: () => deps.reference() })
    this.hold = createHold({
      ...shared,
      renewals,
      files,
      damage,
      indexes,
      rights: right?.rights,
      transfers: deps.transfers,
    })
    const readDocket = createReading({ book, answer, damage, clock, signal: this.stopping.signal })
    this.serve = createServe({
      ...shared,
      bisection: createBisection({ ...shared, readDocket, isAnswering: () => this.sweeper.running() > 0 }),
      files,
      transfers: deps.transfers,
      watch: this.watch,
      damage,
      releases: this.releases,
      lentHash: accuse.lentHash,
      poke: () => chain.poke(),
      onDocket: () => this.answer(),
    })
    this.vouchers = createVouchers({ ...shared, chain, outbox, watch: this.watch, readDocket })
    this.bidding = createBidding({
      ...shared,
      chain,
      rng,
      reference: () => deps.reference(),
      onWrongClearing: accuse.wrongClearing,
    })
    outbox.onRefused((id, reason) => this.onRefused(id, reason))
  }

  async attach(node: Pick<NetNode, 'handle' | 'open'>): Promise<void> {
    await this.right?.attach(node)
    await node.handle(STORE_PROTOCOL, (wire, peer) => this.hold.serve(wire, peer), { maxStreams: STREAMS.store })
    await node.handle(FETCH_PROTOCOL, (wire, peer) => this.serve.serveBlobs(wire, peer), { maxStreams: STREAMS.fetch })
    await node.handle(DOCKET_PROTOCOL, (wire) => this.serve.serveDocket(wire), { maxStreams: STREAMS.docket })
    await node.handle(VOUCHER_PROTOCOL, (wire) => this.vouchers.serve(wire), { maxStreams: STREAMS.voucher })
    await node.handle(BID_PROTOCOL, (wire) => this.bidding.serve(wire), { maxStreams: STREAMS.bid })
  }

  /** Takes up the feed where it was left, and does again whatever was asked for and not done. */
  async start(): Promise<void> {
    await this.hold.resume()
    await this.right?.start()
    this.prune.resume()
    this.scrub.resume()
    this.deps.outbox.kick()
    const guard = (loop: Promise<void>) =>
      loop.catch((cause: unknown) => {
        if (this.stopping.signal.aborted) return
        this.failure ??= asHoldfastError(cause)
        const { code, message, stack } = asHoldfastError(cause)
        this.deps.log.error('steward.stopped', { code, message, stack })
        this.notify()
      })
    this.running.push(guard(this.followChain()), guard(this.runTimer()))
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.wakeTimer?.()
    await this.sweeper.stop()
    await this.scrub.stop()
    await this.check.stop()
    await this.damage.stop()
    await this.prune.stop()
    await Promise.all(this.running)
    await this.queue.catch(() => undefined) // its caller has the failure
  }

  async tick(block: number): Promise<TickAnswer> {
    const { chain, clock } = this.deps
    const until = clock.monotonic() + TICK_WAIT_MS
    chain.poke()
    for (;;) {
      const busy = this.busyWith(block)
      const nextDue = this.nextDue()
      if (busy === undefined) return { idle: true, ...(nextDue === undefined ? {} : { nextDue }) }
      const left = until - clock.monotonic()
      if (left <= 0) return { idle: false, busy, ...(nextDue === undefined ? {} : { nextDue }) }
      await Promise.race([new Promise<void>((resolve) => this.changed.push(resolve)), clock.sleep(Math.min(left, 20))])
    }
  }

  routes(): Route[] {
    const { deps, room, serve } = this
    return stewardRoutes({
      steward: this,
      files: deps.files,
      config: () => this.config,
      room,
      bytesServed: () => serve.bytesServed(),
      damageFound: () => this.damage.count(),
      alerts: this.alerts,
      block: () => this.head.number,
      now: () => deps.chain.now(),
      monotonic: () => deps.clock.monotonic(),
      nextDue: () => this.nextDue(),
      chainId: deps.domain.chainId,
      standing: () => deps.standing?.(),
      diskUse: () => deps.diskUse?.() ?? Promise.resolve(undefined),
      check: () => this.check.report(),
      startCheck: (order) => this.check.start(order, (failure) => this.onChecked(failure)),
      right: this.right,
      setPaused: (isPaused) => this.step((step) => step.batch.paused(isPaused)),
      setDraining: (isDraining) => this.step((step) => step.batch.draining(isDraining)),
    })
  }

  /** Rights to store with others, for whom the operator says. @throws `RIGHT_UNPROVEN`, `PEER_BUSY` before it is served */
  async orderRights(wanted: RightOrder, signal?: AbortSignal): Promise<readonly Granted[]> {
    if (this.right === undefined) throw new HoldfastError('API_ROUTE', { what: 'the right to store' })
    return this.right.order(wanted, signal)
  }

  unready(): string | undefined {
    if (this.failure) return this.failure.message
    if (this.stopping.signal.aborted) return 'it is stopping'
    return this.head.number < 0 ? 'the chain was not reached yet' : undefined
  }

  *holdings(): Iterable<Announced> {
    for (const { blobId, locator } of this.book.kept())
      yield locator === undefined ? { key: blobId } : { key: locator, blobId }
  }

  configure(config: StewardConfig): void {
    this.config = config
    this.right?.configure(config)
  }

  /** The earliest chain time at which something is to be done. */
  private nextDue(): UnixTime | undefined {
    let least = this.book.due.next() ?? Number.POSITIVE_INFINITY
    for (const bounty of this.book.bounties.values()) least = Math.min(least, this.watch.dueOf(bounty) ?? least)
    if (this.deps.reports !== undefined) least = Math.min(least, this.accuse.nextDue() ?? least)
    least = Math.min(least, this.sweeper.retryDue() ?? least, this.scrub.due() ?? least)
    least = Math.min(least, this.vouchers.due() ?? least)
    return Number.isFinite(least) ? unixTime(least) : undefined
  }

  private busyWith(block: number): string | undefined {
    if (this.failure) return `stopped: ${this.failure.message}`
    if (this.head.number < block) return `at block ${this.head.number}`
    const jobs = this.sweeper.running()
    if (jobs > 0) return `${jobs} bounties being answered`
    const unfinished = this.deps.outbox.unfinished()
    if (unfinished > 0) return `${unfinished} transactions on their way`
    if ((this.deps.reports?.unfinished() ?? 0) > 0) return 'reports on their way'
    if (this.vouchers.running() > 0) return 'rounds being answered'
    if (this.prune.running() > 0) return 'blobs being pruned'
    if (this.scrub.isRunning()) return 'blobs being compared with their ids'
    if (this.check.report().isRunning) return 'blobs being checked on order'
    if (this.damage.running() > 0) return 'damage being looked at'
    const due = this.nextDue()
    if (due !== undefined && due <= this.deps.chain.now()) return 'a timer is due'
    return undefined
  }

  /** A step: facts and records, one commit, then effects. Alone. */
  private step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result> {
    const turn = this.queue.then(async () => {
      const step = new Step(this.book, this.deps.chain.now())
      const result = await run(step)
      this.prune.sign(step)
      await this.book.commit(step.batch)
      this.prune.perform(step.effects)
      this.notify()
      return result
    })
    this.queue = turn.catch(() => undefined) // the caller gets the failure; the next step does not depend on it
    return turn
  }

  private notify(): void {
    const waiting = this.changed
    this.changed = []
    for (const resolve of waiting) resolve()
  }

  private async followChain(): Promise<void> {
    const { chain } = this.deps
    for await (const update of chain.follow(await this.book.cursor(), this.stopping.signal)) {
      await this.step((step) => this.onUpdate(step, update))
      this.finalHead = update.finalHead
      this.answer()
      await this.due()
      await this.vouchers.lookAround()
      this.head = update.head
      this.notify()
      this.wakeTimer?.()
    }
  }

  private onUpdate(step: Step, update: FeedUpdate): void {
    for (const fact of update.reverted)
      if (fact.kind === 'redeemed') this.vouchers.onRedeemed(step, fact, -1)
      else this.watch.undo(step, fact)
    for (const fact of update.applied)
      if (fact.kind === 'redeemed') this.vouchers.onRedeemed(step, fact, 1)
      else this.watch.apply(step, fact)
    this.watch.settle(step, update.finalHead)
    // an older cursor is as good when nothing in between was ours: not every block is worth a write
    if (step.batch.changes.size > 0 || ++this.idleUpdates >= IDLE_UPDATES) {
      step.batch.cursor(update.cursor)
      this.idleUpdates = 0
    }
  }

  private answer(): void {
    this.sweeper.take(this.watch.answerable(this.finalHead))
  }

  private async runTimer(): Promise<void> {
    const { chain, clock } = this.deps
    while (!this.stopping.signal.aborted) {
      const due = this.nextDue()
      const ms = due === undefined ? TIMER_MS : Math.min(TIMER_MS, Math.max(50, 1000 * (due - chain.now())))
      const woken = new Promise<void>((resolve) => {
        this.wakeTimer = resolve
      })
      await Promise.race([woken, clock.sleep(ms, this.stopping.signal).catch(() => undefined)]) // aborted: the loop's condition ends it
      if (!this.stopping.signal.aborted && this.head.number >= 0) await this.due()
    }
  }

  /** Everything whose time has come. */
  private async due(): Promise<void> {
    const next = this.nextDue()
    if (next === undefined || next > this.deps.chain.now()) return
    await this.step((step) => {
      for (const id of this.book.due.dueAt(step.now)) step.tell(id, { kind: 'tick' })
      this.watch.tick(step, this.deps.outbox.unfinished() === 0)
      this.releases.tick(step)
      this.vouchers.tick(step)
    })
    await this.vouchers.lookAround()
    if (this.deps.reports !== undefined) this.accuse.demandDue()
    this.scrub.run()
    this.answer()
  }

  private onChecked(failure: unknown): void {
    if (failure !== undefined) this.deps.log.error('check.failed', { message: asHoldfastError(failure).message })
    this.notify()
  }

  private async onRefused(intent: string, reason: Error): Promise<void> {
    await this.step((step) => {
      if (this.vouchers.onRefused(step, intent, reason)) return
      for (const bounty of step.allBounties()) {
        if (bounty.intent !== intent || bounty.phase !== 'claimed') continue
        this.deps.log.warn('sweep.refused', { bounty: bounty.id, reason: reason.message })
        if (bounty.attempt + 1 >= MAX_ATTEMPTS) step.saveBounty({ ...bounty, phase: 'lost', why: reason.message })
        else this.watch.unclaim(step, bounty)
      }
    })
    this.answer()
  }

  alert(code: string, about: string): void {
    this.alerts.push({ at: this.deps.chain.now(), code, about })
    if (this.alerts.length > MAX_ALERTS) this.alerts.shift()
  }
}
