/**
 * HostageSteward: keeps every byte, answers every challenge and is paid for it, and gives nothing to readers: whoever wants the bytes back shall
 * pay a ransom. No bounty finds it out; only somebody who reads does.
 *
 *   node test/cast/hostage-steward.ts steward start --home D --id A
 */
import { HoldfastError } from '../../base/errors.ts'
import type { Vice } from '../../cli/compose-steward.ts'
import { createAnswering } from '../../steward/answering.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { runSteward } from './run-steward.ts'

/** What it shows readers: nothing. What it reads for its own answers is all there. */
export function withheld(honest: BlobFiles): BlobFiles {
  return {
    ...honest,
    // biome-ignore lint/correctness/useYield: it never comes to that
    async *stream() {
      throw new HoldfastError('PEER_REFUSED', { peer: 'this steward', what: 'a ransom first' })
    },
  }
}

export function hostage(): Vice {
  let sound: BlobFiles | undefined
  return {
    files: (honest) => {
      sound = honest
      return withheld(honest)
    },
    answer: (honest, _files, domain) => (sound ? createAnswering({ files: sound, domain, threads: 0 }).answer : honest),
  }
}

if (import.meta.main) await runSteward(hostage())
