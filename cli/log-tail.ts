/** Daemons' log files, read from their ends: what was written lately, and what comes. */
import { open } from 'node:fs/promises'
import { MiB } from '../base/units.ts'

/** What is read of a file at first, and at most at once later. Bytes. */
const MOST = 4 * MiB

/** One line of a daemon's log. */
export interface LogLine {
  /** Wall time. ISO-8601 UTC; what has none of its own (the words of a crash) stands with the line before it. */
  readonly time: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly role: string
  readonly id?: string
  readonly msg: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface LogTail {
  /** Whole lines that came since the last call; the first call gives the end of what is there. */
  read(): Promise<readonly string[]>
}

/** @param path a file that others append to, and may cut to nothing */
export function openLogTail(path: string): LogTail {
  let at: number | undefined
  let rest = Buffer.alloc(0)
  return {
    async read() {
      const file = await open(path, 'r')
      try {
        const { size } = await file.stat()
        const isFirst = at === undefined
        if (at === undefined || at > size) {
          at = isFirst ? Math.max(0, size - MOST) : 0
          rest = Buffer.alloc(0)
        }
        const isCut = isFirst && at > 0
        const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(MOST, size - at)), 0, undefined, at)
        at += bytesRead
        const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
        const end = bytes.lastIndexOf(0x0a) + 1
        // a line without an end is dropped when it outgrows everything: memory stays bounded
        rest = bytes.length - end > MOST ? Buffer.alloc(0) : bytes.subarray(end)
        const lines = bytes
          .toString('utf8', 0, end)
          .split('\n')
          .slice(isCut ? 1 : 0, -1)
        return lines.filter((line) => line !== '')
      } finally {
        await file.close()
      }
    },
  }
}

const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error']

/** @param name of the file, "steward-0x…", for lines that do not say whose they are @param before time of the line before */
export function parseLogLine(text: string, name: string, before: string): LogLine {
  const [, role = name, id] = /^([a-z]+)-(0x[0-9a-f]{40})$/.exec(name) ?? []
  const whose = { role, ...(id === undefined ? {} : { id }) }
  let found: Record<string, unknown>
  try {
    found = JSON.parse(text) as Record<string, unknown>
  } catch {
    return { time: before, level: 'error', ...whose, msg: text, data: {} } // no daemon writes such a line itself: Node's last words, a chain's
  }
  if (typeof found !== 'object' || found === null)
    return { time: before, level: 'error', ...whose, msg: text, data: {} }
  const { time, level, role: _, id: about, msg, schema: __, type, ...rest } = found
  // what a line is about may have an id, too: an intent, a transaction
  const data = about === undefined || about === id ? rest : { about, ...rest }
  const own = typeof level === 'string' && LEVELS.includes(level)
  return {
    time: typeof time === 'string' && !Number.isNaN(Date.parse(time)) ? time : before,
    level: own ? (level as LogLine['level']) : type === 'error' ? 'error' : 'info',
    ...whose,
    msg: typeof msg === 'string' ? msg : String(data['what'] ?? type ?? text),
    data,
  }
}

/** True when `line` weighs at least as much as `level`. */
export const isAtLeast = (line: LogLine, level: string): boolean => LEVELS.indexOf(line.level) >= LEVELS.indexOf(level)
