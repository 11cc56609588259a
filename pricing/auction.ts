/**
 * The placement auction: sealed bids, the lowest scores win, all winners are paid one price. market.md, steps 3, 4 and 6. Pure and integer:
 * whoever knows the same bids gets the same clearing.
 */
import { compareBytes } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { ceilDiv, DAY, GiB, MONTH, WEI_PER_GWEI } from '../base/units.ts'
import { ABSURD_PRICE, type Bid, bidHash, checkReveal, type Refusal, type SealedBid } from './bids.ts'

/** Confidence and other parts of one are counted in millionths. */
const PPM = 1_000_000n
/** Who registered later is a newcomer. Seconds. market.md step 3. */
export const NEWCOMER_AGE = 30 * DAY

/** What is sold, and by which rules. Prices in wei of HOLD per GiB-month. */
export interface AuctionTerms {
  /** Lots to give out, by share index; all alike. */
  readonly lots: readonly number[]
  readonly k: number
  readonly n: number
  /** Bytes of one lot. */
  readonly bytes: number
  /** Seconds. */
  readonly term: number
  /** Highest score that can win, and the price where nobody sets a lower one. */
  readonly reserve: bigint
  /** What losing one lot would cost the uploader, wei. */
  readonly loss: bigint
  /** Least bond of a bid, gwei, counted as far as stake stands behind it; absent: any. The bond is a part of the deal, not of the price: who bids low must not stand in for less. */
  readonly bond?: bigint
  /** Most a bid may ask for reading beyond its allowance, wei per GiB; absent: any. */
  readonly egressPrice?: bigint
  /** Most lots of one cluster; absent: the rule is off. */
  readonly perCluster?: number
  /** Most lots for newcomers (`newcomerLots`); absent: the rule is off. */
  readonly newcomers?: number
  /** Stewards that have a lot of this put already, with their clusters: they count for the spread and cannot win another. */
  readonly holders?: readonly { readonly steward: Address; readonly cluster?: string }[]
}

/** What is known of an invited steward, all of it published with the commitments. */
export interface Bidder {
  readonly steward: Address
  /** That it still holds the lot at the end of the term, in millionths. */
  readonly confidence: number
  readonly cluster?: string
  /** Since its registration. Seconds. */
  readonly age: number
  /** Gwei of stake that stands behind its bond; a bond counts up to this. */
  readonly backing: bigint
}

export interface Score {
  readonly steward: Address
  readonly bid: bigint
  /** What its risk adds, wei per GiB-month. */
  readonly penalty: bigint
  readonly score: bigint
}

export interface LotAward extends Score {
  readonly lot: number
  /** What the placement pays: the uniform price less the winner's own penalty; never below its bid. */
  readonly price: bigint
}

export interface Clearing {
  readonly awards: readonly LotAward[]
  /** Lots nobody takes. */
  readonly missing: readonly number[]
  /** The uniform price: the first losing score, or the reserve. */
  readonly price: bigint
  /** Who takes over when a winner fails, best first, each with the price it would be paid. */
  readonly runnersUp: readonly Omit<LotAward, 'lot'>[]
  /** All bids that can win, ascending. */
  readonly scores: readonly Score[]
  readonly refused: readonly { readonly steward: Address; readonly why: Refusal }[]
  /** Fewer than one and a half bids a lot: competition is thin. */
  readonly thin: boolean
}

/** What a bond comes to: what was bid, as far as stake stands behind it. */
function standing(bond: bigint, backing: bigint): bigint {
  return bond < backing ? bond : backing
}

/** `⌈(1 − c) · max(0, loss − bond) / term⌉` as wei per GiB-month: the expected loss that the bidder's bond does not cover. */
export function penaltyOf(bid: Bid, bidder: Bidder, terms: AuctionTerms): bigint {
  const bond = standing(bid.bond, bidder.backing)
  const uncovered = terms.loss - bond * WEI_PER_GWEI
  if (uncovered <= 0n) return 0n
  const risk = PPM - BigInt(bidder.confidence)
  return ceilDiv(risk * uncovered * BigInt(GiB) * BigInt(MONTH), PPM * BigInt(terms.bytes) * BigInt(terms.term))
}

