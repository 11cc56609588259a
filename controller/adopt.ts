/**
 * Posts of ours that the ledger does not know: they were made after the backup it comes from (protocol.md §10). What such a docket asked is
 * found again, so that its sweep counts, its interval is not paid twice and no row is asked twice. Pure. docs/spec/backup.md, "Posts since".
 */
import { equalBytes, fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HOUR } from '../base/units.ts'
import { nonceOf } from '../blob/challenge.ts'
import { decodeDocket, docketHashOf, encodeDocket } from '../blob/docket.ts'
import { docketAmount } from '../pricing/rates.ts'
import type { PlacementState } from './placement-state.ts'
import type { Policy } from './policy.ts'
import { REVOKE_PAUSE } from './progress.ts'
import type { BountyRecord } from './records.ts'
import { DEADLINE_STEP, type DocketPlan, deadlineOf, groupDue, hourAtOrBefore, REVOKE_DELAY } from './schedule.ts'

/** What the chain says of a post. */
export interface PostedDocket {
  readonly steward: Address
  readonly claimKey: Address
  /** Gwei of HOLD. */
  readonly amount: bigint
  readonly deadline: number
  readonly docketHash: Uint8Array
  /** The docket, when it has few entries. */
  readonly note: Uint8Array
  /** Block time. */
  readonly at: number
}

/** What it asks, as far as it is known. */
export interface Recognised {
  readonly due: number
  readonly asked: readonly { readonly placement: string; readonly row: number }[]
  /** False: it asks, or may ask, for blobs that the ledger does not know. */
  readonly isWhole: boolean
  /** The whole docket, when its bytes are known: its steward may still have to be given it. */
  readonly docket?: Uint8Array
}

/** Rows looked at beyond those the ledger knows: several top-ups may have followed the backup. */
const ROWS_BEYOND = 64

/**
 * @param placements of this steward, as they stood when the post was made
 * @returns undefined when nothing fits: then each of them may have lost one row to it
 */
export function recognise(
  post: PostedDocket,
  placements: readonly PlacementState[],
  { nonceKey, policy }: { readonly nonceKey: Uint8Array; readonly policy: Policy },
): Recognised | undefined {
  if (post.note.length > 0) return fromNote(post, placements, nonceKey)
  const plans = plansAt(post, placements, policy)
  const byId = new Map(placements.map((placement) => [placement.id, placement]))
  const statesOf = (plan: DocketPlan) => plan.placements.map((id) => byId.get(id) as PlacementState)
  const recognised = (plan: DocketPlan, docket?: Uint8Array): Recognised => ({
    isWhole: docket !== undefined,
    due: plan.due,
    asked: statesOf(plan).map(({ id, rows }) => ({ placement: id, row: rows.next })),
    ...(docket === undefined ? {} : { docket }),
  })
  for (const plan of plans) {
    const docket = docketOf(statesOf(plan), nonceKey)
    if (equalBytes(docketHashOf(docket), post.docketHash)) return recognised(plan, docket)
  }
  // It also asked for blobs this ledger has never heard of: the newest backup's own. The rest follows from the same rules as then.
  const likely = plans.find((plan) => !plan.retry && amountAt(statesOf(plan), plan.due) <= post.amount)
  return likely && recognised(likely)
}

/** The note names blobs and nonces: which row it is, is tried. */
function fromNote(
  { note, at }: PostedDocket,
  placements: readonly PlacementState[],
  nonceKey: Uint8Array,
): Recognised | undefined {
  const ofBlob = new Map(placements.map((placement) => [placement.blobId, placement]))
  const entries = decodeDocket(note)
  const asked = entries.flatMap(({ blobId, nonce }) => {
    const placement = ofBlob.get(toHex(blobId))
    if (placement === undefined) return []
    const most = Math.max(placement.rows.total, placement.rows.next) + ROWS_BEYOND
    for (let row = 0; row < most; row++)
      if (equalBytes(nonceOf(nonceKey, blobId, row), nonce)) return [{ placement: placement.id, row }]
    return []
  })
  if (asked.length === 0) return undefined
  return { isWhole: asked.length === entries.length, due: hourAtOrBefore(at), asked, docket: note }
}

/**
 * When an adopted bounty that no round waits for is taken back; undefined: a round does that, or it is asked for. Seconds of chain time.
 * @param placementOf as it stands now
 */
export function strayDueOf(
  { phase, adopted, deadline, plan, placements, takenBack }: BountyRecord,
  placementOf: (id: string) => PlacementState | undefined,
): number | undefined {
  if (phase !== 'posted' || adopted !== true) return undefined
  if (placements.some((id) => placementOf(id)?.rounds.some(({ docket }) => docket === plan))) return undefined
  if (takenBack === undefined) return deadline + REVOKE_DELAY
  return takenBack.failed ? takenBack.at + REVOKE_PAUSE : undefined
}

/** What the rules would have posted, in each hour that gives this deadline, the hour of the block first. */
function plansAt({ at, deadline }: PostedDocket, placements: readonly PlacementState[], policy: Policy): DocketPlan[] {
  const plans: DocketPlan[] = []
  const last = hourAtOrBefore(at)
  for (let due = last; due > last - DEADLINE_STEP - HOUR; due -= HOUR)
    if (deadlineOf(due) === deadline) plans.push(...groupDue(placements, due, policy))
  return plans
}

function docketOf(placements: readonly PlacementState[], nonceKey: Uint8Array): Uint8Array {
  return encodeDocket(
    placements.map(({ blobId, rows }) => {
      const id = fromHex(blobId, 32)
      return { blobId: id, nonce: nonceOf(nonceKey, id, rows.next) }
    }),
  )
}

function amountAt(placements: readonly PlacementState[], due: number): bigint {
  return docketAmount(
    placements.map(({ price, length, totals, end }) => ({
      price,
      length,
      seconds: Math.max(0, Math.min(due, end) - totals.cut),
    })),
  )
}
