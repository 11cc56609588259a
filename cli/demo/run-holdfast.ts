/** Runs this program as anybody would, in a process of its own, and reads the last line of its JSON output. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ERRORS, type ErrorCode, HoldfastError } from '../../base/errors.ts'

const PROGRAM = fileURLToPath(new URL('../launch.js', import.meta.url))

/** @throws the error the program reported; `INTERNAL` when it said nothing */
export function runHoldfast(args: readonly string[], signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args, '--json', '--no-input'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const onAbort = () => child.kill('SIGINT')
    signal.addEventListener('abort', onAbort, { once: true })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text = `${text}${part}`.slice(-1_000_000)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      signal.removeEventListener('abort', onAbort)
      const last = text.trimEnd().split('\n').at(-1) ?? ''
      try {
        const line = JSON.parse(last) as Readonly<Record<string, unknown>>
        if (line['type'] !== 'error') return resolve({ ...line, exit: code })
        const name = String(line['code'])
        const data = (line['data'] ?? {}) as Record<string, string>
        return reject(
          name in ERRORS ? new HoldfastError(name as ErrorCode, data) : new HoldfastError('INTERNAL', { what: last }),
        )
      } catch (cause) {
        return reject(
          new HoldfastError(
            'INTERNAL',
            { what: `holdfast ${args.join(' ')} ended with ${code ?? 'a signal'} and said: ${last.slice(0, 200)}` },
            { cause },
          ),
        )
      }
    })
  })
}
