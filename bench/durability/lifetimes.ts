/** How stewards leave and lose: laws of lifetimes, with samples and with their chances, so that both can be held against each other. */
import { DAY } from '../../base/units.ts'
import { deriveConfidence } from '../../controller/confidence.ts'
import { POLICY } from '../../controller/policy.ts'
import type { Random } from '../random.ts'

export interface Law {
  readonly name: string
  /** Time that is left to a steward of this age. Seconds. */
  rest(random: Random, age: number): number
  /** Chance that a steward of this age keeps a blob for so long: it neither leaves nor loses it silently. */
  keeps(age: number, time: number): number
}

/** Until a blob is lost without its steward leaving, by the product's ℓ. Seconds. */
export function silentLoss(random: Random): number {
  return random.exponential((30 * DAY) / -Math.log(1 - POLICY.silentLoss))
}

/** Lomax with this shape and scale; the product's own prior when it is that of the policy. */
function lomax(name: string, shape: number, scaleDays: number): Law {
  const scale = scaleDays * DAY
  const model = { ...POLICY, lifetimes: { shape, scale: scale as typeof POLICY.lifetimes.scale } }
  return {
    name,
    rest: (random, age) => (scale + age) * ((1 - random.next()) ** (-1 / shape) - 1),
    keeps: (age, time) => deriveConfidence(age, time, model),
  }
}

/** No memory: the old leave as fast as the young. */
function exponential(name: string, meanDays: number): Law {
  return {
    name,
    rest: (random) => random.exponential(meanDays * DAY),
    keeps: (_, time) => Math.exp(-time / (meanDays * DAY)) * (1 - POLICY.silentLoss) ** (time / (30 * DAY)),
  }
}

export const LAWS = {
  prior: lomax('Lomax 0.5, 90 d (the prior)', POLICY.lifetimes.shape, POLICY.lifetimes.scale / DAY),
  faster: lomax('Lomax 1.0, 180 d', 1, 180),
  memoryless: exponential('exponential, mean 300 d', 300),
} as const satisfies Readonly<Record<string, Law>>
