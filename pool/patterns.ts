/**
 * Patterns: what an agent's deeds of 30 days say that no single one of them does. Pure functions over observations; the order in which these come
 * does not matter, and one that comes twice counts once. pool.md "Evidence and judgement"; docs/spec/patterns.md; how well they do:
 * docs/explanation/detection.md.
 */
import type { UnixTime } from '../base/units.ts'
import { type Observation, withinWindow } from './observation.ts'
import type { PatternPolicy } from './pattern-policy.ts'
import { findBogusUploaders, findSelfDealing, findSerialAccusers } from './patterns/dealing.ts'
import { deedsOf } from './patterns/deeds.ts'
import type { Finding, PatternInput, PatternName } from './patterns/finding.ts'
import { findMissingRings } from './patterns/rings.ts'
import { findExitAfterClaim, findFetchJustInTime, findSelectiveServing } from './patterns/serving.ts'

export interface PatternEnv {
  /** Chain time. */
  readonly now: UnixTime
  readonly policy: PatternPolicy
}

const FINDERS: Readonly<Record<PatternName, (input: PatternInput) => readonly Finding[]>> = {
  'selective-serving': findSelectiveServing,
  'exit-after-claim': findExitAfterClaim,
  'fetch-just-in-time': findFetchJustInTime,
  'missing-ring': findMissingRings,
  'bogus-uploader': findBogusUploaders,
  'self-dealing': findSelfDealing,
  'serial-accuser': findSerialAccusers,
}

/**
 * Every pattern over the observations of the windows that end now: the long one, and shorter ones, in which an agent that turned bad is seen before
 * its good past is forgotten. The strongest finding for an accused and a pattern is kept, less what looking more than once is worth; sorted by both.
 * A finding is advice to a panel or a manager, never a verdict.
 */
export function findPatterns(observations: Iterable<Observation>, { now, policy }: PatternEnv): readonly Finding[] {
  const strongest = new Map<string, Finding>()
  let inWindow = withinWindow(observations, now, policy.window)
  const looks = Math.log10(1 + policy.shorter.length)
  for (const length of [policy.window, ...policy.shorter]) {
    inWindow = withinWindow(inWindow, now, length)
    const input: PatternInput = { observations: inWindow, deeds: deedsOf(inWindow), policy, looks }
    for (const finding of Object.values(FINDERS).flatMap((find) => find(input))) {
      const key = `${finding.accused} ${finding.pattern}`
      if ((strongest.get(key)?.strength ?? Number.NEGATIVE_INFINITY) < finding.strength) strongest.set(key, finding)
    }
  }
  return [...strongest].sort(([a], [b]) => compare(a, b)).map(([, finding]) => finding)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
