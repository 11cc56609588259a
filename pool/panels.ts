/** Panels, from both sides: who is drawn, called and counted; and our own seat when another monitor calls. */
import { equalBytes, toHex } from '../base/bytes.ts'
import { addressOf } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import type { Change } from '../base/ports.ts'
import { HOUR } from '../base/units.ts'
import { reportHash } from '../net/messages/report.ts'
import type { Wire } from '../net/wire.ts'
import { candidatesOf, excludedBy } from './candidates.ts'
import { judge } from './evidence.ts'
import { countPanel, type PanelRecord } from './evidence-file.ts'
import type { MonitorDeps } from './monitor-ports.ts'
import { decodeRecord, encodeRecord, KEYS, type SeatRecord } from './monitor-records.ts'
import {
  acquits,
  type Candidate,
  type Draw,
  drawPanel,
  drawTimeOf,
  MAX_DRAW_AGE,
  type PanelOutcome,
  type PanelPolicy,
} from './panel.ts'
import { answerCall, callPanel, type OpenedBallot } from './panel-talk.ts'
import type { ProbeResult } from './probe.ts'
import { isReportSigned, type Report, sealVote } from './report.ts'

/** Candidates that evidence carries; of more, those that come first in the draw. */
const MAX_CANDIDATES = 400
/** Calls answered at the same time: each is a read. */
const MAX_CALLS = 4

export interface PanelsDeps extends MonitorDeps {
  readonly poolId: Uint8Array
  readonly signal: AbortSignal
  /** Looks for itself. */
  look(report: Report): Promise<{ readonly result: ProbeResult; readonly isOwed: boolean }>
}

export interface Panels {
  /** Calls the panel whose hour has come; undefined: its block is not there yet. */
  call(
    report: Report,
    drawAt: number,
  ): Promise<{ readonly panel: PanelRecord; readonly outcome: PanelOutcome; readonly isAcquitted: boolean } | undefined>
  /** Answers another monitor's call. @throws `PEER_REFUSED` when we are not drawn or the report is none for a panel */
  answer(wire: Wire, report: Report, block: { readonly number: number; readonly hash: Uint8Array }): Promise<void>
}

export function createPanels(deps: PanelsDeps): Panels {
  const { registry, chain, secret } = deps
  const id = addressOf(secret)
  let calls = 0

  function candidatesFor(
    report: Report,
    block: Uint8Array,
    policy: PanelPolicy,
  ): {
    readonly draw: Draw
    readonly candidates: readonly Candidate[]
    readonly excluded: readonly string[]
  } {
    const all = candidatesOf(registry)
    const excluded = excludedBy(registry, report)
    const seed = { block, accused: report.accused }
    const draw = drawPanel(all, new Set(excluded), seed, policy)
    // who came last in the draw is left out first, so the draw stays the same
    const kept =
      all.length <= MAX_CANDIDATES
        ? all
        : drawPanel(all, new Set(), seed, { seats: MAX_CANDIDATES, votes: MAX_CANDIDATES, least: 1 }).seats
    return { draw, candidates: kept, excluded }
  }

  /** Of the pool when the panel was drawn, from the newest view: caller and called have the same. */
  async function policyAt(block: number): Promise<PanelPolicy | undefined> {
    await registry.refresh?.()
    return deps.policy.panelAt(block)
  }

  /** Our vote: kept before it leaves, so that nobody ever gets two of us. */
  async function seal(report: Report): Promise<OpenedBallot> {
    const name = reportHash(report)
    const key = KEYS.seat(toHex(name))
    const kept = await deps.journal.get(key)
    const seat = kept ? decodeRecord<SeatRecord>(key, kept) : await vote(report, key)
    const ballot = sealVote(secret, deps.poolId, { report: name, vote: seat.vote, salt: seat.salt })
    return { ballot, vote: seat.vote, salt: seat.salt }
  }

  async function vote(report: Report, key: string): Promise<SeatRecord> {
    const { result, isOwed } = await deps.look(report)
    // silence convicts of nothing, and acquits nobody; so does a read that nobody owes
    if (result.kind === 'silent' || (result.kind === 'failed' && !isOwed))
      return refuse(`nothing was seen: ${result.code}`)
    const seat: SeatRecord = { vote: result.kind === 'failed' ? 1 : 0, salt: deps.rng.bytes(32), at: chain.now() }
    const change: Change = { key, value: encodeRecord(seat) }
    await deps.journal.commit([change])
    deps.log.info('panel.voted', { report: key.slice('seat/'.length), vote: seat.vote, saw: result.kind })
    return seat
  }

  async function call(report: Report, drawAt: number) {
    const block = await chain.firstBlockFrom(drawAt)
    if (block === undefined) return undefined
    const policy = await policyAt(block.number)
    if (policy === undefined) return undefined
    const { draw, candidates, excluded } = candidatesFor(report, block.hash, policy)
    const isSeated = draw.seats.some((seat) => seat.id === id)
    const own = isSeated ? await seal(report).catch(abstained) : undefined
    const others = draw.seats.flatMap((seat) => (seat.id === id ? [] : [seat.id]))
    const votes = await callPanel(deps, { report, block }, others, own)
    const panel: PanelRecord = {
      block,
      policy,
      candidates: candidates.map((one) => ({ id: one.id, cluster: one.cluster ?? '' })),
      excluded,
      votes,
    }
    const { draw: counted, outcome } = countPanel(panel, report)
    return { panel, outcome, isAcquitted: acquits(outcome.count, counted.needed) }
  }

  async function answer(wire: Wire, report: Report, block: { readonly number: number; readonly hash: Uint8Array }) {
    if (calls >= MAX_CALLS) throw new HoldfastError('PEER_BUSY', { what: `${calls} panels` })
    calls++
    try {
      if (!equalBytes(report.pool, deps.poolId))
        throw new HoldfastError('EVIDENCE_FOREIGN', { what: toHex(report.pool) })
      if (!isReportSigned(report)) throw new HoldfastError('EVIDENCE_INVALID', { what: 'a report that nobody signed' })
      const found = judge(report, { market: deps.market, pool: deps.pool })
      if (found.class !== 'corroborable' || report.kind === 'withheld-docket')
        refuse('nothing that a panel can look at')
      await assertDraw(report, block)
      const policy = (await policyAt(block.number)) ?? refuse('the block of the draw is not read yet')
      const { draw } = candidatesFor(report, block.hash, policy)
      if (!draw.seats.some((seat) => seat.id === id)) refuse('not drawn')
      await answerCall(wire, report, () => seal(report))
    } finally {
      calls--
    }
  }

  /** The block is the first one of an hour after the report, on our chain, and not an old one. */
  async function assertDraw(
    report: Report,
    block: { readonly number: number; readonly hash: Uint8Array },
  ): Promise<void> {
    for (let at = drawTimeOf(report); at <= Math.min(chain.now(), report.at + MAX_DRAW_AGE); at += HOUR) {
      const first = await chain.firstBlockFrom(at)
      if (first === undefined) break
      if (first.number === block.number && equalBytes(first.hash, block.hash)) return
    }
    refuse('the panel was not drawn by the first block of an hour after the report')
  }

  /** A seat of our own that saw nothing is empty. */
  function abstained(cause: unknown): undefined {
    if (!hasCode(cause, 'PEER_REFUSED')) throw cause
    deps.log.info('panel.abstained', { why: cause.message })
    return undefined
  }

  function refuse(what: string): never {
    throw new HoldfastError('PEER_REFUSED', { peer: id, what })
  }

  return { call, answer }
}
