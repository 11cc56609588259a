import { expect } from 'chai'
import fc from 'fast-check'
import type { Placement } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import {
  decide,
  type Effect,
  type Fact,
  HANDOVER,
  nextDueOf,
  outstandingEffects,
  UNPAID_AFTER,
} from '../../steward/decide.ts'
import { areBytesFree, type HeldPlacement, holdPlacement, paidUntil } from '../../steward/held-placement.ts'

const START = 1_800_000_000
const TERM = 90 * DAY
const zeros = new Uint8Array(32)
const terms: Placement = {
  uploader: `0x${'1'.repeat(40)}`,
  steward: `0x${'2'.repeat(40)}`,
  blobId: zeros,
  length: 1000,
  price: 1n,
  egressPrice: 0n,
  egressFree: 0,
  start: START,
  end: START + TERM,
  grace: 14 * DAY,
  bond: 0n,
  answersRoot: zeros,
  tokenHash: zeros,
  advert: zeros,
  offerUntil: START + DAY,
  version: 1,
}

function aSteward() {
  const effects: Effect[] = []
  let held: HeldPlacement = holdPlacement('ab', terms)
  return {
    effects,
    get held() {
      return held
    },
    tell(fact: Fact, now: number): readonly Effect[] {
      const decision = decide(held, fact, now)
      held = decision.next
      effects.push(...decision.effects)
      return decision.effects
    },
  }
}

const kinds = (effects: readonly Effect[]) => effects.map((effect) => effect.kind)

