/** The rows of the market simulation: the default policy, each of its parts left out, and those who attack it. */
export interface Scenario {
  readonly name: string
  /** Weeks that are simulated, when less than five years. */
  readonly weeks?: number
  readonly title: string
  /** Winners are paid one price, or what they asked. */
  readonly pay: 'uniform' | 'bid'
  /** Scores count the loss that no bond covers. */
  readonly scored: boolean
  /** Eight weeks of price, lost with the lot. */
  readonly bond: boolean
  /** The default bidder's floor of 0.55 of the reference. */
  readonly floor: boolean
  /** The default reserve: 2.5 × index, at most 2.5 × reference. Without it: 20 × reference. */
  readonly cap: boolean
  /** Clusters and newcomers are limited. */
  readonly spread: boolean
  /** Bids further than so many hundredths from the index are refused. Not in the design. */
  readonly collar?: bigint
  /** Parts of the stewards. */
  readonly cheats: number
  readonly flaky: number
  readonly cartel: { readonly part: number; readonly seen: boolean }
  /** Banned cheats come back under new keys. */
  readonly whitewash: boolean
  /** Cheats ask as if nobody could take their bond, and lose it. */
  readonly blind: boolean
  readonly shill: boolean
  /** Part of the honest disks that people want to fill, and from which week on another part. */
  readonly utilisation: number
  readonly glutFrom: number
  readonly glutTo: number
  /** Part of their cost that stewards do not count any more from then on. */
  readonly sunk: number
  /** All bids go into the clearing, also those that can change nothing: slow; a test holds the two together. */
  readonly hearAll: boolean
  /** How strongly dear storage is stored less of. */
  readonly elasticity: number
}

const DEFAULT: Scenario = {
  name: 'default',
  title: 'default policy: uniform, scored, bond, floor, reserve, spread',
  pay: 'uniform',
  scored: true,
  bond: true,
  floor: true,
  cap: true,
  spread: true,
  cheats: 0.2,
  flaky: 0.03,
  cartel: { part: 0, seen: false },
  whitewash: false,
  blind: false,
  shill: false,
  utilisation: 0.7,
  glutFrom: Number.POSITIVE_INFINITY,
  glutTo: 0,
  sunk: 0,
  hearAll: false,
  elasticity: 0.3,
}
const row = (name: string, title: string, changes: Partial<Scenario>): Scenario => ({
  ...DEFAULT,
  name,
  title,
  ...changes,
})
const CARTEL = { part: 0.3, seen: true }
const GLUT = { glutFrom: 104, glutTo: 0.35, sunk: 0.5 }

export const SCENARIOS: readonly Scenario[] = [
  DEFAULT,
  row('unscored', 'uniform, not scored', { scored: false }),
  row('first-price', 'first price, scored', { pay: 'bid' }),
  row('no-bond', 'without the bond', { bond: false }),
  row('no-bond-unscored', 'without the bond, not scored', { bond: false, scored: false }),
  row('no-bond-first-price', 'without the bond, first price', { bond: false, pay: 'bid' }),
  row('no-floor', 'without the floor', { floor: false }),
  row('no-cap', 'without the default reserve', { cap: false }),
  row('collar', 'bids within 10 % of the index only (not in the design)', { collar: 10n }),
  row('cartel-seen', 'cartel, 30 % of stewards, one funding root', { cartel: CARTEL }),
  row('cartel-hidden', 'cartel, 30 % of stewards, disguised', { cartel: { ...CARTEL, seen: false } }),
  row('cartel-no-cap', 'cartel, disguised, without the default reserve', {
    cartel: { ...CARTEL, seen: false },
    cap: false,
  }),
  row('glut', 'glut: demand halves in week 104', GLUT),
  row('glut-no-floor', 'glut, without the floor', { ...GLUT, floor: false }),
  row('whitewash', 'whitewash: banned cheats come back', { whitewash: true }),
  row('whitewash-no-bond', 'whitewash, without the bond (half a year)', { whitewash: true, bond: false, weeks: 26 }),
  row('shill', 'shill: one uploader buys from itself at twice the price', { shill: true }),
]
