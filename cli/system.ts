/** The machine: the real clock and real chance. Everything below cli/ receives them as arguments (base/ports.ts). */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleepFor } from 'node:timers/promises'
import type { Clock, Rng } from '../base/ports.ts'
import { unixTime } from '../base/units.ts'

/** Wall clock of this machine, and its monotonic clock. */
export const systemClock: Clock = {
  now: () => unixTime(Math.floor(Date.now() / 1000)),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await sleepFor(ms, undefined, signal === undefined ? {} : { signal })
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      throw cause
    }
  },
}

/** The operating system's random numbers. */
export const systemRng: Rng = { bytes: (length) => new Uint8Array(randomBytes(length)) }
