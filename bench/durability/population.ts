/** A thousand stewards and whoever follows them, with their clusters, their outages, and what happens to many at once. */
import { DAY, HOUR } from '../../base/units.ts'
import type { Random } from '../random.ts'
import type { Law } from './lifetimes.ts'

export type Weather = 'independent' | 'ring 10 %' | 'ring 20 %' | 'shocks'
export const WEATHERS: readonly Weather[] = ['independent', 'ring 10 %', 'ring 20 %', 'shocks']
export const RING: Readonly<Record<Weather, number>> = { independent: 0, 'ring 10 %': 0.1, 'ring 20 %': 0.2, shocks: 0 }

/** When the ring deletes: it was honest for half a year. Seconds. */
export const STRIKE = 183 * DAY
/** Mean time between two losses of a whole cluster, in bad weather: ten times as often as the product takes for granted. */
export const SHOCK_MEAN = 365 * DAY
/** A cluster is off the network for four to ten days so often, in bad weather. */
const CLUSTER_OUTAGE_MEAN = 365 * DAY
/** Outages of a steward's own: mean time between two; one in ten is long. */
const OUTAGE_MEAN = 200 * DAY

export interface Tenant {
  /** Registered then; negative: before the simulation began. */
  readonly born: number
  /** Gone for good, with all bytes. */
  readonly gone: number
  readonly cluster: string
  readonly outages: readonly (readonly [from: number, to: number])[]
}

export interface Population {
  /** Each place has one steward after the other. */
  readonly places: readonly (readonly Tenant[])[]
}

/** @param horizon simulated time. Seconds */
export function createPopulation(
  random: Random,
  law: Law,
  weather: Weather,
  stewards: number,
  horizon: number,
): Population {
  const clusters = createClusters(random, weather, stewards, horizon)
  const places = Array.from({ length: stewards }, () => {
    const inRing = random.chance(RING[weather])
    const tenants: Tenant[] = []
    let from = 0
    while (from < horizon) {
      const age = from === 0 ? random.next() * 1095 * DAY : 0
      const cluster = random.pick(clusters)
      const shock = cluster.shocks.find((at) => at > from) ?? Number.POSITIVE_INFINITY
      const strike = inRing && from < STRIKE ? STRIKE : Number.POSITIVE_INFINITY
      const gone = Math.min(from + law.rest(random, age), shock, strike)
      const own = spells(random, from, Math.min(gone, horizon), OUTAGE_MEAN, () =>
        random.chance(0.1) ? random.exponential(4 * DAY) : random.exponential(12 * HOUR),
      )
      tenants.push({
        born: from - age,
        gone,
        cluster: cluster.name,
        outages: [...own, ...cluster.outages].sort(([a], [b]) => a - b),
      })
      from = gone
    }
    return tenants
  })
  return { places }
}

interface Cluster {
  readonly name: string
  readonly shocks: readonly number[]
  readonly outages: readonly (readonly [number, number])[]
}

/** Five stewards a cluster on average; whoever comes takes any. */
function createClusters(random: Random, weather: Weather, stewards: number, horizon: number): Cluster[] {
  const isBad = weather === 'shocks'
  const size = Math.round(stewards / 5)
  const shared = Array.from(
    { length: size },
    (_, i): Cluster => ({
      name: `c${i}`,
      shocks: isBad ? spells(random, 0, horizon, SHOCK_MEAN, () => 0).map(([at]) => at) : [],
      outages: isBad ? spells(random, 0, horizon, CLUSTER_OUTAGE_MEAN, () => (4 + 6 * random.next()) * DAY) : [],
    }),
  )
  return shared
}

function spells(random: Random, from: number, to: number, mean: number, length: () => number): [number, number][] {
  const list: [number, number][] = []
  for (let at = from + random.exponential(mean); at < to; at += random.exponential(mean)) list.push([at, at + length()])
  return list
}

/** The steward at a place at a time. */
export function tenantAt({ places }: Population, place: number, at: number): Tenant {
  const tenants = places[place] as readonly Tenant[]
  return (tenants.find(({ gone }) => gone > at) ?? tenants.at(-1)) as Tenant
}
