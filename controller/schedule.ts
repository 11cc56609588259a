/**
 * When to ask. The ladder of gaps with its jitter, the deadlines two programs must agree on, and which placements share a docket.
 * Pure; chain time in whole seconds throughout. Rules: protocol.md §4, §8; docs/spec/schedule.md.
 */
import { assertBytes, concat, fromHex, readU32, toHex, u32, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { hmacSha256, sha256 } from '../base/hash.ts'
import { type Gwei, gwei, HOUR } from '../base/units.ts'
import { docketAmount } from '../pricing/rates.ts'
import { type ShareOutlook, segmentLoss } from './confidence.ts'
import { intervalOf } from './contract-life.ts'
import type { PostEffect } from './facts.ts'
import { openRoundOf, type PlacementState, rowsLeft } from './placement-state.ts'
import type { Policy } from './policy.ts'

/** A post's deadline lies at least so long after its due time. Seconds. protocol.md §4. */
export const ANSWER_WINDOW = 72 * HOUR
/** Deadlines are multiples of this, so that many bounties share one. Seconds. protocol.md §4. */
export const DEADLINE_STEP = 6 * HOUR
/** A bounty can be revoked so long after its deadline. Seconds. protocol.md §4; `REVOKE_DELAY` in contracts/libraries/Bounties.sol. */
export const REVOKE_DELAY = HOUR

/** The multiple of 3600 s at or before a moment. */
export function hourAtOrBefore(moment: number): number {
  return Math.floor(moment / HOUR) * HOUR
}

/** The multiple of 3600 s at or after a moment: due times lie on these. */
export function hourAtOrAfter(moment: number): number {
  return Math.ceil(moment / HOUR) * HOUR
}

/** The first multiple of 21600 s at least 72 h after the due time. protocol.md §4. */
export function deadlineOf(due: number): number {
  return Math.ceil((due + ANSWER_WINDOW) / DEADLINE_STEP) * DEADLINE_STEP
}

/** A uniform number in [0, 1) for one round with one steward; the same for ever, and nobody else can foretell it. */
export type Draw = (steward: Address, round: number) => number

/** A draw is asked for with every decision; so many are remembered (about 10 MB). */
const REMEMBERED_DRAWS = 100_000

/**
 * The jitter's source: HMAC-SHA256(seed, "holdfast/jitter/1" ‖ steward ‖ u32 round), its first four bytes as a fraction. Per (uploader,
 * steward, round) and never per blob, so that placements made together stay together on one docket. protocol.md §8.
 * @param seed 32 secret bytes of the uploader
 */
export function createDraw(seed: Uint8Array): Draw {
  assertBytes(seed, 32, 'seed')
  const drawn = new Map<string, number>()
  return (steward, round) => {
    const key = `${steward}/${round}`
    const known = drawn.get(key)
    if (known !== undefined) return known
    const message = concat(utf8('holdfast/jitter/1'), fromHex(steward, 20), u32(round))
    const value = readU32(hmacSha256(seed, message), 0) / 2 ** 32
    if (drawn.size >= REMEMBERED_DRAWS) drawn.clear() // only speed is lost: the same draw comes again
    drawn.set(key, value)
    return value
  }
}

/**
 * The gap after `streak` proofs in a row: the ladder's rung, the first one exactly, the others up to a quarter shorter or longer, never
 * over the longest. Whole hours, so that due times stay on the hour.
 */
export function gapOf(streak: number, chance: number, policy: Policy): number {
  const rung = policy.ladder[Math.min(streak, policy.ladder.length - 1)] as number
  const jittered = streak === 0 ? rung : rung * (1 + policy.jitter * (2 * chance - 1))
  return Math.max(HOUR, Math.round(Math.min(jittered, policy.longestGap) / HOUR) * HOUR)
}

/** A share as the risk policy sees it. */
export interface RiskShare extends ShareOutlook {
  /** A question to it is open: it is not asked twice, and counts as if it had answered; a miss will show in its chance. */
  readonly asked?: boolean
}

/**
 * The risk policy, the option beside the ladder: while what is left to fear for the segment is above `risk`, the share with the largest 1 − c is
 * asked, and counted as proven from then on. It adds to the ladder's longest gap, which is about pay, and does not replace it. protocol.md §8.
 * @param risk π, the loss that is accepted; above 0, below 1
 * @returns positions in `shares`, the most doubtful first; none when nothing needs asking, or nothing that can be asked helps
 * @throws HoldfastError `INPUT_RANGE` for a risk of 0, which would ask without end, or of 1 and more
 */
export function planByRisk(
  shares: readonly RiskShare[],
  k: number,
  risk: number,
  model: Pick<Policy, 'lifetimes' | 'silentLoss' | 'clusterLife'>,
): number[] {
  if (!(risk > 0 && risk < 1))
    throw new HoldfastError('INPUT_RANGE', { name: 'risk', expected: 'above 0 and below 1', got: String(risk) })
  const proven = (share: RiskShare): RiskShare => ({ ...share, chance: 1, silence: 0 })
  const outlook = shares.map((share) => (share.asked && share.chance > 0 ? proven(share) : share))
  const doubtful = [...shares.keys()]
    .filter((i) => !shares[i]?.asked && (shares[i]?.chance ?? 0) > 0 && (shares[i]?.chance ?? 1) < 1)
    .sort((a, b) => (shares[a]?.chance ?? 0) - (shares[b]?.chance ?? 0) || a - b)
  const picked: number[] = []
  for (const i of doubtful) {
    if (segmentLoss(outlook, k, model) <= risk) break
    outlook[i] = proven(shares[i] as RiskShare)
    picked.push(i)
  }
  return picked
}

/** What one bounty will cover. All its placements are with one steward; a retry stands alone. */
export interface DocketPlan {
  /** Hex; derived from steward, due time, placements and rows, so that planning again gives the same. */
  readonly id: string
  readonly steward: Address
  /** The hour of the post. */
  readonly due: number
  readonly deadline: number
  readonly retry: boolean
  /** Ids, ascending by blob id; each blob once. */
  readonly placements: readonly string[]
}

/** True when a round may be opened now if asked: alive, nothing open, a row left, some of the interval left to pay for. */
export function canOpen(placement: PlacementState, due: number): boolean {
  return (
    (placement.state === 'held' || placement.state === 'suspect') &&
    openRoundOf(placement) === undefined &&
    rowsLeft(placement) > 0 &&
    intervalOf(placement, hourAtOrBefore(due)).cut > placement.totals.cut
  )
}

/**
 * The dockets to post now. A steward with anything due gets one docket with all of its placements due within a quarter of their gap; each
 * suspect gets a docket of its own, so that one lost blob cannot hide the others (protocol.md §8).
 * @param placements of one uploader, in any order
 */
export function groupDue(placements: Iterable<PlacementState>, now: number, policy: Policy): DocketPlan[] {
  const due = hourAtOrBefore(now)
  const ripe = new Map<Address, PlacementState[]>()
  const near = new Map<Address, PlacementState[]>()
  const plans: DocketPlan[] = []
  for (const placement of placements) {
    const { nextDue, steward } = placement
    if (nextDue === undefined || !canOpen(placement, due)) continue
    if (placement.state === 'suspect') {
      if (nextDue <= now) plans.push(planOf(steward, due, true, [placement]))
    } else if (nextDue <= now) push(ripe, steward, placement)
    else if (placement.rides ? isRested(placement, due, policy) : nextDue - now <= placement.gap * policy.groupWithin)
      push(near, steward, placement)
  }
  for (const [steward, first] of ripe) {
    const ofBlob = new Map<string, PlacementState>()
    for (const placement of [...first, ...(near.get(steward) ?? [])])
      if (!ofBlob.has(placement.blobId)) ofBlob.set(placement.blobId, placement)
    const sorted = [...ofBlob.values()].sort((a, b) => (a.blobId < b.blobId ? -1 : 1))
    for (let at = 0; at < sorted.length; at += policy.docketEntries)
      plans.push(planOf(steward, due, false, sorted.slice(at, at + policy.docketEntries)))
  }
  return plans.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** What rides along spends a row on it: not more often than four times in the longest gap. */
function isRested({ totals }: PlacementState, due: number, policy: Policy): boolean {
  return due - totals.cut >= policy.longestGap * policy.groupWithin
}

function planOf(steward: Address, due: number, retry: boolean, placements: readonly PlacementState[]): DocketPlan {
  const id = sha256(
    utf8('holdfast/docket-plan/1'),
    fromHex(steward, 20),
    u32(due),
    ...placements.flatMap((placement) => [fromHex(placement.id), u32(placement.rows.next)]),
  )
  return {
    id: toHex(id),
    steward,
    due,
    deadline: deadlineOf(due),
    retry,
    placements: placements.map((placement) => placement.id),
  }
}

function push<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = map.get(key)
  if (list) list.push(item)
  else map.set(key, [item])
}

/**
 * What the bounty over these posts pays, gwei: every placement's own price, length and interval, one division at the end. protocol.md §5.
 * What is stored by right costs no rent and is asked like the rest: the least amount there is carries the question (docs/decisions/0007-right-to-store.md).
 */
export function amountOf(posts: Iterable<Pick<PostEffect, 'price' | 'length' | 'from' | 'cut'>>): Gwei {
  const items = Array.from(posts, (post) => ({
    price: post.price,
    length: post.length,
    seconds: post.cut - post.from,
  }))
  const rent = docketAmount(items)
  return rent === 0n && items.length > 0 ? gwei(1n) : rent
}
