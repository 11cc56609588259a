/** A book whose keeper may be restarted: every call may be repeated (put-book.ts), so a put outlives a controller that is killed and comes back. */
import { hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { PutBook } from './put-book.ts'

/** Failures of the way to the book, not of the book. */
const PASSING = ['API_UNREACHABLE', 'CHAIN_UNREACHABLE', 'TIMED_OUT', 'NET_CLOSED'] as const
const PAUSE_MS = 500

export interface PatienceOptions {
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** How long a book may be away. Milliseconds. */
  readonly forMs: number
}

/** @throws what the book throws; what only kept the call from it, once that has lasted `forMs` */
export function patientBook(book: PutBook, { clock, log, signal, forMs }: PatienceOptions): PutBook {
  const patiently =
    <Args extends readonly unknown[], Answer>(name: string, call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const since = clock.monotonic()
      for (;;) {
        try {
          return await call(...args)
        } catch (cause) {
          if (!hasCode(cause, ...PASSING) || clock.monotonic() - since >= forMs) throw cause
          log.warn('put.book', { call: name, code: cause.code })
          await clock.sleep(PAUSE_MS, signal)
        }
      }
    }
  return {
    quote: patiently('quote', (plan) => book.quote(plan)),
    award: patiently('award', (plan, limits) => book.award(plan, limits)),
    nonces: patiently('nonces', (blobIds, count) => book.nonces(blobIds, count)),
    sign: patiently('sign', (drafts) => book.sign(drafts)),
    book: patiently('book', (receipts) => book.book(receipts)),
    replace: patiently('replace', (ref, lot, failed) => book.replace(ref, lot, failed)),
    progress: patiently('progress', (ref) => book.progress(ref)),
    finish: patiently('finish', (object) => book.finish(object)),
  }
}
