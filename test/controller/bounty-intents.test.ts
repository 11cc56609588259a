import { expect } from 'chai'
import { DAY, HOUR } from '../../base/units.ts'
import { notAfterOf } from '../../controller/bounty-intents.ts'
import { POLICY } from '../../controller/policy.ts'
import { deadlineOf } from '../../controller/schedule.ts'
import { CUT_TOLERANCE } from '../../steward/owed.ts'

describe('controller/bounty-intents, when a post is sent', () => {
  it('sends no post so late that its steward takes it for underpaid', () => {
    for (let due = 1_800_000_000; due < 1_800_000_000 + DAY; due += HOUR) {
      const deadline = deadlineOf(due)
      const until = notAfterOf({ due, deadline }, POLICY)
      // the steward knows the hour of the block, and leaves so much room before it
      const cut = until - (until % HOUR)
      expect(cut - CUT_TOLERANCE, `decided at ${due}`).to.be.at.most(due)
      expect(deadline - until, 'time to answer').to.be.at.least(48 * HOUR)
    }
  })
})
