/**
 * ReplayingUploader: wants a second proof without a second row. It posts a spent claim key again, with another amount or deadline, and
 * makes new dockets of old nonces, whose answers the steward has made before and may have kept.
 */

import { DAY, gwei, unixTime } from '../../base/units.ts'
import { encodePost } from '../../chain/market.ts'
import type { Actor, Call, StagedBounty } from './contract-stage.ts'

/** The key again: as it was, for one gwei, and with another deadline. */
export function postAgain(self: Actor, bounty: StagedBounty): readonly Call[] {
  const { steward, deadline } = bounty
  const forms = {
    'as it was': [deadline, bounty.amount],
    'for one gwei': [deadline, gwei(1n)],
    'until another day': [unixTime(deadline + DAY), bounty.amount],
  } as const
  return Object.entries(forms).map(([what, [until, amount]]) => ({
    from: self,
    what: `the spent key again, ${what}`,
    data: encodePost(steward, until, [{ ...bounty, amount }]),
  }))
}
