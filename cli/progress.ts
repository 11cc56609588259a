/**
 * Progress on stderr: on a terminal one line, rewritten at most ten times a second; otherwise a line each ten seconds;
 * with --json a `status` line each second. Every wait names its phase.
 */
import type { Clock } from '../base/ports.ts'
import { formatSize } from '../base/units.ts'
import type { Output } from './output.ts'
import { createRateMeter, formatSpan } from './rate-meter.ts'

/** What a long command reports. Calls are cheap: most of them print nothing. */
export interface Progress {
  /** A new phase: scanning, auction, sending, confirming … */
  phase(name: string): void
  /** Bytes done of all bytes, in this phase. */
  bytes(done: number, total: number): void
  /** A short remark beside the bar: "stewards 10/10". */
  remark(text: string): void
  /** A line that stays. */
  keep(line: string): void
  /** Takes the line away. Safe to call twice. */
  end(): void
}

const EVERY_MS = { terminal: 100, lines: 10_000, json: 1_000 } as const
const BAR = 10

export function createProgress(out: Output, command: string, clock: Clock): Progress {
  const mode = out.style.json ? 'json' : out.stderr.isTTY ? 'terminal' : 'lines'
  const isMute = out.style.quiet && !out.style.json
  const meter = createRateMeter(clock)
  let phase = ''
  let remark = ''
  let done = 0
  let total = 0
  // A log that is only read later gets its first line after a while, the others at once.
  let last = mode === 'lines' ? clock.monotonic() : Number.NEGATIVE_INFINITY
  let isLineOpen = false

  const erase = () => {
    if (isLineOpen) out.stderr.write('\r\u001b[K')
    isLineOpen = false
  }
  const line = () => {
    const { rate, etaSeconds, stalledSeconds } = meter.read(done, total)
    const share = total > 0 ? done / total : 0
    const filled = Math.round(share * BAR)
    return [
      phase.padEnd(9),
      total > 0
        ? `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${Math.floor(share * 100)} %  ${formatSize(done)} / ${formatSize(total)}`
        : '',
      rate > 0 ? `${formatSize(Math.round(rate))}/s` : '',
      total > 0 && stalledSeconds >= 5
        ? `stalled for ${stalledSeconds} s`
        : etaSeconds === undefined
          ? ''
          : `ETA ${formatSpan(etaSeconds)}`,
      remark,
      'Ctrl-C is safe',
    ]
      .filter((part) => part !== '')
      .join('  ')
  }
  const print = (force: boolean) => {
    if (isMute || phase === '') return
    const now = clock.monotonic()
    if (!force && now - last < EVERY_MS[mode]) return
    last = now
    if (mode === 'json') {
      const { rate, etaSeconds } = meter.read(done, total)
      out.record({
        type: 'status',
        command,
        phase,
        ...(total > 0 ? { done, total, rate: Math.round(rate) } : {}),
        ...(etaSeconds === undefined ? {} : { etaSeconds }),
      })
    } else if (mode === 'terminal') {
      const text = line().slice(0, (out.stderr.columns ?? 120) - 1)
      out.stderr.write(`\r\u001b[K${text}`)
      isLineOpen = true
    } else {
      out.stderr.write(`${line()}\n`)
    }
  }
  return {
    phase: (name) => {
      if (name === phase) return
      phase = name
      done = 0
      total = 0
      meter.reset()
      print(mode !== 'lines')
    },
    bytes: (now, all) => {
      done = now
      total = all
      meter.note(now)
      print(false)
    },
    remark: (text) => {
      remark = text
      print(false)
    },
    keep: (text) => {
      erase()
      out.note(text)
    },
    end: erase,
  }
}
