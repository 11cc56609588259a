/** What views are taken of, and what an explanation needs of it. */
import type { Around } from './explain.ts'
import type { Ledger } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'
import type { Policy } from './policy.ts'
import type { ObjectRecord } from './records.ts'
import { surveyObject } from './repair-plan.ts'

export interface Outlook {
  readonly ledger: Ledger
  readonly policy: Policy
  /** Chain time. */
  readonly now: number
  /** Gwei that a docket must pay to be worth its gas, when that was last asked; absent: every one is. */
  readonly worth?: bigint
}

/** The surroundings of each placement of an object; the object is surveyed once. */
export function aroundOf(
  { ledger, policy, now }: Outlook,
  object: ObjectRecord,
): (placement: PlacementState) => Around {
  const parts = surveyObject(object, ledger.placementsOf(object.ref), now, policy)
  const bySlot = new Map(parts.map((part) => [`${part.kind}/${part.segment}`, part]))
  const bountyOf = (docket: string) => ledger.bounties.get(ledger.bountyOfPlan.get(docket) ?? '')
  const isBackup = object.backup !== undefined
  return ({ kind, segment }) => ({
    now,
    policy,
    bountyOf,
    part: bySlot.get(`${kind}/${segment}`),
    n: object.n,
    isBackup,
  })
}
