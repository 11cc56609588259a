/**
 * One pool over some months, as its monitors see it: sweeps and misses on the chain, probes, reports and what follows from them. Everything is an
 * observation of pool/observation.ts; what is made of them is the product's business.
 */
import type { Address } from '../../base/curve.ts'
import { DAY, HOUR, unixTime } from '../../base/units.ts'
import type { Observation, ObservationKind } from '../../pool/observation.ts'
import type { Random } from '../random.ts'
import { type Actor, type Cast, createCast, type StewardActor, type Vice } from './cast.ts'
import { isIn } from './lives.ts'
import { type Held, type Pair, playPair } from './rounds.ts'

export const START = 1000 * DAY
/** Blobs of one docket that are written down: a sample, as a monitor would take it. */
const BLOBS = 3

export interface World {
  readonly cast: Cast
  /** Ascending by time. */
  readonly observations: readonly Observation[]
  readonly end: number
}

/** Stewards that liars speak of, by their place in the cast. */
export const FRAMED: readonly number[] = [2, 5]

/** @param liars how many of the three monitors of each framed steward say that it serves nobody; none by default */
export function playWorld(random: Random, days: number, vices: readonly Vice[], liars = 0): World {
  const end = START + days * DAY
  const cast = createCast(random, START, end, vices)
  const observations: Observation[] = []
  const put = (
    kind: ObservationKind,
    at: number,
    accused: Actor,
    accuser: Actor,
    blobId: string,
    weight: 0 | 1 = 1,
  ) => {
    if (at < end)
      observations.push({
        at: unixTime(Math.floor(at)),
        accused: accused.id,
        accuser: accuser.id,
        cluster: accused.cluster,
        accuserCluster: accuser.cluster,
        kind,
        blobId,
        weight,
      })
  }
  const pairs = playRounds(random, cast, end, put)
  const holdings = Map.groupBy(pairs, ({ steward }) => steward)
  for (const [i, steward] of cast.stewards.entries()) {
    const blobs = (holdings.get(steward) ?? []).flatMap((pair) => pair.blobs)
    const peers = cast.stewards.filter((one) => one !== steward)
    const isFramed = FRAMED.includes(i)
    const wards = [0, 4, 8].map((step, j) => ({
      monitor: cast.monitors[(i + step) % cast.monitors.length] as Actor,
      lies: isFramed && j < liars,
    }))
    playProbes(random, steward, blobs, wards, peers, end, put)
  }
  playReaders(random, cast, pairs, end, put)
  return { cast, observations: observations.sort((a, b) => a.at - b.at), end }
}

type Put = (kind: ObservationKind, at: number, accused: Actor, accuser: Actor, blobId: string, weight?: 0 | 1) => void

let blobNumber = 0
function createBlob(from: number, steward: StewardActor, random: Random): Held {
  const { crash, rot } = steward.life
  let lostAt = Number.POSITIVE_INFINITY
  if (crash && crash.at > from && random.chance(crash.part)) lostAt = crash.at
  if (rot) lostAt = Math.min(lostAt, Math.max(from, rot.from) + random.exponential(DAY / rot.part))
  const id = (++blobNumber).toString(16).padStart(64, '0')
  return { id, from, until: Number.POSITIVE_INFINITY, lostAt, sweeps: [] }
}

/** Who stores with whom, all rounds of all pairs; a steward that is given up is replaced. */
function playRounds(random: Random, cast: Cast, end: number, put: Put): Pair[] {
  const pairs: Pair[] = []
  const [alone, market] = [
    cast.stewards.filter(({ vice }) => vice === 'trades with itself'),
    cast.stewards.filter(({ vice }) => vice !== 'trades with itself'),
  ]
  const play = (uploader: Actor, steward: StewardActor, from: number, others: readonly StewardActor[]) => {
    const pair: Pair = {
      uploader,
      steward,
      blobs: Array.from({ length: BLOBS }, () => createBlob(from, steward, random)),
    }
    pairs.push(pair)
    playPair(pair, random, from, end, (kind, at, blobId) => {
      put(kind, at, steward, uploader, blobId)
      if (kind === 'swept' && steward.vice === 'holds nothing, fetches when asked' && at > steward.from) {
        // a peer that served the read shows the signed request in half of the cases
        if (random.chance(0.5)) put('fetched', at - random.next() * 12 * HOUR, steward, random.pick(market), blobId)
      }
    })
    const next = pair.droppedAt
    if (next !== undefined && next < end && others.length > 0)
      play(uploader, others[0] as StewardActor, next, others.slice(1))
  }
  for (const uploader of cast.uploaders) {
    if (uploader.vice === 'trades with itself') {
      for (const steward of alone) play(uploader, steward, uploader.from, [])
      continue
    }
    // one uploader in seven has a small market: three to five stewards
    const width = random.chance(1 / 7) ? 3 + random.below(3) : 10 + random.below(15)
    const order = random.sample(market, market.length)
    for (const steward of order.slice(0, width))
      play(uploader, steward, START + random.next() * 20 * DAY, order.slice(width))
  }
  return pairs
}

