/** An uploader with a vice as a program: its controller, `controller start --home D [--json] …`. */
import { type ControllerVice, composeController } from '../../cli/compose-controller.ts'
import { runDaemon } from '../../cli/daemon.ts'
import { obtainPassphrase } from '../../cli/passphrase.ts'
import { runProgramOf } from './run-daemon.ts'

/** Runs until it is told to stop, and ends the process. */
export function runController(vice: ControllerVice): Promise<never> {
  return runProgramOf('controller start', async (context, options) => {
    const passphrase = await obtainPassphrase(context, options, "the controller's keystore")
    return runDaemon(context, {
      role: 'controller',
      paths: context.home.controller,
      compose: (log, scope) => composeController(context, passphrase, log, scope, vice),
    })
  })
}
