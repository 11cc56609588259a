/**
 * A market of agents, week by week, on the product's own rules: pricing/ gives bids, auctions, index, reserve and renewals;
 * controller/confidence gives the confidence that scores count with. What is simulated here is only what people and disks do.
 */
import type { Address } from '../../base/curve.ts'
import { DAY, GiB, type Wei, wei } from '../../base/units.ts'
import { confidencePpm } from '../../controller/confidence.ts'
import { POLICY } from '../../controller/policy.ts'
import {
  type AuctionTerms,
  type Bidder,
  type Clearing,
  lossOfLot,
  NEWCOMER_AGE,
  newcomerLots,
  penaltyOf,
  selectAwards,
} from '../../pricing/auction.ts'
import { COST_MODEL, type CostModel, priceBid } from '../../pricing/bidder.ts'
import { type Bid, commitOf } from '../../pricing/bids.ts'
import { clusterCap } from '../../pricing/clusters.ts'
import { type IndexedClearing, priceIndex } from '../../pricing/price-index.ts'
import { advertValue, docketAmount } from '../../pricing/rates.ts'
import { defaultReserve, referencePrice } from '../../pricing/reference.ts'
import { openContract, RENEWAL_POLICY, stepContract } from '../../pricing/renewal.ts'
import {
  type Crowd,
  createCrowd,
  createRandom,
  type Lot,
  type Random,
  type Steward,
  type StoredObject,
} from './agents.ts'
import type { Scenario } from './scenarios.ts'

export const WEEK = 7 * DAY
/** Bytes of a lot; only ratios matter. */
const LOT = GiB
const [K, N] = [3, 10]
/** Thirteen weeks: the default term, to the week. */
const TERM = 13 * WEEK
const SALT = new Uint8Array(32)
const PRE = 104
/** Weeks of rent that a bond is. pricing/bidder.ts. */
const BOND_WEEKS = COST_MODEL.bond / WEEK

/** One week, as the tables need it. Prices in parts of the reference. */
export interface WeekRecord {
  readonly week: number
  /** What this week's awards and renewals pay on average; NaN when there were none. */
  readonly price: number
  /** Cost, with the return it asks, of the honest steward that the last stored lot needs. */
  readonly marginal: number
  readonly index: number
  /** The index had the shill's clearings not been there. */
  readonly indexWithoutShill: number
  readonly used: number
  readonly badShare: number
  readonly hhi: number
  /** Rent of all lots this week, and what their loss and their adverts cost beside it; lots. */
  readonly rent: number
  readonly extra: number
  readonly lots: number
  readonly unplaced: number
  readonly lost: number
  /** Rent a slot earns: honest stewards' and the cartel's (NaN without one). */
  readonly honestIncome: number
  readonly cartelIncome: number
}

export function simulate(
  scenario: Scenario,
  seed: number,
  size: { readonly stewards: number; readonly weeks: number },
): readonly WeekRecord[] {
  return new World(scenario, seed, size.stewards).run(size.weeks)
}

class World {
  private readonly random: Random
  private readonly crowd: Crowd
  private stewards: Steward[] = []
  private readonly objects = new Set<StoredObject>()
  private readonly uploaders: { readonly id: Address; readonly weight: number }[] = []
  private readonly shill: Address
  private readonly clearings: (IndexedClearing & { readonly shill?: true })[] = []
  private readonly scenario: Scenario
  private readonly capacity: number
  private week = 0
  private reference = wei(0n)
  private index: Wei = wei(0n)
  // of the week that runs
  private paid = { sum: 0, lots: 0 }
  private extra = 0
  private lostObjects = 0
  private readonly bids = new Map<Steward, Bid | undefined>()

  constructor(scenario: Scenario, seed: number, stewards: number) {
    this.scenario = scenario
    this.random = createRandom(seed * 7919 + 17)
    this.crowd = createCrowd(this.random, 6)
    const share = (part: number) => Math.round(part * stewards)
    const { cheats, flaky, cartel } = scenario
    for (let i = 0; i < stewards; i++) {
      const kind =
        i < share(cheats)
          ? 'cheat'
          : i < share(cheats + flaky)
            ? 'flaky'
            : i < share(cheats + flaky + cartel.part)
              ? 'cartel'
              : 'honest'
      const cluster = kind === 'cartel' && cartel.seen ? { cluster: 'cartel' } : {}
      // Cheats have no history: what they hold is found missing within weeks.
      this.stewards.push(this.crowd.make(kind, kind === 'cheat' ? -5 : -5 - this.random.below(PRE), cluster))
    }
    for (let i = 0; i < 60; i++)
      this.uploaders.push({ id: this.crowd.nextId(), weight: Math.exp(this.random.normal()) })
    this.shill = this.crowd.nextId()
    this.capacity = this.stewards
      .filter(({ kind }) => kind === 'honest' || kind === 'cartel')
      .reduce((sum, { slots }) => sum + slots, 0)
  }

