/**
 * The durable outbox: what a process has decided to do on the chain happens once, whatever crashes (reliability.md R6–R8, R18).
 * The consumer commits intents in its own batches; the one sender of the key signs them, commits the signed bytes, broadcasts, waits for
 * the receipt and for finality, and commits the outcome. Signed bytes are broadcast again as they are, never signed anew, unless their
 * nonce went to a stranger. A mined transaction that a reorganisation takes out of the chain is broadcast again.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Change, Service } from '../base/ports.ts'
import { DAY } from '../base/units.ts'
import type { Hex } from './chain-data.ts'
import { createFlights, type Flying } from './outbox-flights.ts'
import type { FaultSite, OutboxOptions } from './outbox-options.ts'
import { decodeEntry, type Entry, type Intent, outboxRecords, reasonOf, type Settled } from './outbox-record.ts'
import { DEV_CHAIN_ID } from './rpc.ts'

export type { FaultSite, OutboxLimits, OutboxOptions } from './outbox-options.ts'
export type { Intent } from './outbox-record.ts'

/** What became of an intent, finally. */
export type Outcome =
  | { readonly ok: true; readonly txHash: Hex; readonly block: number }
  /** Refused by the contract, cancelled, or too late. */
  | { readonly ok: false; readonly reason: HoldfastError; readonly txHash?: Hex }

export interface Outbox extends Service {
  readonly account: Address
  /** Changes that put an intent into the journal; an id that exists is left alone. Pure: commit them with the state they follow from, then `kick`. */
  intent(intent: Intent): readonly Change[]
  /** Intents were committed: send them. */
  kick(): void
  /** Intents without a final outcome, refusals not told yet, and one more while the journal or the chain is still to be looked at. */
  unfinished(): number
  /** Takes an intent back unless it is on the chain already; the outcome tells. Not remembered over a restart: ask again. */
  cancel(id: string): Promise<void>
  /** Undefined: unknown, or not final yet. */
  outcome(id: string): Promise<Outcome | undefined>
  /** Resolves with the outcome. @throws the signal's reason. */
  settled(id: string, signal?: AbortSignal): Promise<Outcome>
  /** Called for each outcome; what it returns is committed in the same batch. Called again when a reorganisation undid an outcome. */
  onSettled(listener: (id: string, outcome: Outcome) => readonly Change[] | undefined): void
  /** Told of each refusal once, and again after a restart until it resolved. */
  onRefused(listener: (id: string, reason: HoldfastError) => Promise<void>): void
}

/** So many blocks an outcome keeps its signed bytes on a dev chain, where a kill may cost the newest blocks; elsewhere until it is final. */
const DEV_DEPTH = 512
/** Outcomes older than this are forgotten at the start: nobody intends the same act again. Seconds of chain time. */
const MEMORY = 180 * DAY
/** Pauses between looks at transactions on their way, doubled from the first to the last. ms. */
const LOOKS = [2, 250] as const
/** Pause after a failure, doubled up to the second. ms. */
const FAILURES = [100, 2_000] as const

