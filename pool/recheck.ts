/**
 * A manager's own look at what a verdict rests on: it believes a monitor nothing that it can compute itself. Evidence is checked again from its
 * bytes, the ballots of a panel are drawn and counted again; what only the chain could tell stays unknown, and counts as advice.
 */
import { equalBytes } from '../base/bytes.ts'
import { asHoldfastError, hasCode } from '../base/errors.ts'
import type { Domain } from '../base/typed-data.ts'
import type { Verdict } from '../net/messages/report.ts'
import { assertPanelOfPool, assertWhollyDrawn, type PanelFacts } from './check-panel.ts'
import { recheckOwnKinds } from './check-verdict.ts'
import type { Recheck } from './decide-standing.ts'
import { decodeEvidenceFile, type PanelRecord, verifyEvidenceFile } from './evidence-file.ts'
import type { PanelPolicy } from './panel.ts'
import type { RegistryView } from './registry-view.ts'

/** Whose word the evidence has to be, and what the chain says. */
export interface RecheckEnv {
  /** Id of the pool, 32 bytes. */
  readonly pool: Uint8Array
  /** Signing domains of this pool and its market: evidence from others is none. */
  readonly domain: Domain
  readonly market: Domain
  /** Of the block of the panel's draw, when the evidence has a panel (`panelOf`). */
  readonly facts?: PanelFacts | undefined
  /** Whose monitors could be drawn. Left out when a verdict is looked at again later: its panel was drawn from those of its time. */
  readonly registry?: RegistryView | undefined
}

/** What came of it. */
export interface Rechecked {
  readonly found: Recheck
  /** Why it fails; with the name of the error. */
  readonly why?: string
  /** Under which its panel sat, where that is the pool's. */
  readonly policy?: PanelPolicy
}

type Shown = Pick<Verdict, 'class' | 'finding' | 'accused' | 'evidence' | 'panel'>

/** `fails` when the evidence says otherwise, `unknown` when it cannot be told from its bytes. Pure. */
export function recheckVerdict(verdict: Shown, env: RecheckEnv): Rechecked {
  const own = recheckOwnKinds(verdict, env.pool)
  if (own !== 'unknown') return { found: own }
  try {
    if (panelOf(verdict.evidence) !== undefined || verdict.class === 'panel') return recheckPanel(verdict, env)
    return verdict.class === 'advice' ? { found: 'unknown' } : recheckEvidence(verdict, env)
  } catch (cause) {
    const { code, message } = asHoldfastError(cause)
    if (!hasCode(cause, 'EVIDENCE_INVALID', 'EVIDENCE_FOREIGN', 'EVIDENCE_POLICY')) throw cause
    return { found: 'fails', why: `${code}: ${message}` }
  }
}

/** The panel that evidence shows; undefined where it shows none, or is no evidence file. */
export function panelOf(evidence: Uint8Array): PanelRecord | undefined {
  try {
    return decodeEvidenceFile(evidence).panel
  } catch (cause) {
    if (hasCode(cause, 'EVIDENCE_INVALID')) return undefined
    throw cause
  }
}

/** True when its monitor looked again: its panel sat over a report of its own, which monitors make for nothing else. */
export function isSecondLook({ monitor, evidence }: Pick<Verdict, 'monitor' | 'evidence'>): boolean {
  try {
    return decodeEvidenceFile(evidence).report?.accuser === monitor
  } catch (cause) {
    if (hasCode(cause, 'EVIDENCE_INVALID')) return false
    throw cause
  }
}

function recheckEvidence({ finding, accused, evidence }: Shown, env: RecheckEnv): Rechecked {
  if (!isOurs(evidence, env)) return fails('it was made for another pool')
  const found = verifyEvidenceFile(evidence)
  if (found.about !== finding || found.accused !== accused) return fails('it is about something else')
  if (found.judgement.outcome === 'dismissed') return fails(found.judgement.why)
  return { found: found.convicts ? 'holds' : 'unknown' }
}

function recheckPanel({ finding, accused, evidence, class: kind, panel: told }: Shown, env: RecheckEnv): Rechecked {
  if (!isOurs(evidence, env)) return fails('it was made for another pool')
  const { panel, report } = decodeEvidenceFile(evidence)
  const found = verifyEvidenceFile(evidence)
  if (panel === undefined || report === undefined || found.panel === undefined || told === undefined)
    return fails('a panel without ballots')
  if (found.about !== finding || found.accused !== accused) return fails('it is about something else')
  if (env.facts === undefined) return fails('the chain was not asked for the block of its draw')
  assertPanelOfPool(panel, report, env.facts)
  if (env.registry !== undefined) assertWhollyDrawn(panel, report, env.registry)
  const { drawn, voted, convicting } = found.panel.count
  if (told.drawn !== drawn || told.voted !== voted || told.convicting !== convicting)
    return fails(`its ballots give ${convicting} of ${voted}, of ${drawn} drawn`)
  if (kind !== found.panel.class) return fails(`it is ${found.panel.class}`)
  return { found: 'holds', policy: found.panel.policy }
}

function fails(why: string): Rechecked {
  return { found: 'fails', why }
}

/** Made for this pool and its market. */
function isOurs(evidence: Uint8Array, { domain, market, pool }: RecheckEnv): boolean {
  const { chainId, registrar, market: place, report } = decodeEvidenceFile(evidence)
  if (chainId !== domain.chainId || registrar !== domain.contract || place !== market.contract) return false
  return report === undefined || equalBytes(report.pool, pool)
}
