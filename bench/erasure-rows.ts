/** The rows both erasure benches report: our kernel against zfec and against what the machine copies and hashes. */
import { createHash } from 'node:crypto'
import { equalBytes } from '../base/bytes.ts'
import { KiB, MiB } from '../base/units.ts'
import { decodeShares, encodeShares } from '../blob/erasure.ts'
import { openZfec } from './erasure-reference.ts'
import { type Comparison, compare, median, seededBytes, timed } from './measure.ts'
import type { Row } from './report.ts'

const K = 3
const N = 10
/** File bytes a repetition codes, about. */
const WORK = 384 * MiB

const SLOWER_MACHINE =
  'The factor over zfec holds; the absolute rate was set for a core that hashes SHA-256 at 1.8 GB/s and codes with zfec at 0.21'

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)

/** @param least GB of file per CPU-second that are asked for, and the factor over zfec */
export async function erasureRows(
  what: 'encode' | 'decode',
  least: { rate: number; factor: number },
): Promise<readonly Row[]> {
  const zfec = openZfec()
  const rows: Row[] = []
  try {
    for (const length of [128 * KiB, MiB]) {
      const repeats = Math.round(WORK / (K * length))
      const primary = upTo(K).map((index) => seededBytes(length, `share ${index}`))
      const coded = encodeShares(primary, K, N, upTo(N))
      const given = new Map(upTo(K, K).map((index) => [index, coded[index] as Uint8Array]))
      if (!decodeShares(given, K, N).every((share, index) => equalBytes(share, primary[index] as Uint8Array)))
        throw new Error('the round trip does not give the bytes back')
      const buffers = upTo(N - K).map(() => new Uint8Array(length))
      const wanted = upTo(N - K, K)
      const once =
        what === 'encode'
          ? () => encodeShares(primary, K, N, wanted, { buffers })
          : () => decodeShares(given, K, N, { buffers })
      const gigabytes = (repeats * K * length) / 1e9
      const ours = async () => gigabytes / (await timed(() => upTo(repeats).forEach(once))).cpuSeconds
      const label = `3 of 10, shares of ${length / KiB} KiB${what === 'decode' ? ', all 3 primaries lost' : ''}`
      const unit = 'GB of file per CPU-s'
      const target = `≥ ${least.rate} and ≥ ${least.factor} × zfec`
      if (zfec) {
        const shape = { what, k: K, n: N, length, repeats }
        const comparison: Comparison = await compare(async () => gigabytes / (await zfec.seconds(shape)), ours)
        const met = comparison.ours >= least.rate && comparison.ratio.median >= least.factor
        const missed = !met && comparison.ratio.median >= least.factor ? { note: SLOWER_MACHINE } : {}
        rows.push({
          label,
          value: comparison.ours,
          unit,
          against: `zfec ${zfec.version}`,
          comparison,
          target,
          met,
          ...missed,
        })
      } else {
        await ours()
        const samples = [await ours(), await ours(), await ours(), await ours(), await ours()]
        rows.push({ label, value: median(samples), unit, against: 'reference absent: python3-zfec', samples })
      }
    }
  } finally {
    zfec?.close()
  }
  return [...rows, ...(await machineRows())]
}

/** What the machine can do with bytes: the distance to it is what an even better kernel could gain. */
async function machineRows(): Promise<readonly Row[]> {
  const from = seededBytes(64 * MiB)
  const to = new Uint8Array(from.length)
  const measure = async (label: string, work: () => unknown): Promise<Row> => {
    const samples: number[] = []
    for (let run = 0; run < 6; run++)
      samples.push((from.length * 4) / (await timed(() => upTo(4).forEach(work))).cpuSeconds / 1e9)
    return { label, value: median(samples.slice(1)), unit: 'GB per CPU-s', samples }
  }
  return [
    await measure('the machine copies memory', () => to.set(from)),
    await measure('the machine hashes, SHA-256', () => createHash('sha256').update(from).digest()),
  ]
}
