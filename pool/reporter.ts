/**
 * How every agent reports: in the background, bounded, to a monitor of the accused; it never blocks or fails what the agent was doing. A
 * report that finds no monitor is dropped: the next failure makes another. pool.md "Evidence and judgement".
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, poolIdOf } from '../base/typed-data.ts'
import { DAY } from '../base/units.ts'
import type { ReportMessage } from '../net/messages/report.ts'
import type { NetNode } from '../net/node.ts'
import { monitorsOf } from './assigned-monitors.ts'
import { type EvidenceOf, encodeEvidence } from './evidence-form.ts'
import type { MemberView, RegistryView } from './registry-view.ts'
import { type ReportKind, signReport } from './report.ts'
import { sayTo } from './report-call.ts'

/** What an agent needs to report. */
export interface Reports {
  /** Says it to one monitor of the accused; the same accusation once a day. Returns at once. */
  reportTo<Kind extends ReportKind>(accused: Address, kind: Kind, subject: Uint8Array, evidence: EvidenceOf<Kind>): void
  /** Demands a withheld docket of two monitors of the uploader. Returns at once. */
  demand(
    uploader: Address,
    demand: { readonly bountyId: Uint8Array; readonly docketHash: Uint8Array; readonly signature: Uint8Array },
  ): void
  /** What is still to be said; a dev chain waits for it. */
  unfinished(): number
}

/** An agent that tells nobody. */
export const NO_REPORTS: Reports = { reportTo: () => undefined, demand: () => undefined, unfinished: () => 0 }

export interface ReporterOptions {
  /** The accuser's key. */
  readonly secret: Uint8Array
  /** The contract is the registrar. */
  readonly pool: Domain
  readonly registry: RegistryView
  readonly net: Pick<NetNode, 'open'>
  /** Chain time. */
  now(): number
  readonly log: Log
}

/** Said at the same time; the rest waits, and what is more than the queue holds is dropped. */
const MAX_WAITING = 64
/** Longest time for one of them. Milliseconds. */
const SAY_MS = 10_000
/** Accusations remembered, so that none is repeated within a day. */
const MAX_REMEMBERED = 4_096
/** Monitors that hear of a failed one's report instead, at most. */
const TRIES = 3
/** Monitors a demand goes to. protocol.md §4. */
const DEMANDED_OF = 2

export function createReporter(options: ReporterOptions): Reports & { stop(): Promise<void> } {
  const { registry, net, log } = options
  const poolId = poolIdOf(options.pool)
  const said = new Map<string, number>()
  const stopping = new AbortController()
  let waiting = 0
  let line: Promise<void> = Promise.resolve()

  function enqueue(what: string, job: () => Promise<void>): void {
    if (stopping.signal.aborted || waiting >= MAX_WAITING) {
      log.debug('report.dropped', { what, waiting })
      return
    }
    waiting++
    line = line
      .then(() => (stopping.signal.aborted ? undefined : job()))
      .catch((cause: unknown) => log.info('report.not-sent', { what, why: asHoldfastError(cause).message }))
      .finally(() => {
        waiting--
      })
  }

  const say = (monitor: MemberView, message: ReportMessage) =>
    sayTo(net, monitor, message, AbortSignal.any([stopping.signal, AbortSignal.timeout(SAY_MS)]))

  /** True when this is news. */
  function isNews(key: string): boolean {
    const now = options.now()
    const last = said.get(key)
    if (last !== undefined && last > now - DAY) return false
    said.delete(key)
    said.set(key, now)
    const [oldest] = said.keys()
    if (said.size > MAX_REMEMBERED && oldest !== undefined) said.delete(oldest)
    return true
  }

  return {
    reportTo: (accused, kind, subject, evidence) => {
      if (!isNews(`${accused} ${kind} ${toHex(subject)}`)) return
      enqueue(kind, async () => {
        const terms = {
          pool: poolId,
          accused,
          kind,
          subject,
          at: options.now(),
          evidence: encodeEvidence(kind, evidence),
        }
        const report = signReport(options.secret, terms)
        for (const monitor of monitorsOf(registry, accused, TRIES)) {
          try {
            await say(monitor, { kind: 'report', report })
            log.info('report.sent', { accused, kind, monitor: monitor.id })
            return
          } catch (cause) {
            log.info('report.refused', { accused, kind, monitor: monitor.id, why: asHoldfastError(cause).message })
          }
        }
      })
    },
    demand: (uploader, demand) => {
      enqueue('demand', async () => {
        for (const monitor of monitorsOf(registry, uploader, DEMANDED_OF)) {
          try {
            await say(monitor, { kind: 'demand', ...demand })
            log.info('docket.demanded', { uploader, monitor: monitor.id })
          } catch (cause) {
            log.info('demand.refused', { uploader, monitor: monitor.id, why: asHoldfastError(cause).message })
          }
        }
      })
    },
    unfinished: () => waiting,
    stop: async () => {
      stopping.abort()
      await line
    },
  }
}
