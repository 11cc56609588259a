import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { type Measure, PATTERN_POLICY } from '../../pool/pattern-policy.ts'
import { PATTERNS, type PatternName } from '../../pool/patterns/finding.ts'
import { strengthOf } from '../../pool/patterns/strength.ts'

const MEASURES: Readonly<Record<PatternName, Measure>> = {
  'selective-serving': PATTERN_POLICY.selectiveServing,
  'exit-after-claim': PATTERN_POLICY.exitAfterClaim,
  'fetch-just-in-time': PATTERN_POLICY.fetchJustInTime,
  'missing-ring': PATTERN_POLICY.missingRing,
  'bogus-uploader': PATTERN_POLICY.bogusUploader,
  'self-dealing': PATTERN_POLICY.selfDealing,
  'serial-accuser': PATTERN_POLICY.serialAccuser,
}

describe('pool/pattern-policy', () => {
  it('docs/spec/patterns.md gives the numbers of the policy', () => {
    const page = readFileSync(new URL('../../docs/spec/patterns.md', import.meta.url), 'utf8')
    for (const name of PATTERNS) {
      const { honest, least, bar } = MEASURES[name]
      expect(page).to.contain(`| ${name} | ${honest} | ${least} | ${bar} |`)
    }
  })

  it('has bars that can be reached within a window, and not by the least count of an agent that errs as often as it may', () => {
    for (const name of PATTERNS) {
      const { honest, least, bar } = MEASURES[name]
      expect(strengthOf(30, 30, honest), name).to.be.above(bar + 2)
      expect(strengthOf(least, 30, honest), name).to.be.below(bar)
    }
  })
})
