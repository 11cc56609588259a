/** What a command costs in a market of real processes: wall time, CPU seconds of every process, and peaks of memory. */
import { createCipheriv, createHash, createHmac } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { MiB } from '../base/units.ts'
import { type MarketHandle, openMarket } from '../test/market/market.ts'
import { peakMemory } from '../test/processes.ts'
import { seededBytes, timed } from './measure.ts'
import { childCpuSeconds, cpuSecondsOf } from './process-cost.ts'
import type { Row } from './report.ts'

/** What is put and got. */
export const FILE_BYTES = 100 * MiB
/** Bytes of all ten blobs of it, about. */
const BLOB_BYTES = Math.ceil((FILE_BYTES * 10) / 3)
const ROWS = 9
/** Between two looks at a process's memory. Milliseconds. */
const LOOK_MS = 50
/** How long the idle market is watched. Milliseconds. */
const IDLE_MS = 10_000

/** One command. */
export interface CommandCost {
  readonly wallSeconds: number
  /** User and system seconds: the command, the daemons, and the chain. */
  readonly cpuSeconds: number
  readonly cpuOf: { readonly command: number; readonly daemons: number; readonly stewards: number }
  /** Highest resident memory of the command. Bytes. */
  readonly peakBytes: number
}

/** A market of ten stewards for the time of `work`; nothing is left of it. */
export async function withMarket<T>(work: (market: MarketHandle) => Promise<T>): Promise<T> {
  const market = await openMarket(10)
  try {
    return await work(market)
  } finally {
    await market.close()
  }
}

/** Run one command of the market and add up what every process spent on it. @throws Error when it fails */
export async function costOf(market: MarketHandle, args: readonly string[]): Promise<CommandCost> {
  const daemons = market.sandbox.pids()
  const secondsOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)
  const stewards = market.ready.stewards.map(({ pid }) => pid)
  const before = { daemons: secondsOf(daemons), stewards: secondsOf(stewards), children: childCpuSeconds() }
  const start = performance.now()
  const running = market.sandbox.start([...args, '--home', market.home, '--json'])
  let peakBytes = 0
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakMemory(running.pid) ?? 0)
  }, LOOK_MS)
  try {
    const run = await running.ended(300_000)
    if (run.code !== 0) throw new Error(`holdfast ${args.join(' ')} ended with ${run.code}: ${run.stdout}${run.stderr}`)
  } finally {
    clearInterval(look)
  }
  const wallSeconds = (performance.now() - start) / 1000
  const cpuOf = {
    command: childCpuSeconds() - before.children,
    daemons: secondsOf(daemons) - before.daemons,
    stewards: secondsOf(stewards) - before.stewards,
  }
  return { wallSeconds, cpuSeconds: cpuOf.command + cpuOf.daemons, cpuOf, peakBytes }
}

/** Writes the `index`-th incompressible file of the bench. @returns its path */
export async function writeInput(market: MarketHandle, index: number, bytes = FILE_BYTES): Promise<string> {
  const path = market.sandbox.path(`input-${index}`)
  await writeFile(path, seededBytes(bytes, `input ${index}`))
  return path
}

/** CPU seconds of the bare primitives a put cannot do without: cipher, whitening, ids at both ends, nine rows of answers. */
export async function putFloor(): Promise<number> {
  return await primitives({
    gcm: FILE_BYTES,
    ctr: BLOB_BYTES,
    sha: 2 * BLOB_BYTES + FILE_BYTES,
    hmac: ROWS * BLOB_BYTES,
  })
}

/** The same for a get: ids of the blobs fetched, whitening undone, segments decrypted. */
export async function getFloor(): Promise<number> {
  return await primitives({ gcm: FILE_BYTES, ctr: FILE_BYTES, sha: FILE_BYTES, hmac: 0 })
}

async function primitives(bytes: { gcm: number; ctr: number; sha: number; hmac: number }): Promise<number> {
  const chunk = seededBytes(MiB)
  const key = chunk.subarray(0, 32)
  const feed = (target: { update(data: Uint8Array): unknown }, length: number) => {
    for (let at = 0; at < length; at += MiB) target.update(chunk)
  }
  const { cpuSeconds } = await timed(() => {
    feed(createCipheriv('aes-256-gcm', key, chunk.subarray(0, 12)), bytes.gcm)
    feed(createCipheriv('aes-256-ctr', key, chunk.subarray(0, 16)), bytes.ctr)
    feed(createHash('sha256'), bytes.sha)
    feed(createHmac('sha256', key), bytes.hmac)
  })
  return cpuSeconds
}

/** What the market's processes spend on waiting, as a row: a command's cost contains it for as long as it runs. */
export async function idleRow(market: MarketHandle): Promise<Row> {
  const pids = market.sandbox.pids()
  const total = () => pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)
  const before = { cpu: total(), wall: performance.now() }
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const value = (total() - before.cpu) / ((performance.now() - before.wall) / 1000)
  return { label: `CPU of the idle market, all ${pids.length} processes`, value, unit: 'CPU-s each second' }
}

/** Peaks of memory of the market's long-running processes, as rows. */
export function daemonRows(market: MarketHandle): readonly Row[] {
  const peakOf = (pids: readonly number[]) => Math.max(...pids.map((pid) => peakMemory(pid) ?? 0)) / MiB
  const row = (label: string, value: number, ceiling: number): Row => ({
    label,
    value,
    unit: 'MiB',
    target: `≤ ${ceiling}`,
    met: value <= ceiling,
  })
  return [
    row('peak memory of the controller', peakOf([market.ready.controller.pid]), 400),
    row('peak memory of the largest steward', peakOf(market.ready.stewards.map(({ pid }) => pid)), 256),
  ]
}

/** The rows of a command: CPU against the primitives, wall time, memory. */
export function commandRows(
  costs: readonly CommandCost[],
  unitOf: (costs: readonly CommandCost[]) => number,
): readonly Row[] {
  return [
    {
      label: 'wall time',
      value: unitOf(costs),
      unit: 's',
      samples: costs,
      against: 'reference absent: tahoe',
    },
    {
      label: 'peak memory of the command',
      value: Math.max(...costs.map(({ peakBytes }) => peakBytes)) / MiB,
      unit: 'MiB',
      target: '≤ 400',
      met: costs.every(({ peakBytes }) => peakBytes <= 400 * MiB),
    },
  ]
}
