/** Parses a command line and runs one command to its end, or until it is told to stop. */
import { CommanderError } from 'commander'
import { EXIT, HoldfastError } from '../base/errors.ts'
import type { Perform } from './command-tree.ts'
import { type CommandRun, type GlobalOptions, type Options, openContext, outputFor } from './context.ts'
import { explainGap } from './not-yet.ts'
import { createProgram } from './program.ts'
import { reportError } from './report-error.ts'

/** How long a command may take to tidy up after Ctrl-C. Milliseconds. */
const TIDY_MS = 10_000

/** @returns the exit code */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.done
  const perform = async (...call: Parameters<Perform>) => {
    code = await performOne(...call)
  }
  const program = createProgram(process.env, perform, argv)
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    if (cause.exitCode === 0) return EXIT.done
    if (cause.code === 'commander.help') {
      process.stderr.write(program.helpInformation())
      return EXIT.usage
    }
    const style = { json: argv.includes('--json'), quiet: argv.includes('-q') || argv.includes('--quiet') }
    return reportError(
      outputFor(style, process.env),
      new HoldfastError('INPUT_USAGE', {
        what: explainGap(cause.message) ?? cause.message.replace(/^error: /, '').replace(/\.?\n/g, '; '),
      }),
    )
  }
  return code
}

async function performOne(
  load: () => Promise<CommandRun>,
  args: readonly string[],
  options: GlobalOptions & Options,
): Promise<number> {
  const out = outputFor(options, process.env)
  const stop = new AbortController()
  let isSecond = false
  const onSignal = () => {
    if (isSecond) process.exit(EXIT.interrupted)
    isSecond = true
    stop.abort(new HoldfastError('INTERRUPTED', {}))
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    const context = await openContext(options, out, stop)
    const run = await load()
    return (await Promise.race([run(context, args, options), afterStop(stop.signal)])) ?? EXIT.done
  } catch (cause) {
    // What a command throws because it was told to stop is only how it noticed.
    return reportError(out, stop.signal.aborted ? stop.signal.reason : cause)
  }
}

/** Rejects when a stopped command does not end in time. */
function afterStop(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => setTimeout(() => reject(signal.reason), TIDY_MS).unref(), { once: true })
  })
}
