/**
 * The steward: the daemon on spare disk. Facts come in by one door (the chain feed and a timer), are decided by pure rules, committed in one
 * synced batch with the feed's cursor and intents, and leave as effects. Peers come in by four protocols. This file is the loop and the wiring.
 */
import { toHex } from '../base/bytes.ts'
import { type Address, addressOf } from '../base/curve.ts'
import { asHoldfastError, type HoldfastError } from '../base/errors.ts'
import type { Clock, Journal, Log, Rng, Service, TickAnswer } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { type UnixTime, unixTime, type Wei } from '../base/units.ts'
import type { Route } from '../net/http-server.ts'
import { BID_PROTOCOL } from '../net/messages/bid.ts'
import { DOCKET_PROTOCOL } from '../net/messages/docket.ts'
import { FETCH_PROTOCOL } from '../net/messages/fetch.ts'
import { STORE_PROTOCOL } from '../net/messages/store.ts'
import type { NetNode } from '../net/node.ts'
import type { Holding as Announced } from '../pool/index-client.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import { createBidding } from './bid.ts'
import { Book } from './book.ts'
import type { StewardConfig } from './config.ts'
import { createHold } from './hold.ts'
import type { Answer, Fault, FeedUpdate, StewardChain, StewardIndexes, StewardNotices, StewardOutbox } from './ports.ts'
import { createPrune } from './prune.ts'
import { createLocks, createRoom } from './room.ts'
import { createServe } from './serve.ts'
import { Step } from './step.ts'
import { createSweeper } from './sweep.ts'
import { type Alert, type DiskUse, stewardRoutes } from './views.ts'
import { createWatch, MAX_ATTEMPTS } from './watch.ts'

export interface StewardDeps {
  readonly journal: Journal
  readonly files: BlobFiles
  /** `createAnswering(…).answer`, or a villain's. */
  readonly answer: Answer
  readonly chain: StewardChain
  readonly outbox: StewardOutbox
  readonly indexes: StewardIndexes
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
  /** As the pool sees us, for the view. */
  standing?(): string
  /** Bytes on disk beside the blobs, for the view. */
  diskUse?(): Promise<DiskUse>
  readonly fault?: Fault
}

export interface Steward extends Service {
  readonly id: Address
  /** Serves peers from now on. */
  attach(node: Pick<NetNode, 'handle'>): Promise<void>
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
  readonly book: Book
  /** The first failure that stopped the loop: state on disk is sound, this process is not. */
  readonly failure: Error | undefined
}

/** Streams of one connection at the same time. */
const STREAMS = { store: 8, fetch: 16, docket: 2, bid: 4 } as const
/** Longest wait of the timer: a clock that jumps is noticed within it. Milliseconds. */
const TIMER_MS = 30_000
const TICK_WAIT_MS = 1_000
/** Updates without anything for us, after which the cursor is written all the same. */
const IDLE_UPDATES = 64
const MAX_ALERTS = 200