  run(weeks: number): readonly WeekRecord[] {
    const records: WeekRecord[] = []
    this.reference = referencePrice(0)
    this.index = this.reference
    for (this.week = 0; this.week < weeks; this.week++) {
      this.reference = referencePrice(this.now)
      this.paid = { sum: 0, lots: 0 }
      this.extra = 0
      this.lostObjects = 0
      this.bids.clear()
      this.fail()
      this.renew()
      this.demand()
      for (const object of this.objects) if (object.lots.includes(undefined)) this.place(object)
      if (this.scenario.shill) this.bidAgainstOneself()
      this.comeAndGo()
      records.push(this.record())
    }
    return records
  }

  private get now(): number {
    return this.week * WEEK
  }

  /** Lots that are found missing: gone, the bond with them; three in half a year are a conviction. */
  private fail(): void {
    for (const object of this.objects) {
      const before = object.lots.filter(Boolean).length
      object.lots.forEach((lot, i) => {
        if (!lot || this.random.next() >= lot.steward.hazard) return
        object.lots[i] = undefined
        const { steward } = lot
        steward.used--
        steward.misses++
        if (steward.misses >= 3) this.convict(steward)
        else steward.barred = Math.max(steward.barred, this.week + 4)
        this.extra +=
          Number(lossOfLot({ bytes: LOT, k: K, egressPrice: this.index / 4n, reserve: 0n })) / Number(this.reference)
      })
      if (before >= K && object.lots.filter(Boolean).length < K) {
        this.lostObjects++
        this.drop(object)
      }
    }
    if (this.week % 26 === 0) for (const steward of this.stewards) steward.misses = 0
  }

  private convict(steward: Steward): void {
    steward.barred = Number.POSITIVE_INFINITY
    if (this.scenario.whitewash && steward.kind === 'cheat')
      // A new key, registered as soon as the old one is banned. What it still held is found missing like the rest.
      this.stewards.push(this.crowd.make('cheat', this.week, { slots: steward.slots }))
  }

  private drop(object: StoredObject): void {
    for (const lot of object.lots) if (lot) lot.steward.used--
    this.objects.delete(object)
  }

  /** Terms that come to their end: renewed within the bounds, else auctioned, where the incumbent may match once. */
  private renew(): void {
    for (const object of this.objects) {
      if (object.until <= this.week) {
        this.drop(object)
        continue
      }
      object.lots.forEach((lot, i) => {
        if (!lot || lot.contract.end - RENEWAL_POLICY.from > this.now) return
        const env = { now: this.now, index: this.index, policy: RENEWAL_POLICY }
        const offered = stepContract(lot.contract, { kind: 'tick' }, env)
        const price = offered.offer?.price
        const takes = price !== undefined && price >= this.costOf(lot.steward)
        if (offered.phase === 'offered') {
          const answered = stepContract(
            offered,
            takes ? { kind: 'accepted', version: offered.version + 1 } : { kind: 'declined' },
            env,
          )
          lot.contract = answered
          if (takes) {
            this.paid.sum += Number(answered.price) / Number(this.reference)
            this.paid.lots++
            return
          }
        } else lot.contract = offered
        // Declined, or the price has moved too far: the lot goes to an auction of its object, where the incumbent takes part like anyone.
        lot.steward.used--
        object.lots[i] = undefined
      })
    }
  }

