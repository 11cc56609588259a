/** Who waits for an advert's fee to be on the chain. In memory only: a put that is asked for again waits again. */
import { HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'

export interface Adverts {
  /** The chain shows the advert (`true`), or took it back. */
  seen(advertHash: string, isThere: boolean): void
  /** The chain refused this advert's fee. A later advert of the same put is another one. */
  refused(advertHash: string, reason: Error): void
  /**
   * @param advertHash hex
   * @throws the chain's reason, or `TIMED_OUT` after `limitMs`
   */
  paid(advertHash: string, limitMs: number): Promise<void>
}

/** @param known whether the chain showed an advert before this process started */
export function createAdverts(clock: Clock, known: (advertHash: string) => Promise<boolean>): Adverts {
  const paid = new Set<string>()
  const failed = new Map<string, Error>()
  let waiting: (() => void)[] = []
  const notify = () => {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  return {
    seen(advertHash, isThere) {
      if (isThere) paid.add(advertHash)
      else paid.delete(advertHash)
      notify()
    },
    refused(advertHash, reason) {
      failed.set(advertHash, reason)
      notify()
    },
    async paid(advertHash, limitMs) {
      const until = clock.monotonic() + limitMs
      if (!paid.has(advertHash) && (await known(advertHash))) paid.add(advertHash)
      while (!paid.has(advertHash)) {
        const reason = failed.get(advertHash)
        if (reason) throw reason
        const left = until - clock.monotonic()
        if (left <= 0)
          throw new HoldfastError('TIMED_OUT', { what: 'the advert\u2019s fee', limit: `${limitMs / 1000} s` })
        await Promise.race([new Promise<void>((resolve) => waiting.push(resolve)), clock.sleep(Math.min(left, 1000))])
      }
    },
  }
}
