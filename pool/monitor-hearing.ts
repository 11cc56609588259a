/**
 * A convicted member appealed, and its manager asks the monitors that watch it to look again. Each reports what it was told of in its own name and has a
 * new panel drawn by a block that was not there when the appeal came; the panel confirms or acquits, and the manager hears of either. Pure but for
 * `takeHearing`.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, addressOf } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { type Domain, poolIdOf } from '../base/typed-data.ts'
import { reportHash } from '../net/messages/report.ts'
import { judge } from './evidence.ts'
import { decodeEvidenceFile, encodeEvidenceFile } from './evidence-file.ts'
import type { MonitorBook } from './monitor-book.ts'
import { type CaseRecord, encodeRecord, KEYS } from './monitor-records.ts'
import type { Verdicts } from './monitor-verdicts.ts'
import { drawTimeOf } from './panel.ts'
import type { RegistryView } from './registry-view.ts'
import { type Report, signReport } from './report.ts'

/** What a manager says. */
export interface HearingCall {
  /** SHA-256 of `evidence`: what the standing rests on. */
  readonly about: Uint8Array
  readonly evidence: Uint8Array
}

export interface HearingEnv {
  readonly secret: Uint8Array
  readonly market: Domain
  /** The contract is the registrar. */
  readonly pool: Domain
  readonly registry: RegistryView
  /** Chain time. */
  readonly now: number
}

/**
 * The same accusation in our own name, as of now: another draw and other ballots than those of the first panel.
 * @param caller whoever asked
 * @throws `PEER_REFUSED` when it is not the manager of the accused, `EVIDENCE_INVALID` when there is nothing to look at, `EVIDENCE_FOREIGN`
 */
export function reportAgain(call: HearingCall, caller: Address | undefined, env: HearingEnv): Report {
  if (!equalBytes(sha256(call.evidence), call.about)) invalid('another file than the one that is named')
  const { report, chainId, registrar } = decodeEvidenceFile(call.evidence)
  if (chainId !== env.pool.chainId || registrar !== env.pool.contract)
    throw new HoldfastError('EVIDENCE_FOREIGN', { what: `pool ${registrar} on chain ${chainId}` })
  if (report === undefined) return invalid('a pattern, which no panel can look at')
  const { accused, kind, subject, evidence } = report
  if (caller === undefined || env.registry.member(accused)?.manager !== caller)
    throw new HoldfastError('PEER_REFUSED', {
      peer: addressOf(env.secret),
      what: `only the manager of ${accused} asks`,
    })
  if (accused === addressOf(env.secret)) return invalid('nobody judges itself')
  const found = judge(report, { market: env.market, pool: env.pool })
  if (found.class !== 'corroborable' || kind === 'withheld-docket') return invalid('nothing that a panel can look at')
  return signReport(env.secret, { pool: poolIdOf(env.pool), accused, kind, subject, at: env.now, evidence })
}

/** On disk when this resolves; the same appeal again changes nothing. @throws as `reportAgain` */
export async function takeHearing(
  call: HearingCall,
  caller: Address | undefined,
  env: HearingEnv,
  kept: { readonly book: MonitorBook; readonly findings: Pick<Verdicts, 'file'> },
): Promise<void> {
  const about = toHex(call.about)
  if (await kept.book.isHeard(about)) return
  const report = reportAgain(call, caller, env)
  const hash = toHex(reportHash(report))
  const record: CaseRecord = {
    hash,
    accuser: report.accuser,
    accused: report.accused,
    kind: report.kind,
    subject: toHex(report.subject),
    takenAt: env.now,
    outcome: 'open',
    class: 'corroborable',
    why: 'the accused appealed: another panel looks',
    stage: 'panel',
    drawAt: drawTimeOf({ at: env.now }),
    hearing: about,
  }
  await kept.book.commit([
    { key: KEYS.hearing(about), value: encodeRecord({ report: hash }) },
    { key: KEYS.report(hash), value: encodeEvidenceFile(kept.findings.file({ report })) },
    kept.book.saveCase(record),
  ])
}

function invalid(what: string): never {
  throw new HoldfastError('EVIDENCE_INVALID', { what })
}
