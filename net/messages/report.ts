/**
 * `/holdfast/report/1`: what went wrong, said to a monitor; what monitors ask each other on a panel; and the verdict, said to a manager.
 * docs/spec/wire.md §11. Everything that is kept or passed on carries its author's signature, for one pool on one chain.
 */
import { concat, utf8 } from '../../base/bytes.ts'
import { type CborValue, encodeCbor } from '../../base/codec.ts'
import { keccak256, sha256 } from '../../base/hash.ts'
import { address, bytes, bytesUpTo, choice, list, type Of, optional, record, text, uint, variants } from './fields.ts'

export const REPORT_PROTOCOL = '/holdfast/report/1'
/** Cap of each frame. Bytes. protocol.md §6. */
export const MAX_REPORT_BYTES = 64 * 1024
/** Most evidence of one report. Bytes. */
export const MAX_REPORT_EVIDENCE = 60 * 1024
/** Most evidence of a verdict: a report with all of its own, and what the monitor adds. Bytes. */
export const MAX_VERDICT_EVIDENCE = 63 * 1024
/** Most monitors drawn for a panel: no pool's policy may ask for more. contracts/Registrar.sol, bounds of a policy. */
export const MAX_PANEL = 101

const UINT32 = 0xffffffff

/** What a report can be about. The class of the evidence is the monitor's finding, never the accuser's word. */
export const REPORT_KINDS = [
  'timeout',
  'slow',
  'refused',
  'wrong-bytes',
  'withheld-docket',
  'unclaimed-bounty',
  'bogus-bounty',
  'wrong-clearing',
  'contradiction',
  'overdrawn-inventory',
] as const
export type ReportKind = (typeof REPORT_KINDS)[number]

/** What a verdict rests on. pool.md, Evidence and judgement. */
export const VERDICT_CLASSES = ['self-verifying', 'panel', 'advice'] as const
export type VerdictClass = (typeof VERDICT_CLASSES)[number]

const reportFields = {
  /** The pool it is meant for: a report serves nowhere else. */
  pool: bytes(32),
  accuser: address,
  accused: address,
  kind: choice(REPORT_KINDS),
  /** Blob id, bounty id or placement digest. */
  subject: bytes(32),
  /** Seconds of chain time. */
  at: uint(UINT32),
  /** By kind: pool/evidence-form.ts. */
  evidence: bytesUpTo(MAX_REPORT_EVIDENCE),
}
const unsignedReport = record(reportFields)
const report = record({ ...reportFields, signature: bytes(65) })

/** How a panel voted. */
const count = record({
  /** Monitors asked, voted in time, and voted that it is so. */
  drawn: uint(MAX_PANEL),
  voted: uint(MAX_PANEL),
  convicting: uint(MAX_PANEL),
})

const verdictFields = {
  pool: bytes(32),
  monitor: address,
  accused: address,
  /** A kind of report, or the name of a pattern. */
  finding: text(40),
  /** Code of pool/reasons.ts. */
  reason: uint(0xffff),
  /** SHA-256 of `evidence`: what stands on chain with the standing. */
  evidenceHash: bytes(32),
  class: choice(VERDICT_CLASSES),
  /** Seconds of chain time. */
  at: uint(UINT32),
  panel: optional(count),
  /** Whatever convinced the monitor, complete: pool/evidence-file.ts. */
  evidence: bytesUpTo(MAX_VERDICT_EVIDENCE),
}
const unsignedVerdict = record(verdictFields)
const verdict = record({ ...verdictFields, signature: bytes(65) })

const commitFields = {
  /** Hash of the report (`reportHash`). */
  report: bytes(32),
  voter: address,
  /** SHA-256("holdfast/vote/1" ‖ report ‖ voter ‖ vote ‖ salt). */
  commit: bytes(32),
}
const ballot = record({ ...commitFields, signature: bytes(65) })

const assignmentFields = {
  pool: bytes(32),
  manager: address,
  agent: address,
  /** Rises with every change; the manager says one thing under one number. */
  serial: uint(),
  roles: uint(UINT32),
  monitors: list(address, 8),
  index: optional(address),
}
const unsignedAssignment = record(assignmentFields)
const assignment = record({ ...assignmentFields, signature: bytes(65) })

const appealFields = {
  pool: bytes(32),
  agent: address,
  /** Hash of the evidence that the standing rests on, as it stands on chain. */
  about: bytes(32),
  /** Seconds of chain time. */
  at: uint(UINT32),
  /** What speaks for the agent. */
  evidence: bytesUpTo(MAX_REPORT_EVIDENCE),
}
const unsignedAppeal = record(appealFields)
const appeal = record({ ...appealFields, signature: bytes(65) })

/** What becomes of an appeal: restored, heard within 14 days, or not heard. */
export const APPEAL_OUTCOMES = ['granted', 'open', 'dismissed'] as const

