import { expect } from 'chai'
import fc from 'fast-check'
import { DueQueue } from '../../steward/due-queue.ts'
import { effort } from '../effort.ts'

describe('steward/due-queue', () => {
  it('whatever is set in whatever order: gives what a sorted list gives', () => {
    const act = fc.record({
      id: fc.integer({ min: 0, max: 20 }).map(String),
      due: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 300 }), fc.integer({ min: 0, max: 100 }), (acts, now) => {
        const queue = new DueQueue()
        const times = new Map<string, number>()
        for (const { id, due } of acts) {
          queue.set(id, due)
          if (due === undefined) times.delete(id)
          else times.set(id, due)
          expect(queue.next()).to.equal(times.size === 0 ? undefined : Math.min(...times.values()))
        }
        const due = [...times].filter(([, time]) => time <= now).map(([id]) => id)
        expect(queue.dueAt(now)).to.have.members(due)
        expect(queue.dueAt(now), 'they stay').to.have.members(due)
      }),
      { numRuns: effort(200) },
    )
  })
})
