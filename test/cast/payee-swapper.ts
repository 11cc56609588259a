/**
 * PayeeSwapper: a stranger who reads the mempool, takes the claims out of a sweep and sends them again, first, with itself as payee; also as
 * claims on open bounties, which are anyone's, and with the poster's name exchanged.
 */
import { type Actor, type Call, type SeenSweep, sweepAgain } from './contract-stage.ts'

export function swapPayee(self: Actor, { groups }: SeenSweep): readonly Call[] {
  const forms = {
    'the seen claims, itself as payee': groups,
    'the same as of open bounties': groups.map((group) => ({ ...group, open: true })),
    'the same as posted by itself': groups.map((group) => ({ ...group, poster: self.account })),
  }
  return Object.entries(forms).map(([what, claims]) => ({ from: self, what, data: sweepAgain(self.account, claims) }))
}
