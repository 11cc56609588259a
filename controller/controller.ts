/**
 * The controller: the uploader's unattended process. Facts come in by one door (the chain feed and a timer), are decided by pure rules,
 * committed in one batch with intents and cursor, and leave as effects with fixed ids. This file is the loop; rules are in decide.ts.
 */
import { asHoldfastError } from '../base/errors.ts'
import { hkdf } from '../base/hash.ts'
import type { TickAnswer } from '../base/ports.ts'
import { type UnixTime, unixTime, WEI_PER_GWEI } from '../base/units.ts'
import { createBounties } from './bounties.ts'
import type { ControllerBackups, ControllerDeps, MarketFact } from './controller-ports.ts'
import { type Env, outstandingEffects } from './decide.ts'
import type { Effect } from './facts.ts'
import { createFunds, type Funds } from './funds.ts'
import type { Money } from './ledger.ts'
import type { Moves } from './moves.ts'
import type { PlacementState } from './placement-state.ts'
import { nextDueOf } from './progress.ts'
import { settleRecovered } from './recovered.ts'
import { askDueOf } from './release.ts'
import type { Repairs } from './repairs.ts'
import { createDraw } from './schedule.ts'
import { Step } from './step.ts'

/** Longest wait of the timer: a clock that jumps is noticed within it. Milliseconds. */
const TIMER_MS = 30_000
/** When the balance does not cover what is due, the next look. Seconds of chain time. */
const BROKE_PAUSE = 3600
/** When the chain does not say what the balance is, the next look. Seconds of chain time. */
const UNREACHED_PAUSE = 30
const TICK_WAIT_MS = 1_000

export class Controller {
  private readonly deps: ControllerDeps
  private readonly env: Omit<Env, 'now'>
  private readonly bounties: ReturnType<typeof createBounties>
  private readonly stopping = new AbortController()
  private readonly running: Promise<void>[] = []
  private queue: Promise<unknown> = Promise.resolve()
  private wakeTimer: (() => void) | undefined
  private changed: (() => void)[] = []
  private head = { number: -1, timestamp: 0 }
  private brokeUntil = 0
  readonly funds: Funds
  private repairs: Repairs | undefined
  private backups: ControllerBackups | undefined
  private moves: Moves | undefined
  private lending: { start(): void; stop(): Promise<void> } | undefined
  /** The first failure that stopped the loop: state on disk is sound, this process is not. */
  failure: Error | undefined
  readonly alerts: { readonly at: UnixTime; readonly code: string; readonly placement: string }[] = []

  constructor(deps: ControllerDeps) {
    this.deps = deps
    const { ledger, domain, account, nonceKey, policy, log } = deps
    this.env = {
      policy,
      draw: createDraw(hkdf(nonceKey, 'jitter')),
      ...(deps.index === undefined ? {} : { index: deps.index }),
    }
    this.funds = createFunds(deps)
    this.bounties = createBounties({ ledger, domain, account, nonceKey, policy, intents: deps.outbox.intents, log })
    deps.outbox.onRefused((id, reason) => this.onRefused(id, reason))
    deps.jobs.bind((run) => this.step(run), this.bounties)
  }

  /** Missing blobs are made again by `repairs`, which gets to know of every change; once, before the start. */
  tend(repairs: Repairs): void {
    this.repairs = repairs
    repairs.bind({
      step: (run) => this.step(run),
      alert: (code, placement) => this.alert(code, placement),
      wake: () => {
        this.notify()
        this.wake()
      },
    })
  }

  /** Finds new prices for lots whose contracts ask for it. */
  moveWith(moves: Moves): void {
    this.moves = moves
    moves.bind(
      (run) => this.step(run),
      () => {
        this.notify()
        this.wake()
      },
    )
  }

  /** Lends read tokens to whoever verifies our stewards; runs while the controller does. */
  lendWith(lending: { start(): void; stop(): Promise<void> }): void {
    this.lending = lending
  }

  /** Has the ledger backed up from the start on; they use the controller's own put desk, so they come after it. */
  keepBackups(backups: ControllerBackups): void {
    this.backups = backups
  }

