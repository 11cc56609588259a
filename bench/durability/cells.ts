/** All combinations of schedule, code and weather, played with eight seeds each. */
import { DAY, seconds } from '../../base/units.ts'
import { lossOf } from '../../controller/confidence.ts'
import { POLICY } from '../../controller/policy.ts'
import { createRandom } from '../random.ts'
import { LAWS, type Law, silentLoss } from './lifetimes.ts'
import { createPopulation, tenantAt, WEATHERS, type Weather } from './population.ts'
import { type Code, type Plan, playSegment } from './segment.ts'

export const STEWARDS = 1000
export const HORIZON = 365 * DAY
/** π of the risk policy here. */
export const RISK = 1e-10

export const PLANS: readonly Plan[] = [
  { name: 'ladder', policy: POLICY },
  { name: 'risk', policy: { ...POLICY, ladder: [seconds(30 * DAY)] }, risk: RISK },
  { name: 'daily', policy: { ...POLICY, ladder: [seconds(DAY)], jitter: 0, longestGap: seconds(DAY) } },
  { name: 'monthly', policy: { ...POLICY, ladder: [seconds(30 * DAY)] } },
]
export const CODES: readonly Code[] = [
  { k: 3, n: 10 },
  { k: 8, n: 24 },
]

export interface Cell {
  readonly plan: string
  readonly code: string
  readonly weather: Weather
  readonly law: string
  readonly seeds: readonly SeedResult[]
}

export interface SeedResult {
  readonly objects: number
  readonly losses: number
  readonly expectedLoss: number
  readonly checksPerShareMonth: number
  readonly repairsPerShareMonth: number
  readonly falseRepairs: number
  readonly repairs: number
  readonly fewest: number
}

/** @param scale part of the full number of objects */
export function playCells(seeds: readonly number[], scale: number): Cell[] {
  const cells: Cell[] = []
  for (const code of CODES)
    for (const weather of WEATHERS)
      for (const plan of PLANS) cells.push(playCell(plan, code, weather, LAWS.prior, seeds, sizeOf(plan, code, scale)))
  const [ladder] = PLANS
  const [code] = CODES
  if (ladder && code)
    for (const law of [LAWS.faster, LAWS.memoryless])
      cells.push(playCell(ladder, code, 'independent', law, seeds, sizeOf(ladder, code, scale)))
  return cells
}

/** Fewer objects where each costs more. @param scale part of the full number */
export function sizeOf(plan: Plan, { n }: Code, scale: number): Size {
  const full = n > 10 ? 400 : 1000
  return { stewards: STEWARDS, objects: Math.max(1, Math.round((plan.risk === undefined ? full : full / 4) * scale)) }
}

export interface Size {
  readonly stewards: number
  /** Of each seed. */
  readonly objects: number
}

/** One combination, with each of the seeds. */
export function playCell(
  plan: Plan,
  code: Code,
  weather: Weather,
  law: Law,
  seeds: readonly number[],
  size: Size,
): Cell {
  const { stewards, objects } = size
  const results = seeds.map((seed): SeedResult => {
    const random = createRandom(seed)
    const population = createPopulation(random, law, weather, stewards, HORIZON)
    const sum = { checks: 0, months: 0, repairs: 0, falseRepairs: 0, losses: 0, expected: 0, fewest: code.n }
    for (let i = 0; i < objects; i++) {
      const course = playSegment(random, { population, law, weather, code, plan, horizon: HORIZON })
      sum.checks += course.checks
      sum.months += course.shareMonths
      sum.repairs += course.repairs
      sum.falseRepairs += course.falseRepairs
      sum.losses += course.lostAt === undefined ? 0 : 1
      sum.expected += course.expectedLoss
      sum.fewest = Math.min(sum.fewest, course.fewest)
    }
    return {
      objects,
      losses: sum.losses,
      expectedLoss: sum.expected / objects,
      checksPerShareMonth: sum.checks / sum.months,
      repairsPerShareMonth: sum.repairs / sum.months,
      falseRepairs: sum.falseRepairs,
      repairs: sum.repairs,
      fewest: sum.fewest,
    }
  })
  return { plan: plan.name, code: `${code.k}-of-${code.n}`, weather, law: law.name, seeds: results }
}

export interface ClosedForm {
  readonly law: string
  readonly days: number
  readonly objects: number
  readonly lost: number
  /** By the product's formulas. */
  readonly predicted: number
}

/**
 * The case that can be written down: shares placed once, nobody asked, nothing repaired. Lost objects are counted, and predicted by `lossOf` over the
 * chances of the law; for the prior these are the product's `deriveConfidence`, and the prediction is its `segmentLoss` without clusters.
 */
export function holdAgainstClosedForm(seed: number, days: number, law: Law, objects: number): ClosedForm {
  const random = createRandom(seed)
  const { k, n } = { k: 3, n: 10 }
  const population = createPopulation(random, law, 'independent', STEWARDS, HORIZON)
  let lost = 0
  let predicted = 0
  for (let i = 0; i < objects; i++) {
    // lifetimes are drawn anew for each object, so that the objects are independent and their count is binomial
    const ages = random
      .sample([...population.places.keys()], n)
      .map((place) => Math.max(0, -tenantAt(population, place, 0).born))
    const time = days * DAY
    const held = ages.filter((age) => law.rest(random, age) > time && silentLoss(random) > time).length
    if (held < k) lost++
    predicted += lossOf(
      ages.map((age) => law.keeps(age, time)),
      k,
    )
  }
  return { law: law.name, days, objects, lost, predicted: predicted / objects }
}
