/** Who is in a pool of the simulation: honest stewards, uploaders and monitors, and now and then a villain of each kind. */
import type { Address } from '../../base/curve.ts'
import { DAY, HOUR } from '../../base/units.ts'
import type { PatternName } from '../../pool/patterns/finding.ts'
import type { Random } from '../random.ts'
import { eventsOf, honestLife, type Life, merge, outageLength, RATES, type Span } from './lives.ts'

/** How a villain goes about it; each is found by one pattern. */
export const VICES = {
  'hostage: refuses every reader': 'selective-serving',
  'hostage: refuses two readers of three': 'selective-serving',
  'deletes after each sweep': 'exit-after-claim',
  'holds nothing, fetches when asked': 'fetch-just-in-time',
  'ring on one disk': 'missing-ring',
  'posts what nobody can sweep': 'bogus-uploader',
  'trades with itself': 'self-dealing',
  'accuses one steward a day': 'serial-accuser',
} as const satisfies Readonly<Record<string, PatternName>>
export type Vice = keyof typeof VICES

export interface Actor {
  readonly id: Address
  readonly number: number
  readonly cluster: string
  readonly vice?: Vice
  /** When it begins to act on its vice. */
  readonly from: number
}

export interface StewardActor extends Actor {
  readonly life: Life
}

export interface Cast {
  readonly stewards: readonly StewardActor[]
  readonly uploaders: readonly Actor[]
  readonly monitors: readonly Actor[]
}

const addressOf = (number: number): Address => `0x${number.toString(16).padStart(40, '0')}`
const isSteward = (vice: Vice) => vice !== 'posts what nobody can sweep' && vice !== 'accuses one steward a day'

/**
 * 30 to 60 stewards, a fifth of them in clusters of two to four, all behind one of six providers; 14 uploaders; nine monitors of nine clusters.
 * @param vices who is a villain here; a ring has five members, who trades with itself has two
 */
export function createCast(random: Random, start: number, end: number, vices: readonly Vice[]): Cast {
  let number = 1
  const begin = () => start + (25 + random.next() * 20) * DAY
  const actor = (vice?: Vice, from = begin()): Actor => {
    const mine = number++
    return { id: addressOf(mine), number: mine, cluster: `net ${mine}`, from, ...(vice ? { vice } : {}) }
  }
  const providers = Array.from({ length: 6 }, () =>
    eventsOf(random, start, end, RATES.provider, () => outageLength(random)),
  )
  const stewards: StewardActor[] = []
  const count = 30 + random.below(31)
  while (stewards.length < count) {
    const size = random.chance(0.08) ? 2 + random.below(3) : 1
    const shared = size > 1 ? eventsOf(random, start, end, RATES.cluster, () => outageLength(random)) : []
    const name = `net ${number}`
    const provider = random.pick(providers)
    for (let i = 0; i < size; i++)
      stewards.push({ ...actor(), cluster: name, life: honestLife(random, start, end, [...shared, ...provider]) })
  }
  for (const vice of vices.filter(isSteward)) {
    if (vice !== 'ring on one disk') {
      stewards.push({ ...actor(vice), life: honestLife(random, start, end, random.pick(providers)) })
      continue
    }
    const from = begin()
    const down = ringOutages(random, from, end)
    for (let i = 0; i < 5; i++)
      stewards.push({ ...actor(vice, from), life: { ...honestLife(random, start, end, []), down: merge(down) } })
  }
  const uploaders = [
    ...Array.from({ length: 14 }, () => actor()),
    ...vices.filter((vice) => !isSteward(vice) || vice === 'trades with itself').map((vice) => actor(vice)),
  ]
  return { stewards, uploaders, monitors: Array.from({ length: 9 }, () => actor()) }
}

/** One disk under five names: gone every four days or so, for half a day to three days. */
function ringOutages(random: Random, from: number, end: number): Span[] {
  return eventsOf(random, from, end, 7.5, () => (12 + 24 * random.next()) * HOUR)
}