/** Reads the book and wires the parts. Nothing runs before `start`, nothing is served before `attach`. */
export async function createSteward(deps: StewardDeps, config: StewardConfig): Promise<Steward> {
  return new StewardDaemon(deps, config, await Book.open(deps.journal))
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
  private readonly sweeper: ReturnType<typeof createSweeper>
  private readonly prune: ReturnType<typeof createPrune>
  private readonly serve: ReturnType<typeof createServe>
  private readonly hold: ReturnType<typeof createHold>
  private readonly bidding: ReturnType<typeof createBidding>
  private readonly room: ReturnType<typeof createRoom>
  private queue: Promise<unknown> = Promise.resolve()
  private wakeTimer: (() => void) | undefined
  private changed: (() => void)[] = []
  private head = { number: -1, timestamp: 0 }
  private finalHead = -1
  private idleUpdates = 0

  constructor(deps: StewardDeps, config: StewardConfig, book: Book) {
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
    const onDamage = (blobId: Uint8Array, why: HoldfastError) => this.onDamage(blobId, why)
    const shared = { book, domain, secret, steward, clock, log, now, step, alert, locked, room, config: current, fault }
    this.sweeper = createSweeper({
      ...shared,
      watch: this.watch,
      answer,
      outbox,
      onDamage,
      notify: () => this.notify(),
    })
    this.prune = createPrune({ ...shared, files, notices: deps.notices })
    this.hold = createHold({ ...shared, files, indexes })
    this.serve = createServe({
      ...shared,
      files,
      watch: this.watch,
      poke: () => chain.poke(),
      onDocket: () => this.answer(),
    })
    this.bidding = createBidding({ ...shared, chain, rng, reference: () => deps.reference() })
    outbox.onRefused((id, reason) => this.onRefused(id, reason))
  }

  async attach(node: Pick<NetNode, 'handle'>): Promise<void> {
    await node.handle(STORE_PROTOCOL, (wire) => this.hold.serve(wire), { maxStreams: STREAMS.store })
    await node.handle(FETCH_PROTOCOL, (wire, peer) => this.serve.serveBlobs(wire, peer), { maxStreams: STREAMS.fetch })
    await node.handle(DOCKET_PROTOCOL, (wire) => this.serve.takeDocket(wire), { maxStreams: STREAMS.docket })
    await node.handle(BID_PROTOCOL, (wire) => this.bidding.serve(wire), { maxStreams: STREAMS.bid })
  }

  /** Takes up the feed where it was left, and does again whatever was asked for and not done. */
  async start(): Promise<void> {
    await this.hold.resume()
    this.prune.resume()
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
      alerts: this.alerts,
      block: () => this.head.number,
      now: () => deps.chain.now(),
      monotonic: () => deps.clock.monotonic(),
      nextDue: () => this.nextDue(),
      chainId: deps.domain.chainId,
      standing: () => deps.standing?.(),
      diskUse: () => deps.diskUse?.() ?? Promise.resolve(undefined),
      setOpen: (isOpen) => this.configure({ ...this.config, isOpen }),
    })
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
  }

  /** The earliest chain time at which something is to be done. */
  private nextDue(): UnixTime | undefined {
    let least = this.book.due.next() ?? Number.POSITIVE_INFINITY
    for (const bounty of this.book.bounties.values()) least = Math.min(least, this.watch.dueOf(bounty) ?? least)
    least = Math.min(least, this.sweeper.retryDue() ?? least)
    return Number.isFinite(least) ? unixTime(least) : undefined
  }

  private busyWith(block: number): string | undefined {
    if (this.failure) return `stopped: ${this.failure.message}`
    if (this.head.number < block) return `at block ${this.head.number}`
    const jobs = this.sweeper.running()
    if (jobs > 0) return `${jobs} bounties being answered`
    const unfinished = this.deps.outbox.unfinished()
    if (unfinished > 0) return `${unfinished} transactions on their way`
    if (this.prune.running() > 0) return 'blobs being pruned'
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
      this.head = update.head
      this.notify()
      this.wakeTimer?.()
    }
  }

  private onUpdate(step: Step, update: FeedUpdate): void {
    for (const fact of update.reverted) this.watch.undo(step, fact)
    for (const fact of update.applied) this.watch.apply(step, fact)
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
    })
    this.answer()
  }

  private async onDamage(blobId: Uint8Array, why: HoldfastError): Promise<void> {
    try {
      await this.deps.files.quarantine(blobId, why.message)
    } catch (cause) {
      this.deps.log.error('blob.not-quarantined', { blob: toHex(blobId), message: asHoldfastError(cause).message })
    }
  }

  private async onRefused(intent: string, reason: Error): Promise<void> {
    await this.step((step) => {
      for (const bounty of step.allBounties()) {
        if (bounty.intent !== intent || bounty.phase !== 'claimed') continue
        this.deps.log.warn('sweep.refused', { bounty: bounty.id, reason: reason.message })
        if (bounty.attempt + 1 >= MAX_ATTEMPTS) step.saveBounty({ ...bounty, phase: 'lost', why: reason.message })
        else this.watch.unclaim(step, bounty)
      }
    })
    this.answer()
  }

  private alert(code: string, about: string): void {
    this.alerts.push({ at: this.deps.chain.now(), code, about })
    if (this.alerts.length > MAX_ALERTS) this.alerts.shift()
  }
}
