/**
 * Fetching enough of many: starts as many fetches as are needed, adds one for each that fails or falls behind, and stops when the caller
 * has enough. Which holder is worth trying first is the caller's business (it hands the candidates over in order).
 */
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'

/** When a fetch counts as slow or dead. Milliseconds. */
export interface RaceLimits {
  /** Falls behind after this, and twice the time the others took. */
  readonly slowMs: number
  /** Given up when no byte came for so long. */
  readonly stallMs: number
}

export const RACE_LIMITS: RaceLimits = { slowMs: 750, stallMs: 10_000 }

/** Fewer bytes than this since it last moved are none: a holder that lets a byte drip now and then stands still. */
const TRICKLE = 4096

export interface RaceDeps<Candidate, Result> {
  readonly clock: Clock
  readonly limits: RaceLimits
  readonly signal: AbortSignal
  /** How many more results are needed now; asked after each. */
  needed(): number
  /** The next best candidate, given those under way; undefined when there is none now. */
  next(running: ReadonlySet<Candidate>): Candidate | undefined
  /** `onBytes`: so many came since it was last called. */
  fetch(candidate: Candidate, signal: AbortSignal, onBytes: (count: number) => void): Promise<Result>
  onResult(candidate: Candidate, result: Result, ms: number): void
  onFailure(candidate: Candidate, why: HoldfastError): void
  onSlow?(candidate: Candidate): void
}

interface Runner<Candidate> {
  readonly candidate: Candidate
  readonly startedAt: number
  readonly stop: AbortController
  movedAt: number
  /** Bytes since then. */
  trickled: number
  slow: boolean
}

/** Runs until enough is there (true), or no candidate is left to try (false). @throws the signal's reason, and what `next` or the callbacks throw */
export async function race<Candidate, Result>(deps: RaceDeps<Candidate, Result>): Promise<boolean> {
  const { clock, limits, signal } = deps
  const runners = new Set<Runner<Candidate>>()
  const durations: number[] = []
  let wake: () => void = () => {}
  let failure: unknown

  const start = (candidate: Candidate) => {
    const now = clock.monotonic()
    const runner: Runner<Candidate> = {
      candidate,
      startedAt: now,
      stop: new AbortController(),
      movedAt: now,
      trickled: 0,
      slow: false,
    }
    runners.add(runner)
    deps
      .fetch(candidate, AbortSignal.any([signal, runner.stop.signal]), (count) => {
        runner.trickled += count
        if (runner.trickled < TRICKLE) return
        runner.trickled = 0
        runner.movedAt = clock.monotonic()
      })
      .then(
        (result) => {
          if (!runners.delete(runner)) return
          const ms = clock.monotonic() - runner.startedAt
          durations.push(ms)
          deps.onResult(candidate, result, ms)
        },
        (cause) => {
          if (!runners.delete(runner) || signal.aborted) return
          const reason: unknown = runner.stop.signal.aborted ? runner.stop.signal.reason : cause
          deps.onFailure(candidate, asHoldfastError(reason))
        },
      )
      .catch((cause) => {
        failure ??= cause
      })
      .finally(() => wake())
  }

  const watch = () => {
    const now = clock.monotonic()
    const usual = durations.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...durations)
    for (const runner of runners) {
      const silent = now - runner.movedAt
      if (silent >= limits.stallMs)
        runner.stop.abort(new HoldfastError('NET_TIMEOUT', { what: 'the holder', limit: `${Math.round(silent)} ms` }))
      // behind the others of this race, or, while none is through, silent for a while
      const behind = now - runner.startedAt >= Math.max(limits.slowMs, 2 * usual) || silent >= 2 * limits.slowMs
      if (behind && !runner.slow) {
        runner.slow = true
        deps.onSlow?.(runner.candidate)
      }
    }
  }

  try {
    for (;;) {
      signal.throwIfAborted()
      if (failure !== undefined) throw failure
      const needed = deps.needed()
      if (needed <= 0) return true
      watch()
      // slow ones go on, but are no longer counted on
      for (let sound = [...runners].filter(({ slow }) => !slow).length; sound < needed; sound++) {
        const candidate = deps.next(new Set([...runners].map((runner) => runner.candidate)))
        if (candidate === undefined) break
        start(candidate)
      }
      if (runners.size === 0) return false
      const timer = new AbortController()
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      const pause = clock.sleep(limits.slowMs / 3, AbortSignal.any([signal, timer.signal])).catch(() => {})
      await Promise.race([woken, pause])
      timer.abort()
    }
  } finally {
    for (const runner of runners) runner.stop.abort(new HoldfastError('INTERRUPTED'))
    runners.clear()
  }
}
