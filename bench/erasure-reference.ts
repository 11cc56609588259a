/** zfec as a process beside us, where Debian's python3-zfec is installed. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Another `python3` first in PATH may lack the package. */
const PYTHON = '/usr/bin/python3'

export interface Shape {
  readonly what: 'encode' | 'decode'
  readonly k: number
  readonly n: number
  /** Bytes of a share, a multiple of 4096. */
  readonly length: number
  readonly repeats: number
}

export interface Zfec {
  readonly version: string
  /** CPU seconds of `repeats` runs. */
  seconds(shape: Shape): Promise<number>
  close(): void
}

/** Undefined when zfec is not installed. */
export function openZfec(): Zfec | undefined {
  const probe = spawnSync(PYTHON, ['-c', 'import zfec; print(zfec.__version__)'], { encoding: 'utf8' })
  if (probe.status !== 0) return undefined
  const child = spawn(PYTHON, [join(import.meta.dirname, 'erasure-zfec.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    version: probe.stdout.trim(),
    seconds: async ({ what, k, n, length, repeats }) => {
      child.stdin.write(`${what} ${k} ${n} ${length} ${repeats}\n`)
      const line = await lines.next()
      if (line.done) throw new Error('zfec ended')
      return Number(line.value)
    },
    close: () => {
      child.stdin.end()
    },
  }
}
