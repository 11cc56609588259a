/** How fast bytes really go, over the last minute, and when they will be done (interface.md §7). */
import type { Clock } from '../base/ports.ts'

/** Samples older than this do not count. Milliseconds. */
const WINDOW_MS = 60_000
/** Earlier than this an estimate is a guess. Milliseconds. */
const SETTLE_MS = 5_000

export interface RateMeter {
  /** `done` bytes so far. */
  note(done: number): void
  /** Bytes a second over the window; ETA in whole seconds, once there is something to estimate from; seconds without a byte. */
  read(
    done: number,
    total: number,
  ): { readonly rate: number; readonly etaSeconds?: number; readonly stalledSeconds: number }
  reset(): void
}

export function createRateMeter(clock: Pick<Clock, 'monotonic'>): RateMeter {
  let samples: { readonly at: number; readonly done: number }[] = []
  let startedAt = clock.monotonic()
  let movedAt = startedAt
  return {
    reset: () => {
      samples = []
      startedAt = clock.monotonic()
      movedAt = startedAt
    },
    note: (done) => {
      const at = clock.monotonic()
      const newest = samples.at(-1)
      if (newest === undefined || done > newest.done) movedAt = at
      // Ten samples a second are plenty for a minute's mean.
      if (newest !== undefined && at - newest.at < 100) samples[samples.length - 1] = { at: newest.at, done }
      else samples.push({ at, done })
      while (samples.length > 2 && at - (samples[0]?.at ?? at) > WINDOW_MS) samples.shift()
    },
    read: (done, total) => {
      const now = clock.monotonic()
      const stalledSeconds = Math.floor((now - movedAt) / 1000)
      const first = samples[0]
      if (first === undefined || now <= first.at) return { rate: 0, stalledSeconds }
      const rate = ((done - first.done) * 1000) / (now - first.at)
      const isSettled = now - startedAt >= SETTLE_MS && rate > 0 && total > done
      return { rate, stalledSeconds, ...(isSettled ? { etaSeconds: Math.ceil((total - done) / rate) } : {}) }
    },
  }
}

/** 768 as "12:48", 7,205 as "2:00:05". */
export function formatSpan(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.floor(seconds % 60)]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
