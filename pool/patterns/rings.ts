/**
 * Rings that miss together: stewards that call themselves strangers and fall at the same times (SybilRing, one disk under many names; a cartel that
 * goes away in concert). One common fall says nothing, a network may have failed; a habit does. docs/spec/patterns.md.
 */
import type { Address } from '../../base/curve.ts'
import { bodyOf, dayOf, type Observation } from '../observation.ts'
import type { PatternPolicy } from '../pattern-policy.ts'
import { type Finding, findingOf, type PatternInput } from './finding.ts'
import { strengthOf } from './strength.ts'

interface Falls {
  readonly accused: Address
  readonly body: string
  /** Bad days in a row are one fall: the times at which it was not there, ascending. */
  readonly falls: readonly (readonly number[])[]
  readonly bad: readonly Observation[]
  readonly badTimes: readonly number[]
  readonly goodTimes: readonly number[]
}

/** Not there. Who answers and refuses has not fallen. */
const isBad = ({ kind }: Observation) => kind === 'missed' || kind === 'timeout'
const isGood = ({ kind }: Observation) => kind === 'swept' || kind === 'probe-ok' || kind === 'probe-failed'

/**
 * Links every two stewards of different clusters of which one was away whenever the other was, more than chance and shared networks explain,
 * corrected for the number of partners each could have been compared with; whoever is linked, directly or not, is one ring. A finding per member;
 * its strength is that of its strongest link. What follows from it is that the ring counts as one cluster.
 */
export function findMissingRings({ observations, policy, looks }: PatternInput): Finding[] {
  const measure = policy.missingRing
  const all = fallsOf(observations.filter(({ weight }) => weight === 1))
  const partners = Math.log10(Math.max(1, all.length - 1))
  const able = all.filter(({ falls }) => falls.length >= measure.least)
  const links = new Map<Falls, Map<Falls, number>>()
  for (const [i, a] of able.entries())
    for (const b of able.slice(i + 1)) {
      if (a.body === b.body) continue
      const strength = Math.min(linkOf(a, b, measure), linkOf(b, a, measure)) - partners - looks
      if (strength < measure.bar) continue
      links.set(a, (links.get(a) ?? new Map()).set(b, strength))
      links.set(b, (links.get(b) ?? new Map()).set(a, strength))
    }
  return ringsOf(links)
    .filter((ring) => ring.length >= measure.size)
    .flatMap((ring) =>
      ring.map((member) =>
        findingOf(
          member.accused,
          'missing-ring',
          Math.max(...(links.get(member)?.values() ?? [0])),
          ring.flatMap(({ bad }) => bad),
        ),
      ),
    )
}

function fallsOf(observations: readonly Observation[]): Falls[] {
  return [...Map.groupBy(observations, ({ accused }) => accused)].map(([accused, all]) => {
    const bad = all.filter(isBad)
    const badTimes = [...new Set(bad.map(({ at }) => at))].sort((a, b) => a - b)
    const falls: number[][] = []
    for (const at of badTimes) {
      const last = falls.at(-1)
      if (last && dayOf(at) <= dayOf(last.at(-1) as number) + 1) last.push(at)
      else falls.push([at])
    }
    const goodTimes = [...new Set(all.filter(isGood).map(({ at }) => at))]
    return { accused, body: bodyOf(all.reduce(newest)), falls, bad, badTimes, goodTimes }
  })
}

/** The observation whose cluster counts: the newest, ties by name, so that the order in which they come does not matter. */
function newest(a: Observation, b: Observation): Observation {
  if (a.at !== b.at) return a.at > b.at ? a : b
  return (a.cluster ?? '') >= (b.cluster ?? '') ? a : b
}

/** How often `b` was away when `a` was. A fall during which nobody looked at `b` says nothing. */
function linkOf(a: Falls, b: Falls, { near, honest, least }: PatternPolicy['missingRing']): number {
  let common = 0
  let apart = 0
  for (const fall of a.falls) {
    const around = (times: readonly number[]) =>
      times.filter((time) => fall.some((at) => Math.abs(at - time) <= near)).length
    const [away, there] = [around(b.badTimes), around(b.goodTimes)]
    if (away > there) common++
    else if (there > 0) apart++
  }
  return common < least ? 0 : strengthOf(common, common + apart, honest)
}

function ringsOf(links: ReadonlyMap<Falls, ReadonlyMap<Falls, number>>): Falls[][] {
  const seen = new Set<Falls>()
  return [...links.keys()].flatMap((start) => {
    if (seen.has(start)) return []
    const ring: Falls[] = []
    const open = [start]
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      if (seen.has(one)) continue
      seen.add(one)
      ring.push(one)
      open.push(...(links.get(one)?.keys() ?? []))
    }
    return [ring]
  })
}
