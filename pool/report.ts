/**
 * Reports, verdicts and ballots: made, signed and read. Each is a statement of one member for one pool on one chain; a statement that does not
 * stand by its signature is refused before anything else is looked at. Formats: net/messages/report.ts, docs/spec/wire.md §11.
 */
import { equalBytes, fromHex } from '../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import {
  type Ballot,
  ballotDigest,
  type Report,
  type ReportKind,
  type ReportTerms,
  reportDigest,
  type Verdict,
  type VerdictTerms,
  verdictDigest,
  voteCommit,
} from '../net/messages/report.ts'

export type { Ballot, Report, ReportKind, Verdict }

/** A report by the owner of `secret`. */
export function signReport(secret: Uint8Array, terms: Omit<ReportTerms, 'accuser'>): Report {
  const whole = { ...terms, accuser: addressOf(secret) }
  return { ...whole, signature: signDigest(secret, reportDigest(whole)) }
}

/** True when the accuser itself signed. */
export function isReportSigned(report: Report): boolean {
  return recoverSigner(reportDigest(report), report.signature) === report.accuser
}

/** A verdict by the owner of `secret`; the hash of its evidence is filled in. */
export function signVerdict(secret: Uint8Array, terms: Omit<VerdictTerms, 'monitor' | 'evidenceHash'>): Verdict {
  const whole = { ...terms, monitor: addressOf(secret), evidenceHash: sha256(terms.evidence) }
  return { ...whole, signature: signDigest(secret, verdictDigest(whole)) }
}

/** True when the monitor itself signed, over the evidence that is with it. */
export function isVerdictSigned(verdict: Verdict): boolean {
  return (
    equalBytes(sha256(verdict.evidence), verdict.evidenceHash) &&
    recoverSigner(verdictDigest(verdict), verdict.signature) === verdict.monitor
  )
}

/** A sealed vote. @param salt 32 random bytes, kept until the vote is opened */
export function sealVote(
  secret: Uint8Array,
  pool: Uint8Array,
  vote: { readonly report: Uint8Array; readonly vote: number; readonly salt: Uint8Array },
): Ballot {
  const voter = addressOf(secret)
  const commit = voteCommit(vote.report, fromHex(voter, 20), vote.vote, vote.salt)
  const terms = { report: vote.report, voter, commit }
  return { ...terms, signature: signDigest(secret, ballotDigest(pool, terms)) }
}

/** True when the voter itself sealed it, for this pool. */
export function isBallotSigned(pool: Uint8Array, ballot: Ballot): boolean {
  return recoverSigner(ballotDigest(pool, ballot), ballot.signature) === ballot.voter
}

/** True when the vote is the one of the ballot. */
export function opens(ballot: Ballot, vote: { readonly vote: number; readonly salt: Uint8Array }): boolean {
  const voter: Address = ballot.voter
  return equalBytes(ballot.commit, voteCommit(ballot.report, fromHex(voter, 20), vote.vote, vote.salt))
}