  /** Its cost a GiB-month, wei, with what its bond is expected to lose. */
  private costOf(steward: Steward): bigint {
    // A month has MONTH / WEEK chances to lose BOND_WEEKS · WEEK / MONTH months of price.
    const counts = this.scenario.bond && !(steward.kind === 'cheat' && this.scenario.blind)
    const bondLoss = counts ? steward.hazard * BOND_WEEKS * Number(this.index) : 0
    // In a glut disks stand idle: what was spent on them does not count any more.
    const sunk = this.week >= this.scenario.glutFrom ? this.scenario.sunk : 0
    return BigInt(Math.round(steward.cost * (1 - sunk) * Number(this.reference) + bondLoss))
  }

  /** New objects until as much is stored as people want at this price. */
  private demand(): void {
    const { utilisation, glutFrom, glutTo, elasticity } = this.scenario
    const wanted = this.week >= glutFrom ? glutTo : utilisation
    const dear = Number(this.index) / Number(this.reference)
    const grow = Math.min(1, (this.week + 1) / 8)
    const target = grow * this.capacity * wanted * dear ** -elasticity
    let stored = [...this.objects].length * N
    while (stored + N <= target) {
      const life = Math.max(4, Math.round(-52 * Math.log(1 - this.random.next())))
      this.objects.add({
        uploader: this.pickUploader(),
        until: this.week + life,
        lots: Array<undefined>(N).fill(undefined),
      })
      stored += N
    }
  }

  private pickUploader(): Address {
    const all = this.uploaders.reduce((sum, { weight }) => sum + weight, 0)
    let at = this.random.next() * all
    for (const { id, weight } of this.uploaders) {
      at -= weight
      if (at <= 0) return id
    }
    return (this.uploaders[0] as { id: Address }).id
  }

  private get reserve(): Wei {
    const outside = defaultReserve(this.reference)
    return this.scenario.cap ? defaultReserve(this.index, outside) : wei(20n * this.reference)
  }

  /** One auction for the lots that an object lacks. */
  private place(object: StoredObject): void {
    const { scenario } = this
    const missing = object.lots.flatMap((lot, i) => (lot ? [] : [i]))
    const held = object.lots.flatMap((lot) => (lot ? [lot.steward] : []))
    const holds = new Set(held)
    const reserve = this.reserve
    const egressPrice = this.index / 4n
    const bond = docketAmount([{ price: this.index, length: LOT, seconds: COST_MODEL.bond }])
    const terms: AuctionTerms = {
      lots: missing,
      k: K,
      n: N,
      bytes: LOT,
      term: TERM,
      reserve,
      loss: scenario.scored ? lossOfLot({ bytes: LOT, k: K, egressPrice, reserve }) : 0n,
      ...(scenario.bond ? { bond } : {}),
      ...(scenario.spread ? { perCluster: clusterCap(K, N), newcomers: this.newcomersFor(object) } : {}),
      holders: held.map(({ id, cluster }) => ({ steward: id, cluster })),
    }
    const entries: Entry[] = []
    for (const steward of this.stewards) {
      if (steward.barred > this.week || steward.used >= steward.slots || holds.has(steward)) continue
      const bid = this.bidOf(steward, reserve, egressPrice, bond)
      if (!bid) continue
      const age = (this.week - steward.since) * WEEK
      const confidence = confidencePpm(age, TERM, POLICY)
      const bidder = {
        steward: steward.id,
        cluster: steward.cluster,
        age,
        confidence,
        backing: scenario.bond ? bond : 0n,
      }
      entries.push({ steward, bid, bidder, score: bid.price + penaltyOf(bid, bidder, terms) })
    }
    const heard = scenario.hearAll ? entries : choosePossible(entries)
    const sealed = this.collared(heard.map(({ bid }) => bid)).map((bid) => ({
      steward: bid.steward,
      bid,
      salt: SALT,
      commit: commitOf(bid, SALT),
    }))
    const clearing = selectAwards(
      sealed,
      heard.map(({ bidder }) => bidder),
      terms,
    )
    this.extra += (0.02 * Number(advertValue(missing.length * LOT, reserve, TERM)) * 1e9) / Number(this.reference)
    this.award(object, clearing, new Map(heard.map(({ steward }) => [steward.id, steward])), scenario.bond ? bond : 0n)
  }

