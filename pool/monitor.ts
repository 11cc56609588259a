/**
 * The monitor: takes signed reports, checks what they prove, looks for itself where that settles it, sits on panels and calls them, keeps the
 * evidence, and tells the manager of the accused. Rules are in report-desk.ts, evidence.ts, panel.ts and patterns.ts; this is the loop.
 * A report is on disk before it is answered; what is left undone at the end of the process is taken up by the next one.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import { type Address, addressOf } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Service, TickAnswer } from '../base/ports.ts'
import { poolIdOf } from '../base/typed-data.ts'
import { DAY, unixTime } from '../base/units.ts'
import { decodeReportMessage, encodeReportMessage, MAX_REPORT_BYTES } from '../net/messages/report.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import { afterLook } from './after-look.ts'
import { type CaseFacts, createCaseFacts, type Looked } from './case-facts.ts'
import { createDocketRelay, type DocketRelay } from './docket-relay.ts'
import { blobOf, isParty, type Judgement, judge } from './evidence.ts'
import { encodeEvidenceFile } from './evidence-file.ts'
import { MonitorBook } from './monitor-book.ts'
import { takeHearing } from './monitor-hearing.ts'
import type { MonitorDeps } from './monitor-ports.ts'
import { type CaseRecord, KEYS, type VerdictRecord } from './monitor-records.ts'
import { createVerdicts, type Verdicts } from './monitor-verdicts.ts'
import type { Observation } from './observation.ts'
import { createObserver, type Observe } from './observer.ts'
import { drawTimeOf } from './panel.ts'
import { createPanels, type Panels } from './panels.ts'
import { ROLE } from './registry-view.ts'
import type { Report } from './report.ts'
import { admitReport } from './report-desk.ts'

/** Cases worked on at the same time: each may hold a blob in memory. */
const PARALLEL = 2
/** A case that could not be brought further is tried again after this, and so often. Milliseconds. */
const CASE_AGAIN_MS = 30_000
const CASE_TRIES = 3
/** A block that is not there yet is looked for again after this. Milliseconds. */
const BLOCK_AGAIN_MS = 2_000
/** How often is looked at what is due, when nobody asks. Milliseconds. */
const LOOK_MS = 30_000
/** How long a tick may wait for what is under way. Milliseconds. */
const TICK_WAIT_MS = 1_000

export interface MonitorView {
  readonly id: Address
  readonly reports: number
  readonly open: number
  readonly verdicts: number
  readonly told: number
  readonly observations: number
  readonly demands: number
  /** By error code, since the beginning. */
  readonly refused: Readonly<Record<string, number>>
}

export interface Monitor extends Service {
  /** Handler of `/holdfast/report/1`. */
  serve(wire: Wire, peer: Peer): Promise<void>
  /** Handler of `/holdfast/docket/1`: dockets that are left here for a steward. */
  serveDocket(wire: Wire): Promise<void>
  tick(): Promise<TickAnswer>
  view(): MonitorView
  /** All cases, newest last. */
  cases(): readonly CaseRecord[]
  verdicts(): readonly VerdictRecord[]
  /** The evidence file of a case or a verdict. @param hash hex, of the report or the evidence */
  evidence(hash: string): Promise<Uint8Array | undefined>
}

/** Reads what is kept. Nothing runs before `start`. */
export async function openMonitor(deps: MonitorDeps): Promise<Monitor> {
  const monitor = new MonitorDaemon(deps, await MonitorBook.open(deps.journal))
  await monitor.load()
  return monitor
}

class MonitorDaemon implements Monitor {
  private readonly deps: MonitorDeps
  private readonly book: MonitorBook
  private readonly id: Address
  private readonly poolId: Uint8Array
  private readonly facts: CaseFacts
  private readonly panels: Panels
  private readonly relay: DocketRelay
  private readonly findings: Verdicts
  private readonly observe: Observe
  private readonly running = new Map<string, Promise<void>>()
  private readonly stopping = new AbortController()
  private turn: Promise<unknown> = Promise.resolve()
  private patternDay = -1
  private readonly failures = new Map<string, { readonly n: number; readonly again: number }>()
  /** Panels whose block is not there yet. */
  private readonly waitingForBlock = new Set<string>()
  private isRunning = false
  private timer: NodeJS.Timeout | undefined

