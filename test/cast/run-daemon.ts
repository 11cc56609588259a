/** A daemon with a vice as a program: the command line of the honest one, the honest daemon, and one part of it exchanged. */
import { asHoldfastError, HoldfastError } from '../../base/errors.ts'
import { type Context, type Options, openContext, outputFor } from '../../cli/context.ts'
import { createProgram } from '../../cli/program.ts'
import { reportError } from '../../cli/report-error.ts'

/** Runs until it is told to stop, and ends the process. @param command `steward start`; what else the command line says are its options */
export async function runProgramOf(
  command: string,
  run: (context: Context, options: Options) => Promise<number>,
): Promise<never> {
  let code = 0
  const program = createProgram(process.env, async (_load, args, options) => {
    const out = outputFor(options, process.env)
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => stop.abort(new HoldfastError('INTERRUPTED', {})))
    try {
      if (!process.argv.slice(2).join(' ').startsWith(command) || args.length > 0)
        throw new HoldfastError('INPUT_USAGE', { what: `this program is another ${command} --home D` })
      code = await run(await openContext(options, out, stop), options)
    } catch (cause) {
      code = reportError(out, asHoldfastError(cause))
    }
  })
  await program.parseAsync(process.argv.slice(2), { from: 'user' })
  process.exit(code)
}
