/** Real time and a silent log for tests that talk to a real chain. */
import type { Clock, Log } from '../../base/ports.ts'
import { unixTime } from '../../base/units.ts'

export const clock: Clock = {
  now: () => unixTime(Math.floor(Date.now() / 1000)),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const abort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', abort, { once: true })
    }),
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** A log that keeps the names of its events. */
export function recordingLog(): Log & { readonly events: string[] } {
  const events: string[] = []
  const keep = (event: string) => void events.push(event)
  return { events, debug: keep, info: keep, warn: keep, error: keep }
}

/** Waits until `test` holds, looking every 5 ms. */
export async function until(test: () => boolean | Promise<boolean>, what: string, limit = 10_000): Promise<void> {
  for (const end = performance.now() + limit; !(await test()); ) {
    if (performance.now() > end) throw new Error(`not within ${limit} ms: ${what}`)
    await clock.sleep(5)
  }
}

/** The reason a promise was rejected with; fails the test when it was not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (cause) {
    return cause
  }
  throw new Error('expected a rejection')
}
