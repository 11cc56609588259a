/**
 * What a manager says about an agent: its roles and watchers as of a number that only rises, signed. Whoever asks may keep it. A manager that says two
 * different things under one number to two members has signed the proof against itself; anybody can check it offline. docs/spec/wire.md §11.
 */
import { equalBytes } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import { type Address, addressOf, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import {
  type Assignment,
  type AssignmentTerms,
  assignmentDigest,
  assignmentField,
  MAX_REPORT_EVIDENCE,
} from '../net/messages/report.ts'

export type { Assignment }

/** An assignment by the owner of `secret`. */
export function signAssignment(secret: Uint8Array, terms: Omit<AssignmentTerms, 'manager'>): Assignment {
  const whole = { ...terms, manager: addressOf(secret) }
  return { ...whole, signature: signDigest(secret, assignmentDigest(whole)) }
}

/** True when the manager itself signed. */
export function isAssignmentSigned(value: Assignment): boolean {
  return recoverSigner(assignmentDigest(value), value.signature) === value.manager
}

/** True when one manager signed both, about one agent under one number in one pool, and they differ. */
export function isTwoFaced(a: Assignment, b: Assignment): boolean {
  return (
    a.manager === b.manager &&
    a.agent === b.agent &&
    a.serial === b.serial &&
    equalBytes(a.pool, b.pool) &&
    isAssignmentSigned(a) &&
    isAssignmentSigned(b) &&
    !equalBytes(assignmentDigest(a), assignmentDigest(b))
  )
}

/** Both statements as evidence: canonical, in order of their digests, so that one pair has one hash. */
export function twoFacedEvidence(a: Assignment, b: Assignment): Uint8Array {
  const [first, second] = [a, b].sort((x, y) => Buffer.compare(assignmentDigest(x), assignmentDigest(y)))
  return encodeCbor([
    'holdfast/two-faced/1',
    assignmentField.encode(first as Assignment),
    assignmentField.encode(second as Assignment),
  ])
}

/** Who is proved two-faced by these bytes; undefined: they prove nothing, or are something else. @param pool the pool it must be about */
export function twoFacedManager(evidence: Uint8Array, pool: Uint8Array): Address | undefined {
  let value: CborValue
  try {
    value = decodeCbor(evidence, MAX_REPORT_EVIDENCE)
    if (!Array.isArray(value) || value.length !== 3 || value[0] !== 'holdfast/two-faced/1') return undefined
    const a = assignmentField.decode(value[1] as CborValue, 'first')
    const b = assignmentField.decode(value[2] as CborValue, 'second')
    return equalBytes(a.pool, pool) && isTwoFaced(a, b) ? a.manager : undefined
  } catch (cause) {
    if (cause instanceof HoldfastError) return undefined // malformed evidence proves nothing
    throw cause
  }
}
