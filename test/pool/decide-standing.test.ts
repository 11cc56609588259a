import { expect } from 'chai'
import fc from 'fast-check'
import type { Address } from '../../base/curve.ts'
import { DAY, unixTime } from '../../base/units.ts'
import { STANDINGS } from '../../chain/registry-members.ts'
import { type Decision, decideStanding, type Judgement, type StandingFact } from '../../pool/decide-standing.ts'
import { codeOf, REASONS, reasonOf } from '../../pool/reasons.ts'
import { nextDueOf, rankOf, STANDING_POLICY, type Subject, votesToConvict } from '../../pool/standing-steps.ts'
import { effort } from '../effort.ts'

const START = 1_800_000_000
const ID = `0x${'a'.repeat(40)}` as Address
const MONITOR = `0x${'b'.repeat(40)}` as Address
const OTHER = `0x${'c'.repeat(40)}` as Address
const hash = (n: number) => String(n).padStart(64, '0')
const at = (days: number) => unixTime(Math.floor(START + days * DAY))
const env = (days: number) => ({ now: at(days), policy: STANDING_POLICY })
const fresh: Subject = { id: ID, standing: 'compliant', steps: [], since: unixTime(0) }

function aVerdict(
  change: Partial<Judgement> = {},
  days = 0,
  recheck: 'holds' | 'fails' | 'unknown' = 'holds',
): StandingFact {
  return {
    kind: 'verdict',
    verdict: {
      monitor: MONITOR,
      reason: codeOf('contradiction'),
      evidenceHash: hash(1),
      class: 'self-verifying',
      at: at(days),
      ...change,
    },
    recheck,
    independent: 40,
  }
}
const panel = (convicting = 21, drawn = 31): Partial<Judgement> => ({
  class: 'panel',
  reason: codeOf('selective-serving'),
  panel: { drawn, voted: drawn, convicting },
})
const advice: Partial<Judgement> = { class: 'advice', reason: codeOf('selective-serving') }
const subjectOf = (decision: Decision): Subject => {
  if (decision.kind === 'refused') throw new Error(decision.why)
  return decision.subject
}
const decide = (subject: Subject, fact: StandingFact, days = 0) => decideStanding(subject, fact, env(days))