  /** Takes up the feed where it was left, and performs again whatever was asked for and not done. */
  async start(): Promise<void> {
    const again: Effect[] = []
    for (const placement of this.deps.ledger.placements.values())
      again.push(...outstandingEffects(placement, this.deps.policy))
    await this.perform(
      again.filter(({ kind }) => kind !== 'post' && kind !== 'offer' && kind !== 'revoke' && kind !== 'repair'),
    )
    for (const bounty of this.deps.ledger.bounties.values()) {
      if (bounty.toHand && bounty.final) this.deps.jobs.hand(bounty)
      if (bounty.phase === 'posted' && bounty.asked && !bounty.release) this.deps.jobs.ask(bounty)
    }
    this.settleOffChain()
    this.deps.outbox.kick()
    const guard = (loop: Promise<void>) =>
      loop.catch((cause: unknown) => {
        if (this.stopping.signal.aborted) return
        this.failure ??= asHoldfastError(cause)
        this.deps.log.error('controller stopped', {
          code: asHoldfastError(cause).code,
          message: this.failure.message,
          stack: this.failure.stack,
        })
        this.notify()
      })
    this.running.push(guard(this.followChain()), guard(this.runTimer()))
    this.backups?.start()
    this.lending?.start()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.wakeTimer?.()
    this.moves?.stop()
    await this.lending?.stop()
    await this.repairs?.stop()
    await this.deps.jobs.stop()
    await this.backups?.stop()
    await Promise.all(this.running)
    await this.queue.catch(() => undefined) // its caller has the failure
  }

  get isRunning(): boolean {
    return this.failure === undefined && !this.stopping.signal.aborted
  }

  get block(): number {
    return this.head.number
  }

  /** Runs `run` alone, between any two steps. */
  exclusive<Result>(run: () => Promise<Result>): Promise<Result> {
    const turn = this.queue.then(run, run)
    this.queue = turn.catch(() => undefined) // the caller gets the failure; the next step does not depend on it
    return turn
  }

  /** A step: facts and records, one commit, then effects. */
  step<Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result> {
    return this.exclusive(async () => {
      const step = new Step(this.deps.ledger, { ...this.env, now: this.deps.chain.now() })
      try {
        const result = await run(step)
        const effects = await this.bounties.intend(step)
        const posts = step.effects.filter((effect) => effect.kind === 'post')
        if (posts.length > 0) this.backups?.onPost()
        await this.deps.ledger.commit(step.batch)
        this.deps.outbox.kick()
        await this.perform(effects)
        const offers = this.bounties.offers.made()
        for (const bounty of offers) this.deps.jobs.offer(bounty)
        for (const steward of new Set([...posts, ...offers].map((it) => it.steward)))
          this.deps.jobs.lookForNotice(steward)
        for (const bounty of this.bounties.unclaimed()) this.deps.unclaimed?.(bounty)
        this.repairs?.consider(step.moved)
        this.backups?.onMoved(step.moved)
        return result
      } finally {
        this.bounties.forget()
        this.notify()
      }
    })
  }

  /** Timers may be due earlier than thought. */
  wake(): void {
    this.wakeTimer?.()
  }

  /** Brings the feed to `block`, lets what is running end, and says whether anything is left to do now. Returns within about a second. */
  async tick(block: number): Promise<TickAnswer> {
    const until = this.deps.clock.monotonic() + TICK_WAIT_MS
    this.deps.chain.poke()
    await this.deps
      .refreshStandings?.()
      .catch((cause: unknown) =>
        this.deps.log.debug('registrar not reached', { message: asHoldfastError(cause).message }),
      )
    for (;;) {
      const busy = this.busyWith(block)
      const nextDue = this.nextDue()
      if (busy === undefined) return { idle: true, ...(nextDue === undefined ? {} : { nextDue }) }
      const left = until - this.deps.clock.monotonic()
      if (left <= 0) return { idle: false, busy, ...(nextDue === undefined ? {} : { nextDue }) }
      await Promise.race([
        new Promise<void>((resolve) => this.changed.push(resolve)),
        this.deps.clock.sleep(Math.min(left, 20)),
      ])
    }
  }

  /** The earliest chain time at which something is to be done. */
  nextDue(): UnixTime | undefined {
    const [round, backup] = [this.nextRound(), this.backups?.nextDue()]
    if (round === undefined || backup === undefined)
      return round ?? (backup === undefined ? undefined : unixTime(backup))
    return unixTime(Math.min(round, backup))
  }

