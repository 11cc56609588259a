/**
 * The manager (P7): gives roles and watchers, judges by what monitors report, watches the registrar. One thing at a time, each from the newest
 * view; nothing that stores, serves, checks or pays waits for it. pool.md.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Service, TickAnswer } from '../base/ports.ts'
import { formatTime, type UnixTime, unixTime } from '../base/units.ts'
import {
  type Appeal,
  type Assignment,
  decodeReportMessage,
  encodeReportMessage,
  MAX_REPORT_BYTES,
  type Verdict,
} from '../net/messages/report.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import type { Decision } from './decide-standing.ts'
import { createAssigning } from './manager-assigning.ts'
import type { ManagerParts } from './manager-parts.ts'
import { KEYS, type KeptDecision, parseRecord } from './manager-records.ts'
import { createJudging, type Heard } from './manager-standing.ts'
import { createWatching } from './manager-watching.ts'
import type { Undo } from './undo-acts.ts'
import type { SilentChange } from './watch-keys.ts'

/** What `pool manager status` shows. */
export interface ManagerStatus {
  readonly id: Address
  readonly block: number
  /** ISO-8601 UTC, chain time. */
  readonly time: string
  /** Agents that are this manager's, by standing. */
  readonly agents: Readonly<Record<string, number>>
  /** Agents with fewer monitors than they should have. */
  readonly short: readonly { readonly id: Address; readonly have: number; readonly need: number }[]
  readonly uninvited: readonly Address[]
  /** Newest first. */
  readonly decisions: readonly (Omit<KeptDecision, 'at'> & { readonly at: string })[]
  readonly silentChanges: readonly SilentChange[]
  /** Messages that were refused, by code, since it started. */
  readonly refused: Readonly<Record<string, number>>
  readonly unfinished: number
  readonly nextDue?: string
}

/** Takes verdicts: the seam to the monitors. */
export interface VerdictTaker {
  /** On disk when it resolves. @throws `POOL_VERDICT` */
  take(verdict: Verdict): Promise<Decision>
}

export interface Manager extends Service, VerdictTaker {
  /** Handler of `/holdfast/report/1`. */
  serve(wire: Wire, peer: Peer): Promise<void>
  /** @throws `POOL_APPEAL` */
  hear(appeal: Appeal): Promise<Heard>
  say(agent: Address): Promise<Assignment>
  /** Takes an agent in by hand, in a pool for the invited; then looks. */
  admit(id: Address): Promise<void>
  /** Puts back the standings that a delegate changed from then on. */
  undo(delegate: Address, since: UnixTime): Promise<readonly Undo[]>
  /** Looks at everything now. */
  look(): Promise<void>
  /** Something may be new: looks soon. */
  poke(): void
  /** Chain time went on: looks soon when something has become due. */
  pass(): void
  tick(): Promise<TickAnswer>
  status(): Promise<ManagerStatus>
}

/** Verdicts of one monitor within a day of chain time. */
const VERDICTS_A_DAY = 500
/** Appeals from everybody within a day of chain time: each costs a signature to check, and dialling is free. */
const APPEALS_A_DAY = 2_000
const DAY_SECONDS = 86_400
/** Decisions shown. */
const SHOWN = 50
/** Longest a tick waits for what runs. Milliseconds. */
const TICK_WAIT_MS = 1_000
/** A look that failed is repeated after this. Milliseconds. */
const RETRY_MS = 2_000

