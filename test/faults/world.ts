/**
 * A market whose daemons the harness runs itself: each is a child with its output in a pipe of ours, and each, once dead, is started again by
 * the same command line and nothing else. What stewards and commands acknowledge goes into the log.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MarketHandle, openMarket } from '../market/market.ts'
import {
  describeRun,
  isAlive,
  type Line,
  peakMemory,
  type Run,
  type Running,
  type RunOptions,
  until,
} from '../processes.ts'
import { AckLog } from './ack-log.ts'

export type Role = 'controller' | 'index' | 'steward'

/** A command that found no controller keeps the ledger for as long as it runs, and the daemon says so. */
const LOCKED = 11
/** In the environment of every daemon: without HOLDFAST_TESTING=1 it must mean nothing. */
const IGNORED = { HOLDFAST_FAULT: 'outbox.signed:1:kill' }
/** Between two tries of the supervisor. Milliseconds. */
const AGAIN_MS = 250
/** Readiness after a start that is plainly broken. The promise is 10 s (I4), of a quiet machine. Milliseconds. */
const READY_MS = 60_000

/** One daemon, whoever lives in it just now. */
export interface Daemon {
  readonly role: Role
  readonly id: string | undefined
  readonly name: string
  /** Of the process that runs now. @throws Error when none does */
  readonly pid: number
  readonly isRunning: boolean
  /** Every run so far: what each printed stays. */
  readonly runs: readonly Running[]
  /** Starts it, as a supervisor does again and again while it is refused the lock, and waits until `/readyz` says yes. */
  start(env?: Readonly<Record<string, string>>): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Ends the process that runs and waits for its end. */
  end(signal: NodeJS.Signals): Promise<Run>
  /** kill -9, and the same command line again. */
  strike(): Promise<void>
}

export interface World {
  readonly market: MarketHandle
  readonly acks: AckLog
  readonly daemons: readonly Daemon[]
  readonly controller: Daemon
  readonly index: Daemon
  readonly stewards: readonly Daemon[]
  /** Seconds from each start to readiness. */
  readonly readyTimes: readonly number[]
  /** Starts that were refused the lock (exit 11) while a command kept the ledger. */
  readonly refusals: () => number
  /** Peak memory of processes that are gone or were asked, by role. Bytes. */
  readonly peaks: Map<string, number>
  /** Commands that ran to an end. */
  readonly commands: readonly Run[]
  /** A command, with `--home` and `--json`. */
  startCommand(args: readonly string[], options?: RunOptions): Running
  command(args: readonly string[], options?: RunOptions): Promise<Run>
  /** Expects exit code 0. */
  ok(args: readonly string[], options?: RunOptions): Promise<Run>
  /** Notes what a put said: stored, failed or unknown. */
  sayPut(run: Run, sha256: string): void
  /** Files outside the home that were there at the start, or that the test itself made or asked for. */
  readonly own: Set<string>
  /** A file of `size` random bytes in the sandbox. */
  file(name: string, size: number): Promise<{ readonly path: string; readonly sha256: string }>
  /** A path in the sandbox that a command will write. */
  target(name: string): string
  close(): Promise<void>
}

/** Starts a market and takes over its daemons. Whoever opens it closes it. */
export async function openWorld(stewards: number): Promise<World> {
  const market = await openMarket(stewards)
  try {
    return await takeOver(market)
  } catch (cause) {
    await market.close()
    throw cause
  }
}

