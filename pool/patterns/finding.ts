/** What a pattern says: who, what, from when to when, how surely, and on which observations. */
import type { Address } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { type UnixTime, unixTime } from '../../base/units.ts'
import { type Observation, observationHash } from '../observation.ts'
import type { PatternPolicy } from '../pattern-policy.ts'
import type { Deeds } from './deeds.ts'

/** The patterns of pool.md, by name. */
export const PATTERNS = [
  'selective-serving', // sweeps, and refuses reads of what it swept for
  'exit-after-claim', // lets blobs go right after their sweep, again and again
  'fetch-just-in-time', // reads blobs elsewhere shortly before it sweeps for them
  'missing-ring', // stewards that call themselves strangers fall together, again and again
  'bogus-uploader', // its bounties cannot be swept by stewards that sweep everybody else's
  'self-dealing', // uploader and steward live on each other
  'serial-accuser', // accuses, and probes come through
] as const
export type PatternName = (typeof PATTERNS)[number]

export interface Finding {
  readonly accused: Address
  readonly pattern: PatternName
  /** First and last observation it rests on. Chain time. */
  readonly from: UnixTime
  readonly to: UnixTime
  /** −log₁₀ of the chance that an honest agent does so much of it; at most 12. */
  readonly strength: number
  /** Hex hashes of the observations it rests on, ascending; the newest 256 when there are more. */
  readonly evidence: readonly string[]
}

/** What one pattern is given: the observations of the window, in no order, and the policy. */
export interface PatternInput {
  readonly observations: readonly Observation[]
  /** The same, weight 1 and about a blob, by whom they are about. */
  readonly deeds: readonly Deeds[]
  readonly policy: PatternPolicy
  /** log₁₀ of how many windows are looked at: so much strength is worth nothing. */
  readonly looks: number
}

/** Hashes in one finding: 16 KiB, and more than any panel reads. */
export const EVIDENCE_LIMIT = 256

/** @param basis what the finding rests on, in any order, repeats allowed; at least one. @throws HoldfastError `INPUT_RANGE` when there is none */
export function findingOf(
  accused: Address,
  pattern: PatternName,
  strength: number,
  basis: Iterable<Observation>,
): Finding {
  const all = [...new Set(basis)].sort((a, b) => b.at - a.at)
  const hashes = new Map<string, number>()
  for (const observation of all) hashes.set(observationHash(observation), observation.at)
  const newest = [...hashes].sort(([a, atA], [b, atB]) => atB - atA || (a < b ? -1 : 1)).slice(0, EVIDENCE_LIMIT)
  const times = newest.map(([, at]) => at)
  if (times.length === 0)
    throw new HoldfastError('INPUT_RANGE', { name: 'basis of a finding', expected: 'an observation', got: 'none' })
  return {
    accused,
    pattern,
    from: unixTime(Math.min(...times)),
    to: unixTime(Math.max(...times)),
    strength,
    evidence: newest.map(([hash]) => hash).sort(),
  }
}