const message = variants('report', {
  /** Agent → monitor. Answered by `taken` with the report's hash, or an error: nothing is kept. */
  report: record({ report }),
  /** Monitor → the accused's manager. Answered by `taken` with the evidence hash. */
  verdict: record({ verdict }),
  /** It is on disk. */
  taken: record({ hash: bytes(32) }),
  /**
   * Monitor → monitor: you may be on the panel of this report; `block`: of the draw. Answered by `ballot`, when the asked has looked
   * for itself, or an error: not drawn, or no vote.
   */
  call: record({ report, block: record({ number: uint(), hash: bytes(32) }) }),
  /** A vote, sealed. Signed: keccak256("holdfast/ballot/1" ‖ pool ‖ report ‖ commit). */
  ballot: record({ ballot }),
  /** Monitor → monitor: these are all ballots. Answered by `vote`. */
  open: record({ report: bytes(32), ballots: list(ballot, MAX_PANEL, 1) }),
  /** The vote of a ballot: 1, it is so. */
  vote: record({ report: bytes(32), vote: uint(1), salt: bytes(32) }),
  /**
   * Steward → monitor: the docket of this bounty was not handed over. `signature`: over `Demand(bountyId, docketHash)`, by the
   * bounty's steward. Answered by `taken` with the docket's hash; the docket is pushed over docket/1 when it is found.
   */
  demand: record({ bountyId: bytes(32), docketHash: bytes(32), signature: bytes(65) }),
  /** Anybody, also without an id → manager: a convicted agent's own word. Answered by `heard`. */
  appeal: record({ appeal }),
  heard: record({ about: bytes(32), outcome: choice(APPEAL_OUTCOMES), why: text(300) }),
  /**
   * Manager → monitor that watches the accused: it appealed against this evidence file, whose SHA-256 is `about`; look again. Answered by `taken`
   * with `about`; what comes of it is a `verdict`.
   */
  hearing: record({ about: bytes(32), evidence: bytesUpTo(MAX_VERDICT_EVIDENCE) }),
  /** Member → manager: what do you say of this agent? Answered by `assigned`. */
  ask: record({ agent: address }),
  assigned: record({ assignment }),
})

/** What a report says, without signature. */
export type ReportTerms = Of<typeof unsignedReport>
/** A signed report. */
export type Report = Of<typeof report>
/** What a verdict says, without signature. */
export type VerdictTerms = Of<typeof unsignedVerdict>
/** A signed verdict. */
export type Verdict = Of<typeof verdict>
/** A sealed vote with its voter's signature. */
export type Ballot = Of<typeof ballot>
/** What a manager says of an agent, without signature. */
export type AssignmentTerms = Of<typeof unsignedAssignment>
/** A signed assignment. */
export type Assignment = Of<typeof assignment>
/** What an appeal says, without signature. */
export type AppealTerms = Of<typeof unsignedAppeal>
/** A signed appeal. */
export type Appeal = Of<typeof appeal>
export type ReportMessage = Of<typeof message>

export function encodeReportMessage(value: ReportMessage): CborValue {
  return message.encode(value)
}

/** @throws `NET_MALFORMED` */
export function decodeReportMessage(value: CborValue): ReportMessage {
  return message.decode(value, 'report')
}

/** Report, ballot and verdict as part of a record that is kept: evidence files hold them. */
export const reportField = report
export const ballotField = ballot
/** An assignment as part of evidence: pool/assignment.ts. */
export const assignmentField = assignment

/** What the accuser signs: keccak256("holdfast/report/1" ‖ CBOR of the report without signature). */
export function reportDigest(terms: ReportTerms): Uint8Array {
  return keccak256(utf8('holdfast/report/1'), encodeCbor(unsignedReport.encode(terms)))
}

/** The report's name: SHA-256 of its CBOR, signature included. */
export function reportHash(value: Report): Uint8Array {
  return sha256(encodeCbor(report.encode(value)))
}

/** What the monitor signs: keccak256("holdfast/verdict/1" ‖ CBOR of the verdict without signature). */
export function verdictDigest(terms: VerdictTerms): Uint8Array {
  return keccak256(utf8('holdfast/verdict/1'), encodeCbor(unsignedVerdict.encode(terms)))
}

/** A vote's seal: SHA-256("holdfast/vote/1" ‖ report ‖ voter ‖ vote (one byte) ‖ salt). @param voter 20 bytes */
export function voteCommit(report: Uint8Array, voter: Uint8Array, vote: number, salt: Uint8Array): Uint8Array {
  return sha256(utf8('holdfast/vote/1'), report, voter, Uint8Array.of(vote), salt)
}

/** What a panelist signs with its seal: keccak256("holdfast/ballot/1" ‖ pool ‖ report ‖ commit). */
export function ballotDigest(pool: Uint8Array, value: Pick<Ballot, 'report' | 'commit'>): Uint8Array {
  return keccak256(utf8('holdfast/ballot/1'), concat(pool, value.report, value.commit))
}

/** What a manager signs of an agent: keccak256("holdfast/assignment/1" ‖ CBOR of the assignment without signature). */
export function assignmentDigest(terms: AssignmentTerms): Uint8Array {
  return keccak256(utf8('holdfast/assignment/1'), encodeCbor(unsignedAssignment.encode(terms)))
}

/** What a convicted agent signs: keccak256("holdfast/appeal/1" ‖ CBOR of the appeal without signature). */
export function appealDigest(terms: AppealTerms): Uint8Array {
  return keccak256(utf8('holdfast/appeal/1'), encodeCbor(unsignedAppeal.encode(terms)))
}
