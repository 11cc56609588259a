/**
 * The local dev chain: anvil, mining at once, its state on disk. It may be killed at any moment and started again where it was,
 * at the time it had (stack.md §4). Without anvil's binary `hardhat node` stands in, and keeps nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { endOrphan, type Keeping, prepareState, readKeeping, takeOlderCopy } from './devnet-state.ts'
import { freePort } from './free-port.ts'
import { openEndpoint } from './json-rpc.ts'

/** The first accounts of the well-known dev mnemonic ("test test … junk"), rich on every dev chain and worth nothing anywhere else. */
export const DEV_SECRETS = [
  'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
] as const

/** Longest wait for the chain to answer after its start. ms. */
const START_DEADLINE = 30_000
/** Longest wait for it to write its state and end. ms. */
const STOP_DEADLINE = 15_000
/** States kept in memory for reads of the past: enough for every reorg that is followed (128 deep). */
const STATES_IN_MEMORY = 200

export interface DevnetOptions {
  readonly log: Log
  readonly clock: Clock
  /** JSON file; its directory is made. Left out: nothing is kept (tests). */
  readonly stateFile?: string
  /** Left out: a free one. */
  readonly port?: number
  readonly chainId?: number
  /** Seconds between blocks for load and reorg tests. Left out: a block for each transaction. */
  readonly blockTime?: number
  /** Where the chain's own messages go; left out: nowhere. */
  readonly logFile?: string
  /** True: it outlives this process. */
  readonly detached?: boolean
  /** Default: anvil where it is installed. */
  readonly kind?: 'anvil' | 'hardhat'
}

/** A running dev chain. */
export interface Devnet {
  readonly url: string
  readonly port: number
  /** The chain itself: killing it with -9 is a supported experiment. */
  readonly pid: number
  /** What state it keeps; undefined: none. */
  readonly stateFile: string | undefined
  /** Resolves when the chain has ended, for whatever reason. */
  readonly ended: Promise<void>
  /** Ends it after it has written its state. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Starts the dev chain and resolves when it answers. The time of a kept state is handed over at the start, so nobody ever sees it behind.
 * @throws `STORE_LOCKED` when a chain runs on this state, `STORE_UNUSABLE` when no copy of the state can be read, `CHAIN_UNREACHABLE` when it does not come up
 */
export async function startAnvil(options: DevnetOptions): Promise<Devnet> {
  const { log, clock } = options
  const chainId = options.chainId ?? 31_337
  const port = options.port ?? (await freePort('127.0.0.1'))
  const binary = options.kind === 'hardhat' ? undefined : findAnvil()
  if (binary === undefined) {
    log.warn('devnet.fallback', {
      why: 'there is no anvil here; hardhat node stands in, and its state ends with the process',
    })
    return await startHardhat(port, chainId, options)
  }
  const args = ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)]
  args.push('--gas-limit', '300000000', '--order', 'fifo', '--prune-history', String(STATES_IN_MEMORY), '--quiet')
  if (options.blockTime !== undefined) args.push('--block-time', String(options.blockTime), '--mixed-mining')
  if (options.stateFile === undefined)
    return await attach(launch(binary, args, options), { port, options, stateFile: undefined })

  const stateFile = resolve(options.stateFile)
  await mkdir(dirname(stateFile), { recursive: true })
  await endOrphan(stateFile, clock)
  const { timestamp, restored } = await prepareState(stateFile)
  if (restored)
    log.warn('devnet.restored', {
      stateFile,
      why: 'the newest copy was cut off in the middle; the one before it is used',
    })
  // States that it does not keep in memory it writes to disk: here, and not into the user's home. What a killed one left is of no use.
  const evicted = join(dirname(stateFile), 'evicted')
  await rm(evicted, { recursive: true, force: true })
  args.push('--state', stateFile, '--state-interval', '1', '--cache-path', evicted)
  // anvil forgets how far its time was moved; its start time is the newest block's when that lies ahead of the clock.
  if (timestamp !== undefined && timestamp > clock.now()) args.push('--timestamp', String(timestamp))
  const keeper = fileURLToPath(new URL('devnet-keeper.ts', import.meta.url))
  const begin = () =>
    attach(launch(process.execPath, [keeper, stateFile, binary, ...args], options), { port, options, stateFile })
  try {
    return await begin()
  } catch (cause) {
    // It may be JSON and yet not what anvil wrote. When the copy before it does no better, nothing was changed.
    const undo = timestamp === undefined || restored ? undefined : await takeOlderCopy(stateFile)
    if (undo === undefined) throw cause
    try {
      const chain = await begin()
      log.warn('devnet.restored', { stateFile, why: 'anvil refused the newest copy; the one before it is used' })
      return chain
    } catch {
      await undo()
      throw cause
    }
  }
}

