/**
 * ThrottlingSteward: keeps every byte, answers every challenge, and serves readers 99 % of a blob at once and then a byte a second: never
 * quite silent, never done.
 *
 *   node test/cast/throttling-steward.ts steward start --home D --id A
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Vice } from '../../cli/compose-steward.ts'
import { createAnswering } from '../../steward/answering.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { runSteward } from './run-steward.ts'

/** Part of a blob that comes at once. */
const QUICK = 0.99
/** Between two bytes of the rest. Milliseconds. */
const DRIP_MS = 1000

/** What it shows readers. */
export function throttled(honest: BlobFiles): BlobFiles {
  return {
    ...honest,
    async *stream(id, range) {
      const end = Math.floor(QUICK * ((await honest.size(id)) ?? 0))
      let at = range?.offset ?? 0
      for await (const piece of honest.stream(id, range)) {
        const quick = Math.min(piece.length, Math.max(0, end - at))
        if (quick > 0) yield piece.slice(0, quick)
        for (let i = quick; i < piece.length; i++) {
          await sleep(DRIP_MS, undefined, { signal: range?.signal, ref: false })
          yield piece.slice(i, i + 1)
        }
        at += piece.length
      }
    },
  }
}

export function throttling(): Vice {
  let sound: BlobFiles | undefined
  return {
    files: (honest) => {
      sound = honest
      return throttled(honest)
    },
    answer: (honest, _files, domain) => (sound ? createAnswering({ files: sound, domain, threads: 0 }).answer : honest),
  }
}

if (import.meta.main) await runSteward(throttling())