describe('pool/decide-standing', () => {
  it('takes what anybody can check out of service at once, and bans on the second', () => {
    const first = decide(fresh, aVerdict())
    expect(first).to.include({ kind: 'change', next: 'violation', evidenceHash: hash(1) })
    expect(decide(subjectOf(first), aVerdict({ evidenceHash: hash(2) }))).to.include({ kind: 'refused' })
    const second = decide(subjectOf(first), aVerdict({ evidenceHash: hash(2) }, 2), 2)
    expect(second).to.include({ kind: 'change', next: 'banned' })
  })

  it('goes a step at a time on panels, says why and how to come back', () => {
    let subject = fresh
    for (const [n, next] of ['probation', 'violation', 'banned'].entries()) {
      const decision = decide(subject, aVerdict({ ...panel(), evidenceHash: hash(n) }, 2 * n), 2 * n)
      expect(decision).to.include({ kind: 'change', next })
      if (decision.kind === 'change') expect(decision.why + decision.back).to.match(/serve.*appeal/)
      subject = subjectOf(decision)
    }
  })

  it('counts the same evidence once', () => {
    const subject = subjectOf(decide(fresh, aVerdict(panel())))
    expect(decide(subject, aVerdict(panel(), 5), 5).kind).to.equal('refused')
  })

  it('takes no panel for convicting below 21 of 31, nor a smaller one below the same part of it', () => {
    expect(decide(fresh, aVerdict(panel(20))).kind).to.equal('refused')
    expect(votesToConvict(7, STANDING_POLICY)).to.equal(5)
    expect(decide(fresh, aVerdict(panel(4, 7))).kind).to.equal('refused')
    expect(decide(fresh, aVerdict(panel(5, 7)))).to.include({ next: 'probation' })
  })

  it('refuses a panel larger than there are independent monitors, or whose votes do not add up', () => {
    expect(decideStanding(fresh, { ...aVerdict(panel()), independent: 30 } as StandingFact, env(0)).kind).to.equal(
      'refused',
    )
    expect(decide(fresh, aVerdict({ ...panel(), panel: { drawn: 31, voted: 20, convicting: 21 } })).kind).to.equal(
      'refused',
    )
  })

  it('restores on appeal what no longer holds, and dismisses what does', () => {
    const subject = subjectOf(decide(fresh, aVerdict()))
    expect(decide(subject, { kind: 'appeal', about: hash(1), recheck: 'holds' }).kind).to.equal('refused')
    expect(decide(subject, { kind: 'appeal', about: hash(9), recheck: 'fails' }).kind).to.equal('refused')
    const lifted = decide(subject, { kind: 'appeal', about: hash(1), recheck: 'fails' })
    expect(lifted).to.include({ kind: 'change', next: 'compliant', reason: codeOf('appeal-granted') })
    expect(lifted.kind === 'change' && lifted.evidence?.length).to.be.greaterThan(0)
  })

  it('lets an advice fall 14 days after an appeal that nobody answered, and keeps it when another monitor confirms it', () => {
    const advised = subjectOf(decide(fresh, aVerdict(advice)))
    const appealed = subjectOf(decide(advised, { kind: 'appeal', about: hash(1), recheck: 'unknown' }, 1))
    expect(nextDueOf(appealed, STANDING_POLICY)).to.equal(at(15))
    const time: StandingFact = { kind: 'time', renewedUntil: at(90) }
    expect(decide(appealed, time, 14).kind).to.equal('refused')
    expect(decide(appealed, time, 15)).to.include({ kind: 'change', next: 'compliant' })
    const confirmed = decide(appealed, aVerdict({ ...advice, monitor: OTHER, evidenceHash: hash(2) }, 3), 3)
    expect(confirmed.kind).to.equal('noted')
    expect(decide(subjectOf(confirmed), time, 15).kind).to.equal('refused')
  })

  it('restores when another panel acquits after an appeal', () => {
    const subject = subjectOf(decide(fresh, aVerdict(panel())))
    const appealed = subjectOf(decide(subject, { kind: 'appeal', about: hash(1), recheck: 'unknown' }, 1))
    const acquittal = aVerdict({ ...panel(3), monitor: OTHER, evidenceHash: hash(2) }, 4)
    expect(decide(appealed, acquittal, 4)).to.include({ kind: 'change', next: 'compliant' })
  })

  it('lets a monitor take back on appeal what it found, not confirm itself, and nobody be taken down by a second look', () => {
    const subject = subjectOf(decide(fresh, aVerdict(panel())))
    const appealed = subjectOf(decide(subject, { kind: 'appeal', about: hash(1), recheck: 'holds' }, 1))
    const again = (change: Partial<Judgement>) =>
      ({ ...aVerdict({ ...panel(), evidenceHash: hash(2), ...change }, 4), isSecondLook: true }) as StandingFact
    const confirmed = decide(appealed, again({}), 4)
    expect(confirmed).to.include({ kind: 'noted', why: 'no appeal is open that it could answer' })
    expect(decide(appealed, again(panel(3)), 4)).to.include({ kind: 'change', next: 'compliant' })
    const closed = subjectOf(decide(appealed, again({ monitor: OTHER }), 4))
    expect(closed.standing).to.equal('probation')
    expect(decide(closed, again({ monitor: OTHER, evidenceHash: hash(3) }), 4), 'a third one later').to.include({
      kind: 'noted',
    })
    expect(decide(fresh, again({}), 4)).to.include({ kind: 'noted' })
  })

  it('acquits by what was seen, not by silence, and an advice by a panel that only advises, too', () => {
    const subject = subjectOf(decide(fresh, aVerdict(panel())))
    const appealed = subjectOf(decide(subject, { kind: 'appeal', about: hash(1), recheck: 'holds' }, 1))
    const voted = (voted: number, convicting: number) =>
      aVerdict({ ...panel(), panel: { drawn: 31, voted, convicting }, monitor: OTHER, evidenceHash: hash(2) }, 4)
    expect(decide(appealed, voted(10, 0), 4)).to.include({ kind: 'refused' })
    expect(decide(appealed, voted(11, 0), 4)).to.include({ kind: 'change', next: 'compliant' })
    expect(decide(appealed, voted(31, 20), 4)).to.include({ kind: 'change', next: 'compliant' })
    expect(decide(appealed, voted(30, 20), 4)).to.include({ kind: 'refused' })
    const few = (convicting: number) => ({ ...advice, panel: { drawn: 3, voted: 3, convicting } })
    const advised = subjectOf(decide(fresh, aVerdict(few(3))))
    const heard = subjectOf(decide(advised, { kind: 'appeal', about: hash(1), recheck: 'holds' }, 1))
    const acquittal = aVerdict({ ...few(0), monitor: OTHER, evidenceHash: hash(2) }, 4)
    expect(decide(heard, acquittal, 4)).to.include({ kind: 'change', next: 'compliant' })
    expect(decide(appealed, acquittal, 4), 'a panel of seven stands above three').to.include({ kind: 'refused' })
    expect(decide(fresh, aVerdict(few(2))), 'advice whose panel did not convict').to.include({ kind: 'refused' })
  })

  it('lifts one rank after each clean window, but no ban and nothing that another delegate decided', () => {
    const time: StandingFact = { kind: 'time', renewedUntil: at(999) }
    const violation = subjectOf(decide(fresh, aVerdict()))
    expect(decide(violation, time, 29).kind).to.equal('refused')
    const lifted = decide(violation, time, 30)
    expect(lifted).to.include({ next: 'probation', reason: codeOf('clean-window') })
    expect(decide(subjectOf(lifted), time, 60)).to.include({ next: 'compliant' })
    expect(decide({ ...fresh, standing: 'banned' }, time, 999).kind).to.equal('refused')
    expect(decide({ ...fresh, standing: 'probation' }, time, 999).kind).to.equal('refused')
  })

  it('makes a key that was declared stolen compromised for good', () => {
    const stolen = decide(fresh, aVerdict({ reason: codeOf('key-stolen') }))
    expect(stolen).to.include({ next: 'compromised' })
    expect(decide(subjectOf(stolen), { kind: 'time', renewedUntil: at(999) }, 900).kind).to.equal('refused')
  })

  it('restores whoever renewed after being taken for abandoned, to where it stood', () => {
    const { steps, since } = subjectOf(decide(fresh, aVerdict(panel())))
    const abandoned: Subject = { ...fresh, standing: 'abandoned', steps, since }
    expect(decide(abandoned, { kind: 'time', renewedUntil: at(1) }, 2).kind).to.equal('refused')
    expect(decide(abandoned, { kind: 'time', renewedUntil: at(9) }, 2)).to.include({ next: 'probation' })
  })

  it('convicts nobody by silence: no reason that rests on it moves a standing', () => {
    for (const { code, proof } of REASONS)
      if (proof === 'none')
        for (const kind of ['self-verifying', 'panel', 'advice'] as const)
          expect(decide(fresh, aVerdict({ ...panel(31), class: kind, reason: code })).kind).to.equal('refused')
    expect(reasonOf(codeOf('timeout'))?.proof).to.equal('none')
  })

  const judgements = fc.record({
    monitor: fc.constantFrom(MONITOR, OTHER),
    reason: fc.nat(70),
    evidenceHash: fc.nat(30).map(hash),
    class: fc.constantFrom('self-verifying' as const, 'panel' as const, 'advice' as const),
    panel: fc.record({ drawn: fc.nat(40), voted: fc.nat(40), convicting: fc.nat(40) }),
  })
  const facts = fc.oneof(
    fc.record({
      kind: fc.constant('verdict' as const),
      verdict: judgements,
      recheck: fc.constantFrom('holds' as const, 'fails' as const, 'unknown' as const),
      independent: fc.nat(40),
    }),
    fc.record({
      kind: fc.constant('appeal' as const),
      about: fc.nat(30).map(hash),
      recheck: fc.constantFrom('holds' as const, 'fails' as const),
    }),
    fc.constant({ kind: 'time' as const }),
  )

  it('holds over all histories: at most two ranks at once, never up by a verdict, never beyond probation on advice or below seven', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(facts, fc.nat(20)), { maxLength: 30 }),
        fc.constantFrom(...STANDINGS),
        (history, start) => {
          let subject: Subject = { ...fresh, standing: start }
          let days = 0
          for (const [fact, pause] of history) {
            days += pause
            const told: StandingFact =
              fact.kind === 'verdict'
                ? { ...fact, verdict: { ...fact.verdict, at: at(days) } }
                : fact.kind === 'time'
                  ? { ...fact, renewedUntil: at(days + 1) }
                  : fact
            const decision = decide(subject, told, days)
            if (decision.kind === 'refused') continue
            const [from, to] = [rankOf(subject.standing), rankOf(decision.subject.standing)]
            if (decision.kind === 'noted') expect(decision.subject.standing).to.equal(subject.standing)
            if (decision.kind === 'change') expect(decision.evidenceHash).to.match(/^[0-9a-f]{64}$/)
            if (fact.kind === 'verdict' && decision.kind === 'change' && decision.reason === fact.verdict.reason) {
              if (from !== undefined && to !== undefined) expect(to - from).to.be.within(1, 2)
              const isSure = fact.verdict.class === 'self-verifying' && fact.recheck === 'holds'
              if (!isSure && (fact.independent < 7 || fact.verdict.class === 'advice'))
                expect(decision.next).to.equal('probation')
            }
            if (decision.kind === 'change' && (from ?? 0) < (to ?? 0)) expect(fact.kind).to.equal('verdict')
            subject = decision.subject
          }
        },
      ),
      { numRuns: effort(300) },
    )
  })
})