  constructor(deps: MonitorDeps, book: MonitorBook) {
    this.deps = deps
    this.book = book
    this.id = addressOf(deps.secret)
    this.poolId = poolIdOf(deps.pool)
    this.facts = createCaseFacts(deps, this.stopping.signal)
    this.observe = createObserver(deps)
    this.findings = createVerdicts(deps, book, this.stopping.signal)
    const shared = { ...deps, signal: this.stopping.signal }
    this.panels = createPanels({
      ...shared,
      poolId: this.poolId,
      look: (report) => this.facts.look(report),
    })
    this.relay = createDocketRelay({
      ...shared,
      withheld: (demand) =>
        this.findings.alone(demand.poster, 'withheld-docket', [
          this.observe(demand.poster, demand.steward, 'withheld-docket', undefined, 1),
        ]),
    })
  }

  load(): Promise<void> {
    return this.relay.load()
  }

  async start(): Promise<void> {
    this.isRunning = true
    this.timer = setInterval(() => this.pump(), LOOK_MS)
    this.timer.unref()
    this.pump()
  }

  async stop(): Promise<void> {
    this.isRunning = false
    clearInterval(this.timer)
    this.stopping.abort(new HoldfastError('INTERRUPTED'))
    while (this.running.size > 0) await Promise.all(this.running.values())
    await this.turn
  }

  async serve(wire: Wire, peer: Peer): Promise<void> {
    const message = decodeReportMessage(await wire.receive(MAX_REPORT_BYTES))
    switch (message.kind) {
      case 'report': {
        const hash = await this.take(message.report)
        await wire.send(encodeReportMessage({ kind: 'taken', hash }))
        return
      }
      case 'call':
        if ((peer.roles & ROLE.monitor) === 0)
          throw new HoldfastError('POOL_NO_ROLE', { peer: peer.channel, role: 'monitor' })
        return this.panels.answer(wire, message.report, message.block)
      case 'hearing': {
        const { secret, market, pool, registry, chain } = this.deps
        const env = { secret, market, pool, registry, now: chain.now() }
        await this.alone(() => takeHearing(message, peer.id, env, { book: this.book, findings: this.findings }))
        this.deps.log.info('hearing.taken', { about: toHex(message.about) })
        this.pump()
        await wire.send(encodeReportMessage({ kind: 'taken', hash: message.about }))
        return
      }
      case 'demand': {
        await this.relay.demand(message)
        await wire.send(encodeReportMessage({ kind: 'taken', hash: message.docketHash }))
        return
      }
      default:
        throw new HoldfastError('NET_PROTOCOL', { what: `report/1 ${message.kind}` })
    }
  }

  serveDocket(wire: Wire): Promise<void> {
    return this.relay.takeDocket(wire)
  }

  /** Takes a report: durable when this resolves. A refused one leaves a count and nothing else. */
  private async take(report: Report): Promise<Uint8Array> {
    return this.alone(async () => {
      try {
        const { registry, market, chain } = this.deps
        const heard = admitReport(report, this.book.cases.values(), {
          now: chain.now(),
          pool: this.poolId,
          policy: this.deps.policy.desk(),
          isMember: (id) => registry.member(id) !== undefined,
          inGoodStanding: (id) => registry.inGoodStanding(id),
          isParty: (one) => isParty(one, market),
        })
        const { class: kind, why } = judge(report, { market: this.deps.market, pool: this.deps.pool }) // refuses what is malformed before it is kept
        const record: CaseRecord = { ...heard, class: kind, why, stage: 'new' }
        await this.book.commit([
          { key: KEYS.report(heard.hash), value: encodeEvidenceFile(this.findings.file({ report })) },
          this.book.saveCase(record),
        ])
        this.deps.log.info('report.taken', { hash: heard.hash, kind: heard.kind, accused: heard.accused, class: kind })
        this.pump()
        return fromHex(heard.hash, 32)
      } catch (cause) {
        await this.countRefusal(cause)
        throw cause
      }
    })
  }

  private async countRefusal(cause: unknown): Promise<void> {
    const { code, message } = asHoldfastError(cause)
    await this.book.commit([this.book.saveRefused(code)])
    this.deps.log.info('report.refused', { code, why: message })
  }