/**
 * What losing a lot would cost the uploader, wei, rounded up: reading k other lots to rebuild it, at the egress price, and a month's rent at
 * the reserve for the trouble of placing it anew. docs/spec/auction.md.
 */
export function lossOfLot(lot: {
  readonly bytes: number
  readonly k: number
  readonly egressPrice: bigint
  readonly reserve: bigint
}): bigint {
  return ceilDiv(BigInt(lot.bytes) * (BigInt(lot.k) * lot.egressPrice + lot.reserve), BigInt(GiB))
}

/**
 * Lots of one auction that newcomers may win: one share of a segment, and only while all newcomers together hold at most 1 % of what the
 * uploader has placed, this put included. market.md step 3. Bytes.
 */
export function newcomerLots(uploader: {
  /** Under live placements, with everybody and with newcomers. */
  readonly placed: number
  readonly withNewcomers: number
  /** Of this put in all, and of one lot. */
  readonly total: number
  readonly lot: number
}): number {
  const { placed, withNewcomers, total, lot } = uploader
  return 100 * (withNewcomers + lot) <= placed + total ? 1 : 0
}

/**
 * The part of a steward's stake that stands behind one lot, gwei, rounded down: one stake cannot back every bid, so it counts by the lot's part of all
 * rent in the steward's newest signed inventory, this lot included. market.md. @param rents wei a month
 */
export function proRataBond(stake: bigint, rents: { readonly lot: bigint; readonly inventory: bigint }): bigint {
  const all = rents.inventory + rents.lot
  if (stake <= 0n || rents.lot <= 0n || rents.inventory < 0n) return 0n
  return (stake * rents.lot) / all
}

/** Clears an auction. Bids that break a rule are refused by name, never in silence. @throws `INPUT_RANGE` for terms that make no sense */
export function selectAwards(sealed: readonly SealedBid[], bidders: readonly Bidder[], terms: AuctionTerms): Clearing {
  assertTerms(terms)
  const { candidates, refused } = admit(sealed, new Map(bidders.map((bidder) => [bidder.steward, bidder])), terms)
  const seats = createSeats(bidders, terms)
  const winners: Candidate[] = []
  const rest: Candidate[] = []
  for (const candidate of candidates) {
    if (winners.length === terms.lots.length) rest.push(candidate)
    else {
      const why = seats.refuse(candidate)
      if (why) refused.push({ steward: candidate.steward, why })
      else winners.push(seats.take(candidate))
    }
  }
  // Who could not take a lot beside the winners sets no price: an operator must not lower it, or raise it, with a bid that cannot win.
  const runners = rest.filter((candidate) => seats.refuse(candidate) === undefined)
  const price = runners[0]?.score ?? terms.reserve
  return {
    awards: winners.map((winner, i) => ({
      ...scoreOf(winner),
      lot: terms.lots[i] as number,
      price: price - winner.penalty,
    })),
    missing: terms.lots.slice(winners.length),
    price,
    runnersUp: runners.map((runner, i) => ({
      ...scoreOf(runner),
      price: (runners[i + 1]?.score ?? terms.reserve) - runner.penalty,
    })),
    scores: candidates.map(scoreOf),
    refused,
    thin: 2 * candidates.length < 3 * terms.lots.length,
  }
}

interface Candidate extends Score {
  readonly bidder: Bidder
  readonly sealed: Bid
}

const scoreOf = ({ steward, bid, penalty, score }: Candidate): Score => ({ steward, bid, penalty, score })

