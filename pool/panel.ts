/**
 * The panel: monitors of other clusters, drawn by a block that came after the report, so that nobody chooses its judges; votes sealed before
 * any is opened, so that nobody follows another. Pure. pool.md "Evidence and judgement".
 */
import { compareBytes, fromHex, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import { DAY, HOUR } from '../base/units.ts'
import type { VerdictClass } from '../net/messages/report.ts'

export interface PanelPolicy {
  /** Monitors drawn. */
  readonly seats: number
  /** Votes that convict. */
  readonly votes: number
  /** With fewer independent monitors a panel only advises. */
  readonly least: number
}

/** pool.md: 31 drawn, 21 convict, below 7 advice only. */
export const PANEL_POLICY: PanelPolicy = { seats: 31, votes: 21, least: 7 }

/** True for one that a registrar could hold: more than half of the seats convict, and no more than all. contracts/libraries/Policies.sol. */
export function isPanelPolicy({ seats, votes }: PanelPolicy): boolean {
  return votes <= seats && votes * 2 > seats
}

/** A monitor that may be drawn. */
export interface Candidate {
  readonly id: Address
  /** Network or owner; absent: it stands alone. */
  readonly cluster?: string | undefined
}

export interface Draw {
  /** In the order of the draw. */
  readonly seats: readonly Candidate[]
  /** Clusters that could be drawn: independent voices. */
  readonly independent: number
  /** Votes that convict on this panel. */
  readonly needed: number
  /** False: it only advises. */
  readonly binds: boolean
}

/** Panels are drawn on the full hour, so that who reports has little choice among blocks. Seconds. */
const DRAW_STEP = HOUR

/** The panel of a report is drawn by the first block at or after this: it was not there yet when the report was made. Chain time. */
export function drawTimeOf(report: { readonly at: number }): number {
  return (Math.floor(report.at / DRAW_STEP) + 1) * DRAW_STEP
}

/** A report whose draw is older than this calls no panel. Seconds. */
export const MAX_DRAW_AGE = 2 * DAY

/**
 * True when a block of time `time`, after one of `before`, is the first of an hour in which the report may draw.
 * @param before undefined: there is no block before it
 */
export function isDrawnBy(
  report: { readonly at: number },
  block: { readonly time: number; readonly before?: number | undefined },
): boolean {
  const { time, before = time - DRAW_STEP } = block
  const first = Math.max(drawTimeOf(report), (Math.floor(before / DRAW_STEP) + 1) * DRAW_STEP)
  return first <= Math.min(time, report.at + MAX_DRAW_AGE)
}

/**
 * The panel over an accused: one monitor of a cluster, none of accuser, accused or their clusters, ascending by
 * SHA-256("holdfast/panel/1" ‖ block hash ‖ accused ‖ monitor). Nothing that an accuser can choose after the block is in it.
 * @param excluded ids and clusters that must not judge
 */
export function drawPanel(
  candidates: readonly Candidate[],
  excluded: ReadonlySet<string>,
  seed: { readonly block: Uint8Array; readonly accused: Address },
  policy: PanelPolicy = PANEL_POLICY,
): Draw {
  const ranked = candidates
    .filter(({ id, cluster }) => !excluded.has(id) && (cluster === undefined || !excluded.has(cluster)))
    .map((one) => ({
      one,
      rank: sha256(utf8('holdfast/panel/1'), seed.block, fromHex(seed.accused, 20), fromHex(one.id, 20)),
    }))
    .sort((a, b) => compareBytes(a.rank, b.rank))
  const seen = new Set<string>()
  const independent = ranked.flatMap(({ one }) => {
    const cluster = one.cluster ?? one.id
    if (seen.has(cluster)) return []
    seen.add(cluster)
    return [one]
  })
  const seats = independent.slice(0, policy.seats)
  return {
    seats,
    independent: independent.length,
    needed: neededOf(seats.length, policy),
    binds: independent.length >= policy.least,
  }
}

/** Votes that convict on a smaller panel: the same part of its seats, rounded up, and always more than two thirds of them. */
export function neededOf(seats: number, { seats: full, votes }: PanelPolicy = PANEL_POLICY): number {
  return seats >= full ? votes : Math.max(Math.ceil((seats * votes) / full), Math.floor((2 * seats) / 3) + 1)
}

/** True when a panel saw the contrary: even with all that said nothing there would not be `needed` votes. */
export function acquits(
  { drawn, voted, convicting }: { readonly drawn: number; readonly voted: number; readonly convicting: number },
  needed: number,
): boolean {
  return drawn > 0 && drawn - (voted - convicting) < needed
}

/** A vote that was opened and fits its ballot. */
export interface OpenedVote {
  readonly voter: Address
  /** 1: it is so. */
  readonly vote: 0 | 1
}

export interface PanelOutcome {
  readonly outcome: 'convicted' | 'not-convicted'
  readonly class: VerdictClass
  readonly count: { readonly drawn: number; readonly voted: number; readonly convicting: number }
}

/** Counts: each seat once; a voter that was not drawn, or that voted twice, counts nothing. Silence convicts nobody. */
export function countVotes(draw: Draw, votes: readonly OpenedVote[]): PanelOutcome {
  const drawn = new Set(draw.seats.map(({ id }) => id))
  const byVoter = Map.groupBy(
    votes.filter(({ voter }) => drawn.has(voter)),
    ({ voter }) => voter,
  )
  const single = [...byVoter.values()].filter((own) => own.length === 1).flat()
  const convicting = single.filter(({ vote }) => vote === 1).length
  return {
    outcome: draw.seats.length > 0 && convicting >= draw.needed ? 'convicted' : 'not-convicted',
    class: draw.binds ? 'panel' : 'advice',
    count: { drawn: draw.seats.length, voted: single.length, convicting },
  }
}

/**
 * The chance that a panel drawn from `monitors`, of which `liars` always convict and the others never do, convicts: the hypergeometric tail.
 * What the figures of pool.md rest on; docs/explanation/evidence.md.
 */
export function falseConviction(monitors: number, liars: number, policy: PanelPolicy = PANEL_POLICY): number {
  const seats = Math.min(policy.seats, monitors)
  const needed = neededOf(seats, policy)
  let ways = 0n
  for (let lying = needed; lying <= Math.min(seats, liars); lying++)
    ways += choose(liars, lying) * choose(monitors - liars, seats - lying)
  const all = choose(monitors, seats)
  // eighteen digits are enough, and a quotient of such large numbers is no float
  return Number((ways * 10n ** 30n) / all) / 1e30
}

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n
  let ways = 1n
  for (let i = 0; i < k; i++) ways = (ways * BigInt(n - i)) / BigInt(i + 1)
  return ways
}
