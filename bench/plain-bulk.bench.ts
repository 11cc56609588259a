/**
 * What the unencrypted endpoint saves: `put` and `get` of 32 MiB over ten stewards with `--bulk plain`, in turn with the same over encrypted streams. A
 * third of what put-100m moves, so that the ratio is there in a few minutes; the file is incompressible, the shares are ciphertext either way.
 */
import { readFile, rm } from 'node:fs/promises'
import { equalBytes } from '../base/bytes.ts'
import { MiB } from '../base/units.ts'
import type { MarketHandle } from '../test/market/market.ts'
import { type CommandCost, costOf, withMarket, writeInput } from './market-cost.ts'
import { type Comparison, compare, median } from './measure.ts'
import type { Bench, Row } from './report.ts'

const BYTES = 32 * MiB
const PAIRS = { pairs: 3, most: 9 }

/** Costs of one command over both endpoints, without the unmeasured first of each. */
interface Sides {
  readonly encrypted: CommandCost[]
  readonly plain: CommandCost[]
}

export const bench: Bench = {
  title: 'put and get of 32 MiB over plain and over encrypted endpoints',
  run: () => withMarket(async (market) => [...(await puts(market)), ...(await gets(market))]),
}

async function puts(market: MarketHandle): Promise<readonly Row[]> {
  let files = 0
  const put = async (...more: readonly string[]) =>
    costOf(market, ['put', await writeInput(market, files++, BYTES), '--yes', ...more])
  return rowsOf('put', await inTurn(put))
}

async function gets(market: MarketHandle): Promise<readonly Row[]> {
  const path = await writeInput(market, 999, BYTES)
  const { id } = await market.put(path)
  const input = await readFile(path)
  const output = market.sandbox.path('output')
  const get = async (...more: readonly string[]) => {
    const cost = await costOf(market, ['get', id, '-o', output, '--overwrite', 'always', ...more])
    if (!equalBytes(await readFile(output), input)) throw new Error('other bytes came back')
    await rm(output)
    return cost
  }
  return rowsOf('get', await inTurn(get))
}

async function inTurn(
  run: (...more: readonly string[]) => Promise<CommandCost>,
): Promise<{ readonly comparison: Comparison; readonly sides: Sides }> {
  const sides: Sides = { encrypted: [], plain: [] }
  const one = async (into: CommandCost[], ...more: readonly string[]) => {
    const cost = await run(...more)
    into.push(cost)
    return cost.cpuSeconds
  }
  const comparison = await compare(
    () => one(sides.encrypted),
    () => one(sides.plain, '--bulk', 'plain'),
    PAIRS,
  )
  return { comparison, sides: { encrypted: sides.encrypted.slice(1), plain: sides.plain.slice(1) } }
}

function rowsOf(
  command: 'put' | 'get',
  { comparison, sides }: { readonly comparison: Comparison; readonly sides: Sides },
): readonly Row[] {
  const part = (label: string, of: (cost: CommandCost) => number): Row => {
    const [plain, encrypted] = [sides.plain, sides.encrypted].map((all) => median(all.map(of))) as [number, number]
    return {
      label: `${command} with --bulk plain: CPU of ${label}`,
      value: plain,
      unit: 'CPU-s',
      against: `encrypted: ${encrypted.toFixed(2)}, ratio of the medians ${(plain / encrypted).toFixed(2)}`,
      samples: [sides],
    }
  }
  return [
    {
      label: `${command} with --bulk plain: CPU of all processes`,
      value: comparison.ours,
      unit: 'CPU-s',
      against: 'encrypted, CPU-s',
      comparison,
    },
    part('the command', ({ cpuOf }) => cpuOf.command),
    part('the ten stewards', ({ cpuOf }) => cpuOf.stewards),
  ]
}
