/** Child processes of the store tests: started from a file beside the test, killed by pid, their lines read as they come. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A running child and the lines it has printed so far. Lines that left the child cannot be un-said by killing it. */
export interface Child {
  readonly process: ChildProcess
  readonly lines: string[]
  /** Resolves with the first line that satisfies `test`, or fails after `limit` ms. */
  line(test: (line: string) => boolean, limit?: number): Promise<string>
  kill(signal: NodeJS.Signals): Promise<void>
}

const running = new Set<Child>()

/** How a child is started otherwise than by its file alone. */
export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Program and arguments that go before Node: `prlimit --fsize=…`. */
  readonly under?: readonly string[]
  /** Arguments of Node itself. */
  readonly node?: readonly string[]
}

/** Starts `file` (in this folder, or an absolute path) under the same Node. */
export function startChild(file: string, args: readonly string[], options: ChildOptions = {}): Child {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const [program, ...rest] = [...(options.under ?? []), process.execPath, ...(options.node ?? []), path, ...args]
  const child = spawn(program as string, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...options.env },
  })
  const lines: string[] = []
  const listeners = new Set<(line: string) => void>()
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const listener of [...listeners]) listener(line)
  })
  const started: Child = {
    process: child,
    lines,
    line(test, limit = 20_000) {
      const found = lines.find(test)
      if (found !== undefined) return Promise.resolve(found)
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no such line within ${limit} ms: ${lines.join(' | ')}`)),
          limit,
        )
        void ended.then(() => reject(new Error(`the child ended: ${lines.join(' | ')}`)))
        listeners.add((line) => {
          if (!test(line)) return
          clearTimeout(timer)
          resolve(line)
        })
      })
    },
    async kill(signal) {
      child.kill(signal)
      await ended
      running.delete(started)
    },
  }
  running.add(started)
  return started
}

/** For after hooks: ends whatever still runs. */
export async function killChildren(): Promise<void> {
  await Promise.all([...running].map((child) => child.kill('SIGKILL')))
}
