/** How unlikely a count is for an honest agent, and whether it rests on more than one voice. Pure. */
import type { Measure } from '../pattern-policy.ts'

/** No chain of coincidences is less likely than 10⁻¹² to anybody who models it by one number. */
export const MOST_STRENGTH = 12

/**
 * −log₁₀ P(at least `bad` of `all` units are spoilt, each with chance `honest`): 0 says nothing, 6 happens to one honest agent in a million.
 * Falls with every good unit that is added. O(all).
 */
export function strengthOf(bad: number, all: number, honest: number): number {
  if (bad <= 0 || bad > all) return 0
  if (honest <= 0) return MOST_STRENGTH
  if (honest >= 1) return 0
  let log = bad * Math.log(honest) + (all - bad) * Math.log1p(-honest)
  for (let i = 0; i < bad; i++) log += Math.log((all - i) / (i + 1))
  // the rest of the tail as multiples of its first term
  let term = 1
  let sum = 1
  for (let i = bad; i < all && term > 1e-17 * sum; i++) {
    term *= ((all - i) / (i + 1)) * (honest / (1 - honest))
    sum += term
  }
  return Math.min(MOST_STRENGTH, Math.max(0, -(log + Math.log(sum)) / Math.LN10))
}

/** Units of one accused: days, rounds or stewards, each good or spoilt, and whose word each spoilt one rests on. */
export class Tally {
  private readonly good = new Set<string | number>()
  private readonly spoilt = new Map<string | number, Set<string>>()

  /** A unit that came out well; spoilt it stays if something else spoils it. */
  addGood(unit: string | number): void {
    this.good.add(unit)
  }

  /** @param voice whose word it is; chain events have that of the chain */
  addBad(unit: string | number, voice: string): void {
    const voices = this.spoilt.get(unit)
    if (voices) voices.add(voice)
    else this.spoilt.set(unit, new Set([voice]))
  }

  get bad(): number {
    return this.spoilt.size
  }

  /** Strength of the whole count; 0 below the least count. */
  strength({ honest, least }: Measure): number {
    return this.bad < least ? 0 : strengthOf(this.bad, this.units(), honest)
  }

  /**
   * Strength without whichever single voice carries most of it: one liar, or one cluster of liars, convicts nobody. A unit that rests on that voice
   * alone is what the others say of it: good, or nothing.
   */
  robustStrength(measure: Measure): number {
    const alone = new Map<string, { units: number; denied: number }>()
    for (const [unit, voices] of this.spoilt) {
      const [only] = voices
      if (voices.size !== 1 || only === undefined) continue
      const { units, denied } = alone.get(only) ?? { units: 0, denied: 0 }
      alone.set(only, { units: units + 1, denied: denied + (this.good.has(unit) ? 1 : 0) })
    }
    const left = [{ units: 0, denied: 0 }, ...alone.values()].map(({ units, denied }) => {
      const bad = this.bad - units
      return bad < measure.least ? 0 : strengthOf(bad, this.units() - units + denied, measure.honest)
    })
    const voices = new Set([...this.spoilt.values()].flatMap((one) => [...one]))
    return voices.size < 2 ? 0 : Math.min(...left)
  }

  private units(): number {
    let units = this.spoilt.size
    for (const unit of this.good) if (!this.spoilt.has(unit)) units++
    return units
  }
}
