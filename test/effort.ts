/**
 * How hard tests try. The tier (test/tier.ts) sets HOLDFAST_TIER. A file that asks here is run again in the larger tiers,
 * with their counts; test/tier.ts finds it by this import.
 */
const TIERS = ['quick', 'ci', 'slow'] as const

/** `quick` is `npm test`, `ci` is `npm run test:ci`, `slow` is the scheduled long run. */
export type Tier = (typeof TIERS)[number]

/** @throws Error for a word that is no tier */
export function parseTier(text: string): Tier {
  const tier = TIERS.find((known) => known === text)
  if (tier === undefined) throw new Error(`expected one of ${TIERS.join(', ')}, got ${JSON.stringify(text)}`)
  return tier
}

/** The tier that runs now; `quick` when a test file is run by hand. */
export const TIER: Tier = parseTier(process.env.HOLDFAST_TIER ?? 'quick')

/** A count that grows with the tier; `ci` is ten times `quick` unless said otherwise, and `slow` ten times that. */
export function effort(quick: number, ci = 10 * quick, slow = 10 * ci): number {
  return { quick, ci, slow }[TIER]
}
