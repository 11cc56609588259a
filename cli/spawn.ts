/** Starting our own program as a daemon that outlives us: detached, output to a log file, known to be ready by its run file. */
import { spawn } from 'node:child_process'
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS, type ErrorCode, HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import { isAlive, type Role, type RunFile, readRunFile } from './run-file.ts'

/** What to start. */
export interface DaemonLaunch {
  readonly role: Role
  readonly id?: string
  /** Arguments after the program's name. */
  readonly args: readonly string[]
  /** Another program than our own, with the same arguments: the demo's cheat. */
  readonly program?: string
  readonly logFile: string
  readonly runDir: string
  /** Added to our own environment. */
  readonly environment?: Readonly<Record<string, string>>
}

/** A started process. */
export interface Started {
  readonly pid: number
  /** Resolves with its run file once it is ready. @throws the error it printed, or `TIMED_OUT` */
  ready(limitMs: number, signal: AbortSignal): Promise<RunFile>
}

const PROGRAM = fileURLToPath(new URL('./launch.js', import.meta.url))
/**
 * A daemon's nursery begins with four megabytes: loading its modules into the one that Node begins with takes 95 collections instead of 22, a sixth
 * of all the CPU of a start. It stays at that: cli/launch.js.
 */
const FLAGS = ['--min-semi-space-size=4']
/** How often readiness is looked at. Milliseconds. */
const LOOK_MS = 50
/** Of a log, the end that can hold the last error. Bytes. */
const TAIL = 16_384

/** Starts a daemon. It is ready once its run file names its pid. */
export async function startDaemon(launch: DaemonLaunch, clock: Clock): Promise<Started> {
  await mkdir(dirname(launch.logFile), { recursive: true, mode: 0o700 })
  const log = await open(launch.logFile, 'a', 0o600)
  const logStart = (await log.stat()).size
  try {
    const child = spawn(process.execPath, [...FLAGS, launch.program ?? PROGRAM, ...launch.args], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, ...launch.environment },
    })
    const pid = child.pid
    if (pid === undefined) throw new HoldfastError('INTERNAL', { what: `${launch.role} could not be started` })
    let exitCode: number | null | undefined
    child.on('exit', (code) => {
      exitCode = code
    })
    child.unref()
    return {
      pid,
      ready: async (limitMs, signal) => {
        const until = clock.monotonic() + limitMs
        while (clock.monotonic() < until) {
          const run = await readRunFile(launch.runDir, launch.role, launch.id)
          if (run?.pid === pid && (await isAlive(run))) return run
          if (exitCode !== undefined) throw await failureIn(launch, logStart, exitCode)
          await clock.sleep(LOOK_MS, signal)
        }
        throw new HoldfastError('TIMED_OUT', {
          what: `starting ${nameOf(launch)}`,
          limit: `${limitMs / 1000} s`,
          where: launch.logFile,
        })
      },
    }
  } finally {
    await log.close()
  }
}

function nameOf({ role, id }: DaemonLaunch): string {
  return id === undefined ? `the ${role}` : `${role} ${id}`
}

/** The error a daemon printed before it ended; its log is the only way it can tell us. */
async function failureIn(launch: DaemonLaunch, from: number, exitCode: number | null): Promise<HoldfastError> {
  const text = await readTail(launch.logFile, from)
  const found = text
    .split('\n')
    .reverse()
    .flatMap((line) => {
      try {
        const { type, code, data } = JSON.parse(line) as { type?: string; code?: string; data?: Record<string, string> }
        return type === 'error' && code !== undefined && code in ERRORS
          ? [new HoldfastError(code as ErrorCode, { ...data, where: launch.logFile })]
          : []
      } catch {
        return [] // not every line of a log is JSON
      }
    })[0]
  return (
    found ??
    new HoldfastError('INTERNAL', {
      what: `${nameOf(launch)} ended with exit code ${exitCode ?? 'none'}`,
      where: launch.logFile,
    })
  )
}

async function readTail(path: string, from: number): Promise<string> {
  const { size } = await stat(path)
  const start = Math.max(from > size ? 0 : from, size - TAIL) // it may have been cut meanwhile (store/log-rotation.ts)
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL), 0, TAIL, start)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