export function createManager(parts: ManagerParts): Manager {
  const { me, journal, registry, outbox, chain, clock, log } = parts
  const judging = createJudging(parts)
  const assigning = createAssigning(parts)
  const watching = createWatching(parts)
  const refused = new Map<string, number>()
  const quota = new Map<string, number>()
  let quotaDay = -1
  let turn: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let isPoked = false
  let isStopped = false
  let retry: NodeJS.Timeout | undefined

  /** One act at a time: each decides on what the one before left. */
  function inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    waiting++
    const mine = turn.then(act, act)
    turn = mine.then(
      () => waiting--,
      () => waiting--, // its own caller hears of it
    )
    return mine
  }

  async function look(): Promise<void> {
    isPoked = false
    await registry.refresh()
    if (!registry.inGoodStanding(me)) return // a manager that is none any more does nothing
    await assigning.plan()
    // A daemon that just registered listens in a moment.
    if (assigning.last.waiting.length > 0 && !isStopped) again()
    await judging.pass()
    judging.hearings.kick()
    await watching.look()
  }

  function again(): void {
    clearTimeout(retry)
    retry = setTimeout(poke, RETRY_MS).unref()
  }

  function poke(): void {
    if (isPoked || isStopped) return
    isPoked = true
    inTurn(look).catch((cause: unknown) => {
      if (isStopped) return
      log.warn('manager.look', { code: asHoldfastError(cause).code, why: asHoldfastError(cause).message })
      again()
    })
  }

  /** @throws `PEER_BUSY` */
  function count(name: string, most: number): void {
    const day = Math.floor(chain.now() / DAY_SECONDS)
    if (day !== quotaDay) quota.clear()
    quotaDay = day
    const used = (quota.get(name) ?? 0) + 1
    if (used > most) throw new HoldfastError('PEER_BUSY', { what: 'too many messages today' })
    quota.set(name, used)
  }

  async function answer(wire: Wire, peer: Peer): Promise<void> {
    const message = decodeReportMessage(await wire.receive(MAX_REPORT_BYTES))
    switch (message.kind) {
      case 'verdict': {
        const { verdict } = message
        if (peer.id === undefined || peer.id !== verdict.monitor)
          throw new HoldfastError('POOL_VERDICT', { what: 'its monitor brings it itself' })
        count(`verdict/${peer.id}`, VERDICTS_A_DAY)
        await inTurn(() => judging.take(verdict))
        return wire.send(encodeReportMessage({ kind: 'taken', hash: verdict.evidenceHash }))
      }
      case 'appeal': {
        // A banned member passes no handshake: it comes without an id, and its own signature speaks for it.
        count('appeal', APPEALS_A_DAY)
        const { outcome, why } = await inTurn(() => judging.hear(message.appeal))
        return wire.send(
          encodeReportMessage({ kind: 'heard', about: message.appeal.about, outcome, why: why.slice(0, 300) }),
        )
      }
      case 'ask': {
        if (peer.id === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: peer.channel })
        count(`ask/${peer.id}`, 10 * VERDICTS_A_DAY)
        const assignment = await inTurn(() => assigning.say(message.agent))
        return wire.send(encodeReportMessage({ kind: 'assigned', assignment }))
      }
      default:
        throw new HoldfastError('NET_PROTOCOL', { what: `${message.kind}, said to a manager` })
    }
  }

  function nextDue(): UnixTime | undefined {
    const dues = [judging.nextDue(), assigning.nextDue(), watching.nextDue()].filter((due) => due !== undefined)
    return dues.length === 0 ? undefined : unixTime(Math.min(...dues))
  }

  return {
    async start() {
      await Promise.all([judging.open(), assigning.open(), watching.open()])
      poke()
    },
    async stop() {
      isStopped = true
      clearTimeout(retry)
      await turn
      await judging.hearings.rest()
    },
    async serve(wire, peer) {
      try {
        await answer(wire, peer)
      } catch (cause) {
        const { code } = asHoldfastError(cause)
        refused.set(code, (refused.get(code) ?? 0) + 1)
        throw cause
      }
    },
    take: (verdict) => inTurn(() => judging.take(verdict)),
    hear: (appeal) => inTurn(() => judging.hear(appeal)),
    say: (agent) => inTurn(() => assigning.say(agent)),
    admit: (id) =>
      inTurn(async () => {
        await assigning.admit(id)
        await look()
      }),
    undo: (delegate, since) => inTurn(() => judging.undo(delegate, since)),
    look: () => inTurn(look),
    poke,
    pass() {
      if ((nextDue() ?? Number.POSITIVE_INFINITY) <= chain.now()) poke()
    },
    async tick() {
      const until = clock.monotonic() + TICK_WAIT_MS
      let isDone = false
      const looked = inTurn(look).then(() => {
        isDone = true
      })
      await Promise.race([looked, clock.sleep(TICK_WAIT_MS)])
      if (!isDone) {
        looked.catch((cause: unknown) => log.warn('manager.look', { why: asHoldfastError(cause).message }))
        return { idle: false, busy: 'it assigns and judges' }
      }
      while (judging.hearings.isBusy() && clock.monotonic() < until) await clock.sleep(10)
      if (judging.hearings.isBusy()) return { idle: false, busy: 'it tells monitors of an appeal' }
      while (outbox.unfinished() > 0 && clock.monotonic() < until) await clock.sleep(10)
      if (outbox.unfinished() > 0) return { idle: false, busy: `${outbox.unfinished()} transactions on their way` }
      const due = nextDue()
      return {
        idle: waiting === 0,
        ...(waiting === 0 ? {} : { busy: 'it answers' }),
        ...(due === undefined ? {} : { nextDue: due }),
      }
    },
    async status() {
      const agents: Record<string, number> = {}
      for (const { manager, standing } of registry.members())
        if (manager === me) agents[standing] = (agents[standing] ?? 0) + 1
      const due = nextDue()
      return {
        id: me,
        block: chain.block(),
        time: formatTime(chain.now()),
        agents,
        short: assigning.last.short,
        uninvited: assigning.last.uninvited,
        decisions: (await decisions()).map((one) => ({ ...one, at: formatTime(one.at) })),
        silentChanges: watching.found,
        refused: Object.fromEntries(refused),
        unfinished: outbox.unfinished(),
        ...(due === undefined ? {} : { nextDue: formatTime(due) }),
      }
    },
  }

  async function decisions(): Promise<readonly KeptDecision[]> {
    const all: KeptDecision[] = []
    for await (const [key, bytes] of journal.list(KEYS.decisions)) {
      all.push(parseRecord<KeptDecision>(key, bytes))
      if (all.length > 2 * SHOWN) all.splice(0, SHOWN)
    }
    return all.slice(-SHOWN).reverse()
  }
}
