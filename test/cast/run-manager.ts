/** A manager with a vice as a program: `pool manager start --home D [--json] …`. */
import { composeManager, type ManagerVice } from '../../cli/compose-manager.ts'
import { runDaemon } from '../../cli/daemon.ts'
import { obtainPassphrase } from '../../cli/passphrase.ts'
import { runProgramOf } from './run-daemon.ts'

/** Runs until it is told to stop, and ends the process. */
export function runManager(vice: ManagerVice): Promise<never> {
  return runProgramOf('pool manager start', async (context, options) => {
    const passphrase = await obtainPassphrase(context, options, 'the manager')
    return runDaemon(context, {
      role: 'manager',
      paths: context.home.manager,
      compose: (log, scope) => composeManager(context, passphrase, log, scope, vice),
    })
  })
}
