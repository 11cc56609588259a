/**
 * Lots that change hands while their bytes are all there: one whose price is found anew, and one whose steward leaves. A lot is all that one
 * steward holds of a put; its plan has the form of a repair's, so that auction, upload and receipts are the same. Pure.
 */
import { toHex, u32, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import type { PutPlan } from '../uploader/put-book.ts'
import { wantsMove } from './contract-life.ts'
import type { PlacementState } from './placement-state.ts'
import type { ObjectRecord } from './records.ts'
import { type RepairPlan, termBeside } from './repair-plan.ts'

/** The plan of a lot; its name follows from placements and ends, so that the auction before the end and the upload after it are of one put. */
export function planMove(
  { ref, k, n, size }: ObjectRecord,
  lot: readonly PlacementState[],
  all: Iterable<PlacementState>,
  now: number,
): PutPlan {
  const sorted = [...lot].sort((a, b) => (a.id < b.id ? -1 : 1))
  const blobs = sorted.map(({ kind, segment, share, length }) => ({ kind, segment, share, length }))
  const id = toHex(
    sha256(
      utf8('holdfast/move/1'),
      utf8(ref),
      ...sorted.flatMap((placement) => [utf8(placement.id), u32(placement.version)]),
    ),
  )
  const staying = [...all].filter((placement) => placement.state === 'held' && !lot.includes(placement))
  const term = termBeside(staying, now)
  return { ref: id, k, n, bytes: size, shareLengths: [], copyLength: 0, term, mends: { ref, blobs } }
}

/** Lots of an object whose price is to be found in an auction, by steward. */
export function lotsInAuction(placements: Iterable<PlacementState>): Map<Address, PlacementState[]> {
  const bidding = [...placements].filter(({ contract, state }) => contract?.phase === 'bidding' && state === 'held')
  return Map.groupBy(bidding, ({ steward }) => steward)
}

/**
 * The moves that an object needs now: of every steward that leaves, what nobody else has yet.
 * @param busy parts (`kind/segment`) that a repair or a move under way mends: one at a time, since it may be given to only one more steward
 */
export function planMoves(
  object: ObjectRecord,
  placements: Iterable<PlacementState>,
  busy: ReadonlySet<string>,
  now: number,
  known: (id: string) => PutPlan | undefined,
): RepairPlan[] {
  const all = [...placements]
  const taken = new Set(busy)
  const plans: RepairPlan[] = []
  const lots = Map.groupBy(all.filter(wantsMove), ({ steward }) => steward)
  for (const [, lot] of [...lots].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const free = lot.filter(({ kind, segment }) => !taken.has(`${kind}/${segment}`))
    if (free.length === 0) continue
    for (const { kind, segment } of free) taken.add(`${kind}/${segment}`)
    const plan = planMove(object, free, all, now)
    plans.push({ id: plan.ref, gone: [], plan: known(plan.ref) ?? plan })
  }
  return plans
}