  /** Starts what is to be done now: new cases, panels whose hour has come, verdicts to be told. */
  private pump(): void {
    if (!this.isRunning) return
    const now = this.deps.chain.now()
    for (const record of this.book.cases.values()) {
      if (this.running.size >= PARALLEL) return
      const isDue = record.stage === 'new' || (record.stage === 'panel' && (record.drawAt ?? 0) <= now)
      const isPutOff = (this.failures.get(record.hash)?.again ?? 0) > this.deps.clock.monotonic()
      if (isDue && !isPutOff) this.run(`case/${record.hash}`, () => this.tryCase(record.hash))
    }
    for (const hash of this.findings.due(now)) this.run(`tell/${hash}`, () => this.findings.tell(hash))
    if (this.relay.isDue(now)) this.run('dockets', () => this.relay.work())
    const today = Math.floor(now / DAY)
    if (today > this.patternDay)
      this.run('patterns', async () => {
        this.patternDay = today
        await this.findings.findPatterns()
      })
  }

  private run(name: string, job: () => Promise<void>): void {
    if (this.running.has(name)) return
    const done = job()
      .then(
        () => true,
        (cause: unknown) => {
          const { code, message } = asHoldfastError(cause)
          if (!this.stopping.signal.aborted) this.deps.log.warn('monitor.job', { job: name, code, message })
          return false // it is tried again when something else happens, or with the timer
        },
      )
      .then((isDone) => {
        this.running.delete(name)
        if (isDone) this.pump()
      })
    this.running.set(name, done)
  }

  /** What fails is put off, and after a few times left open: one bad case holds up no other. */
  private async tryCase(hash: string): Promise<void> {
    try {
      await this.work(hash)
      if (!this.waitingForBlock.has(hash)) this.failures.delete(hash)
    } catch (cause) {
      if (this.stopping.signal.aborted) return
      const { code, message } = asHoldfastError(cause)
      const n = (this.failures.get(hash)?.n ?? 0) + 1
      this.failures.set(hash, { n, again: this.deps.clock.monotonic() + CASE_AGAIN_MS })
      this.deps.log.warn('report.put-off', { hash, code, message, tries: n })
      const record = this.book.cases.get(hash)
      if (n < CASE_TRIES || record === undefined) return
      await this.close(record, { class: record.class, outcome: 'open', why: `it could not be judged: ${message}` }, [])
    }
  }

  /** One case, as far as it can be brought now. */
  private async work(hash: string): Promise<void> {
    const record = this.book.cases.get(hash)
    const report = await this.book.report(hash)
    if (record === undefined || report === undefined) return
    if (record.stage === 'panel') return this.runPanel(record, report)
    let found: Judgement
    try {
      found = await this.facts.judge(report)
    } catch (cause) {
      if (!hasCode(cause, 'EVIDENCE_INVALID', 'EVIDENCE_FOREIGN')) throw cause
      found = { class: record.class, outcome: 'dismissed', why: cause.message }
    }
    if (found.class === 'self-verifying' && found.outcome === 'proven') {
      const verdict = this.findings.of(report.accused, report.kind, 'self-verifying', this.findings.file({ report }))
      return this.close(
        record,
        found,
        [this.observe(report.accused, report.accuser, report.kind, blobOf(report), 1)],
        verdict,
      )
    }
    if (found.outcome !== 'open' || found.needs !== 'probe' || report.kind === 'withheld-docket') {
      const weight = found.class === 'objective' && found.outcome === 'proven' ? 1 : 0
      const said =
        found.outcome === 'dismissed'
          ? []
          : [this.observe(report.accused, report.accuser, report.kind, blobOf(report), weight)]
      return this.close(record, found, said)
    }
    return this.probeCase(record, report, found)
  }

  /** The monitor looks for itself; only what fails for it, too, goes to a panel. */
  private async probeCase(record: CaseRecord, report: Report, found: Judgement): Promise<void> {
    const looked = await this.facts.look(report)
    const { judgement, saw } = afterLook(report, found, looked)
    const seen = [
      this.observe(report.accused, report.accuser, report.kind, blobOf(report), 0),
      this.observe(report.accused, this.id, saw, blobOf(report), looked.isOwed ? 1 : 0),
    ]
    if (judgement !== undefined) return this.close(record, judgement, seen)
    const { code } = looked.result as Exclude<Looked['result'], { readonly kind: 'served' }>
    const next: CaseRecord = {
      ...record,
      class: found.class,
      stage: 'panel',
      drawAt: drawTimeOf({ at: Math.max(report.at, record.takenAt) }),
      why: `it does not serve a read that it owes (${code}); a panel looks`,
    }
    await this.book.commit([this.book.saveCase(next), ...this.book.saveSeen(seen)])
    this.deps.log.warn('report.confirmed', { hash: record.hash, accused: record.accused, code })
  }

