/** A steward with a vice as a program: the command line of `holdfast steward start`, the honest daemon, and one part of it exchanged. */
import { asHoldfastError, HoldfastError } from '../../base/errors.ts'
import { chooseActor } from '../../cli/choose-actor.ts'
import { composeSteward, type Vice } from '../../cli/compose-steward.ts'
import { openContext, outputFor } from '../../cli/context.ts'
import { runDaemon } from '../../cli/daemon.ts'
import { obtainPassphrase } from '../../cli/passphrase.ts'
import { createProgram } from '../../cli/program.ts'
import { reportError } from '../../cli/report-error.ts'

/** Runs until it is told to stop, and ends the process. Arguments: `steward start --home D --id A [--json] …`. */
export async function runSteward(vice: Vice): Promise<never> {
  let code = 0
  const program = createProgram(process.env, async (_load, args, options) => {
    const out = outputFor(options, process.env)
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => stop.abort(new HoldfastError('INTERRUPTED', {})))
    try {
      if (!process.argv.slice(2).join(' ').startsWith('steward start') || args.length > 0)
        throw new HoldfastError('INPUT_USAGE', { what: 'this program is a steward: steward start --home D --id A' })
      const context = await openContext(options, out, stop)
      const { id, paths } = await chooseActor(context, 'steward', options)
      const passphrase = await obtainPassphrase(context, options, `steward ${id}`)
      code = await runDaemon(context, {
        role: 'steward',
        id,
        paths,
        compose: (log, scope) => composeSteward(context, paths, passphrase, log, scope, vice),
      })
    } catch (cause) {
      code = reportError(out, asHoldfastError(cause))
    }
  })
  await program.parseAsync(process.argv.slice(2), { from: 'user' })
  process.exit(code)
}
