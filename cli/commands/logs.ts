/** `holdfast logs`: what the daemons of this home wrote, in one order; with -f also what they go on to write. */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { HoldfastError } from '../../base/errors.ts'
import { parseDuration } from '../../base/units.ts'
import type { Context, Options } from '../context.ts'
import { isAtLeast, type LogLine, type LogTail, openLogTail, parseLogLine } from '../log-tail.ts'
import { paint } from '../output.ts'
import { plural, shortId } from '../words.ts'

/** Between two looks with -f. Milliseconds. */
const LOOK_MS = 300

export async function logs(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { home, out, clock, signal } = context
  const level = String(options['level'])
  if (!/^(debug|info|warn|error)$/.test(level))
    throw new HoldfastError('INPUT_FORMAT', { name: '--level', expected: 'debug, info, warn or error', got: level })
  const since = (clock.now() - parseDuration(String(options['since']))) * 1000
  const isWanted = (line: LogLine) =>
    isAtLeast(line, level) &&
    (options['role'] === undefined || line.role === options['role']) &&
    (options['id'] === undefined || line.id === options['id'])
  const tails = new Map<string, { readonly tail: LogTail; time: string }>()
  const look = async (): Promise<readonly LogLine[]> => {
    const found: LogLine[] = []
    for (const file of await logFiles(home.logs)) {
      const known = tails.get(file) ?? { tail: openLogTail(join(home.logs, file)), time: '' }
      tails.set(file, known)
      for (const text of await known.tail.read()) {
        const line = parseLogLine(text, basename(file, '.log'), known.time)
        known.time = line.time
        if (isWanted(line)) found.push(line)
      }
    }
    return found.sort((one, other) => (one.time === other.time ? 0 : one.time < other.time ? -1 : 1))
  }
  let count = 0
  const show = (line: LogLine) => {
    count++
    const { data, ...fields } = line
    out.record({ type: 'log', ...fields, data })
    out.say(lineOf(context, line))
  }
  for (const line of await look()) if (!(Date.parse(line.time) < since)) show(line) // what has no time at all is shown
  let isHeard = true
  out.stdout.on('error', () => {
    isHeard = false // `logs -f | head`
  })
  while (options['follow'] === true && isHeard) {
    await clock.sleep(LOOK_MS, signal)
    for (const line of await look()) show(line)
  }
  const hint = count > 0 ? '' : '; --since looks further back, --level debug deeper'
  out.summary({
    command: 'logs',
    fields: { lines: count },
    lines: count > 0 ? [] : [`${plural(count, 'line')}${hint}`],
  })
  return undefined
}

/** @throws `CONFIG_NOT_INITIALISED` when no daemon ever ran here */
async function logFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: directory })
    throw cause
  })
  return names.filter((name) => name.endsWith('.log')).sort()
}

const COLOURS = { debug: 'dim', info: undefined, warn: 'yellow', error: 'red' } as const

function lineOf({ out }: Context, { time, level, role, id, msg, data }: LogLine): string {
  const values = Object.entries(data).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const who = id === undefined ? role : `${role} ${shortId(id)}`
  const colour = COLOURS[level]
  const weight = level.padEnd(5)
  const text = [
    time.slice(0, 19).replace('T', ' '),
    colour === undefined ? weight : paint(out.style, colour, weight),
    who,
    msg,
  ]
  return `${text.join('  ')}${values.length === 0 ? '' : `  ${values.join(' ')}`}`
}
