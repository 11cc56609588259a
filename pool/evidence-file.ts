/**
 * Evidence as a file: everything that convinced a monitor, in one canonical CBOR record, checked again by anyone at any time without a network. Its
 * SHA-256 is the evidence hash that stands on chain with the standing, so `sha256sum FILE` says whether it is the one.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { decodeCbor, encodeCbor } from '../base/codec.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { type Domain, poolIdOf } from '../base/typed-data.ts'
import { address, bytes, list, type Of, optional, record, row, text, uint } from '../net/messages/fields.ts'
import {
  ballotField,
  MAX_PANEL,
  MAX_VERDICT_EVIDENCE,
  type Report,
  reportField,
  reportHash,
} from '../net/messages/report.ts'
import { type JudgeEnv, type Judgement, judge } from './evidence.ts'
import {
  countVotes,
  type Draw,
  drawPanel,
  isPanelPolicy,
  PANEL_POLICY,
  type PanelOutcome,
  type PanelPolicy,
} from './panel.ts'
import { isBallotSigned, isReportSigned, opens } from './report.ts'

/** A ballot, opened. */
const opened = row({ ballot: ballotField, vote: uint(1), salt: bytes(32) })

const panel = record({
  block: record({ number: uint(), hash: bytes(32) }),
  /** What the pool asked of panels at the end of that block; left out by earlier versions: 31, 21, 7. */
  policy: optional(record({ seats: uint(MAX_PANEL, 1), votes: uint(MAX_PANEL, 1), least: uint(MAX_PANEL) })),
  /** The monitors that could be drawn, as the registrar had them; `cluster` empty: on its own. */
  candidates: list(row({ id: address, cluster: text(100) }), 400, 1),
  excluded: list(text(100), 8),
  votes: list(opened, MAX_PANEL),
})

const finding = record({
  accused: address,
  pattern: text(40),
  from: uint(0xffffffff),
  to: uint(0xffffffff),
  /** Thousandths of −log₁₀ of the chance. */
  strength: uint(1_000_000),
  observations: list(bytes(32), 256),
})

const file = record({
  v: uint(1, 1),
  chainId: uint(),
  market: address,
  registrar: address,
  /** What it rests on: a report, or a pattern that the monitor found. */
  report: optional(reportField),
  panel: optional(panel),
  finding: optional(finding),
})

export type EvidenceFile = Of<typeof file>
export type PanelRecord = Of<typeof panel>

/** @throws `INPUT_RANGE` when it is more than a verdict carries */
export function encodeEvidenceFile(value: EvidenceFile): Uint8Array {
  const encoded = encodeCbor(file.encode(value))
  if (encoded.length > MAX_VERDICT_EVIDENCE)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'evidence file',
      expected: `at most ${MAX_VERDICT_EVIDENCE} bytes`,
      got: encoded.length,
    })
  return encoded
}

/** @throws `EVIDENCE_INVALID` */
export function decodeEvidenceFile(encoded: Uint8Array): EvidenceFile {
  try {
    return file.decode(decodeCbor(encoded, MAX_VERDICT_EVIDENCE), 'evidence file')
  } catch (cause) {
    throw new HoldfastError('EVIDENCE_INVALID', { what: asHoldfastError(cause).message }, { cause })
  }
}

/** What a file says once it has been checked. */
export interface FileFound {
  /** SHA-256 of the file, hex. */
  readonly hash: string
  readonly accused: string
  /** Report kind or pattern. */
  readonly about: string
  readonly judgement: Judgement
  readonly panel?: PanelOutcome & {
    /** Under which it says that it sat, and the block at which the pool asked so. */
    readonly policy: PanelPolicy
    readonly block: number
  }
  /** True when it would carry a verdict. */
  readonly convicts: boolean
}

/**
 * Checks a file again from its bytes alone; facts that only the chain has are taken from `env`, or stay open.
 * @throws `EVIDENCE_INVALID` when a signature, a hash or a form is wrong, `EVIDENCE_FOREIGN` when it is made for another pool than it names,
 *   `EVIDENCE_POLICY` when its panel sat under a policy that no pool can have
 */
export function verifyEvidenceFile(encoded: Uint8Array, env: Partial<JudgeEnv> = {}): FileFound {
  const value = decodeEvidenceFile(encoded)
  const pool: Domain = { chainId: value.chainId, contract: value.registrar }
  const market: Domain = { chainId: value.chainId, contract: value.market }
  const hash = toHex(sha256(encoded))
  const { report } = value
  if (report === undefined) {
    if (value.finding === undefined) throw new HoldfastError('EVIDENCE_INVALID', { what: 'a file about nothing' })
    const { accused, pattern, observations } = value.finding
    const why = `a pattern over ${observations.length} observations that its monitor keeps`
    return { hash, accused, about: pattern, judgement: { class: 'hearsay', outcome: 'open', why }, convicts: false }
  }
  if (!equalBytes(report.pool, poolIdOf(pool)))
    throw new HoldfastError('EVIDENCE_FOREIGN', { what: toHex(report.pool) })
  if (!isReportSigned(report))
    throw new HoldfastError('EVIDENCE_INVALID', { what: 'the report is not signed by its accuser' })
  const judgement = judge(report, { ...env, market, pool })
  const about = { hash, accused: report.accused, about: report.kind, judgement }
  if (value.panel === undefined)
    return { ...about, convicts: judgement.class === 'self-verifying' && judgement.outcome === 'proven' }
  const { outcome, policy } = countPanel(value.panel, report)
  const block = value.panel.block.number
  return { ...about, panel: { ...outcome, policy, block }, convicts: outcome.outcome === 'convicted' }
}

/** Draws again and counts again, under the policy that is stated. @throws `EVIDENCE_POLICY`; `EVIDENCE_INVALID` for a ballot that is not its voter's or was opened otherwise */
export function countPanel(
  shown: PanelRecord,
  report: Report,
): { readonly draw: Draw; readonly outcome: PanelOutcome; readonly policy: PanelPolicy } {
  const policy = policyOf(shown)
  const name = reportHash(report)
  const draw = drawPanel(
    shown.candidates.map(({ id, cluster }) => ({ id, ...(cluster === '' ? {} : { cluster }) })),
    new Set(shown.excluded),
    { block: shown.block.hash, accused: report.accused },
    policy,
  )
  const votes = shown.votes.map(({ ballot, vote, salt }) => {
    if (!equalBytes(ballot.report, name) || !isBallotSigned(report.pool, ballot) || !opens(ballot, { vote, salt }))
      throw new HoldfastError('EVIDENCE_INVALID', { what: `the vote of ${ballot.voter} is not its own` })
    return { voter: ballot.voter, vote: vote === 1 ? (1 as const) : (0 as const) }
  })
  return { draw, outcome: countVotes(draw, votes), policy }
}

/** @throws `EVIDENCE_POLICY` */
export function policyOf({ policy = PANEL_POLICY }: PanelRecord): PanelPolicy {
  if (!isPanelPolicy(policy))
    throw new HoldfastError('EVIDENCE_POLICY', { what: `no pool lets ${policy.votes} of ${policy.seats} convict` })
  return policy
}