  private award(object: StoredObject, clearing: Clearing, byId: ReadonlyMap<Address, Steward>, bond: bigint): void {
    const pays = this.scenario.pay === 'bid' ? 'bid' : 'price'
    const awards = clearing.awards.map(({ steward: id, lot, ...award }) => {
      const steward = byId.get(id) as Steward
      const price = award[pays]
      object.lots[lot] = {
        steward,
        bond,
        contract: openContract({ steward: id, price, start: this.now, end: this.now + TERM }),
      } satisfies Lot
      steward.used++
      this.bids.delete(steward)
      this.paid.sum += Number(price) / Number(this.reference)
      this.paid.lots++
      return { steward: id, bytes: LOT, price }
    })
    if (awards.length > 0) this.publish({ uploader: object.uploader, at: this.now, feePaid: true, awards })
  }

  /** The index after one more clearing. */
  private publish(clearing: IndexedClearing & { readonly shill?: true }): void {
    this.clearings.push(clearing)
    if (this.clearings.length > 60) this.clearings.splice(0, 20)
    this.index = priceIndex(this.clearings, this.now, this.reference)
  }

  private newcomersFor({ uploader }: StoredObject): number {
    let [placed, withNewcomers] = [0, 0]
    for (const other of this.objects)
      if (other.uploader === uploader)
        for (const lot of other.lots)
          if (lot) {
            placed += LOT
            if (this.week - lot.steward.since < 5) withNewcomers += LOT
          }
    return newcomerLots({ placed, withNewcomers, total: N * LOT, lot: LOT })
  }

  /** The default bidder's bid, with a strategy on top where the scenario has one. The same all week, until the steward wins a lot. */
  private bidOf(steward: Steward, reserve: bigint, egressPrice: bigint, bond: bigint): Bid | undefined {
    if (this.bids.has(steward)) return this.bids.get(steward)
    const model: CostModel = {
      ...COST_MODEL,
      cost: this.costOf(steward),
      ...(steward.kind === 'cheat' ? { target: 0, fullPremium: 0 } : {}),
    }
    const capacity = { quota: steward.slots * LOT, reserve: 0, used: steward.used * LOT, promised: 0 }
    const offer = {
      lotBytes: LOT,
      totalBytes: LOT,
      term: TERM,
      reserve,
      egressPrice,
      egressFree: 2 * LOT,
      paidValue: 1n << 60n,
    }
    const answer = priceBid(steward.id, offer, capacity, model, this.scenario.floor ? this.reference : wei(1n))
    const bid =
      'bid' in answer
        ? {
            ...answer.bid,
            price: this.strategy(steward, answer.bid.price, reserve),
            bond: answer.bid.bond > bond ? answer.bid.bond : bond,
          }
        : undefined
    this.bids.set(steward, bid)
    return bid
  }

  private strategy(steward: Steward, price: bigint, reserve: bigint): bigint {
    if (steward.kind === 'cartel') return (reserve * 98n) / 100n
    if (this.scenario.pay !== 'bid') return price
    // In a first-price auction truth gains nothing: everyone asks just under what was paid last, never less than its cost.
    const shaded = (this.index * BigInt(Math.round(960 + 60 * this.random.next()))) / 1000n
    return shaded > price && shaded <= reserve ? shaded : price
  }

  /** What the design does not do: bids outside the collar are refused, so that everyone bids within it. */
  private collared(bids: readonly Bid[]): readonly Bid[] {
    const { collar } = this.scenario
    if (collar === undefined) return bids
    const [low, high] = [100n - collar, 100n + collar].map((part) => (this.index * part) / 100n) as [bigint, bigint]
    return bids.filter(({ price }) => price <= high).map((bid) => (bid.price < low ? { ...bid, price: low } : bid))
  }

  /** One uploader places with stewards of its own, at twice the price, as often as the largest others do, and pays the fee. */
  private bidAgainstOneself(): void {
    for (let i = 0; i < 3; i++) {
      const awards = Array.from({ length: N }, (_, lot) => ({
        steward: `0x${(0xffff00 + lot).toString(16).padStart(40, '0')}` as Address,
        bytes: 3 * LOT,
        price: 2n * this.index,
      }))
      this.publish({ uploader: this.shill, at: this.now, feePaid: true, awards, shill: true })
    }
  }

