/**
 * The controller: the uploader's unattended process. Facts come in by one door (the chain feed and a timer), are decided by pure rules,
 * committed in one batch with intents and cursor, and leave as effects with fixed ids. This file is the loop; rules are in decide.ts.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError, hasCode } from '../base/errors.ts'
import { hkdf } from '../base/hash.ts'
import type { Clock, Log, TickAnswer } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { type UnixTime, unixTime, WEI_PER_GWEI } from '../base/units.ts'
import { rentOf } from '../pricing/rates.ts'
import type { Adverts } from './adverts.ts'
import { type BountyEvent, createBounties, type Intents } from './bounties.ts'
import { type Env, outstandingEffects } from './decide.ts'
import type { Effect } from './facts.ts'
import type { Jobs } from './jobs.ts'
import type { Ledger, Money } from './ledger.ts'
import type { Policy } from './policy.ts'
import { nextDueOf } from './progress.ts'
import { createDraw } from './schedule.ts'
import { Step } from './step.ts'

/** What the feed brings, as far as the controller cares. Amounts: wei of HOLD for deposits and withdrawals, gwei for adverts. */
export type MarketFact =
  | BountyEvent
  | {
      readonly kind: 'deposited' | 'withdrawn'
      readonly account: Address
      readonly amount: bigint
      readonly block: number
      readonly blockTime: number
    }
  | {
      readonly kind: 'advertised'
      readonly uploader: Address
      readonly advertHash: string
      readonly fee: bigint
      readonly block: number
      readonly blockTime: number
    }

/** One step of the chain: what was undone, newest first, what is new, oldest first, and where that leaves us. */
export interface FeedUpdate {
  readonly reverted: readonly MarketFact[]
  readonly applied: readonly MarketFact[]
  readonly head: { readonly number: number; readonly timestamp: number }
  /** Blocks up to this one can be acted on. */
  readonly finalHead: number
  /** Committed with what follows from the update. */
  readonly cursor: Uint8Array
}

/** The chain's door, as this process needs it. */
export interface ControllerChain {
  follow(cursor: Uint8Array | undefined, signal: AbortSignal): AsyncIterable<FeedUpdate>
  /** Looks for news now instead of at the next poll. */
  poke(): void
  /** Chain time: the head's timestamp and the monotonic time since. */
  now(): UnixTime
  /** Our balance in the market. Wei of HOLD. */
  balance(): Promise<bigint>
  /** False while a public chain's head is over 30 minutes off the wall clock: then nothing new is posted (reliability.md R17). */
  isFresh(): boolean
}

/** The durable outbox, as this process needs it. */
export interface ControllerOutbox {
  readonly intents: Intents
  /** Intents were committed: send them. */
  kick(): void
  /** Intents without a final outcome. */
  unfinished(): number
  /** Ids of intents the chain refused or that were cancelled, told once each and again after a restart until acknowledged. */
  onRefused(listener: (id: string, reason: Error) => Promise<void>): void
  /** Takes an intent back if it is not on the chain yet. */
  cancel(id: string): Promise<void>
}

