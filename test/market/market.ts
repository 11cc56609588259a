/** A whole market of real processes for one suite: started by `up`, spoken to through the command line only. */
import { createHash, randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Line, openSandbox, type Run, type RunOptions, type Sandbox } from '../processes.ts'

/** The line `up --json` ends with. */
export interface Ready extends Line {
  readonly rpc: string
  readonly chainId: number
  readonly contracts: Readonly<Record<string, string>>
  readonly controller: { readonly pid: number; readonly api: string }
  readonly stewards: readonly { readonly id: string; readonly pid: number; readonly dataDir: string }[]
}

/** A `stat --shares` line. */
export interface ShareLine extends Line {
  readonly segment: number
  readonly share: number
  readonly blobId: string
  readonly steward: string
  readonly state: string
  readonly checksDone: number
}

export interface MarketHandle {
  readonly sandbox: Sandbox
  readonly home: string
  ready: Ready
  /** Runs with `--home` and `--json`; any exit code. */
  run(args: readonly string[], options?: RunOptions): Promise<Run>
  /** The same, exit code 0 or an error that shows everything. */
  ok(args: readonly string[], options?: RunOptions): Promise<Run>
  /** Writes `size` incompressible bytes; gives their path and SHA-256. */
  file(name: string, size: number): Promise<{ readonly path: string; readonly sha256: string }>
  put(path: string, ...more: readonly string[]): Promise<Line & { readonly id: string; readonly cap: string }>
  shares(id: string, ...more: readonly string[]): Promise<ShareLine[]>
  up(...more: readonly string[]): Promise<Ready>
  close(): Promise<void>
}

export interface MarketOptions {
  /** Backups of the ledger are objects with adverts and blobs of their own; a test that counts those does without. Default off. */
  readonly backup?: 'on' | 'off'
  /** How rounds are paid; default the program's. */
  readonly settle?: 'auto' | 'chain' | 'vouchers'
  /** Monitor daemons; most markets need none, and each costs a process. Default 0. */
  readonly monitors?: number
  /** What each steward asks, HOLD per GiB-month; default: its own cost. */
  readonly price?: string
  /** Most for fees in a day of chain time; default the program's. */
  readonly feeBudget?: string
}

const MiB = 1 << 20

/** SHA-256 of a file, streamed. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const handle = await open(path)
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: MiB })) hash.update(chunk as Buffer)
  } finally {
    await handle.close()
  }
  return hash.digest('hex')
}

/** Starts a market of `stewards` stewards. Whoever opens it closes it. */
export async function openMarket(
  stewards: number,
  { backup = 'off', feeBudget, monitors = 0, price, settle }: MarketOptions = {},
): Promise<MarketHandle> {
  const sandbox = await openSandbox({
    HOLDFAST_CONTROLLER_BACKUP: backup,
    ...(settle === undefined ? {} : { HOLDFAST_CONTROLLER_SETTLE: settle }),
    ...(feeBudget === undefined ? {} : { HOLDFAST_CHAIN_FEE_BUDGET: feeBudget }),
    ...(price === undefined ? {} : { HOLDFAST_STEWARD_PRICE: price }),
  })
  const { home } = sandbox
  const whole = (args: readonly string[]) => [...args, '--home', home, '--json']
  const run = (args: readonly string[], options?: RunOptions) => sandbox.run(whole(args), options)
  const ok = (args: readonly string[], options?: RunOptions) => sandbox.ok(whole(args), options)
  const up = async (...more: readonly string[]) =>
    (
      await ok(['up', '--stewards', String(stewards), '--monitors', String(monitors), '--detach', ...more], {
        timeoutMs: 90_000,
      })
    ).last as Ready
  try {
    const market: MarketHandle = {
      sandbox,
      home,
      ready: await up(),
      run,
      ok,
      up,
      async file(name, size) {
        const path = sandbox.path(name)
        const handle = await open(path, 'w')
        const hash = createHash('sha256')
        try {
          for (let at = 0; at < size; at += 4 * MiB) {
            const chunk = randomBytes(Math.min(4 * MiB, size - at))
            hash.update(chunk)
            await handle.write(chunk)
          }
        } finally {
          await handle.close()
        }
        return { path, sha256: hash.digest('hex') }
      },
      async put(path, ...more) {
        const { last } = await ok(['put', path, '--yes', '--show-cap', ...more], { timeoutMs: 600_000 })
        return last as Line & { id: string; cap: string }
      },
      async shares(id, ...more) {
        const { lines } = await ok(['stat', id, '--shares', ...more])
        return lines.filter(({ type }) => type === 'share' || type === 'copy') as ShareLine[]
      },
      close: () => sandbox.close(),
    }
    return market
  } catch (cause) {
    await sandbox.close()
    throw cause
  }
}

/** A market for a mocha suite: up before its tests, gone after them. */
export function useMarket(stewards: number, options?: MarketOptions): () => MarketHandle {
  let market: MarketHandle | undefined
  before(async function () {
    this.timeout(120_000)
    market = await openMarket(stewards, options)
  })
  after(async function () {
    this.timeout(60_000)
    await market?.close()
  })
  return () => {
    if (!market) throw new Error('useMarket: only inside a test of its suite')
    return market
  }
}

/** Blobs a steward keeps, by id. */
export async function keptBlob(dataDir: string, blobId: string): Promise<Buffer> {
  return readFile(join(dataDir, 'blobs', blobId.slice(0, 2), blobId))
}
