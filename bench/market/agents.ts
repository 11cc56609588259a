/** Who takes part in the simulated market: stewards with hidden quality and costs, objects with lots. Chance is seeded. */
import type { Address } from '../../base/curve.ts'
import type { Contract } from '../../pricing/renewal.ts'

/**
 * `honest`: keeps what it took. `cheat`: keeps nothing, and knows what being caught costs it. `flaky`: bids like an honest one and loses a
 * twentieth of its lots a week. `cartel`: honest about bytes, one owner.
 */
export type Kind = 'honest' | 'cheat' | 'flaky' | 'cartel'

export interface Steward {
  id: Address
  readonly kind: Kind
  /** Lots its disk holds. */
  readonly slots: number
  /** What a lot-month costs it, in parts of the reference price. */
  readonly cost: number
  /** Chance a week that a lot it holds is found missing. */
  readonly hazard: number
  /** Week it registered; negative: before the simulation. */
  since: number
  readonly cluster: string
  used: number
  misses: number
  /** Not asked again before this week; Infinity: banned. */
  barred: number
  /** Weeks in a row it could not cover its cost with what the market pays. */
  idle: number
}

export interface Lot {
  readonly steward: Steward
  contract: Contract
  /** Gwei. */
  readonly bond: bigint
}

export interface StoredObject {
  readonly uploader: Address
  /** Week it is deleted. */
  readonly until: number
  readonly lots: (Lot | undefined)[]
}

export interface Random {
  next(): number
  normal(): number
  below(n: number): number
}

/** Mulberry32 and Box–Muller: the same seed, the same market. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    next,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    below: (n) => Math.floor(next() * n),
  }
}

const addressOf = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`

/** Chance a week that a lot of each kind is found missing. docs/explanation/market-simulation.md says why. */
export const HAZARD: Readonly<Record<Kind, number>> = { honest: 0.0005, cheat: 0.355, flaky: 0.05, cartel: 0.0005 }
/** What a cheat spends on a lot it does not keep, in parts of an honest cost. */
const CHEAT_COST = 0.07

export interface Crowd {
  make(kind: Kind, since: number, place?: { readonly slots?: number; readonly cluster?: string }): Steward
  nextId(): Address
}

/** Makes stewards: slots log-normal about `slots`, at least 2; cost log-normal about 0.7 of the reference with a spread of a fifth. */
export function createCrowd(random: Random, slots: number): Crowd {
  let made = 0
  const nextId = () => addressOf(++made)
  return {
    nextId,
    make(kind, since, place = {}) {
      const honestCost = 0.7 * Math.exp(0.2 * random.normal())
      const id = nextId()
      return {
        id,
        kind,
        slots: place.slots ?? Math.max(2, Math.round(slots * Math.exp(0.6 * random.normal() - 0.18))),
        cost: kind === 'cheat' ? CHEAT_COST * honestCost : honestCost,
        hazard: HAZARD[kind],
        since,
        cluster: place.cluster ?? id,
        used: 0,
        misses: 0,
        barred: Number.NEGATIVE_INFINITY,
        idle: 0,
      }
    },
  }
}
