/** Where a measurement was taken: what a reader needs to judge it, and the noise of the machine at the time. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

export interface Environment {
  readonly at: string
  readonly commit: string
  readonly cpu: string
  readonly cores: number
  readonly cpuFlags: readonly string[]
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  readonly openssl: string
  /** 1-minute load average, and the time other guests took from this one, in ticks since boot. */
  readonly load: number
  readonly stealTicks: number
}

/** Flags that change the speed of what is measured here. */
const FLAGS = ['sha_ni', 'aes', 'vaes', 'avx2', 'avx512f', 'gfni']

/** The environment now. */
export function readEnvironment(): Environment {
  return {
    at: new Date().toISOString(),
    commit: readCommit(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    cpuFlags: readFlags(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    load: loadavg()[0] as number,
    stealTicks: readSteal(),
  }
}

/** Abbreviated commit, with a mark when files differ from it. */
function readCommit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown' // not a clone
  }
}

function readFlags(): string[] {
  const known =
    read('/proc/cpuinfo')
      .match(/^flags\s*:(.*)$/m)?.[1]
      ?.split(' ') ?? []
  return FLAGS.filter((flag) => known.includes(flag))
}

function readSteal(): number {
  return Number(read('/proc/stat').split('\n', 1)[0]?.trim().split(/\s+/)[8] ?? 0)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // not Linux: left out of the record
  }
}