function admit(sealed: readonly SealedBid[], known: ReadonlyMap<Address, Bidder>, terms: AuctionTerms) {
  const refused: { steward: Address; why: Refusal }[] = []
  const candidates: Candidate[] = []
  const seen = new Set<Address>()
  for (const entry of sealed) {
    const { steward, bid } = entry
    const bidder = known.get(steward)
    const why = refusalOf(entry, bidder, seen, terms)
    seen.add(steward)
    if (why || !bidder || !bid) {
      refused.push({ steward, why: why ?? 'not-invited' })
      continue
    }
    const penalty = penaltyOf(bid, bidder, terms)
    const score = bid.price + penalty
    if (score > terms.reserve) refused.push({ steward, why: 'over-reserve' })
    else candidates.push({ steward, bid: bid.price, penalty, score, bidder, sealed: bid })
  }
  candidates.sort((a, b) =>
    a.score < b.score ? -1 : a.score > b.score ? 1 : compareBytes(bidHash(a.sealed), bidHash(b.sealed)),
  )
  return { candidates, refused }
}

function refusalOf(
  entry: SealedBid,
  bidder: Bidder | undefined,
  seen: ReadonlySet<Address>,
  terms: AuctionTerms,
): Refusal | undefined {
  if (!bidder) return 'not-invited'
  if (seen.has(entry.steward)) return 'second-bid'
  const broken = checkReveal(entry)
  if (broken) return broken
  const { bid } = entry
  if (terms.holders?.some((holder) => holder.steward === entry.steward)) return 'holds-a-lot'
  if (bid?.capacity !== undefined && bid.capacity < terms.bytes) return 'no-room'
  if (terms.bond !== undefined && bid && standing(bid.bond, bidder.backing) < terms.bond) return 'bond-short'
  if (terms.egressPrice !== undefined && bid && bid.egressPrice > terms.egressPrice) return 'egress-price'
  return undefined
}

/** The spread rules: how many lots of one cluster and of newcomers are given out so far. */
function createSeats(bidders: readonly Bidder[], terms: AuctionTerms) {
  const ofCluster = new Map<string, number>()
  const clusterOf = ({ cluster, steward }: { readonly cluster?: string; readonly steward: Address }) =>
    cluster ?? steward
  for (const holder of terms.holders ?? [])
    ofCluster.set(clusterOf(holder), (ofCluster.get(clusterOf(holder)) ?? 0) + 1)
  const grown = bidders.filter((bidder) => bidder.age >= NEWCOMER_AGE).length
  const newcomerCap = grown >= terms.n ? terms.newcomers : undefined
  let newcomers = 0
  return {
    refuse({ bidder }: Candidate): Refusal | undefined {
      if (terms.perCluster !== undefined && (ofCluster.get(clusterOf(bidder)) ?? 0) >= terms.perCluster)
        return 'cluster'
      if (newcomerCap !== undefined && bidder.age < NEWCOMER_AGE && newcomers >= newcomerCap) return 'newcomer'
      return undefined
    },
    take(candidate: Candidate): Candidate {
      const cluster = clusterOf(candidate.bidder)
      ofCluster.set(cluster, (ofCluster.get(cluster) ?? 0) + 1)
      if (candidate.bidder.age < NEWCOMER_AGE) newcomers++
      return candidate
    },
  }
}

function assertTerms(terms: AuctionTerms): void {
  const { bytes, term, k, n, lots, reserve, loss } = terms
  const isCount = (value: number, most: number) => Number.isSafeInteger(value) && value > 0 && value <= most
  const isSound =
    isCount(bytes, Number.MAX_SAFE_INTEGER) &&
    isCount(term, 0xffffffff) &&
    isCount(k, n) &&
    isCount(n, 256) &&
    lots.every((lot, i) => (lot === 0 || isCount(lot, n - 1)) && lots.indexOf(lot) === i)
  const isMoney = reserve >= 0n && reserve < ABSURD_PRICE && loss >= 0n && loss < 1n << 128n
  if (!isSound || !isMoney)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'auction terms',
      expected: 'positive bytes and term, 1 ≤ k ≤ n ≤ 256, different lots below n, a reserve below 2^96 wei',
      got: `${bytes} B, ${term} s, ${k}/${n}, ${lots.length} lots, reserve ${reserve}`,
    })
}
