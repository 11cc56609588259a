/**
 * Real processes for tests: a sandbox with a home of its own, the `holdfast` program run in it, and nothing left behind.
 * Every process started here carries a random tag in its environment, which its children inherit; whatever still carries
 * the tag at the end is killed by its pid, also when the test failed, timed out or was interrupted.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The program as `npx holdfast` runs it. */
export const LAUNCHER = fileURLToPath(new URL('../cli/launch.js', import.meta.url))
const TAG = 'HOLDFAST_TEST_SANDBOX'

/** One line of `--json` output. Unknown fields are allowed (interface.md §4). */
export interface Line {
  readonly schema: number
  readonly type: string
  readonly [field: string]: unknown
}

/** A finished run of the program. */
export interface Run {
  readonly args: readonly string[]
  /** Exit code; undefined when a signal ended it. */
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  readonly stdout: string
  readonly stderr: string
  /** The JSON lines of stdout, in order. Lines that are no JSON objects are left out. */
  readonly lines: readonly Line[]
  /** The last of them. @throws Error with all output when there is none */
  readonly last: Line
  /** Wall time. */
  readonly seconds: number
}

/** A program that is running. */
export interface Running {
  readonly pid: number
  /** Lines so far. */
  readonly lines: readonly Line[]
  /** The first line that fits. @throws Error with all output at the deadline, or when the program ends without one */
  line(fits: (line: Line) => boolean, timeoutMs?: number): Promise<Line>
  /** Calls back for each JSON line as it comes. */
  onLine(listener: (line: Line) => void): void
  kill(signal?: NodeJS.Signals): void
  /** False once it has ended and all its output is here. */
  isAlive(): boolean
  /** @throws Error with all output at the deadline */
  ended(timeoutMs?: number): Promise<Run>
}

export interface RunOptions {
  /** Bytes for standard input; without them it is closed. */
  readonly input?: Uint8Array | string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** The wait; the program is killed at its end and the call throws. Default 120 s. */
  readonly timeoutMs?: number
  /** Program in place of the launcher, with the arguments after it. */
  readonly program?: string
}

/** A directory of its own with everything a run may write below it. */
export interface Sandbox {
  /** Temporary directory; gone after `close`. */
  readonly dir: string
  /** For `--home`; does not exist yet. */
  readonly home: string
  /** A path below `dir`. */
  path(...names: readonly string[]): string
  /** Runs `holdfast …args` to its end, whatever its exit code. */
  run(args: readonly string[], options?: RunOptions): Promise<Run>
  /** Runs it and expects exit code 0. @throws Error with all output otherwise */
  ok(args: readonly string[], options?: RunOptions): Promise<Run>
  /** Starts it and returns at once. */
  start(args: readonly string[], options?: RunOptions): Running
  /** Pids of all living processes that were started in this sandbox, daemons and grandchildren included. */
  pids(): readonly number[]
  /** Ends what still runs and removes the directory. Safe to call twice. */
  close(): Promise<void>
}

/** Directory of each open sandbox, by tag. */
const open = new Map<string, string>()
process.on('exit', () => {
  for (const [tag, dir] of open) {
    endAll(tag)
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
})
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const)
  process.on(signal, () => process.exit(128 + number)) // a signal alone would end us without the handler above

/**
 * A fresh sandbox. Whoever opens it closes it; `useSandbox` does both in a mocha suite.
 * @param environment variables of everything that runs in it, beside its own
 */
