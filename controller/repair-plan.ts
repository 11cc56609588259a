/**
 * Which blobs of an object are missing, and which of them are to be made again now. Pure over the ledger's state. protocol.md §8:
 * a segment is repaired when n − ⌈(n − k) / 4⌉ of its shares are confirmed, or fewer; so is the set of a manifest's copies. What one
 * repair mends has the same lots missing and the same holders left, so that one auction serves it and nobody gets two shares of a segment.
 */
import { concat, toHex, u16, u32, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import { DAY, type Seconds, seconds } from '../base/units.ts'
import { planObject } from '../blob/segment.ts'
import type { BlobSlot, MissingBlob, PutPlan } from '../uploader/put-book.ts'
import { isLeaving } from './contract-life.ts'
import { countedAs, type PlacementState } from './placement-state.ts'
import type { Policy } from './policy.ts'
import type { ObjectRecord } from './records.ts'
import { type SegmentHealth, segmentHealth } from './segment-health.ts'

/** Shares of one segment, or the copies of one manifest. */
export interface Part {
  readonly kind: BlobSlot['kind']
  /** As in a `BlobSlot`. */
  readonly segment: number
  readonly health: SegmentHealth
  /** Bytes of each blob; 0 when nobody knows (no copy was ever placed). */
  readonly length: number
  /** Missing blobs that may be made again now. */
  readonly missing: readonly number[]
  /** Placements behind the missing blobs that have not been given up for good: what there is to be told. */
  readonly gone: readonly PlacementState[]
  /** What is there and can be asked for: `held` and `suspect`, stewards in good standing. */
  readonly there: readonly PlacementState[]
  /** What is there with stewards that get no requests (P5): missing until their standing is restored. */
  readonly outcast: readonly PlacementState[]
  /** Something else will be missing from then on: a put may still be placing what nobody took. */
  readonly later?: number
}

/** One repair: what it places, and at which terms. */
export interface RepairPlan {
  /** Hex; follows from what it mends, so that planning again gives the same. */
  readonly id: string
  readonly plan: PutPlan
  /** Placements that are told. */
  readonly gone: readonly string[]
}

/** Shortest and longest term of a placement. Seconds. protocol.md §5, market.md. */
const SHORTEST_TERM = 30 * DAY
const LONGEST_TERM = 180 * DAY

const isThere = ({ state }: PlacementState) => state === 'held' || state === 'suspect'
/** It is there, and will not stay: another one is to have its share. */
const isStaying = (placement: PlacementState) => isAskable(placement) && !isLeaving(placement)
const isAskable = (placement: PlacementState) => isThere(placement) && placement.outcast === undefined
const isGone = ({ state }: PlacementState) => state === 'mia' || state === 'repairing' || state === 'lost'

/** All parts of an object, in order: segments (those of its list of shares last), then copies. */
export function surveyObject(
  object: ObjectRecord,
  placements: Iterable<PlacementState>,
  now: number,
  policy: Policy,
): Part[] {
  const bySlot = Map.groupBy(placements, ({ kind, segment }) => `${kind}/${segment}`)
  const { size, segmentSize, k, n, indirect } = object
  const lengths = planObject(size, { segmentSize, k, n }).segments.map(({ shareLength }) => shareLength)
  if (indirect)
    lengths.push(...planObject(indirect.size, { segmentSize, k, n }).segments.map(({ shareLength }) => shareLength))
  const copies = indirect ? [0, 1] : [0]
  return [
    ...lengths.map((length, segment) => ({ kind: 'share', segment, length }) as const),
    ...copies.map((segment) => ({ kind: 'copy', segment }) as const),
  ].map((part) => surveyPart(object, part, bySlot.get(`${part.kind}/${part.segment}`) ?? [], now, policy))
}

function surveyPart(
  { k, n, createdAt }: ObjectRecord,
  part: { readonly kind: BlobSlot['kind']; readonly segment: number; readonly length?: number },
  placements: readonly PlacementState[],
  now: number,
  policy: Policy,
): Part {
  const byShare = Map.groupBy(placements, ({ share }) => share)
  const missing: number[] = []
  const there: PlacementState[] = []
  const outcast: PlacementState[] = []
  let later: number | undefined
  for (let share = 0; share < n; share++) {
    const all = byShare.get(share) ?? []
    const living = all.filter(isThere)
    const askable = living.filter(isAskable).sort((a, b) => Number(isLeaving(a)) - Number(isLeaving(b)))
    there.push(...askable.slice(0, 1))
    if (askable.length === 0) outcast.push(...living.slice(0, 1))
    if (askable.length > 0 || all.some(({ state }) => state === 'placing')) continue
    const [last] = [...all].sort((a, b) => b.start - a.start || (b.bookedAt ?? 0) - (a.bookedAt ?? 0))
    if (last === undefined) {
      // a put that nobody took enough of goes on for a while; then what is missing is like any other
      const from = createdAt + policy.tryAgain
      if (now < from) later = from
      else missing.push(share)
    } else if (
      isGone(last) ||
      living.some(({ terminated }) => terminated !== true) ||
      (policy.renew && last.terminated !== true)
    )
      missing.push(share)
  }
  const states = [...there, ...outcast].map(countedAs)
  const health = segmentHealth(states, k, n)
  const length = part.length ?? placements[0]?.length ?? 0
  return {
    kind: part.kind,
    segment: part.segment,
    length,
    // one copy is enough to make all others; the threshold is that of the shares
    health:
      part.kind === 'share'
        ? health
        : {
            ...health,
            isLost: states.length === 0,
            isMendable: there.length > 0,
            needsRepair: there.length > 0 && there.length < n && there.length <= health.threshold,
          },
    missing,
    gone: placements.filter(isGone),
    there,
    outcast,
    ...(later === undefined ? {} : { later }),
  }
}

/** True when no blob of the object is wanted any more: nothing is there, and nothing that could come back. */
export function isOver(parts: readonly Part[]): boolean {
  return parts.every(({ there, gone, outcast }) => there.length === 0 && gone.length === 0 && outcast.length === 0)
}

/**
 * The repairs that an object needs now.
 * @param busy slots of parts (`kind/segment`) that a repair under way mends: one at a time
 * @param ordered by the owner: also above the threshold
 */
export function planRepairs(
  object: ObjectRecord,
  parts: readonly Part[],
  busy: ReadonlySet<string>,
  now: number,
  ordered = false,
): RepairPlan[] {
  const wanted = parts.filter(
    ({ kind, segment, health, missing, length }) =>
      missing.length > 0 &&
      length > 0 &&
      health.isMendable &&
      (health.needsRepair || ordered) &&
      !busy.has(`${kind}/${segment}`),
  )
  const groups = Map.groupBy(wanted, ({ missing, there }) => `${missing.join()} ${holdersOf(there).join()}`)
  return [...groups.values()].map((group) => planGroup(object, group, now))
}

/** Term of what is made anew: as long as the longest of the others, so that all come up for renewal together; what is shorter than a term may be, is made one. */
export function termBeside(others: Iterable<PlacementState>, now: number): Seconds {
  const end = Math.max(0, ...Array.from(others, (placement) => placement.end))
  return seconds(Math.min(LONGEST_TERM, Math.max(SHORTEST_TERM, end - now)))
}

function planGroup({ ref, k, n, size }: ObjectRecord, parts: readonly Part[], now: number): RepairPlan {
  const blobs: MissingBlob[] = parts.flatMap(({ kind, segment, missing, length }) =>
    missing.map((share) => ({ kind, segment, share, length })),
  )
  const term = termBeside(
    parts.flatMap(({ there }) => there),
    now,
  )
  const gone = parts.flatMap((part) => [...part.gone, ...part.outcast])
  const id = toHex(
    sha256(
      utf8('holdfast/repair/1'),
      utf8(ref),
      ...blobs.map(({ kind, segment, share }) => concat(utf8(kind), u32(segment), u16(share))),
      ...parts.flatMap(({ there }) => there.map((placement) => utf8(placement.id))),
      ...gone.map((placement) => utf8(placement.id)),
    ),
  )
  return {
    id,
    gone: gone.map((placement) => placement.id),
    plan: { ref: id, k, n, bytes: size, shareLengths: [], copyLength: 0, term, mends: { ref, blobs } },
  }
}

/** Stewards of some placements, each once, ascending. */
export function holdersOf(placements: Iterable<PlacementState>): Address[] {
  return [...new Set(Array.from(placements, ({ steward }) => steward))].sort()
}

/** Who must not get a lot of this repair: whoever holds another blob of a part it mends. */
export function holdersBeside(plan: PutPlan, placements: Iterable<PlacementState>): Address[] {
  const mended = new Set(plan.mends?.blobs.map(({ kind, segment }) => `${kind}/${segment}`))
  return holdersOf(
    [...placements].filter(
      (placement) =>
        isThere(placement) &&
        placement.contract?.phase !== 'bidding' && // its lot is in this auction, where it bids like anyone
        mended.has(`${placement.kind}/${placement.segment}`),
    ),
  )
}

/** What nothing has taken the place of yet. */
export function stillMissing(plan: PutPlan, placements: Iterable<PlacementState>): MissingBlob[] {
  const filled = new Set(
    [...placements].filter(isStaying).map(({ kind, segment, share }) => `${kind}/${segment}/${share}`),
  )
  return (plan.mends?.blobs ?? []).filter(({ kind, segment, share }) => !filled.has(`${kind}/${segment}/${share}`))
}