  private nextRound(): UnixTime | undefined {
    let least: number | undefined
    for (const placement of this.deps.ledger.placements.values()) {
      const due = nextDueOf(placement, this.deps.policy, this.deps.chain.now())
      if (due !== undefined && (least === undefined || due < least)) least = due
    }
    for (const bounty of this.deps.ledger.postedBounties.values()) {
      const due = askDueOf(bounty, this.deps.policy)
      if (due !== undefined && (least === undefined || due < least)) least = due
    }
    const stray = this.bounties.strayDue()
    if (stray !== undefined && (least === undefined || stray < least)) least = stray
    const others = [this.repairs?.nextDue(), this.moves?.nextDue()].filter((at) => at !== undefined)
    if (least !== undefined) others.push(Math.max(least, this.brokeUntil))
    return others.length === 0 ? undefined : unixTime(Math.min(...others))
  }

  private busyWith(block: number): string | undefined {
    if (this.failure) return `stopped: ${this.failure.message}`
    if (this.head.number < block) return `at block ${this.head.number}`
    const unfinished = this.deps.outbox.unfinished()
    if (unfinished > 0) return `${unfinished} transactions on their way`
    const jobs = this.deps.jobs.running()
    if (jobs > 0) return `${jobs} jobs with peers`
    if ((this.deps.reporting?.() ?? 0) > 0) return 'reports on their way'
    const repairs = this.repairs?.running() ?? 0
    if (repairs > 0) return `${repairs} objects in repair`
    const moves = this.moves?.running() ?? 0
    if (moves > 0) return `${moves} auctions of lots`
    if (this.backups?.isBusy()) {
      this.backups.hurry()
      return 'a backup is on its way'
    }
    if (this.restood().length > 0) {
      this.wake()
      return 'standings changed'
    }
    const due = this.nextRound()
    if (due !== undefined && due <= this.deps.chain.now()) return 'a timer is due'
    return undefined
  }

  private notify(): void {
    const waiting = this.changed
    this.changed = []
    for (const resolve of waiting) resolve()
  }

  private async followChain(): Promise<void> {
    const { chain, ledger } = this.deps
    for await (const update of chain.follow(await ledger.cursor(), this.stopping.signal)) {
      await this.step((step) => {
        for (const fact of update.reverted) this.onFact(step, fact, -1n)
        const { now } = step
        for (const fact of update.applied) {
          step.at(Math.min(now, fact.blockTime))
          // What came before it was final by then: rules see each fact as if it had been read in its own time.
          this.bounties.onFinal(step, Math.min(update.finalHead, fact.block - 1))
          this.onFact(step, fact, 1n)
        }
        step.at(now)
        this.bounties.onFinal(step, update.finalHead)
        this.backups?.onFinal(step, update.finalHead)
        if (ledger.isRecovered) {
          settleRecovered(step, ledger, this.bounties)
          this.repairs?.onRecovered(step)
        }
        step.batch.cursor(update.cursor)
      })
      await this.deps.lookAtBonds?.((run) => this.step(run), update.head)
      await this.due()
      for (const bounty of ledger.bounties.values())
        if (bounty.toHand && bounty.phase === 'posted' && bounty.final) this.deps.jobs.hand(bounty)
      this.settleOffChain()
      if (this.head.number < 0) {
        this.repairs?.start()
        this.moves?.start()
      }
      this.head = update.head
      this.notify()
      this.wake()
    }
  }

  /** What is offered, and vouchers that did not arrive, are tried again. */
  private settleOffChain(): void {
    const { ledger, jobs } = this.deps
    for (const bounty of ledger.offeredBounties.values()) jobs.offer(bounty)
    for (const promise of ledger.promises.values()) if (promise.toHand) jobs.handVoucher(promise)
  }

  private onFact(step: Step, fact: MarketFact, sign: 1n | -1n): void {
    switch (fact.kind) {
      case 'posted':
      case 'swept':
      case 'revoked':
        if (sign > 0n) this.bounties.onEvent(step, fact)
        else this.bounties.onUndone(step, fact)
        return
      case 'deposited':
      case 'withdrawn':
        if (fact.account === this.deps.account) this.addMoney(step, { [fact.kind]: sign * fact.amount })
        return
      case 'redeemed':
        this.bounties.offers.onRedeemed(step, fact, sign)
        return
      case 'pointer':
        if (fact.owner === this.deps.account) this.backups?.onPointer(step, fact, sign > 0n)
        return
      case 'advertised':
        if (fact.uploader === this.deps.account) this.addMoney(step, { advertFees: sign * fact.fee })
        this.deps.adverts.seen(fact.advertHash, sign > 0n)
    }
  }

