/** Counting what test programs say: their totals, one sum, and the last line everything ends with. */

/** Totals of a run. */
export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** What test/reporter.ts writes down while it runs. */
export interface Report extends Count {
  /** False until mocha has ended in order: a process that died half-way leaves it so. */
  readonly complete: boolean
  /** "title: reason" of each skipped test. */
  readonly skips: readonly string[]
  /** "title\nreason" of each failed test. */
  readonly failures: readonly string[]
}

export const NOTHING: Count = { passed: 0, failed: 0, skipped: 0 }

/** Componentwise sum. */
export function addCounts(...counts: readonly Count[]): Count {
  return counts.reduce(
    (sum, { passed, failed, skipped }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
    }),
    NOTHING,
  )
}

/** The line a run ends with, and nothing else on it. */
export function formatCount({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/** Reads back a line of `formatCount`; undefined when it is another one. */
export function parseCount(line: string): Count | undefined {
  const match = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line.trim())
  return match ? { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) } : undefined
}

/** The totals `hardhat test solidity` prints at its end ("81 passing", "1 failing", "2 skipped"); undefined when it printed none. */
export function countOfHardhat(output: string): Count | undefined {
  const totals = { passing: 0, failing: 0, skipped: 0 }
  let found = false
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  for (const line of output.replace(/\u001b\[[0-9;]*m/g, '').split('\n')) {
    const match = /^\s*(\d+) (passing|failing|skipped)(?:\s+\([\w. ]+\))?\s*$/.exec(line)
    if (!match) continue
    found = true
    totals[match[2] as keyof typeof totals] = Number(match[1])
  }
  return found ? { passed: totals.passing, failed: totals.failing, skipped: totals.skipped } : undefined
}

/** True when the run may exit with 0: something passed and nothing failed. */
export function isGood(count: Count): boolean {
  return count.failed === 0 && count.passed > 0
}
