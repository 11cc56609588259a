/**
 * SnipingUploader: posted the bounty, knows the answers, and with them the claim secret, as well as the steward does. It watches the mempool
 * for the steward's sweep and wants its money back first: by sweeps of its own, by the steward's signatures under its own name, by an
 * early revoke, by a release that it signs itself.
 */
import { signDigest } from '../../base/curve.ts'
import { releaseDigest, sweepDigest } from '../../base/typed-data.ts'
import { encodeRevoke, encodeRevokeReleased, encodeSweep } from '../../chain/market.ts'
import { type Actor, type Call, type SeenSweep, type Stage, type StagedBounty, sweepAgain } from './contract-stage.ts'

export type Trick =
  | 'claims for itself'
  | 'claims for itself as of an open bounty'
  | 'puts its name on the seen sweep'
  | 'revokes early'
  | 'releases with its own key'
  | 'releases with the claim secret'

export const TRICKS: readonly Trick[] = [
  'claims for itself',
  'claims for itself as of an open bounty',
  'puts its name on the seen sweep',
  'revokes early',
  'releases with its own key',
  'releases with the claim secret',
]

/** Everything it would have mined before the sweep it saw. */
export function snipe(
  { market }: Pick<Stage, 'market'>,
  self: Actor,
  bounty: StagedBounty,
  seen: SeenSweep,
  tricks: readonly Trick[] = TRICKS,
): readonly Call[] {
  const { claimSecret, claimKey, deadline, steward, id } = bounty
  const claim = signDigest(claimSecret, sweepDigest(market.domain, { payee: self.account, deadline }))
  const own = (open: boolean) => encodeSweep(self.account, [{ poster: self.account, deadline, open, claims: [claim] }])
  const release = (secret: Uint8Array) =>
    encodeRevokeReleased([
      { claimKey, steward, signature: signDigest(secret, releaseDigest(market.domain, { bountyId: id, deadline })) },
    ])
  const dataOf: Readonly<Record<Trick, () => `0x${string}`>> = {
    'claims for itself': () => own(false),
    'claims for itself as of an open bounty': () => own(true),
    'puts its name on the seen sweep': () => sweepAgain(self.account, seen.groups),
    'revokes early': () => encodeRevoke([id]),
    'releases with its own key': () => release(self.secret),
    'releases with the claim secret': () => release(claimSecret),
  }
  return tricks.map((what) => ({ from: self, what, data: dataOf[what]() }))
}
