/** How the demo tells its acts: a numbered line each, ✔ or ✘ only for what was computed, one record each with --json. */
import type { Clock } from '../../base/ports.ts'
import { type Output, paint } from '../output.ts'

/** A statement the demo makes and has checked. */
export interface Claim {
  readonly text: string
  readonly holds: boolean
}

export interface Acts {
  /** Begins an act; its time runs from here. */
  begin(name: string): void
  /** A line of the act. The first one carries its number and name. */
  say(text: string): void
  /** A claim, as a line of its own. */
  check(text: string, holds: boolean): void
  /** Ends the act: with --json its record. */
  end(fields?: Readonly<Record<string, unknown>>): void
  /** All claims so far that do not hold. */
  failures(): readonly string[]
  /** How many claims were checked. */
  checked(): number
}

const WIDTH = 96

export function createActs(out: Output, clock: Pick<Clock, 'monotonic'>): Acts {
  let number = 0
  let name = ''
  let startedAt = 0
  let isFirst = true
  let claims: Claim[] = []
  const failures: string[] = []
  let checked = 0
  const line = (text: string) => {
    out.say(`${isFirst ? `${String(number).padStart(2)} ${name.padEnd(10)}` : ' '.repeat(13)}${text}`)
    isFirst = false
  }
  return {
    begin: (next) => {
      number++
      name = next
      startedAt = clock.monotonic()
      isFirst = true
      claims = []
    },
    say: line,
    check: (text, holds) => {
      claims.push({ text, holds })
      checked++
      if (!holds) failures.push(text)
      line(`${text} ${holds ? paint(out.style, 'green', '✔') : paint(out.style, 'red', '✘')}`)
    },
    end: (fields = {}) => {
      const seconds = (clock.monotonic() - startedAt) / 1000
      out.say(paint(out.style, 'dim', `${`${seconds.toFixed(1)} s`.padStart(WIDTH)}`))
      out.record({ type: 'act', act: number, name, seconds: Number(seconds.toFixed(3)), claims, ...fields })
    },
    failures: () => failures,
    checked: () => checked,
  }
}
