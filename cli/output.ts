/**
 * Where words go: results on stdout; progress, prompts and notes on stderr. With --json one object a line on stdout, the last of them
 * `summary`, `ready` or `error`. With -q only the result itself.
 */
import type { Writable } from 'node:stream'
import { toJson } from './json-line.ts'

/** The form of output, from the global options. */
export interface OutputStyle {
  readonly json: boolean
  readonly quiet: boolean
  /** 0, 1 (-v) or 2 (-vv). */
  readonly verbosity: number
  readonly color: boolean
}

/** A last line: what --json prints, what people read, and what -q leaves of it. */
export interface Summary {
  readonly type?: 'summary' | 'ready'
  readonly command: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly lines: readonly string[]
  /** The id, the path: all that -q prints. */
  readonly result?: string
}

export interface Output {
  readonly style: OutputStyle
  /** A line for people, on stdout. Nothing with --json or -q. */
  say(line: string): void
  /** A JSON line with the schema number. Nothing without --json. */
  record(fields: Readonly<Record<string, unknown>>): void
  /** The last line of a command that went well. */
  summary(summary: Summary): void
  /** A line on stderr for people: what is going on. Nothing with --json or -q. */
  note(line: string): void
  /** A line on stderr that stays also with -q: something is wrong, but the command goes on. */
  warn(line: string): void
  /** Internals: on stderr with -v. */
  detail(line: string): void
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const

/** `text` in a colour, when colours are on. */
export function paint(style: OutputStyle, colour: keyof typeof CODES, text: string): string {
  return style.color ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
}

export function createOutput(
  style: OutputStyle,
  stdout: Writable,
  stderr: Writable & { readonly isTTY?: boolean },
): Output {
  const people = !style.json && !style.quiet
  const record = (fields: Readonly<Record<string, unknown>>) => {
    if (style.json) stdout.write(`${toJson({ schema: 1, ...fields })}\n`)
  }
  return {
    style,
    stdout,
    stderr,
    say: (line) => {
      if (people) stdout.write(`${line}\n`)
    },
    record,
    summary: ({ type = 'summary', command, fields, lines, result }) => {
      record(type === 'ready' ? { type, ...fields } : { type, command, ...fields })
      if (style.json) return
      if (style.quiet) {
        if (result !== undefined) stdout.write(`${result}\n`)
        return
      }
      for (const line of lines) stdout.write(`${line}\n`)
    },
    note: (line) => {
      if (people) stderr.write(`${line}\n`)
    },
    warn: (line) => {
      if (!style.json) stderr.write(`${paint(style, 'yellow', '!')} ${line}\n`)
    },
    detail: (line) => {
      if (style.verbosity > 0) stderr.write(`${paint(style, 'dim', line)}\n`)
    },
  }
}