async function takeOver(market: MarketHandle): Promise<World> {
  const { sandbox, home } = market
  const acks = new AckLog()
  const readyTimes: number[] = []
  let refusals = 0
  const peaks = new Map<string, number>()
  const commands: Run[] = []
  const own = new Set(await filesOutside(market))
  const indexId = (await readdir(join(home, 'pool', 'index')))[0] as string

  const startCommand = (args: readonly string[], options: RunOptions = {}) =>
    sandbox.start([...args, '--home', home, '--json', '--no-input'], options)
  const command = async (args: readonly string[], options: RunOptions = {}) => {
    const run = await startCommand(args, options).ended(options.timeoutMs)
    commands.push(run)
    return run
  }

  function daemon(role: Role, id: string | undefined, args: readonly string[]): Daemon {
    const runs: Running[] = []
    const current = () => {
      const run = runs.at(-1)
      if (!run) throw new Error(`${role} was never started`)
      return run
    }
    const own: Daemon = {
      role,
      id,
      name: id === undefined ? role : `${role} ${id.slice(0, 8)}`,
      get pid() {
        return current().pid
      },
      get isRunning() {
        return runs.length > 0 && isAlive(current().pid)
      },
      runs,
      async start(env = {}) {
        const deadline = performance.now() + READY_MS
        for (;;) {
          const began = performance.now()
          const running = startCommand([...args, '--log-level', 'info'], { env: { ...IGNORED, ...env } })
          runs.push(running)
          if (role === 'steward') follow(running, id as string)
          const line = await running.line(({ type }) => type === 'ready' || type === 'error', READY_MS)
          if (line['exit'] !== LOCKED || performance.now() > deadline) return becomeReady(running, began)
          refusals++
          await running.ended()
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        }
      },
      signal: (signal) => current().kill(signal),
      async end(signal) {
        notePeak(role, current().pid)
        current().kill(signal)
        return current().ended(30_000)
      },
      async strike() {
        await own.end('SIGKILL')
        await own.start()
      },
    }
    return own
  }

  async function becomeReady(running: Running, began: number): Promise<void> {
    const { api } = (await running.line(({ type }) => type === 'ready', READY_MS)) as Line & { api: string }
    await until(() => isReady(api), READY_MS, `${running.pid} to be ready`)
    readyTimes.push((performance.now() - began) / 1000)
  }

  /** A steward logs `blob.held` once its receipt is durable. */
  function follow(running: Running, id: string): void {
    running.onLine((line) => {
      if (line['msg'] === 'blob.held') acks.say({ kind: 'blob', id: String(line['blob']), result: 'ok', by: id })
    })
  }

  function notePeak(name: string, pid: number): void {
    const peak = peakMemory(pid)
    if (peak !== undefined) peaks.set(name, Math.max(peak, peaks.get(name) ?? 0))
  }

  const controller = daemon('controller', undefined, ['controller', 'start'])
  const index = daemon('index', indexId, ['pool', 'index', 'start', '--id', indexId])
  const all = market.ready.stewards.map(({ id }) => daemon('steward', id, ['steward', 'start', '--id', id]))
  const daemons = [controller, index, ...all]
  const indexPid = JSON.parse(await readFile(join(home, 'run', `index-${indexId}.json`), 'utf8')).pid as number
  const pids = [market.ready.controller.pid, indexPid, ...market.ready.stewards.map(({ pid }) => pid)]
  for (const pid of pids) process.kill(pid, 'SIGTERM')
  for (const pid of pids) await until(() => !isAlive(pid), 30_000, `process ${pid} to end`)
  await Promise.all(daemons.map((each) => each.start()))
  const world: World = {
    market,
    acks,
    daemons,
    controller,
    index,
    stewards: all,
    readyTimes,
    refusals: () => refusals,
    peaks,
    commands,
    startCommand,
    command,
    async ok(args, options) {
      const run = await command(args, options)
      if (run.code !== 0) throw new Error(`expected exit code 0\n${describeRun(run)}`)
      return run
    },
    sayPut(run, sha256) {
      const result = run.code === 0 ? 'ok' : run.signal === undefined && run.code !== 3 ? 'fail' : 'unknown'
      const id = run.code === 0 ? String(run.last['id']) : sha256
      acks.say({ kind: 'object', id, result, by: 'put', sha256 })
    },
    own,
    async file(name, size) {
      const made = await market.file(name, size)
      own.add(made.path)
      return made
    },
    target(name) {
      own.add(sandbox.path(name))
      return sandbox.path(name)
    },
    close: () => market.close(),
  }
  return world
}

async function isReady(api: string): Promise<boolean> {
  try {
    return (await fetch(`${api}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false // not listening yet, or busy: asked again until the deadline
  }
}

/** Paths in the sandbox that are not below the home. */
export async function filesOutside({ sandbox, home }: MarketHandle): Promise<readonly string[]> {
  const entries = await readdir(sandbox.dir, { recursive: true, withFileTypes: true })
  return entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path !== home && !path.startsWith(`${home}/`))
}
