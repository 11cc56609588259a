import { expect } from 'chai'
import fc from 'fast-check'
import { DAY, HOUR, MONTH } from '../../base/units.ts'
import { decide, outstandingEffects } from '../../controller/decide.ts'
import type { Fact } from '../../controller/facts.ts'
import { isOpen, type PlacementState, type Round } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { nextDueOf } from '../../controller/progress.ts'
import { canOpen, deadlineOf, hourAtOrBefore } from '../../controller/schedule.ts'
import { aPlacement, at, START } from './placement-builder.ts'

const aDocket = fc.constantFrom('d1', 'd2', 'd3', 'd4', 'd5')
const aDay = fc.nat(120).map((day) => START + day * DAY)
const simple = (...kinds: readonly string[]) =>
  fc.record({ kind: fc.constantFrom(...kinds), docket: aDocket, at: aDay }) as unknown as fc.Arbitrary<Fact>

const anOpening = {
  kind: fc.constant('open' as const),
  docket: aDocket,
  due: aDay,
  deadline: aDay,
  retry: fc.boolean(),
}

/** Facts in any order, also such as cannot follow from each other. */
const aFact: fc.Arbitrary<Fact> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fact>({ kind: 'tick' }) },
  { weight: 6, arbitrary: fc.record({ ...anOpening, entries: fc.constantFrom(1, 15, 16, 1000) }) },
  { weight: 3, arbitrary: fc.record({ ...anOpening, offered: fc.constant(true as const) }) },
  { weight: 3, arbitrary: simple('vouched', 'turned') },
  { weight: 8, arbitrary: simple('posted', 'posted-final', 'swept', 'swept-final', 'revoked', 'revoked-final') },
  { weight: 4, arbitrary: simple('unposted', 'unswept', 'unrevoked', 'post-failed', 'revoke-failed') },
  { weight: 2, arbitrary: simple('disproved') },
  { weight: 2, arbitrary: aDocket.map((docket) => ({ kind: 'revoked-final', docket, withheld: true }) as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('released' as const),
      docket: aDocket,
      at: aDay,
      lost: fc.boolean(),
      again: fc.record({ docket: fc.constantFrom('e1', 'e2'), deadline: aDay }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('read-verified' as const), at: aDay, rows: fc.nat(30) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('renewed' as const), version: fc.nat(4), end: aDay }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('terminated' as const), at: aDay }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unbonding' as const), at: aDay }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Fact>(
      { kind: 'contract', fact: { kind: 'quoted', price: 5_300_000_000_000_000n } },
      { kind: 'contract', fact: { kind: 'quoted', price: 1n << 90n } },
      { kind: 'contract', fact: { kind: 'declined' } },
      { kind: 'contract', fact: { kind: 'cleared', price: 5_000_000_000_000_000n } },
      { kind: 'contract', fact: { kind: 'notice', by: 'steward' } },
      { kind: 'contract', fact: { kind: 'notice', by: 'uploader', end: START + 20 * DAY } },
      { kind: 'replaced' },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Fact>(
      { kind: 'repair-started' },
      { kind: 'segment-lost' },
      { kind: 'rows-lost' },
      { kind: 'booked', at: START + DAY },
    ),
  },
)
const aStory = fc.array(fc.tuple(aFact, fc.nat(24 * 12)), { maxLength: 60 })

function tell(
  story: readonly (readonly [Fact, number])[],
  each: (before: PlacementState, after: PlacementState, fact: Fact, now: number) => void,
) {
  let state = aPlacement({ rows: 5, term: 60 * DAY })
  let now = START
  for (const [given, hours] of story) {
    now += hours * HOUR
    // mostly a docket of the hour, as a planner makes it; sometimes any nonsense
    const fact =
      given.kind === 'open' && given.docket !== 'd5' ? { ...given, due: now, retry: state.state === 'suspect' } : given
    const before = state
    state = decide(before, fact, at(now)).next
    each(before, state, fact, now)
  }
  return state
}

/** Seconds that lie in more than one of the intervals, counted once for each but the first. */
function overlapOf(rounds: readonly Round[]): number {
  let reached = Number.NEGATIVE_INFINITY
  let overlap = 0
  for (const { from, cut } of rounds.toSorted((a, b) => a.from - b.from)) {
    overlap += Math.max(0, Math.min(cut, reached) - from)
    reached = Math.max(reached, cut)
  }
  return overlap
}