  /** New stewards come while the market pays half more than the usual cost and return, at most one in a hundred a week; old ones leave when it pays less than theirs. */
  private comeAndGo(): void {
    const rate = Number(this.index) / Number(this.reference)
    const honest = this.stewards.filter(({ kind, barred }) => kind === 'honest' && barred <= this.week)
    if (rate > 1.15)
      for (let i = 0; i < Math.ceil(honest.length / 100); i++) this.stewards.push(this.crowd.make('honest', this.week))
    for (const steward of honest) {
      steward.idle = Number(this.costOf(steward)) > Number(this.index) ? steward.idle + 1 : 0
      if (steward.idle > 52 && steward.used === 0) steward.barred = Number.POSITIVE_INFINITY
    }
    this.stewards = this.stewards.filter(({ barred, used }) => used > 0 || barred !== Number.POSITIVE_INFINITY)
  }

  private record(): WeekRecord {
    let [lots, bad, rent, unplaced] = [0, 0, 0, 0]
    const owners = new Map<string, number>()
    const income = { honest: 0, cartel: 0, cheat: 0, flaky: 0 }
    for (const object of this.objects)
      for (const lot of object.lots) {
        if (!lot) {
          unplaced++
          continue
        }
        lots++
        if (lot.steward.kind === 'cheat' || lot.steward.kind === 'flaky') bad++
        rent += Number(lot.contract.price)
        income[lot.steward.kind] += Number(lot.contract.price)
        const owner = lot.steward.kind === 'cartel' ? 'cartel' : lot.steward.id
        owners.set(owner, (owners.get(owner) ?? 0) + 1)
      }
    const ref = Number(this.reference)
    const slotsOf = (kind: Steward['kind']) =>
      this.stewards.reduce((sum, one) => sum + (one.kind === kind ? one.slots : 0), 0)
    return {
      week: this.week,
      price: this.paid.lots > 0 ? this.paid.sum / this.paid.lots : Number.NaN,
      marginal: this.marginalCost(lots),
      index: Number(this.index) / ref,
      indexWithoutShill: this.scenario.shill
        ? Number(
            priceIndex(
              this.clearings.filter(({ shill }) => !shill),
              this.now,
              this.reference,
            ),
          ) / ref
        : Number(this.index) / ref,
      used: lots / this.capacity,
      badShare: lots > 0 ? bad / lots : 0,
      hhi: [...owners.values()].reduce((sum, n) => sum + (100 * (n / lots)) ** 2, 0),
      rent: rent / ref,
      extra: this.extra,
      lots,
      unplaced: unplaced / Math.max(1, lots + unplaced),
      lost: this.lostObjects,
      honestIncome: income.honest / ref / slotsOf('honest'),
      cartelIncome: income.cartel / ref / slotsOf('cartel'),
    }
  }

  /** Honest disks by cost: what the one costs that the last lot needs, with the return its operator asks. */
  private marginalCost(lots: number): number {
    const target = 1 + COST_MODEL.target / 1e6
    const disks = this.stewards
      .filter(({ kind, barred }) => (kind === 'honest' || kind === 'cartel') && barred !== Number.POSITIVE_INFINITY)
      .map((steward) => ({
        slots: steward.slots,
        cost: (Number(this.costOf(steward)) / Number(this.reference)) * target,
      }))
      .sort((a, b) => a.cost - b.cost)
    let left = lots
    for (const { slots, cost } of disks) {
      left -= slots
      if (left <= 0) return cost
    }
    return disks.at(-1)?.cost ?? Number.NaN
  }
}

interface Entry {
  readonly steward: Steward
  readonly bid: Bid
  readonly bidder: Bidder
  readonly score: bigint
}

/** Bids that can win or set the price, by far: commitments are costly, and who is the fiftieth changes nothing. Newcomers and clusters are capped, so few of each do. */
function choosePossible(entries: readonly Entry[]): readonly Entry[] {
  const sorted = [...entries].sort((a, b) =>
    a.score < b.score ? -1 : a.score > b.score ? 1 : a.steward.id < b.steward.id ? -1 : 1,
  )
  const grown = sorted.filter(({ bidder }) => bidder.age >= NEWCOMER_AGE)
  if (grown.length < 3 * N) return entries
  const ofCluster = new Map<string, number>()
  const possible = grown.filter(({ steward: { cluster } }) => {
    const count = (ofCluster.get(cluster) ?? 0) + 1
    ofCluster.set(cluster, count)
    return count <= N + 1
  })
  return [...possible.slice(0, 2 * N + 4), ...sorted.filter(({ bidder }) => bidder.age < NEWCOMER_AGE).slice(0, N + 1)]
}
