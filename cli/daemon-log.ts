/**
 * A daemon's log: JSON lines on stdout, or short lines for a person at a terminal. Keys and tokens are struck out whatever a caller
 * passes; nothing else may log (interface.md §10).
 */
import { pino } from 'pino'
import { toHex } from '../base/bytes.ts'
import type { Log } from '../base/ports.ts'
import { createRotation } from '../store/log-rotation.ts'

/** Names whose values never appear in a log. */
const SECRETS = [
  'secret',
  'token',
  'cap',
  'words',
  'passphrase',
  'root',
  'chainKey',
  'nonceKey',
  'backupKey',
  'ledgerKey',
  'repairKey',
  'copyKey',
  'objectKey',
  'readKey',
]

export interface DaemonLogOptions {
  readonly role: string
  readonly id?: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** True at a terminal. */
  readonly forPeople: boolean
  /** The log file of a detached daemon of this name; it is put aside when it is large, if that is where our lines go. */
  readonly file: string
}

export function createDaemonLog({ role, id, level, forPeople, file }: DaemonLogOptions): Log {
  if (forPeople) return createTerminalLog(level)
  const stdout = pino.destination({ dest: 1, sync: true }) // written when write returns: only then may the file be put aside
  const rotate = createRotation(file)
  const destination = {
    write(line: string) {
      stdout.write(line)
      try {
        rotate?.(Buffer.byteLength(line))
      } catch (cause) {
        logger.warn({ message: (cause as Error).message }, 'log.rotation')
      }
    },
  }
  const logger = pino(
    {
      level,
      base: { role, ...(id === undefined ? {} : { id }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      messageKey: 'msg',
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '(secret)' },
    },
    destination,
  )
  const write =
    (weight: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, data: Readonly<Record<string, unknown>> = {}) => {
      if (logger.isLevelEnabled(weight)) logger[weight](plain(data), event)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function createTerminalLog(level: DaemonLogOptions['level']): Log {
  const weights = ['debug', 'info', 'warn', 'error'] as const
  const write =
    (weight: (typeof weights)[number]) =>
    (event: string, data: Readonly<Record<string, unknown>> = {}) => {
      if (weights.indexOf(weight) < weights.indexOf(level)) return
      const values = Object.entries(plain(data)).map(
        ([name, value]) =>
          `${name}=${SECRETS.includes(name) ? '(secret)' : typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      process.stderr.write(
        `${new Date().toISOString().slice(11, 19)} ${weight.padEnd(5)} ${event}  ${values.join(' ')}\n`,
      )
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** Bigints and bytes have no JSON form of their own. */
function plain(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => {
      if (typeof value === 'bigint') return [name, value.toString()]
      if (value instanceof Uint8Array) return [name, toHex(value)]
      if (value instanceof Error) return [name, value.message]
      return [name, value]
    }),
  )
}
