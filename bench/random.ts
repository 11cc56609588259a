/** Chance for simulations: seeded, so that a run can be had again. Not for anything secret. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** A whole number from 0 to `below` − 1. */
  below(below: number): number
  /** True with this chance. */
  chance(probability: number): boolean
  /** Waiting time with this mean. */
  exponential(mean: number): number
  /** Median `median`, and a tail of `sigma` in natural logarithms. */
  logNormal(median: number, sigma: number): number
  pick<Item>(items: readonly Item[]): Item
  /** `count` different ones, or all. */
  sample<Item>(items: readonly Item[], count: number): Item[]
}

/** @param seed any whole number; neighbours give unrelated streams */
export function createRandom(seed: number): Random {
  let a = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  const next = () => {
    // mulberry32: a published generator of 32 bits of state
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (count: number) => Math.floor(next() * count)
  const exponential = (mean: number) => -Math.log(1 - next()) * mean
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    exponential,
    logNormal: (median, sigma) =>
      median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())),
    pick: (items) => {
      if (items.length === 0) throw new Error('nothing to pick from')
      return items[below(items.length)] as (typeof items)[number]
    },
    sample: (items, count) => {
      const rest = [...items]
      for (let i = 0; i < Math.min(count, rest.length); i++) {
        const j = i + below(rest.length - i)
        const swap = rest[i] as (typeof rest)[number]
        rest[i] = rest[j] as (typeof rest)[number]
        rest[j] = swap
      }
      return rest.slice(0, count)
    },
  }
}
