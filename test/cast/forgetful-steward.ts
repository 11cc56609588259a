/**
 * ForgetfulSteward: signs the receipt and deletes the bytes at once. It bids, renews and lists like an honest one, and hopes that nobody asks.
 *
 *   node test/cast/forgetful-steward.ts steward start --home D --id A
 */
import type { Vice } from '../../cli/compose-steward.ts'
import { openHollowFiles } from './hollow-files.ts'
import { runSteward } from './run-steward.ts'

/** The answers stay the honest ones: there is nothing left to make them from. */
export const forgetful: Vice = {
  files: (honest, directory) => openHollowFiles(honest, directory, () => new Uint8Array(0)),
}

if (import.meta.main) await runSteward(forgetful)
