/**
 * A year of one segment: when its shares are asked, who answers, what is given up and made again, and how near it comes to its end. When to ask, how
 * long an answer may take, what a miss means and when to repair is the product's: controller/schedule.ts, confidence.ts, segment-health.ts.
 */
import { DAY, HOUR } from '../../base/units.ts'
import { deriveConfidence, lossOf } from '../../controller/confidence.ts'
import type { ShareState } from '../../controller/placement-state.ts'
import { POLICY, type Policy } from '../../controller/policy.ts'
import { deadlineOf, gapOf, hourAtOrAfter, planByRisk, REVOKE_DELAY } from '../../controller/schedule.ts'
import { segmentHealth } from '../../controller/segment-health.ts'
import type { Random } from '../random.ts'
import { type Law, silentLoss } from './lifetimes.ts'
import { type Population, RING, SHOCK_MEAN, STRIKE, type Tenant, tenantAt, type Weather } from './population.ts'

export interface Code {
  readonly k: number
  readonly n: number
}

/** How often to ask. `risk`: besides the longest gap, whatever the risk policy picks, looked at every second day. */
export interface Plan {
  readonly name: string
  readonly policy: Policy
  readonly risk?: number
}

export interface Course {
  readonly checks: number
  readonly shareMonths: number
  /** Shares made again, and those of them whose bytes were still there. */
  readonly repairs: number
  readonly falseRepairs: number
  readonly lostAt?: number
  /** Chance that it is lost in the year, summed over the states it went through. */
  readonly expectedLoss: number
  /** Fewest shares that were there at any repair or look. */
  readonly fewest: number
}

export interface Share {
  tenant: Tenant
  lostAt: number
  lastProof: number
  streak: number
  state: ShareState
  /** The next thing that happens to it, and which. */
  next: number
  what: 'due' | 'missed' | 'nothing'
}

const LOOK = 2 * DAY
const REPAIR_TIME = 6 * HOUR
const ANSWER_TIME = 2 * HOUR
/** Deadline, a day, and another deadline: from the due time to the second miss. */
const TO_NOTICE = 2 * 78 * HOUR + DAY

export interface Setting {
  readonly population: Population
  readonly law: Law
  readonly weather: Weather
  readonly code: Code
  readonly plan: Plan
  readonly horizon: number
}

export function playSegment(random: Random, setting: Setting): Course {
  const { code, plan, horizon } = setting
  const { k, n } = code
  const shares: Share[] = []
  for (let i = 0; i < n; i++) shares.push(place(random, setting, shares, 0))
  let checks = 0
  let repairs = 0
  let falseRepairs = 0
  let fewest = n
  let expectedLoss = 0
  const span = plan.policy.longestGap + TO_NOTICE
  let nextExpectation = span / 2
  let nextLook = plan.risk === undefined ? Number.POSITIVE_INFINITY : LOOK
  const there = (at: number) => shares.reduce((sum, { lostAt }) => sum + (lostAt > at ? 1 : 0), 0)
  for (;;) {
    let first: Share | undefined
    for (const share of shares)
      if (share.what !== 'nothing' && (first === undefined || share.next < first.next)) first = share
    const at = Math.min(first?.next ?? Number.POSITIVE_INFINITY, nextLook, nextExpectation, horizon)
    if (at >= horizon) break
    if (at === nextExpectation) {
      expectedLoss += chanceOfLoss(shares, setting, at, span)
      nextExpectation += span
    } else if (at === nextLook) {
      lookAtRisk(shares, k, plan, at)
      nextLook += LOOK
    } else if (first?.what === 'due') {
      checks++
      askShare(first, random, plan.policy)
    } else if (first) {
      if (!missRound(first)) continue
      const real = there(at)
      fewest = Math.min(fewest, real)
      if (real < k) break
      if (
        !segmentHealth(
          shares.map(({ state }) => state),
          k,
          n,
        ).needsRepair
      )
        continue
      for (const [i, share] of shares.entries()) {
        if (share.state !== 'mia') continue
        repairs++
        if (share.lostAt > at) falseRepairs++
        shares[i] = place(random, setting, shares, at + REPAIR_TIME)
      }
    }
  }
  const left = shares.map(({ lostAt }) => lostAt).sort((a, b) => b - a)
  const lostAt = left[k - 1] as number // with k − 1 shares left it is lost
  const isLost = lostAt < horizon
  fewest = Math.min(fewest, there(horizon))
  return {
    checks,
    repairs,
    falseRepairs,
    shareMonths: (n * Math.min(lostAt, horizon)) / (30 * DAY),
    expectedLoss: Math.min(1, expectedLoss),
    fewest,
    ...(isLost ? { lostAt } : {}),
  }
}