describe('steward/decide', () => {
  it('keeps an unpaid blob in silence for 34 days, warns, and prunes 14 days later', () => {
    const steward = aSteward()
    expect(steward.tell({ kind: 'tick' }, START + UNPAID_AFTER - 1)).to.deep.equal([])
    const [warn] = steward.tell({ kind: 'tick' }, START + UNPAID_AFTER)
    expect(warn).to.deep.include({ kind: 'warn', pruneAfter: START + 48 * DAY })
    expect(kinds(steward.tell({ kind: 'tick' }, START + 48 * DAY - 1))).to.not.include('prune')
    expect(steward.tell({ kind: 'tick' }, START + 48 * DAY)).to.deep.include({
      id: 'prune/ab',
      kind: 'prune',
      placement: 'ab',
      blobId: '00'.repeat(32),
      reason: 'unpaid',
    })
    expect(steward.held.state).to.equal('pruned')
  })

  it('counts the 34 days from the last payment, and takes a notice back when one comes', () => {
    const steward = aSteward()
    steward.tell({ kind: 'tick' }, START + 35 * DAY)
    expect(steward.held.state).to.equal('warned')
    steward.tell({ kind: 'paid', bounty: '01', at: START + 40 * DAY, cut: START + 39 * DAY }, START + 40 * DAY)
    expect(steward.held.state).to.equal('held')
    steward.tell({ kind: 'tick' }, START + 74 * DAY - 1)
    expect(steward.held.state).to.equal('held')
    const [again] = steward.tell({ kind: 'tick' }, START + 74 * DAY)
    expect(again?.id).to.equal('warn/ab/2')
  })

  it('warns at once when the chain takes back the payment that kept it quiet', () => {
    const steward = aSteward()
    steward.tell({ kind: 'paid', bounty: '01', at: START + 30 * DAY, cut: START + 30 * DAY }, START + 30 * DAY)
    steward.tell({ kind: 'tick' }, START + 40 * DAY)
    expect(kinds(steward.tell({ kind: 'unpaid', bounty: '01' }, START + 40 * DAY))).to.include('warn')
    steward.tell({ kind: 'paid', bounty: '01', at: START + 30 * DAY, cut: START + 30 * DAY }, START + 40 * DAY)
    expect(steward.held.state).to.equal('held')
  })

  it('tells its operator at half, three quarters and nine tenths of the grace', () => {
    const steward = aSteward()
    for (let day = 34; day < 48; day += 0.5) steward.tell({ kind: 'tick' }, START + day * DAY)
    expect(steward.effects.filter((effect) => effect.kind === 'alert').map((effect) => effect.id)).to.deep.equal([
      'alert/unpaid/ab/1',
      'alert/grace-passing/ab/1/1',
      'alert/grace-passing/ab/1/2',
      'alert/grace-passing/ab/1/3',
    ])
  })

  it('never prunes while a bounty over the blob can still be swept', () => {
    const steward = aSteward()
    steward.tell({ kind: 'tick' }, START + 34 * DAY)
    steward.tell({ kind: 'asked', bounty: '01', deadline: START + 50 * DAY }, START + 47 * DAY)
    steward.tell({ kind: 'tick' }, START + 50 * DAY)
    expect(steward.held.state).to.equal('warned')
    steward.tell({ kind: 'tick' }, START + 50 * DAY + 1)
    expect(steward.held.state).to.equal('pruned')
  })

  it('hands over for 14 days after a term that is paid to its end, then prunes without a notice', () => {
    const steward = aSteward()
    steward.tell({ kind: 'paid', bounty: '01', at: START + TERM, cut: START + TERM + 99 }, START + TERM)
    expect(paidUntil(steward.held)).to.equal(START + TERM)
    steward.tell({ kind: 'tick' }, START + TERM + HANDOVER - 1)
    expect(steward.held.state).to.equal('held')
    const [prune] = steward.tell({ kind: 'tick' }, START + TERM + HANDOVER)
    expect(prune).to.deep.include({ kind: 'prune', reason: 'ended' })
    expect(kinds(steward.effects)).to.not.include('warn')
  })

  it('keeps a finished term whose last interval is unpaid until the rule for silence lets it go', () => {
    const steward = aSteward()
    steward.tell({ kind: 'paid', bounty: '01', at: START + 80 * DAY, cut: START + 80 * DAY }, START + 80 * DAY)
    steward.tell({ kind: 'tick' }, START + TERM + HANDOVER)
    expect(steward.held.state).to.equal('held')
    steward.tell({ kind: 'tick' }, START + 114 * DAY)
    expect(steward.held.state).to.equal('warned')
    steward.tell({ kind: 'tick' }, START + 128 * DAY)
    expect(steward.held).to.deep.include({ state: 'pruned', reason: 'unpaid' })
  })

  it('follows a renewal to the new end, and ignores one it has seen', () => {
    const steward = aSteward()
    const renewed: Fact = { kind: 'renewed', version: 2, end: START + 2 * TERM, price: 2n, grace: 14 * DAY }
    steward.tell(renewed, START + 80 * DAY)
    steward.tell({ ...renewed, end: START + 9 * TERM }, START + 80 * DAY)
    expect(steward.held).to.deep.include({ version: 2, end: START + 2 * TERM, price: 2n })
  })

  it('ends the placement of a lost blob when its uploader knows, or after the silence that ends any other, without a notice', () => {
    const [told, silent, found] = [aSteward(), aSteward(), aSteward()]
    for (const steward of [told, silent, found]) steward.tell({ kind: 'lost', why: 'its file is gone' }, START + DAY)
    const [prune] = told.tell({ kind: 'given-up' }, START + 3 * DAY)
    expect(prune).to.deep.include({ kind: 'prune', reason: 'lost' })
    silent.tell({ kind: 'asked', bounty: '01', deadline: START + 36 * DAY }, START + 33 * DAY)
    silent.tell({ kind: 'tick' }, START + 36 * DAY)
    expect(silent.held.state).to.equal('held')
    expect(silent.tell({ kind: 'tick' }, nextDueOf(silent.held) as number)).to.have.length(1)
    expect(silent.held).to.deep.include({ state: 'pruned', reason: 'lost', notices: 0 })
    found.tell({ kind: 'found' }, START + 2 * DAY)
    found.tell({ kind: 'given-up' }, START + 3 * DAY)
    expect(found.held).to.deep.include({ state: 'held' })
    expect(found.held).not.to.have.property('lost')
  })

  it('lets the bytes go only with the last placement over them', () => {
    const living = holdPlacement('aa', terms)
    const pruned: HeldPlacement = { ...living, id: 'bb', state: 'pruned' }
    expect(areBytesFree([pruned, living])).to.equal(false)
    expect(areBytesFree([pruned, pruned])).to.equal(true)
  })

  const aFact: fc.Arbitrary<Fact> = fc.oneof(
    fc.constant<Fact>({ kind: 'tick' }),
    fc.record({
      kind: fc.constant('asked' as const),
      bounty: fc.constantFrom('01', '02', '03'),
      deadline: fc.nat(200).map((day) => START + day * DAY),
    }),
    fc.record({
      kind: fc.constantFrom('unasked' as const, 'unpaid' as const),
      bounty: fc.constantFrom('01', '02', '03'),
    }),
    fc.constantFrom<Fact>({ kind: 'lost', why: 'its file is gone' }, { kind: 'found' }, { kind: 'given-up' }),
    fc.record({
      kind: fc.constant('paid' as const),
      bounty: fc.constantFrom('01', '02', '03', '04', '05', '06'),
      at: fc.nat(200).map((day) => START + day * DAY),
      cut: fc.nat(200).map((day) => START + day * DAY),
    }),
    fc.record({
      kind: fc.constant('renewed' as const),
      version: fc.nat(4),
      end: fc.nat(300).map((day) => START + day * DAY),
      price: fc.constant(1n),
      grace: fc.constant(14 * DAY),
    }),
  )

  it('whatever it is told: prunes once, never without a notice that was 14 days old, never what is paid, and says when to look again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(aFact, fc.nat(40)), { maxLength: 40 }), (steps) => {
        const steward = aSteward()
        let now = START
        for (const [fact, days] of steps) {
          now += days * DAY
          const before = steward.held
          const asked = steward.tell(fact, now)
          const prune = asked.find((effect) => effect.kind === 'prune')
          if (prune?.kind === 'prune' && prune.reason === 'unpaid') {
            const { notice } = before
            expect(notice !== undefined && now >= notice.at + 14 * DAY, 'a notice 14 days old').to.equal(true)
          }
          if (prune?.kind === 'prune' && prune.reason === 'lost')
            expect(before.lost !== undefined || fact.kind === 'lost', 'it was lost').to.equal(true)
          if (steward.held.lost) expect(steward.held.state, 'no notice for what is lost').not.to.equal('warned')
          if (before.state === 'pruned') expect(asked).to.deep.equal([])
          expect(new Set(asked.map((effect) => effect.id)).size).to.equal(asked.length)
          const due = nextDueOf(steward.held)
          if (steward.held.state !== 'pruned') expect(due).to.be.above(now)
          const again = decide(steward.held, { kind: 'tick' }, now)
          expect(again.effects, 'a second look changes nothing').to.deep.equal([])
          expect(again.next).to.deep.equal(steward.held)
          expect(outstandingEffects(steward.held).length).to.be.at.most(1)
        }
        expect(steward.effects.filter((effect) => effect.kind === 'prune').length).to.be.at.most(1)
      }),
      { numRuns: 300 },
    )
  })
})
