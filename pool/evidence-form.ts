/**
 * What the evidence of each kind of report looks like: CBOR records, decoded with caps before anything is believed. docs/spec/evidence.md.
 * The accuser chooses what it shows; what it proves is found by pool/evidence.ts.
 */
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { advertField, commitEntryField, MAX_BIDDERS, revealEntryField, rulesField } from '../net/messages/bid.ts'
import {
  address,
  bytes,
  bytesUpTo,
  type Field,
  list,
  type Of,
  optional,
  record,
  row,
  text,
  uint,
  uint64,
  uint128,
  variants,
} from '../net/messages/fields.ts'
import { helloField } from '../net/messages/handshake.ts'
import { MAX_BLOB, placementField } from '../net/messages/placement.ts'
import { ballotField, MAX_REPORT_EVIDENCE, type ReportKind } from '../net/messages/report.ts'

const UINT32 = 0xffffffff
/** Blobs of a bounty that a report can carry. */
export const MAX_BOGUS_BLOBS = 64

/** A placement that both sides signed: whoever shows it is party to it, a member or not. */
const receipt = record({ placement: placementField, signature: bytes(65), countersignature: bytes(65) })

/** Of reads: timeout, slow, refused, wrong-bytes. */
const service = record({
  /** Read token of the blob: it lets the monitor look for itself. */
  token: optional(bytes(32)),
  length: optional(uint(MAX_BLOB)),
  /** The number the accused answered with. */
  code: optional(uint(0xffff)),
  /** How long it took. Milliseconds. */
  ms: optional(uint()),
  receipt: optional(receipt),
})

/** A bounty as its post on chain says. */
const bounty = record({
  poster: address,
  steward: address,
  claimKey: address,
  amount: uint64,
  deadline: uint(UINT32),
  docketHash: bytes(32),
})

const bogus = record({
  bounty,
  docket: bytesUpTo(4 + 64 * MAX_BOGUS_BLOBS, 68),
  /** In docket order. `token`: opens the blob at the accuser for a monitor; none: `bytes` holds the blob. */
  blobs: list(
    row({ length: uint(MAX_BLOB), token: bytesUpTo(32), bytes: bytesUpTo(MAX_REPORT_EVIDENCE) }),
    MAX_BOGUS_BLOBS,
    1,
  ),
})

const onChain = record({ bounty, receipt: optional(receipt) })
const withheld = record({ bounty, demand: bytes(65) })

/** What one side says that it signed in an auction's end. */
const outcome = record({
  root: bytes(32),
  price: uint128,
  reveals: list(revealEntryField, MAX_BIDDERS),
  signature: bytes(65),
})

const clearing = record({
  advert: advertField,
  rules: rulesField,
  commits: list(commitEntryField, MAX_BIDDERS, 1),
  outcome,
})

const contradiction = variants('contradiction', {
  /** Two outcomes for one advert and one list of commits. */
  clearings: record({ advert: advertField, first: outcome, second: outcome }),
  /** Two Hellos with one nonce. */
  hellos: record({ first: helloField, second: helloField }),
  /** Two votes on one report. */
  ballots: record({ first: ballotField, second: ballotField }),
})

/** Whatever an accuser knows of what no form is there for. */
const words = record({ text: text(1_000) })

const FORMS = {
  timeout: service,
  slow: service,
  refused: service,
  'wrong-bytes': service,
  'withheld-docket': withheld,
  'unclaimed-bounty': onChain,
  'bogus-bounty': bogus,
  'wrong-clearing': clearing,
  contradiction,
  'overdrawn-inventory': words,
} as const satisfies Record<ReportKind, Field<never> | Field<object>>

export type Evidence = {
  [Kind in ReportKind]: { readonly kind: Kind; readonly body: Of<(typeof FORMS)[Kind]> }
}[ReportKind]
export type EvidenceOf<Kind extends ReportKind> = Extract<Evidence, { readonly kind: Kind }>['body']
export type ReceiptShown = Of<typeof receipt>
export type BountyShown = Of<typeof bounty>
export type BogusShown = Of<typeof bogus>
export type ClearingShown = Of<typeof clearing>
export type OutcomeShown = Of<typeof outcome>

/** For one's own records: however long it is. */
export function encodeShown<Kind extends ReportKind>(kind: Kind, body: EvidenceOf<Kind>): Uint8Array {
  return encodeCbor((FORMS[kind] as Field<object>).encode(body as object))
}

/** For a report. @throws `INPUT_RANGE` when it is more than one carries */
export function encodeEvidence<Kind extends ReportKind>(kind: Kind, body: EvidenceOf<Kind>): Uint8Array {
  const encoded = encodeShown(kind, body)
  if (encoded.length > MAX_REPORT_EVIDENCE)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'evidence',
      expected: `at most ${MAX_REPORT_EVIDENCE} bytes`,
      got: encoded.length,
    })
  return encoded
}

/** @throws `EVIDENCE_INVALID` when it is not of the form of its kind */
export function decodeEvidence(kind: ReportKind, evidence: Uint8Array): Evidence {
  try {
    const value: CborValue = decodeCbor(evidence, MAX_REPORT_EVIDENCE)
    return { kind, body: (FORMS[kind] as Field<object>).decode(value, kind) } as Evidence
  } catch (cause) {
    throw new HoldfastError('EVIDENCE_INVALID', { what: asHoldfastError(cause).message }, { cause })
  }
}
