/**
 * WrongBytesSteward: keeps every byte, answers every challenge, and serves readers one flipped bit in each piece. It spoils downloads
 * and loses nothing by a challenge; what it cannot do is pass the check of a blob's id.
 *
 *   node test/cast/wrong-bytes-steward.ts steward start --home D --id A
 */
import type { Vice } from '../../cli/compose-steward.ts'
import { createAnswering } from '../../steward/answering.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { runSteward } from './run-steward.ts'

/** What it shows readers. What it reads for its own answers is as it was. */
export function spoilt(honest: BlobFiles): BlobFiles {
  return {
    ...honest,
    async *stream(id, range) {
      for await (const piece of honest.stream(id, range)) {
        const copy = piece.slice()
        copy[copy.length >> 1] = (copy[copy.length >> 1] as number) ^ 1
        yield copy
      }
    },
  }
}

export function wrongBytes(): Vice {
  let sound: BlobFiles | undefined
  return {
    files: (honest) => {
      sound = honest
      return spoilt(honest)
    },
    answer: (honest, _files, domain) => (sound ? createAnswering({ files: sound, domain, threads: 0 }).answer : honest),
  }
}

if (import.meta.main) await runSteward(wrongBytes())
