/**
 * run/<role>[-<id>].json: which processes belong to a home. A pid alone proves nothing (it may have been given to another program), so
 * the kernel's start time stands beside it, and only a process that fits both is ever signalled.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import { readJson, writeJson } from '../store/json-file.ts'

/** Roles that run as processes of their own. */
export type Role = 'chain' | 'index' | 'monitor' | 'manager' | 'controller' | 'steward'

/** What a run file says. */
export interface RunFile {
  readonly role: Role
  readonly id?: string
  readonly pid: number
  /** ISO-8601 UTC, wall clock. */
  readonly startedAt: string
  /** URL of its local API; of the chain: its RPC. */
  readonly api: string
  /** Start time of the process in clock ticks since boot, where /proc tells. */
  readonly ticks?: string
}

/** A run file whose process lives. */
export interface LiveProcess extends RunFile {
  readonly path: string
}

/** Of a detached daemon, in the home's `logs/`. */
export function logFileName(role: Role, id?: string): string {
  return id === undefined ? `${role}.log` : `${role}-${id}.log`
}

export function runFileName(role: Role, id?: string): string {
  return id === undefined ? `${role}.json` : `${role}-${id}.json`
}

/** Field 22 of /proc/PID/stat; undefined where there is no /proc or no such process. The name in field 2 may contain spaces and brackets. */
export async function startTicksOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined // the process is gone, or the system has no /proc: the caller falls back on the pid
  }
}

/** Writes the run file of a process. */
export async function writeRunFile(directory: string, run: Omit<RunFile, 'ticks'>): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const ticks = await startTicksOf(run.pid)
  await writeJson(
    join(directory, runFileName(run.role, run.id)),
    { ...run, ...(ticks === undefined ? {} : { ticks }) },
    0o600,
  )
}

export async function removeRunFile(directory: string, role: Role, id?: string): Promise<void> {
  await rm(join(directory, runFileName(role, id)), { force: true })
}

/** Removes the run file only if it is this process's. */
export async function removeOwnRunFile(directory: string, role: Role, id?: string): Promise<void> {
  if ((await readRunFile(directory, role, id))?.pid === process.pid) await removeRunFile(directory, role, id)
}

/** True when the process of a run file lives: pid and start time fit, and it is no zombie. */
export async function isAlive(run: Pick<RunFile, 'pid' | 'ticks'>): Promise<boolean> {
  try {
    process.kill(run.pid, 0)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (run.ticks === undefined) return true
  if ((await startTicksOf(run.pid)) !== run.ticks) return false
  return !(await isZombie(run.pid))
}

async function isZombie(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z'
  } catch {
    return true // gone between two looks
  }
}

/** One run file, alive or not. */
export async function readRunFile(directory: string, role: Role, id?: string): Promise<RunFile | undefined> {
  const value = (await readJson(join(directory, runFileName(role, id)), 16_384).catch(() => undefined)) as
    | Partial<RunFile>
    | undefined
  return value === undefined || typeof value.pid !== 'number' || typeof value.role !== 'string'
    ? undefined
    : (value as RunFile)
}

/** All processes of a home: those that live, and run files whose process is gone. */
export async function listProcesses(
  directory: string,
): Promise<{ readonly live: readonly LiveProcess[]; readonly dead: readonly RunFile[] }> {
  const names = await readdir(directory).catch(() => [] as string[])
  const live: LiveProcess[] = []
  const dead: RunFile[] = []
  for (const name of names.filter((name) => name.endsWith('.json')).sort()) {
    const [role, id] = splitName(name)
    const run = await readRunFile(directory, role, id)
    if (run === undefined) continue
    if (await isAlive(run)) live.push({ ...run, path: join(directory, name) })
    else dead.push(run)
  }
  return { live, dead }
}

function splitName(name: string): readonly [Role, string | undefined] {
  const [role, id] = name.slice(0, -'.json'.length).split('-', 2)
  return [role as Role, id]
}

/** How long a process may take to stop before it is told more firmly. Milliseconds. */
const STOP_MS = 15_000

/**
 * Stops a process of ours: SIGTERM, then, when it does not end in time, SIGKILL; every store survives that.
 * @returns true when it had to be killed
 * @throws `TIMED_OUT` when it does not even die of SIGKILL
 */
export async function stopProcess(run: LiveProcess, clock: Clock, within = STOP_MS): Promise<boolean> {
  const gone = async (limit: number): Promise<boolean> => {
    const until = clock.monotonic() + limit
    while (clock.monotonic() < until) {
      if (!(await isAlive(run))) return true
      await clock.sleep(25)
    }
    return false
  }
  const signal = async (name: NodeJS.Signals) => {
    if (await isAlive(run)) process.kill(run.pid, name)
  }
  await signal('SIGTERM').catch(ignoreGone)
  if (await gone(within)) return false
  await signal('SIGKILL').catch(ignoreGone)
  if (await gone(5_000)) return true
  throw new HoldfastError('TIMED_OUT', {
    what: `stopping ${run.role} (pid ${run.pid})`,
    limit: `${(within + 5_000) / 1000} s`,
  })
}

function ignoreGone(cause: unknown): void {
  if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
}