export async function openSandbox(environment: Readonly<Record<string, string>> = {}): Promise<Sandbox> {
  const tag = randomBytes(12).toString('hex')
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  open.set(tag, dir)
  const user = join(dir, 'user')
  await mkdir(user)
  const base: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    HOME: user,
    XDG_CONFIG_HOME: join(user, 'config'),
    XDG_DATA_HOME: join(user, 'data'),
    XDG_STATE_HOME: join(user, 'state'),
    XDG_CACHE_HOME: join(user, 'cache'),
    XDG_RUNTIME_DIR: join(user, 'run'),
    TMPDIR: dir,
    NO_COLOR: '1',
    ...environment,
    [TAG]: tag,
  }
  const start = (args: readonly string[], options: RunOptions = {}): Running => {
    const program = options.program === undefined ? [process.execPath, LAUNCHER] : [options.program]
    const [file, ...before] = program as [string, ...string[]]
    const child = spawn(file, [...before, ...args], {
      cwd: options.cwd ?? dir,
      env: { ...base, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    if (options.input !== undefined) {
      child.stdin?.on('error', () => undefined) // the program may end without reading; its exit code tells
      child.stdin?.end(options.input)
    }
    return follow(child, args)
  }
  const run = async (args: readonly string[], options: RunOptions = {}) =>
    await start(args, options).ended(options.timeoutMs)
  return {
    dir,
    home: join(dir, 'home'),
    path: (...names) => join(dir, ...names),
    start,
    run,
    ok: async (args, options) => {
      const result = await run(args, options)
      if (result.code !== 0) throw new Error(`expected exit code 0\n${describeRun(result)}`)
      return result
    },
    pids: () => taggedPids(tag),
    close: async () => {
      endAll(tag)
      await until(() => taggedPids(tag).length === 0, 10_000, 'processes of the sandbox to end')
      open.delete(tag)
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** A sandbox for a mocha suite: opened before its tests, closed after them. @returns a getter for use inside the tests */
export function useSandbox(): () => Sandbox {
  let sandbox: Sandbox | undefined
  before(async () => {
    sandbox = await openSandbox()
  })
  after(async function () {
    this.timeout(30_000)
    await sandbox?.close()
    sandbox = undefined
  })
  return () => {
    if (!sandbox) throw new Error('useSandbox: only inside a test of its suite')
    return sandbox
  }
}

/** Polls until `holds`. @throws Error naming `what` at the deadline */
export async function until(holds: () => boolean | Promise<boolean>, timeoutMs: number, what: string): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** True while a process with this pid exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

/** Kills with -9 and waits until the process is gone. */
export async function killHard(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(pid), 10_000, `process ${pid} to end`)
}

/** Highest resident memory the process had so far, in bytes; undefined where the system does not tell. */
export function peakMemory(pid: number): number | undefined {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return match ? Number(match[1]) * 1024 : undefined
  } catch {
    return undefined
  }
}

/** A run with all it printed, for messages of failed checks. */
export function describeRun(run: Omit<Run, 'last'>): string {
  const end = run.signal === undefined ? `exit ${run.code}` : `ended by ${run.signal}`
  return `holdfast ${run.args.join(' ')}: ${end} after ${run.seconds.toFixed(1)} s\n--- stdout\n${run.stdout}\n--- stderr\n${run.stderr}`
}

function follow(child: ChildProcess, args: readonly string[]): Running {
  const began = performance.now()
  const lines: Line[] = []
  const waiting = new Set<() => void>()
  const listeners: ((line: Line) => void)[] = []
  let stdout = ''
  let stderr = ''
  let rest = ''
  let end: { code: number | undefined; signal: NodeJS.Signals | undefined; seconds: number } | undefined
  let failure: Error | undefined
  const wake = () => {
    for (const check of [...waiting]) check()
  }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    const parts = (rest + text).split('\n')
    rest = parts.pop() as string
    for (const part of parts) {
      const line = parseLine(part)
      if (!line) continue
      lines.push(line)
      for (const listener of listeners) listener(line)
    }
    wake()
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.once('error', (cause) => {
    failure = cause
    wake()
  })
  child.once('close', (code, signal) => {
    const line = parseLine(rest)
    if (line) lines.push(line)
    end = { code: code ?? undefined, signal: signal ?? undefined, seconds: (performance.now() - began) / 1000 }
    wake()
  })
  const snapshot = () => ({
    args,
    code: end?.code,
    signal: end?.signal,
    stdout,
    stderr,
    lines,
    seconds: end?.seconds ?? (performance.now() - began) / 1000,
  })
  const waitFor = <T>(what: string, timeoutMs: number, look: () => T | undefined, onDeadline: () => void): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer)
        waiting.delete(check)
        finish()
      }
      const check = () => {
        const found = look()
        if (found !== undefined) return settle(() => resolve(found))
        if (failure) return settle(() => reject(failure))
        if (end) settle(() => reject(new Error(`the program ended before ${what}\n${describeRun(snapshot())}`)))
      }
      const timer = setTimeout(() => {
        onDeadline()
        settle(() => reject(new Error(`no ${what} within ${timeoutMs / 1000} s\n${describeRun(snapshot())}`)))
      }, timeoutMs)
      waiting.add(check)
      check()
    })
  return {
    get pid() {
      if (child.pid === undefined) throw failure ?? new Error('the program did not start')
      return child.pid
    },
    lines,
    onLine: (listener) => void listeners.push(listener),
    isAlive: () => end === undefined && failure === undefined,
    kill: (signal = 'SIGKILL') => {
      child.kill(signal)
    },
    line: (fits, timeoutMs = 60_000) =>
      waitFor(
        'such a line',
        timeoutMs,
        () => lines.find(fits),
        () => undefined,
      ),
    ended: (timeoutMs = 120_000) =>
      waitFor(
        'end',
        timeoutMs,
        () => (end ? withLast(snapshot()) : undefined),
        () => child.kill('SIGKILL'),
      ),
  }
}

function withLast(run: Omit<Run, 'last'>): Run {
  return {
    ...run,
    get last() {
      const line = run.lines.at(-1)
      if (!line) throw new Error(`no JSON line\n${describeRun(run)}`)
      return line
    },
  }
}

function parseLine(text: string): Line | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined // not ours: people's output may start with a brace
  }
}

/** A process shows no environment while it is being loaded. It is looked at again after a while, so often. Milliseconds. */
const LOADING_MS = 2
const LOADING_TRIES = 100
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Of a process; empty for one that has none, as the kernel's own. @throws when it is gone, or another user's */
function environOf(pid: string): string {
  for (let tries = 0; ; tries++) {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1')
    if (environment !== '' || tries === LOADING_TRIES) return environment
    readlinkSync(`/proc/${pid}/exe`) // the kernel's own have no program: this throws
    Atomics.wait(pause, 0, 0, LOADING_MS)
  }
}

/** Pids whose environment carries the tag. Linux only: elsewhere the daemons' own `down` has to do. */
function taggedPids(tag: string): number[] {
  const wanted = `${TAG}=${tag}`
  let names: string[]
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
  return names
    .filter((name) => {
      try {
        return environOf(name).split('\0').includes(wanted)
      } catch {
        return false // gone meanwhile, the kernel's, or another user's
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid && isAlive(pid))
}

function endAll(tag: string): void {
  // Twice: a process may have started another one between the listing and the kill.
  for (let round = 0; round < 2; round++) {
    for (const pid of taggedPids(tag)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // gone meanwhile
      }
    }
  }
}
