/**
 * Replayer: keeps every sweep that was ever mined and sends it again, as it was: on the same market, on another one, on a fork of the chain,
 * and when a claim key that it fits is posted again. Whoever wants the uploader's money to flow twice for one answer does this.
 */
import type { Address } from '../../base/curve.ts'
import type { Actor, Call, SeenSweep } from './contract-stage.ts'
import { sweepAgain } from './contract-stage.ts'

/** @param market another one than where it was seen; left out: the same */
export function replay(self: Actor, seen: SeenSweep, what: string, market?: Address): Call {
  return {
    from: self,
    what,
    data: sweepAgain(seen.payee, seen.groups),
    ...(market === undefined ? {} : { to: market }),
  }
}