/** What one reader gets: the kind of the observation, or undefined when nobody would write it down. */
function readOnce(random: Random, steward: StewardActor, reader: Actor, blob: Held, at: number): ObservationKind {
  const { life, vice, from } = steward
  const isAway = (moment: number) => isIn(life.down, moment) || (reader.number % 2 === 1 && isIn(life.path, moment))
  if (isAway(at) && isAway(at + HOUR)) return 'timeout'
  if (vice === 'hostage: refuses every reader' && at > from) return 'probe-failed'
  if (vice === 'hostage: refuses two readers of three' && at > from && reader.number % 3 !== 0) return 'probe-failed'
  if (blob.lostAt <= at) return 'probe-failed'
  return random.chance(life.turnsAway) ? 'probe-failed' : 'probe-ok'
}

/** Three monitors read once a day each, every other time of what was swept a moment ago where there is any. */
function playProbes(
  random: Random,
  steward: StewardActor,
  blobs: readonly Held[],
  wards: readonly { readonly monitor: Actor; readonly lies: boolean }[],
  peers: readonly StewardActor[],
  end: number,
  put: Put,
): void {
  for (let day = START; day < end; day += DAY)
    for (const { monitor, lies } of wards) {
      const at = day + random.next() * DAY
      const here = blobs.filter(({ from, until }) => from <= at && until > at)
      if (here.length === 0) continue
      const fresh = here.filter(({ sweeps }) => sweeps.some((sweep) => sweep <= at && sweep > at - 3 * DAY))
      const blob = random.pick(fresh.length > 0 && random.chance(0.5) ? fresh : here)
      const kind = lies ? 'probe-failed' : readOnce(random, steward, monitor, blob, at)
      put(kind, at, steward, monitor, blob.id)
      if (steward.vice === 'holds nothing, fetches when asked' && at > steward.from && random.chance(0.5))
        put('fetched', at, steward, random.pick(peers), blob.id)
    }
}

/** Each uploader reads once a day; what fails is reported, and two monitors look within hours. Some readers have bad lines of their own. */
function playReaders(random: Random, cast: Cast, pairs: readonly Pair[], end: number, put: Put): void {
  const pairsOf = Map.groupBy(pairs, ({ uploader }) => uploader)
  const probe = (pair: Pair, at: number, blob: Held) => {
    for (const monitor of random.sample(cast.monitors, 2)) {
      const when = at + HOUR + random.next() * 7 * HOUR
      put(readOnce(random, pair.steward, monitor, blob, when), when, pair.steward, monitor, blob.id)
    }
  }
  for (const uploader of cast.uploaders) {
    const badLine = random.chance(0.05) ? 0.1 : 0.002
    const isLiar = uploader.vice === 'accuses one steward a day'
    for (let day = START; day < end; day += DAY) {
      const at = day + random.next() * DAY
      const mine = isLiar ? pairs : (pairsOf.get(uploader) ?? [])
      const able = mine.filter(({ blobs }) => blobs.some(({ from, until }) => from <= at && until > at + 8 * HOUR))
      if (able.length === 0) continue
      const pair = random.pick(able)
      const blob = random.pick(pair.blobs.filter(({ from, until }) => from <= at && until > at + 8 * HOUR))
      const lied = (isLiar && at > uploader.from) || random.chance(badLine)
      const kind = lied ? 'timeout' : readOnce(random, pair.steward, uploader, blob, at)
      if (kind === 'probe-ok') continue
      put(kind === 'timeout' ? 'timeout' : 'refused', at, pair.steward, uploader, blob.id, 0)
      probe(pair, at, blob)
    }
  }
}

/** Ids of all who did nothing wrong. */
export function honestOf({ stewards, uploaders, monitors }: Cast): Address[] {
  return [...stewards, ...uploaders, ...monitors].filter(({ vice }) => vice === undefined).map(({ id }) => id)
}
