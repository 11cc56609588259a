/** Lets the product's patterns look at simulated pools every few days, and counts whom they name. */
import type { Address } from '../../base/curve.ts'
import { DAY, unixTime } from '../../base/units.ts'
import { PATTERN_POLICY, type PatternPolicy } from '../../pool/pattern-policy.ts'
import { PATTERNS, type PatternName } from '../../pool/patterns/finding.ts'
import { findPatterns } from '../../pool/patterns.ts'
import { createRandom } from '../random.ts'
import { VICES, type Vice } from './cast.ts'
import { FRAMED, honestOf, playWorld, START } from './world.ts'

export interface Effort {
  readonly pools: number
  readonly days: number
  readonly seed: number
  /** Days between two looks. */
  readonly every: number
  readonly policy?: PatternPolicy
  /** How many of the three monitors of two stewards lie about them. */
  readonly liars?: number
  readonly villains?: boolean
}

export interface Outcome {
  readonly poolMonths: number
  readonly honestMonths: number
  /** Villains that acted for 30 days at least, by vice: days from their first deed to being named by their pattern, absent: not named. */
  readonly villains: ReadonlyMap<Vice, readonly (number | undefined)[]>
  /** Honest agents named, each once a pattern and month. */
  readonly falsely: ReadonlyMap<PatternName, number>
  /** Stewards that liars spoke of, and how many of them a pattern named. */
  readonly framed: number
  readonly framedNamed: number
  /** Those who were named, and how strongly, for whoever wants to know why. */
  readonly named: readonly string[]
}

export function judgePools({
  pools,
  days,
  seed,
  every,
  policy = PATTERN_POLICY,
  liars = 0,
  villains = true,
}: Effort): Outcome {
  const byVice = new Map<Vice, (number | undefined)[]>()
  const falsely = new Map<PatternName, number>(PATTERNS.map((name) => [name, 0]))
  const named: string[] = []
  let [framed, framedNamed] = [0, 0]
  let honestMonths = 0
  for (let pool = 0; pool < pools; pool++) {
    const random = createRandom(seed * 100_003 + pool)
    const vices = villains ? random.sample(Object.keys(VICES) as Vice[], 3) : []
    const world = playWorld(random, days, vices, liars)
    const honest = new Set(honestOf(world.cast))
    honestMonths += (honest.size * days) / 30
    const firstNamed = new Map<string, number>()
    const counted = new Set<string>()
    let from = 0
    let to = 0
    for (let now = START + every * DAY; now <= world.end; now += every * DAY) {
      while ((world.observations[to]?.at ?? Number.POSITIVE_INFINITY) <= now) to++
      while ((world.observations[from]?.at ?? Number.POSITIVE_INFINITY) <= now - policy.window) from++
      for (const { accused, pattern, strength } of findPatterns(world.observations.slice(from, to), {
        now: unixTime(now),
        policy,
      })) {
        const key = `${pattern} ${accused}`
        if (!firstNamed.has(key)) firstNamed.set(key, now)
        const once = `${key} ${Math.floor((now - START - 1) / (30 * DAY))}`
        if (!honest.has(accused) || counted.has(once)) continue
        counted.add(once)
        falsely.set(pattern, (falsely.get(pattern) ?? 0) + 1)
        named.push(`pool ${pool} day ${(now - START) / DAY}: ${key}, strength ${strength.toFixed(1)}`)
      }
    }
    const victims = liars > 0 ? world.cast.stewards.filter((_, i) => FRAMED.includes(i)) : []
    framed += victims.length
    framedNamed += victims.filter(({ id }) => [...firstNamed.keys()].some((key) => key.endsWith(id))).length
    for (const { id, vice, from: began } of [...world.cast.stewards, ...world.cast.uploaders]) {
      if (vice === undefined || world.end - began < 30 * DAY) continue
      const at = firstNamed.get(`${VICES[vice]} ${id as Address}`)
      const list = byVice.get(vice) ?? []
      list.push(at === undefined || at < began ? undefined : (at - began) / DAY)
      byVice.set(vice, list)
    }
  }
  return { poolMonths: (pools * days) / 30, honestMonths, villains: byVice, falsely, framed, framedNamed, named }
}
