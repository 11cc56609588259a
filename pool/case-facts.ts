/** Facts about a case that are neither in the report nor on disk: what the chain says, a read by ourselves, bytes lent by the accuser. */
import { equalBytes, toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { bountyIdOf } from '../base/typed-data.ts'
import { answerOf } from '../blob/challenge.ts'
import { decodeDocket } from '../blob/docket.ts'
import { isReceiptSigned, type JudgeEnv, type Judgement, judge } from './evidence.ts'
import { decodeEvidence, type ReceiptShown } from './evidence-form.ts'
import type { MonitorDeps } from './monitor-ports.ts'
import { paymentAskedSince, whyNotOwed } from './obligation.ts'
import type { ProbeResult } from './probe.ts'
import type { Report } from './report.ts'

/** Bytes fetched to judge one report. */
const MAX_FETCH = 256 * 1024 * 1024

/** What a monitor saw for itself. */
export interface Looked {
  readonly result: ProbeResult
  /** The accused owes the read: a placement that both signed shows it, and the chain that it was paid. */
  readonly isOwed: boolean
  /** Why, or why not. */
  readonly why: string
}

export interface CaseFacts {
  /** Reads like anybody. @throws `EVIDENCE_INVALID` for a report that lends no token */
  look(report: Report): Promise<Looked>
  /** @throws `EVIDENCE_INVALID`, `EVIDENCE_FOREIGN`, `CHAIN_UNREACHABLE` */
  judge(report: Report): Promise<Judgement>
}

export function createCaseFacts(
  deps: Pick<MonitorDeps, 'chain' | 'probe' | 'market' | 'pool' | 'registry'>,
  signal: AbortSignal,
): CaseFacts {
  /** A read by ourselves, and whether the accused owes it. */
  async function lookAt(
    report: Report,
  ): Promise<{ readonly result: ProbeResult; readonly isOwed: boolean; readonly why: string }> {
    const { body } = decodeEvidence(report.kind, report.evidence)
    const { chain } = deps
    if (!('token' in body) || body.token === undefined)
      throw new HoldfastError('EVIDENCE_INVALID', { what: 'nothing to look at' })
    const receipt: ReceiptShown | undefined = 'receipt' in body ? body.receipt : undefined
    // whoever shows it: what a steward owes, it owes to whoever has the token
    const isShown =
      receipt !== undefined && receipt.placement.steward === report.accused && isReceiptSigned(receipt, deps.market)
    const since = isShown ? paymentAskedSince(receipt, chain.now()) : undefined
    const isPaid =
      since === undefined || !isShown || (await chain.isPaid(receipt.placement.uploader, report.accused, since))
    const why = whyNotOwed(isShown ? receipt : undefined, chain.now(), isPaid)
    const length = receipt?.placement.length ?? body.length
    const wish = { blobId: report.subject, token: body.token, ...(length === undefined ? {} : { length }) }
    const result = await deps.probe(report.accused, wish, signal)
    signal.throwIfAborted()
    return { result, isOwed: why === undefined, why: why ?? 'a living, paid placement' }
  }

  /** Judges with what the chain says and, where it takes them, bytes fetched from the accuser. */
  async function judgeWithFacts(report: Report): Promise<Judgement> {
    const { body } = decodeEvidence(report.kind, report.evidence)
    const env: JudgeEnv = {
      market: deps.market,
      pool: deps.pool,
    }
    if (!('bounty' in body)) return judge(report, env)
    const { poster, claimKey, steward } = body.bounty
    const posted = await deps.chain.bounty(bountyIdOf(poster, claimKey, steward))
    const withChain: JudgeEnv = { ...env, bounty: (id) => (equalBytes(id, report.subject) ? posted : null) }
    const first = judge(report, withChain)
    if (first.needs !== 'bytes' || !('blobs' in body)) return first
    const answers = new Map<string, Uint8Array>()
    let fetched = 0
    for (const [at, { blobId, nonce }] of decodeDocket(body.docket).entries()) {
      const shown = body.blobs[at]
      if (shown === undefined || shown.bytes.length > 0) continue
      fetched += shown.length
      if (fetched > MAX_FETCH || shown.token.length !== 32) return first
      const read = await deps.probe(report.accuser, { blobId, token: shown.token, length: shown.length }, signal)
      if (read.kind !== 'served') return { ...first, why: `its blobs could not be read from the accuser: ${read.code}` }
      answers.set(toHex(blobId), answerOf(deps.market, blobId, read.bytes, nonce))
    }
    return judge(report, { ...withChain, answer: (blobId) => answers.get(toHex(blobId)) })
  }

  return { look: lookAt, judge: judgeWithFacts }
}