/** A share with a steward that holds none of this segment: spread over clusters, one newcomer at most. market.md, step 3. */
function place(random: Random, { population, code }: Setting, others: readonly Share[], at: number): Share {
  const living = others.filter(({ state }) => state !== 'mia')
  const perCluster = Math.floor((code.n - code.k) / 2)
  for (let tries = 0; ; tries++) {
    const tenant = tenantAt(population, random.below(population.places.length), at)
    if (living.some((other) => other.tenant === tenant)) continue
    const isNewcomer = at - tenant.born < 30 * DAY
    if (tries < 200) {
      if (isNewcomer && living.some((other) => at - other.tenant.born < 30 * DAY)) continue
      if (living.filter((other) => other.tenant.cluster === tenant.cluster).length >= perCluster) continue
      if (others.some((other) => other.state === 'mia' && other.tenant === tenant)) continue // missed within 30 days
    }
    return {
      tenant,
      lostAt: Math.min(tenant.gone, at + silentLoss(random)),
      lastProof: at,
      streak: 0,
      state: 'held',
      next: hourAtOrAfter(at + DAY),
      what: 'due',
    }
  }
}

/** The round that is due: swept, or missed at its deadline. */
export function askShare(share: Share, random: Pick<Random, 'next'>, policy: Policy): void {
  const due = share.next
  const deadline = deadlineOf(due)
  let at = due + ANSWER_TIME
  for (const [from, to] of share.tenant.outages) if (at >= from && at < to) at = to
  if (share.lostAt <= at || at > deadline) {
    share.what = 'missed'
    share.next = deadline + REVOKE_DELAY
    return
  }
  share.lastProof = at
  share.streak++
  share.state = 'held'
  share.next = Math.max(hourAtOrAfter(due + gapOf(share.streak, random.next(), policy)), hourAtOrAfter(at))
}

/** A miss at its time: the first makes a suspect, which is asked again a day later; the second gives the share up. True for that. */
export function missRound(share: Share): boolean {
  share.streak = 0
  if (share.state === 'held') {
    share.state = 'suspect'
    share.what = 'due'
    share.next = hourAtOrAfter(share.next + (POLICY.ladder[0] ?? DAY))
    return false
  }
  share.state = 'mia'
  share.what = 'nothing'
  return true
}

function lookAtRisk(shares: readonly Share[], k: number, { risk = 1 }: Plan, now: number): void {
  const outlook = shares.map(({ state, tenant, lastProof, what }) => {
    const silence = Math.max(0, now - lastProof)
    const chance = state === 'held' ? deriveConfidence(Math.max(0, lastProof - tenant.born), silence, POLICY) : 0
    return { chance, silence, cluster: tenant.cluster, asked: what !== 'due' }
  })
  for (const i of planByRisk(outlook, k, risk, POLICY)) (shares[i] as Share).next = hourAtOrAfter(now)
}

/**
 * Chance that fewer than k of the shares that are there now last until every loss of now would have been noticed: exact over all that may happen to
 * these shares, an upper bound on the loss, since repairs in between are left out. A strike of the ring is averaged over all rings.
 */
function chanceOfLoss(shares: readonly Share[], { law, weather, code }: Setting, at: number, span: number): number {
  const real = shares.filter(({ lostAt }) => lostAt > at)
  const ring = STRIKE > at && STRIKE <= at + span ? RING[weather] : 0
  const keep = real.map(({ tenant }) => law.keeps(Math.max(0, at - tenant.born), span) * (1 - ring))
  const calm = lossOf(keep, code.k)
  if (weather !== 'shocks') return calm
  const shock = 1 - Math.exp(-span / SHOCK_MEAN)
  // one cluster at a time: two in one span are rarer by the same factor again
  let loss = calm
  for (const cluster of new Set(real.map(({ tenant }) => tenant.cluster)))
    loss +=
      shock *
      lossOf(
        keep.filter((_, i) => real[i]?.tenant.cluster !== cluster),
        code.k,
      )
  return Math.min(1, loss)
}
