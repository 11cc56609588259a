/**
 * LateSteward: holds what it is paid for and sweeps when it can no longer be avoided: in the last block that counts, or after it. As a
 * program it puts its answers off until the day of the deadline; as transactions it sends a sweep at the very second.
 *
 *   node test/cast/late-steward.ts steward start --home D --id A
 */
import { HoldfastError } from '../../base/errors.ts'
import { DAY, HOUR, type UnixTime, unixTime } from '../../base/units.ts'
import type { Vice } from '../../cli/compose-steward.ts'
import type { Call, StagedBounty } from './contract-stage.ts'
import { runSteward } from './run-steward.ts'

/** A deadline is the first multiple of six hours at least 72 hours after a due time; a post comes at most an hour after that. protocol.md §4. */
const ANSWER_TIME = 3 * DAY
/** How long before the earliest deadline it begins. */
const EDGE = 7 * HOUR

/** Its sweep in a block with the last time that counts, or one second later. */
export const lateSweep = (
  sweep: Call,
  { deadline }: StagedBounty,
  isInTime: boolean,
): { call: Call; at: UnixTime } => ({
  call: { ...sweep, what: isInTime ? 'sweep in the last second' : 'sweep a second late' },
  at: unixTime(isInTime ? deadline : deadline + 1),
})

/** Says that its disk is away until the deadline is near; the honest daemon then looks again, each time after twice the pause. */
export function late(): Vice {
  let asked = 0
  return {
    answer: (honest, _files, _domain, now) => async (blob, nonces) => {
      if (now() > asked + ANSWER_TIME + EDGE) asked = now() // of a new round
      if (now() < asked + ANSWER_TIME - EDGE)
        throw new HoldfastError('STORE_UNUSABLE', { path: 'the volume', what: 'not now' })
      process.stderr.write(`${JSON.stringify({ msg: 'cast.late', waited: now() - asked })}\n`)
      return honest(blob, nonces)
    },
  }
}

if (import.meta.main) await runSteward(late())