  private addMoney(step: Step, change: Partial<Money>): void {
    const before = step.batch.pendingMoney ?? this.deps.ledger.money
    step.batch.money({
      deposited: before.deposited + (change.deposited ?? 0n),
      withdrawn: before.withdrawn + (change.withdrawn ?? 0n),
      advertFees: before.advertFees + (change.advertFees ?? 0n),
    })
  }

  private async runTimer(): Promise<void> {
    const { chain, clock } = this.deps
    while (!this.stopping.signal.aborted) {
      const due = this.nextRound()
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
    const { chain, ledger, policy, log } = this.deps
    await this.weighStandings()
    this.repairs?.wake()
    this.moves?.retry()
    const next = this.nextRound()
    if (next === undefined || next > chain.now()) return
    const asked = await this.step(async (step) => {
      const toAsk = this.bounties.askDue(step)
      this.bounties.revokeStray(step)
      for (const placement of [...ledger.placements.values()])
        if ((nextDueOf(placement, policy, step.now) ?? Number.POSITIVE_INFINITY) <= step.now)
          step.tell(placement.id, { kind: 'tick' })
      // Asked for within the step: two looks that overlap must not spend the same money.
      const spendable = await this.funds.spendable()
      if (spendable === undefined) {
        this.brokeUntil = step.now + UNREACHED_PAUSE
        return toAsk
      }
      const missing = this.bounties.openDue(step, spendable / WEI_PER_GWEI, await this.funds.worth())
      if (missing > 0n) {
        this.brokeUntil = step.now + BROKE_PAUSE
        log.warn('balance too small for what is due', { missing: String(missing), unit: 'gwei of HOLD' })
      } else this.brokeUntil = 0
      return toAsk
    })
    for (const bounty of asked) this.deps.jobs.ask(bounty)
  }

  /** Placements whose steward the registrar sees otherwise than we did. */
  private restood(): PlacementState[] {
    const { ledger } = this.deps
    return [...ledger.placements.values()].filter(
      ({ state, steward, outcast }) => state !== 'ended' && this.deps.standingOf?.(steward) !== outcast?.standing,
    )
  }

  /** What the registrar says of our stewards becomes facts; rules decide what follows. */
  private async weighStandings(): Promise<void> {
    const changed = this.restood()
    if (changed.length === 0) return
    await this.step((step) => {
      for (const { id, steward } of changed) {
        const standing = this.deps.standingOf?.(steward)
        step.tell(id, { kind: 'standing', at: step.now, ...(standing === undefined ? {} : { standing }) })
      }
    })
  }

  private async perform(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) {
      if (effect.kind === 'alert') this.alert(effect.code, effect.placement)
      else if (effect.kind === 'cancel-post') await this.deps.outbox.cancel(`post/${effect.docket}`)
      else if (effect.kind === 'top-up') this.deps.jobs.topUp(effect)
      else if (effect.kind === 'renew') this.deps.jobs.renew(effect)
      else if (effect.kind === 'ask-terms') this.deps.jobs.askTerms(effect)
      else if (effect.kind === 're-auction') this.moves?.consider(effect)
      else if (effect.kind === 'bisect') this.deps.jobs.bisect(effect)
      else if (effect.kind === 'repair') this.repairs?.consider([effect.ref])
    }
  }

  private alert(code: string, placement: string): void {
    this.deps.log.warn('alert', { code, placement })
    this.alerts.push({ at: this.deps.chain.now(), code, placement })
    if (this.alerts.length > 200) this.alerts.shift()
  }

  private async onRefused(id: string, reason: Error): Promise<void> {
    const [act, plan, advertHash] = id.split('/')
    if (plan === undefined) return
    if (act === 'advert') return this.deps.adverts.refused(advertHash ?? plan, reason)
    if (act === 'point') return this.backups?.onRefused(reason)
    await this.step((step) => {
      if (act === 'post') this.bounties.onPostFailed(step, plan)
      if (act === 'revoke') this.bounties.onRevokeFailed(step, plan)
    })
  }
}
