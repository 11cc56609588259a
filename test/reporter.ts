/**
 * Mocha's own `spec` output with the reason of a failure at once, and beside it the totals in the file HOLDFAST_REPORT names, written after every test, so that a
 * process that dies half-way is noticed and still counted.
 */
import { writeFileSync } from 'node:fs'
import Mocha, { type Runner } from 'mocha'
import { skipReason } from './skip.ts'
import type { Report } from './tier-count.ts'

/** How long a process may live after its last test before its open handles are named and it is ended. Milliseconds. */
const LINGER_MS = 10_000

export default class TierReporter extends Mocha.reporters.Spec {
  constructor(runner: Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const path = process.env.HOLDFAST_REPORT
    if (path === undefined) return
    const skips: string[] = []
    let passed = 0
    let failed = 0
    const write = (complete: boolean) => {
      const report: Report = { passed, failed, skipped: skips.length, complete, skips }
      writeFileSync(path, JSON.stringify(report))
    }
    write(false)
    runner.on('pass', () => {
      passed++
      write(false)
    })
    runner.on('fail', (test, cause) => {
      failed++
      console.log(`      failed: ${test.fullTitle()}\n${(cause as Error)?.stack ?? cause}`)
      write(false)
    })
    runner.on('pending', (test) => {
      skips.push(`${test.fullTitle()}: ${skipReason(test) ?? 'no reason given'}`)
      write(false)
    })
    runner.once('end', () => {
      write(true)
      setTimeout(() => {
        const open = process.getActiveResourcesInfo()
        console.error(`the tests are over, and still open after ${LINGER_MS / 1000} s: ${open.join(', ')}`)
        process.exit(failed === 0 ? 0 : 1)
      }, LINGER_MS).unref()
    })
  }
}