/** Prepares an outbox; nothing is read or sent before `start`. */
export function createOutbox(options: OutboxOptions): Outbox {
  const { journal, chain, clock, log } = options
  const records = outboxRecords(options.prefix ?? 'outbox/')
  /** Without outcome, by id. */
  const open = new Map<string, Flying>()
  /** With outcome, and not deep enough in the chain to be forgotten. */
  const recent = new Map<string, Entry>()
  /** Refusals that nobody has heard of yet. */
  const untold = new Map<string, Settled>()
  /** Handed out and not seen in the journal yet: a kick without any needs no reading. */
  const handedOut = new Set<string>()
  const toCancel = new Set<string>()
  /** Refusals that were heard of and not noted as such yet. */
  const told: string[] = []
  const settledListeners: ((id: string, outcome: Outcome) => readonly Change[] | undefined)[] = []
  const refusedListeners: ((id: string, reason: HoldfastError) => Promise<void>)[] = []
  const stopping = new AbortController()
  // Intents may stand in the journal that were not read yet. Counted, so that a kick during a reading is not lost.
  let kicks = 1
  let kicksRead = 0
  // Outcomes may have left the chain: at the start, and after each reorganisation. Counted like the kicks.
  let doubts = 1
  let doubtsRead = 0
  /** Something was settled in this turn: what waited for it may go now. */
  let hasMoved = false
  let serial = 0
  let running: Promise<void> | undefined
  let telling: Promise<void> | undefined
  let wake: (() => void) | undefined
  let waiters: (() => void)[] = []
  const fault = async (site: FaultSite) => options.fault?.(site)
  const settledNonces = () => new Set([...recent.values()].map(({ flight }) => flight?.nonce ?? -1))
  const doubtAgain = () => {
    doubts++
  }
  const flights = createFlights({
    ...options,
    records,
    open,
    settle,
    settledNonces,
    doubt: doubtAgain,
    fault,
    signal: stopping.signal,
  })

  // Intents

  async function readIntents(): Promise<void> {
    const upTo = kicks
    const doubled: Change[] = []
    for await (const [key, value] of journal.list(records.intents)) {
      const entry = decodeEntry(key, value)
      const { id } = entry.intent
      handedOut.delete(id)
      if (open.has(id)) continue
      const sent = await readSent(id)
      if (sent?.settled) doubled.push(...records.forgetIntent(id))
      else open.set(id, { entry: sent ?? entry })
    }
    if (doubled.length > 0) await journal.commit(doubled)
    kicksRead = upTo
  }

  async function readSent(id: string): Promise<Entry | undefined> {
    const kept = recent.get(id)
    if (kept) return kept
    const key = records.sentKey(id)
    const value = await journal.get(key)
    return value === undefined ? undefined : decodeEntry(key, value)
  }

  /** At the start: which outcomes could still leave the chain, and which refusals were not told. */
  async function readOutcomes(): Promise<void> {
    const old: Change[] = []
    for await (const [key, value] of journal.list(records.sent)) {
      const entry = decodeEntry(key, value)
      const { settled, flight, intent } = entry
      if (!settled) continue
      if (!settled.ok && !settled.told) untold.set(intent.id, settled)
      if (flight) recent.set(intent.id, entry)
      else if (settled.at + MEMORY < chain.time() && settled.told) old.push(...records.forget(intent.id))
      flights.spent(settled)
    }
    if (old.length > 0) await journal.commit(old)
  }

  // Outcomes

  /** Commits outcomes, together with what the listeners add and with what lies too deep to be kept whole. */
  async function settle(outcomes: readonly { readonly flying: Flying; readonly settled: Settled }[]): Promise<void> {
    const entries = outcomes.map(({ flying, settled }) => ({
      ...flying.entry,
      settled: { ...settled, told: settled.ok || refusedListeners.length === 0 },
    }))
    const added = entries.flatMap(({ intent, settled }) =>
      settledListeners.flatMap((listener) => listener(intent.id, outcomeOf(settled)) ?? []),
    )
    const deep = await tooDeep()
    await fault('outbox.mined')
    await journal.commit([
      ...entries.flatMap((entry) => records.settle(entry)),
      ...added,
      ...deep.flatMap((entry) => records.bury(entry)),
    ])
    for (const { intent } of deep) recent.delete(intent.id)
    for (const entry of entries) {
      const { intent, settled } = entry
      open.delete(intent.id)
      if (entry.flight) recent.set(intent.id, entry)
      if (!settled.told) untold.set(intent.id, settled)
      flights.spent(settled)
      log.info('outbox.settled', {
        id: intent.id,
        kind: intent.kind,
        ok: settled.ok,
        block: settled.block,
        why: settled.reason?.what,
      })
    }
    hasMoved = true
    await fault('outbox.settled')
    notify()
  }

  async function tooDeep(): Promise<readonly Entry[]> {
    if (recent.size === 0) return []
    const safe = chain.chainId === DEV_CHAIN_ID ? chain.latest().number - DEV_DEPTH : await chain.final()
    return [...recent.values()].filter(({ settled }) => (settled?.block ?? 0) < safe)
  }

  /** After a reorganisation, and at the start: outcomes that are no longer on the chain are on their way again. */
  async function doubt(): Promise<void> {
    const upTo = doubts
    const gone = await flights.missing([...recent.values()])
    const again = gone.map(({ intent, order, flight }) => ({ intent, order, ...(flight ? { flight } : {}) }))
    if (again.length > 0) await journal.commit(again.flatMap((entry) => records.fly(entry)))
    for (const entry of again) {
      recent.delete(entry.intent.id)
      untold.delete(entry.intent.id)
      open.set(entry.intent.id, { entry })
      log.warn('outbox.undone', { id: entry.intent.id, kind: entry.intent.kind, nonce: entry.flight?.nonce })
    }
    doubtsRead = upTo
  }

  /** Apart from the sending, because whoever is told may want to commit and kick first. */
  async function tell(): Promise<void> {
    for (const [id, settled] of [...untold]) {
      if (told.includes(id)) continue
      for (const listener of refusedListeners) await listener(id, reasonOf(settled))
      told.push(id)
      wake?.()
    }
  }

  async function noteTold(): Promise<void> {
    for (let id = told[0]; id !== undefined; id = told[0]) {
      const entry = await readSent(id)
      // Unless a reorganisation has brought it back meanwhile.
      if (untold.has(id) && entry?.settled) {
        const noted: Entry = { ...entry, settled: { ...entry.settled, told: true } }
        await journal.commit(records.settle(noted))
        if (recent.has(id)) recent.set(id, noted)
        untold.delete(id)
        notify()
      }
      told.shift()
    }
  }

  // The sender

  async function turn(): Promise<void> {
    if (kicks !== kicksRead) await readIntents()
    if (told.length > 0) await noteTold()
    if (doubts !== doubtsRead) await doubt()
    await flights.check()
    for (const id of [...toCancel]) {
      toCancel.delete(id)
      await flights.cancel(id, { code: 'INTERRUPTED', what: 'it was cancelled' })
    }
    if (await flights.send()) await flights.check()
    if (untold.size > 0 && refusedListeners.length > 0) {
      telling ??= tell()
        .catch((cause: unknown) => log.error('outbox.tell', { why: String((cause as Error).message) }))
        .finally(() => {
          telling = undefined
        })
    }
  }

  async function run(): Promise<void> {
    await readOutcomes()
    let looks = 0
    let failures = 0
    while (!stopping.signal.aborted) {
      hasMoved = false
      try {
        await turn()
        if (failures > 0) log.info('outbox.back')
        failures = 0
      } catch (cause) {
        if (stopping.signal.aborted) return
        // A store that cannot be written is fatal to its process, not to the transactions: they stand in the journal or were never sent.
        failures++
        log.warn('outbox.retry', { why: String((cause as Error).message), failures })
      }
      looks = (await rest(pauseOf(failures, looks))) ? 0 : looks + 1
    }
  }

  function pauseOf(failures: number, looks: number): number {
    if (failures > 0) return Math.min(FAILURES[0] * 2 ** (failures - 1), FAILURES[1])
    if (kicks !== kicksRead || doubts !== doubtsRead || toCancel.size > 0 || told.length > 0 || hasMoved) return 0
    if (flights.inFlight() > 0) return Math.min(LOOKS[0] * 2 ** Math.min(looks, 10), LOOKS[1])
    return open.size > 0 || untold.size > 0 ? 1_000 : 60_000
  }

  /** True when woken, false when the time was up. */
  async function rest(ms: number): Promise<boolean> {
    if (ms === 0) return true
    const waiting = new AbortController()
    const signal = AbortSignal.any([waiting.signal, stopping.signal])
    let isWoken = false
    wake = () => {
      isWoken = true
      waiting.abort()
    }
    await clock.sleep(ms, signal).catch(() => undefined) // woken or stopped: both end the wait
    wake = undefined
    return isWoken
  }

  function notify(): void {
    const waiting = waiters
    waiters = []
    for (const resolve of waiting) resolve()
  }

  async function outcome(id: string): Promise<Outcome | undefined> {
    if (open.has(id)) return undefined
    const settled = (await readSent(id))?.settled
    return settled && outcomeOf(settled)
  }

  let unsubscribe: (() => void) | undefined
  return {
    account: flights.account,
    intent(intent) {
      const order = `${String(chain.time()).padStart(10, '0')}.${String(serial++).padStart(10, '0')}`
      handedOut.add(intent.id)
      return records.intend({ intent, order })
    },
    kick() {
      if (handedOut.size === 0) return
      kicks++
      wake?.()
    },
    unfinished: () => open.size + untold.size + (kicks === kicksRead ? 0 : 1) + (doubts === doubtsRead ? 0 : 1),
    async cancel(id) {
      toCancel.add(id)
      kicks++ // its intent may not have been read yet
      wake?.()
    },
    outcome,
    async settled(id, signal) {
      for (;;) {
        signal?.throwIfAborted()
        const found = await outcome(id)
        if (found) return found
        await new Promise<void>((resolve, reject) => {
          const abort = () => reject(signal?.reason)
          signal?.addEventListener('abort', abort, { once: true })
          waiters.push(() => {
            signal?.removeEventListener('abort', abort)
            resolve()
          })
        })
      }
    },
    onSettled: (listener) => void settledListeners.push(listener),
    onRefused: (listener) => void refusedListeners.push(listener),
    async start() {
      if (running) return
      unsubscribe = chain.onHead((_, reorged) => {
        if (reorged) doubts++
        flights.onHead()
        if (open.size > 0 || doubts !== doubtsRead) wake?.()
      })
      running = run().catch((cause: unknown) => log.error('outbox.stopped', { why: String((cause as Error).message) }))
    },
    async stop() {
      stopping.abort(new HoldfastError('INTERRUPTED'))
      unsubscribe?.()
      await running
      await telling
    },
  }
}

function outcomeOf(settled: Settled): Outcome {
  const { ok, txHash, block } = settled
  if (ok && txHash !== undefined && block !== undefined) return { ok, txHash, block }
  return { ok: false, reason: reasonOf(settled), ...(txHash === undefined ? {} : { txHash }) }
}