export interface ControllerDeps {
  readonly ledger: Ledger
  readonly chain: ControllerChain
  readonly outbox: ControllerOutbox
  readonly domain: Domain
  readonly account: Address
  readonly nonceKey: Uint8Array
  readonly policy: Policy
  readonly clock: Clock
  readonly log: Log
  /** What needs a peer: renewals, reads for new rows, dockets to hand over. */
  readonly jobs: Jobs
  /** Puts wait for their adverts here. */
  readonly adverts: Adverts
}

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
  /** The first failure that stopped the loop: state on disk is sound, this process is not. */
  failure: Error | undefined
  readonly alerts: { readonly at: UnixTime; readonly code: string; readonly placement: string }[] = []

  constructor(deps: ControllerDeps) {
    this.deps = deps
    const { ledger, domain, account, nonceKey, policy, log } = deps
    this.env = { policy, draw: createDraw(hkdf(nonceKey, 'jitter')) }
    this.bounties = createBounties({ ledger, domain, account, nonceKey, policy, intents: deps.outbox.intents, log })
    deps.outbox.onRefused((id, reason) => this.onRefused(id, reason))
    deps.jobs.bind((run) => this.step(run))
  }

  /** Takes up the feed where it was left, and performs again whatever was asked for and not done. */
  async start(): Promise<void> {
    const again: Effect[] = []
    for (const placement of this.deps.ledger.placements.values())
      again.push(...outstandingEffects(placement, this.deps.policy))
    await this.perform(again.filter(({ kind }) => kind !== 'post' && kind !== 'revoke'))
    for (const bounty of this.deps.ledger.bounties.values())
      if (bounty.toHand && bounty.final) this.deps.jobs.hand(bounty)
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
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.wakeTimer?.()
    await this.deps.jobs.stop()
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
        await this.deps.ledger.commit(step.batch)
        this.deps.outbox.kick()
        await this.perform(effects)
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
    let least: number | undefined
    for (const placement of this.deps.ledger.placements.values()) {
      const due = nextDueOf(placement, this.deps.policy, this.deps.chain.now())
      if (due !== undefined && (least === undefined || due < least)) least = due
    }
    if (least === undefined) return undefined
    return unixTime(Math.max(least, this.brokeUntil))
  }

  private busyWith(block: number): string | undefined {
    if (this.failure) return `stopped: ${this.failure.message}`
    if (this.head.number < block) return `at block ${this.head.number}`
    const unfinished = this.deps.outbox.unfinished()
    if (unfinished > 0) return `${unfinished} transactions on their way`
    const jobs = this.deps.jobs.running()
    if (jobs > 0) return `${jobs} jobs with peers`
    const due = this.nextDue()
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
        for (const fact of update.applied) this.onFact(step, fact, 1n)
        this.bounties.onFinal(step, update.finalHead)
        step.batch.cursor(update.cursor)
      })
      await this.due()
      for (const bounty of ledger.bounties.values())
        if (bounty.toHand && bounty.phase === 'posted' && bounty.final) this.deps.jobs.hand(bounty)
      this.head = update.head
      this.notify()
      this.wake()
    }
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
    const { chain, ledger, policy, log } = this.deps
    const next = this.nextDue()
    if (next === undefined || next > chain.now()) return
    await this.step(async (step) => {
      for (const placement of [...ledger.placements.values()])
        if ((nextDueOf(placement, policy, step.now) ?? Number.POSITIVE_INFINITY) <= step.now)
          step.tell(placement.id, { kind: 'tick' })
      // Asked for within the step: two looks that overlap must not spend the same money.
      const spendable = await this.spendable()
      if (spendable === undefined) {
        this.brokeUntil = step.now + UNREACHED_PAUSE
        return
      }
      const missing = this.bounties.openDue(step, spendable / WEI_PER_GWEI)
      if (missing > 0n) {
        this.brokeUntil = step.now + BROKE_PAUSE
        log.warn('balance too small for what is due', { missing: String(missing), unit: 'gwei of HOLD' })
      } else this.brokeUntil = 0
    })
  }

  /** Wei of HOLD that new rounds may take; undefined while the chain does not answer, which ends no daemon (reliability.md, F32). */
  private async spendable(): Promise<bigint | undefined> {
    if (!this.deps.chain.isFresh()) {
      this.deps.log.warn('the chain stands still: rounds wait')
      return undefined
    }
    try {
      return (await this.deps.chain.balance()) - this.intended()
    } catch (cause) {
      if (!hasCode(cause, 'CHAIN_UNREACHABLE', 'CHAIN_ANSWER')) throw cause
      this.deps.log.warn('balance not known: rounds wait', { code: cause.code, message: cause.message })
      return undefined
    }
  }

  /** Wei of HOLD that placements will still ask for until their ends: a new put must not be promised the same money. */
  owed(): bigint {
    const now = this.deps.chain.now()
    const items = [...this.deps.ledger.placements.values()]
      .filter(({ state }) => state === 'held' || state === 'suspect')
      .map(({ price, length, end, totals }) => ({
        price,
        length,
        seconds: Math.max(0, end - Math.min(totals.cut, now)),
      }))
    return rentOf(items)
  }

  /** Wei of HOLD that posts on their way will take. */
  intended(): bigint {
    let sum = 0n
    for (const bounty of this.deps.ledger.bounties.values())
      if (bounty.phase === 'intended') sum += bounty.amount * WEI_PER_GWEI
    return sum
  }

  private async perform(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) {
      if (effect.kind === 'alert') this.alert(effect.code, effect.placement)
      else if (effect.kind === 'cancel-post') await this.deps.outbox.cancel(`post/${effect.docket}`)
      else if (effect.kind === 'top-up') this.deps.jobs.topUp(effect)
      else if (effect.kind === 'renew') this.deps.jobs.renew(effect)
      else if (effect.kind === 'repair')
        this.deps.log.warn('share missing', { ref: effect.ref, segment: effect.segment, share: effect.share })
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
    await this.step((step) => {
      if (act === 'post') this.bounties.onPostFailed(step, plan)
      if (act === 'revoke') this.bounties.onRevokeFailed(step, plan)
    })
  }
}