/** anvil's own binary: wrappers swallow signals. Undefined where its package is not installed. */
export function findAnvil(): string | undefined {
  const require = createRequire(import.meta.url)
  const system = process.platform === 'win32' ? 'win32' : process.platform
  for (const arch of process.arch === 'x64' ? ['amd64', 'x64'] : [process.arch]) {
    try {
      const home = dirname(require.resolve(`@foundry-rs/anvil-${system}-${arch}/package.json`))
      const binary = join(home, 'bin', 'anvil')
      if (existsSync(binary)) return binary
    } catch {
      // not installed for this platform: the next name, and in the end the fallback
    }
  }
  return undefined
}

interface Launched {
  readonly child: Promise<ChildProcess>
}

function launch(command: string, args: readonly string[], options: DevnetOptions): Launched {
  const start = async () => {
    const output = options.logFile === undefined ? undefined : await open(options.logFile, 'a')
    const out = output?.fd ?? 'ignore'
    const child = spawn(command, args, { stdio: ['ignore', out, out], detached: options.detached ?? false })
    await output?.close()
    if (options.detached) child.unref()
    return child
  }
  return { child: start() }
}

interface Attachment {
  readonly port: number
  readonly options: DevnetOptions
  readonly stateFile: string | undefined
}

async function attach({ child: starting }: Launched, { port, options, stateFile }: Attachment): Promise<Devnet> {
  const child = await starting
  const { clock } = options
  const url = `http://127.0.0.1:${port}`
  let hasEnded = false
  let failure: unknown
  const ended = new Promise<void>((done) => {
    const end = (cause?: unknown) => {
      failure ??= cause
      hasEnded = true
      done()
    }
    child.once('error', end)
    child.once('exit', () => end())
  })

  async function stop(): Promise<void> {
    if (hasEnded) return
    child.kill('SIGTERM')
    const waiting = new AbortController()
    await Promise.race([
      ended.finally(() => waiting.abort()),
      clock.sleep(STOP_DEADLINE, waiting.signal).catch(() => undefined),
    ])
    if (hasEnded) return
    const keeping = stateFile === undefined ? undefined : await readKeeping(stateFile)
    if (keeping) killQuietly(keeping.pid)
    child.kill('SIGKILL')
    await ended
  }

  const endpoint = openEndpoint(url, 2_000)
  const until = clock.monotonic() + START_DEADLINE
  let keeping: Keeping | undefined
  try {
    for (;;) {
      if (hasEnded)
        throw new HoldfastError(
          'CHAIN_UNREACHABLE',
          { rpc: url },
          { cause: failure ?? new Error('the dev chain ended at its start: is the port taken?') },
        )
      if (clock.monotonic() > until)
        throw new HoldfastError(
          'CHAIN_UNREACHABLE',
          { rpc: url },
          { cause: new Error('the dev chain did not come up') },
        )
      try {
        await endpoint.send([{ method: 'eth_chainId', params: [] }])
        keeping = stateFile === undefined ? undefined : await readKeeping(stateFile)
        if (stateFile === undefined || keeping?.keeper === child.pid) break
      } catch {
        // not listening yet; the deadline above ends this
      }
      await clock.sleep(20)
    }
  } catch (cause) {
    await stop()
    throw cause
  } finally {
    endpoint.close()
  }
  return { url, port, pid: keeping?.pid ?? (child.pid as number), stateFile, ended, stop }
}

async function startHardhat(port: number, chainId: number, options: DevnetOptions): Promise<Devnet> {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const cli = join(root, 'node_modules', 'hardhat', 'dist', 'src', 'cli.js')
  if (!existsSync(cli))
    throw new HoldfastError('CHAIN_UNREACHABLE', {
      rpc: 'the local dev chain (neither anvil nor hardhat is installed)',
    })
  const config = join(root, 'hardhat.config.ts')
  const args = [
    cli,
    '--config',
    config,
    'node',
    '--hostname',
    '127.0.0.1',
    '--port',
    String(port),
    '--chain-id',
    String(chainId),
  ]
  return await attach(launch(process.execPath, args, options), { port, options, stateFile: undefined })
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended already
  }
}

/** Removes a kept state, also its copies. The chain must not be running. */
export async function wipeDevnet(stateFile: string): Promise<void> {
  for (const suffix of ['', '.good', '.refused', '.copy', '.tmp', '.owner.json'])
    await rm(`${stateFile}${suffix}`, { force: true })
}