describe('controller/decide, whatever it is told', () => {
  it('uses rows in order, one a round, and gives none back', () => {
    fc.assert(
      fc.property(aStory, (story) => {
        tell(story, (before, after, fact) => {
          const next = before.rows.next + 1
          expect(after.rows.next).to.be.within(
            before.rows.next,
            fact.kind === 'rows-lost' ? Math.max(before.rows.next, before.rows.total) : next,
          )
          expect(after.rows.total).to.be.at.least(before.rows.total)
          expect(after.totals.rounds).to.be.at.least(before.totals.rounds)
          expect(after.rounds.map((round) => round.row)).to.deep.equal([
            ...new Set(after.rounds.map((round) => round.row)),
          ])
          const planned = after.rounds.map((round) => round.docket).filter((docket) => docket.startsWith('d'))
          expect(planned, 'a docket names one round').to.deep.equal([...new Set(planned)])
          if (after.rows.next > before.rows.next && fact.kind !== 'rows-lost')
            expect(before.rounds.every((round) => !isOpen(round))).to.equal(true)
        })
      }),
      { numRuns: 400 },
    )
  })

  it('keeps its own books straight: intervals follow each other, and what is paid or forfeited lies within them', () => {
    fc.assert(
      fc.property(aStory, (story) => {
        const settled = new Map<number, Round>()
        tell(story, (_, { totals, start, end, rounds }) => {
          for (const round of rounds)
            if (round.final && round.phase !== 'posted') settled.set(round.n, round)
            else settled.delete(round.n)
          // whoever hands a share over is paid for one month more
          const last = rounds.some(({ closing }) => closing) ? end + MONTH : end
          expect(totals.cut).to.be.within(start, Math.max(start, last))
          // a post that was given up, and that the chain took all the same, counts beside the one in its place: by so much, and no more
          const known = totals.paid + totals.forfeited
          expect(known).to.be.at.most(totals.cut - start + overlapOf([...settled.values()]))
          for (const round of rounds) expect(round.from).to.be.below(round.cut)
        })
      }),
      { numRuns: 400 },
    )
  })

  it('holds a docket that was withheld against nobody', () => {
    fc.assert(
      fc.property(aStory, (story) => {
        tell(story, (before, after, fact) => {
          if (fact.kind !== 'revoked-final' || !fact.withheld) return
          expect(after.totals.lastMiss).to.be.at.most(before.totals.lastMiss)
          expect(after.totals.misses).to.be.at.most(before.totals.misses)
          expect(after.totals.streak).to.equal(before.totals.streak)
          if (before.state !== 'suspect') expect(after.state).to.not.equal('suspect')
        })
      }),
      { numRuns: 400 },
    )
  })

  it('asks for each thing once: no id twice in a decision, none again for the same fact at the same moment', () => {
    fc.assert(
      fc.property(aStory, (story) => {
        tell(story, (_, after, fact, now) => {
          const ids = outstandingEffects(after, POLICY).map((effect) => effect.id)
          expect(ids).to.deep.equal([...new Set(ids)])
          const again = decide(after, fact.kind === 'open' ? { kind: 'tick' } : fact, at(now))
          const asked = again.effects.filter(({ kind }) => kind !== 'alert')
          expect(asked.map((effect) => effect.id)).to.deep.equal([])
        })
      }),
      { numRuns: 400 },
    )
  })

  it('says when to look again: later than now, but for a round that is due and was not opened', () => {
    fc.assert(
      fc.property(aStory, (story) => {
        tell(story, (_, after, _fact, now) => {
          const due = nextDueOf(after, POLICY, now)
          if (due !== undefined && due <= now) {
            expect(due).to.equal(after.nextDue)
            expect(canOpen(after, now)).to.equal(true)
          }
        })
      }),
      { numRuns: 400 },
    )
  })

  it('finds its way from anywhere: asked and never answered, it ends', () => {
    fc.assert(
      fc.property(aStory, (story) => {
        let now = START + 60 * 12 * DAY
        let state = tell(story, () => undefined)
        for (let i = 0; i < 200 && state.state !== 'ended'; i++) {
          state = decide(state, { kind: 'tick' }, at(now)).next
          const due = hourAtOrBefore(now)
          const docket = `late${i}`
          state = decide(
            state,
            { kind: 'open', docket, due, deadline: deadlineOf(due), retry: state.state === 'suspect' },
            at(now),
          ).next
          for (const round of state.rounds.filter(isOpen)) {
            state = decide(state, { kind: 'posted', docket: round.docket, at: now }, at(now)).next
            state = decide(state, { kind: 'revoked-final', docket: round.docket }, at(now)).next
          }
          now += 10 * DAY
        }
        expect(state.state).to.equal('ended')
      }),
      { numRuns: 200 },
    )
  })
})
