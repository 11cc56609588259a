/** What every command costs before it does anything. */
import { spawn } from 'node:child_process'
import { LAUNCHER } from '../test/processes.ts'
import { compare } from './measure.ts'
import { childCpuSeconds } from './process-cost.ts'
import type { Bench } from './report.ts'

const STARTS = 20

async function cpuPerStart(args: readonly string[]): Promise<number> {
  const before = childCpuSeconds()
  for (let start = 0; start < STARTS; start++)
    await new Promise<void>((resolve, reject) => {
      const child = spawn(process.execPath, args, { stdio: 'ignore' })
      child.once('error', reject)
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args.join(' ')} ended with ${code}`))))
    })
  return (childCpuSeconds() - before) / STARTS
}

export const bench: Bench = {
  title: 'holdfast --help, 20 starts',
  run: async () => {
    const comparison = await compare(
      () => cpuPerStart(['-e', '']),
      () => cpuPerStart([LAUNCHER, '--help']),
      { pairs: 3 },
    )
    return [
      {
        label: 'one start',
        value: comparison.ours,
        unit: 'CPU-s',
        against: 'an empty Node program',
        comparison,
        target: '≤ 0.15 CPU-s',
        met: comparison.ours <= 0.15,
      },
    ]
  },
}
