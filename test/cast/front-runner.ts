/**
 * FrontRunner: sees a post in the mempool and posts the same claim key first. Under the same steward, to make the true post fail or to pay one
 * gwei for the answer; under its own name, to have the steward's signature pay it; and open, to catch the claim for everybody.
 */
import { ZERO_ADDRESS } from '../../base/curve.ts'
import { gwei } from '../../base/units.ts'
import { encodePost } from '../../chain/market.ts'
import type { Actor, Call, StagedBounty } from './contract-stage.ts'

/** @param bounty what the pending post says; the claim secret is not in it, and not used */
export function frontRun(self: Actor, bounty: Omit<StagedBounty, 'claimSecret'>): readonly Call[] {
  const forms = {
    'the same claim key for the same steward': bounty.steward,
    'the same claim key for itself': self.account,
    'the same claim key for anyone': ZERO_ADDRESS,
  }
  return Object.entries(forms).map(([what, steward]) => ({
    from: self,
    what,
    data: encodePost(steward, bounty.deadline, [{ ...bounty, amount: gwei(1n) }]),
  }))
}
