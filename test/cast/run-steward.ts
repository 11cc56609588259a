/** A steward with a vice as a program: `steward start --home D --id A [--json] …`. */
import { chooseActor } from '../../cli/choose-actor.ts'
import { composeSteward, type Vice } from '../../cli/compose-steward.ts'
import { runDaemon } from '../../cli/daemon.ts'
import { obtainPassphrase } from '../../cli/passphrase.ts'
import { runProgramOf } from './run-daemon.ts'

/** Runs until it is told to stop, and ends the process. */
export function runSteward(vice: Vice): Promise<never> {
  return runProgramOf('steward start', async (context, options) => {
    const { id, paths } = await chooseActor(context, 'steward', options)
    const passphrase = await obtainPassphrase(context, options, `steward ${id}`)
    return runDaemon(context, {
      role: 'steward',
      id,
      paths,
      compose: (log, scope) => composeSteward(context, paths, passphrase, log, scope, vice),
    })
  })
}
