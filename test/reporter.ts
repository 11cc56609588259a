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

/** What is repeated of a failure when everything is over. Characters. */
const MAX_FAILURE = 4_000

export default class TierReporter extends Mocha.reporters.Spec {
  constructor(runner: Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const path = process.env.HOLDFAST_REPORT
    if (path === undefined) return
    const skips: string[] = []
    const failures: string[] = []
    let passed = 0
    const write = (complete: boolean) => {
      const report: Report = { passed, failed: failures.length, skipped: skips.length, complete, skips, failures }
      writeFileSync(path, JSON.stringify(report))
    }
    write(false)
    runner.on('pass', () => {
      passed++
      write(false)
    })
    runner.on('fail', (test, cause) => {
      const { stack, actual } = cause as Error & { readonly actual?: unknown }
      const got = actual === undefined ? '' : `\nactual: ${String(actual)}` // chai cuts it short in its message
      const failure = `${test.fullTitle()}\n${stack ?? cause}${got}`
      failures.push(failure.slice(0, MAX_FAILURE))
      console.log(`      failed: ${failure}`)
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
        process.exit(failures.length === 0 ? 0 : 1)
      }, LINGER_MS).unref()
    })
  }
}
