/** What a command is given: where things stand, what is set, where words go, and when to stop. */
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Rng } from '../base/ports.ts'
import { parseDuration } from '../base/units.ts'
import { type Home, homeAt } from './home.ts'
import { createOutput, type Output } from './output.ts'
import { resolveSettings, type Settings } from './settings.ts'
import { SETTING_KEYS, SETTINGS, type Setting, type SettingKey } from './settings-table.ts'
import { systemClock, systemRng } from './system.ts'

/** Options every command has. */
export interface GlobalOptions {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: number
  readonly home?: string
  readonly config?: string
  readonly timeout?: string
  readonly yes?: boolean
  /** False with --no-input. */
  readonly input?: boolean
  /** False with --no-color. */
  readonly color?: boolean
  readonly dryRun?: boolean
}

/** Values of a command's own options, as commander parsed them. */
export type Options = Readonly<Record<string, unknown>>

export interface Context {
  readonly home: Home
  readonly settings: Settings
  readonly out: Output
  readonly options: GlobalOptions
  readonly clock: Clock
  readonly rng: Rng
  /** Aborts on SIGINT, SIGTERM and at the end of --timeout; its reason is the HoldfastError to report. */
  readonly signal: AbortSignal
  readonly environment: Readonly<Record<string, string | undefined>>
  /** True with -y. @throws `INPUT_REQUIRED` when the answer is needed and nobody can be asked */
  confirm(question: string, option: string): Promise<boolean>
  /** A line from the terminal. @throws `INPUT_REQUIRED` */
  ask(question: string, option: string): Promise<string>
}

/** A command: its exit code, or nothing for 0. */
export type CommandRun = (context: Context, args: readonly string[], options: Options) => Promise<number | undefined>

/** The form of output is needed before anything else can fail. */
export function outputFor(options: GlobalOptions, environment: Readonly<Record<string, string | undefined>>): Output {
  const noColor = environment['NO_COLOR'] !== undefined && environment['NO_COLOR'] !== ''
  const color = options.color !== false && !noColor && options.json !== true && process.stderr.isTTY === true
  return createOutput(
    { json: options.json === true, quiet: options.quiet === true, verbosity: options.verbose ?? 0, color },
    process.stdout,
    process.stderr,
  )
}

/** The context of one command. */
export async function openContext(
  options: GlobalOptions & Options,
  out: Output,
  stop: AbortController,
): Promise<Context> {
  const environment = process.env
  const home = homeAt(options.home ?? nonEmpty(environment['HOLDFAST_HOME']), environment, options.config)
  if (options.config !== undefined && !existsSync(home.config))
    throw new HoldfastError('CONFIG_INVALID', { what: `there is no file ${home.config}` })
  const settings = resolveSettings(flagsOf(options), environment, await fileSettings(home.config))
  if (options.timeout !== undefined) stopAfter(options.timeout, stop)
  return {
    home,
    settings,
    out,
    options,
    clock: systemClock,
    rng: systemRng,
    signal: stop.signal,
    environment,
    confirm: async (question, option) =>
      options.yes === true || /^y(es)?$/i.test(await ask(options, `${question} [y/N] `, option, stop.signal)),
    ask: (question, option) => ask(options, question, option, stop.signal),
  }
}

/** Flags among the options, by setting key. */
export function flagsOf(options: Options): Partial<Record<SettingKey, string>> {
  const flags: Partial<Record<SettingKey, string>> = {}
  for (const key of SETTING_KEYS) {
    const { flag } = SETTINGS[key] as Setting<unknown>
    const value = flag === undefined ? undefined : options[camelCase(flag)]
    if (typeof value === 'string') flags[key] = value
  }
  return flags
}

/** The name commander gives to a long option. */
function camelCase(flag: string): string {
  return flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

async function fileSettings(path: string) {
  if (!existsSync(path)) return {}
  const { readConfigFile } = await import('./config-file.ts')
  return (await readConfigFile(path)) ?? {}
}

function stopAfter(text: string, stop: AbortController): void {
  const limit = parseDuration(text)
  const timer = setTimeout(
    () => stop.abort(new HoldfastError('TIMED_OUT', { what: 'the command', limit: text })),
    limit * 1000,
  )
  timer.unref()
}

async function ask(options: GlobalOptions, question: string, option: string, signal: AbortSignal): Promise<string> {
  if (options.input === false || options.json === true || process.stdin.isTTY !== true)
    throw new HoldfastError('INPUT_REQUIRED', { what: question.replace(/ \[y\/N\] $/, '').trim(), option })
  const line = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await line.question(question, { signal })).trim()
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    throw cause
  } finally {
    line.close()
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