  private async runPanel(record: CaseRecord, report: Report): Promise<void> {
    const called = await this.panels.call(report, record.drawAt ?? 0)
    if (called === undefined) {
      // chain time runs ahead of the newest block: it is looked for again, and at once when a block comes
      this.waitingForBlock.add(record.hash)
      this.failures.set(record.hash, { n: 0, again: this.deps.clock.monotonic() + BLOCK_AGAIN_MS })
      return
    }
    this.waitingForBlock.delete(record.hash)
    const { panel, outcome, isAcquitted } = called
    const { count } = outcome
    const judged: Judgement = {
      class: 'corroborable',
      outcome: outcome.outcome === 'convicted' ? 'proven' : 'open',
      why: `${count.convicting} of ${count.drawn} drawn monitors found the same, ${count.voted - count.convicting} the contrary`,
    }
    // of an appeal the manager hears either way
    const isTold = outcome.outcome === 'convicted' || (record.hearing !== undefined && isAcquitted)
    if (!isTold) return this.close({ ...record, votes: count }, judged, [])
    const verdict = this.findings.of(
      report.accused,
      report.kind,
      outcome.class,
      this.findings.file({ report, panel }),
      count,
    )
    return this.close({ ...record, votes: count }, judged, [], verdict)
  }

  private async close(
    record: CaseRecord,
    { class: kind, outcome, why }: Judgement,
    seen: readonly Observation[],
    verdict?: VerdictRecord,
  ): Promise<void> {
    const hash = verdict === undefined ? undefined : toHex(verdict.verdict.evidenceHash)
    const closed: CaseRecord = {
      ...record,
      class: kind,
      outcome,
      why,
      stage: 'closed',
      ...(hash === undefined ? {} : { verdict: hash }),
    }
    await this.book.commit([
      this.book.saveCase(closed),
      ...this.book.saveSeen(seen),
      ...(verdict === undefined ? [] : this.book.saveVerdict(verdict)),
    ])
    this.deps.log.info('report.closed', { hash: record.hash, kind: record.kind, accused: record.accused, outcome, why })
  }

  async tick(): Promise<TickAnswer> {
    const { clock, chain } = this.deps
    for (const hash of this.waitingForBlock) this.failures.delete(hash)
    this.pump()
    const until = clock.monotonic() + TICK_WAIT_MS
    while (this.running.size > 0 && clock.monotonic() < until) await clock.sleep(10)
    if (this.running.size > 0) return { idle: false, busy: [...this.running.keys()][0] ?? 'a case' }
    const now = chain.now()
    const dues = [...this.book.cases.values()].flatMap(({ hash, stage, drawAt }) =>
      stage === 'panel' && drawAt !== undefined && (drawAt > now || this.waitingForBlock.has(hash)) ? [drawAt] : [],
    )
    const docket = this.relay.nextDue()
    if (docket !== undefined && docket > now) dues.push(docket)
    return { idle: true, ...(dues.length === 0 ? {} : { nextDue: unixTime(Math.min(...dues)) }) }
  }

  view(): MonitorView {
    const cases = [...this.book.cases.values()]
    const verdicts = [...this.book.verdicts.values()]
    return {
      id: this.id,
      reports: cases.length,
      open: cases.filter(({ stage }) => stage !== 'closed').length,
      verdicts: verdicts.length,
      told: verdicts.filter(({ takenAt }) => takenAt !== undefined).length,
      observations: this.book.seen.size,
      demands: this.relay.waiting(),
      refused: Object.fromEntries(this.book.refused),
    }
  }

  cases(): readonly CaseRecord[] {
    return [...this.book.cases.values()].sort((a, b) => a.takenAt - b.takenAt)
  }

  verdicts(): readonly VerdictRecord[] {
    return [...this.book.verdicts.values()].sort((a, b) => a.verdict.at - b.verdict.at)
  }

  evidence(hash: string): Promise<Uint8Array | undefined> {
    return this.book.evidence(hash)
  }

  /** One at a time: two copies of a report are not both taken. */
  private alone<Result>(run: () => Promise<Result>): Promise<Result> {
    const turn = this.turn.then(run, run)
    this.turn = turn.catch(() => undefined) // its caller hears of it
    return turn
  }
}
