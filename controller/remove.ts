/**
 * Letting an object go before its time. Nothing of it is renewed, repaired or counted as missing any more; and where it is to go soon, its stewards
 * are given notice: 14 days, paid to the end. A steward that is away does not hear of it: what it keeps ends with its term, or by the same order
 * given again. market.md, Contracts.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import { type Address, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { formatHold, formatTime, type UnixTime, unixTime } from '../base/units.ts'
import { noticeDigest } from '../net/messages/store.ts'
import { rentOf } from '../pricing/rates.ts'
import { RENEWAL_POLICY } from '../pricing/renewal.ts'
import type { RemovalView } from './api-types.ts'
import { earliestEnd, isLeaving } from './contract-life.ts'
import type { Ledger } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'
import type { RunStep, StewardCalls } from './ports.ts'
import type { ObjectRecord } from './records.ts'

export interface RemoveDeps {
  readonly ledger: Ledger
  readonly chainSecret: Uint8Array
  readonly calls: Pick<StewardCalls, 'giveNotice'>
  readonly step: RunStep
  readonly log: Log
  /** Whether a steward is asked for anything (P5). */
  mayAsk(steward: Address): boolean
  /** Chain time. */
  now(): number
}

export interface RemoveOrder {
  /** Notice to every steward; false: everything ends with its term. */
  readonly soon: boolean
  /** Nothing is done: the answer is what would be. */
  readonly dryRun: boolean
}

/** A placement, and when it would end by a notice given now. */
interface Ending {
  readonly placement: PlacementState
  readonly end: number
}

/** Ends one object. Told twice, the second time reaches whom the first did not. */
export async function removeObject(
  deps: RemoveDeps,
  object: ObjectRecord,
  { soon, dryRun }: RemoveOrder,
  signal: AbortSignal,
): Promise<RemovalView> {
  const living = [...deps.ledger.placementsOf(object.ref)].filter(({ state }) => state !== 'ended')
  const endings = soon ? living.flatMap((placement) => endingOf(placement, deps.now())) : []
  if (dryRun) return viewOf(object, living, new Map(endings.map(({ placement, end }) => [placement.id, end])), [])
  await deps.step((step) => {
    if (object.removedAt === undefined)
      step.batch.object({ ...object, removedAt: unixTime(deps.now()) }, toHex(object.id))
    for (const { id, end } of living) step.tell(id, { kind: 'terminated', at: end })
  })
  const bySteward = Map.groupBy(endings, ({ placement }) => placement.steward)
  const away: Address[] = []
  await Promise.all(
    [...bySteward].map(async ([steward, its]) => {
      try {
        await giveNotice(deps, steward, its, signal)
      } catch (cause) {
        signal.throwIfAborted()
        away.push(steward)
        deps.log.warn('notice not taken', { steward, why: asHoldfastError(cause).message })
      }
    }),
  )
  const ends = new Map(living.map(({ id, end }) => [id, deps.ledger.placements.get(id)?.end ?? end]))
  return viewOf(object, living, ends, away.sort())
}

/** Booked when the steward has taken it: a crash in between leaves a placement that is paid to its old end, and the order can be given again. */
async function giveNotice(
  deps: RemoveDeps,
  steward: Address,
  endings: readonly Ending[],
  signal: AbortSignal,
): Promise<void> {
  if (!deps.mayAsk(steward))
    throw new HoldfastError('PEER_REFUSED', { peer: steward, what: 'it is not in good standing' })
  for (const { placement, end } of endings) {
    const id = fromHex(placement.id, 32)
    const signature = signDigest(deps.chainSecret, noticeDigest(id, end))
    await deps.calls.giveNotice(steward, { placement: id, end, signature }, signal)
    await deps.step((step) => step.tell(placement.id, { kind: 'terminated', at: end }))
  }
}

/** Only what is kept and not on its way out already, and only where it ends sooner for it. */
function endingOf(placement: PlacementState, now: number): Ending[] {
  const { state } = placement
  if ((state !== 'held' && state !== 'suspect') || isLeaving(placement)) return []
  const end = Math.max(Math.ceil(now) + RENEWAL_POLICY.notice, earliestEnd(placement))
  return end < placement.end ? [{ placement, end }] : []
}

function viewOf(
  object: ObjectRecord,
  living: readonly PlacementState[],
  ends: ReadonlyMap<string, number>,
  away: readonly Address[],
): RemovalView {
  const endOf = ({ id, end }: PlacementState) => Math.min(end, ends.get(id) ?? end)
  const last = living.reduce((latest, placement) => Math.max(latest, endOf(placement)), 0)
  const saved = rentOf(
    living.map((placement) => ({
      price: placement.price,
      length: placement.length,
      seconds: placement.end - endOf(placement),
    })),
  )
  return {
    object: toHex(object.id),
    ...(object.name === undefined ? {} : { name: object.name }),
    placements: living.length,
    ...(last === 0 ? {} : { ends: formatTime(last as UnixTime) }),
    saved: formatHold(saved),
    away,
  }
}
