/** What a steward's standing does to its placements (P5): no requests, another blob in its place, and no loss by a verdict. */
import { expect } from 'chai'
import { DAY, unixTime } from '../../base/units.ts'
import { outlookOf } from '../../controller/confidence.ts'
import { mayRenew } from '../../controller/contract-life.ts'
import { decide } from '../../controller/decide.ts'
import { explain } from '../../controller/explain.ts'
import type { PlacementState } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { wantsRows } from '../../controller/progress.ts'
import type { ObjectRecord } from '../../controller/records.ts'
import { holdersBeside, isOver, planRepairs, stillMissing, surveyObject } from '../../controller/repair-plan.ts'
import { aDriver, aPlacement, START } from './placement-builder.ts'

const NOW = START + 20 * DAY
const env = { now: NOW, policy: POLICY, draw: () => 0 }
const none = new Uint8Array(32)
const object: ObjectRecord = {
  ref: '00'.repeat(32),
  id: none,
  sealedCap: none,
  repairKey: none,
  copyKey: none,
  editorSecret: none,
  k: 3,
  n: 10,
  size: 1_000,
  segmentSize: 1_000,
  segments: 1,
  createdAt: unixTime(START),
}

const standing = (placement: PlacementState, said?: string): PlacementState =>
  decide(placement, { kind: 'standing', at: NOW, ...(said === undefined ? {} : { standing: said }) }, env).next

/** Ten stewards with a share and a copy each; those of `banned` lost their standing. */
function tenStewards(banned: readonly number[], said = 'banned'): PlacementState[] {
  return Array.from({ length: 10 }, (_, share) =>
    (['share', 'copy'] as const).map((kind, part) => {
      const placement: PlacementState = {
        ...aPlacement({ n: 100 * part + share, steward: share + 1, length: 339, term: 60 * DAY }),
        kind,
        segment: 0,
        share,
      }
      return banned.includes(share) ? standing(placement, said) : placement
    }),
  ).flat()
}
const survey = (placements: readonly PlacementState[]) => surveyObject(object, placements, NOW, POLICY)
const plans = (placements: readonly PlacementState[], ordered = false) =>
  planRepairs(object, survey(placements), new Set(), NOW, ordered)

describe('controller: a steward that lost its standing', () => {
  it('is known with what the registrar says and since when, and heard of once', () => {
    const decision = decide(aPlacement(), { kind: 'standing', standing: 'violation', at: NOW }, env)
    expect(decision.next.outcast).to.deep.equal({ standing: 'violation', at: NOW })
    expect(decision.next.state, 'what was proved stays proved').to.equal('held')
    expect(decision.effects.flatMap((one) => (one.kind === 'alert' ? [one.code] : []))).to.deep.equal(['outcast'])
    const again = decide(decision.next, { kind: 'standing', standing: 'violation', at: NOW + DAY }, env)
    expect(again.next.outcast?.at).to.equal(NOW)
    expect(again.effects).to.deep.equal([])
    const worse = standing(decision.next, 'banned')
    expect(worse.outcast).to.deep.equal({ standing: 'banned', at: NOW })
    expect(standing(worse).outcast).to.equal(undefined)
  })

  it('gets no request: no renewal, no read for new rows', () => {
    const held: PlacementState = { ...aPlacement({ term: 60 * DAY }), rows: { total: 9, next: 7 } }
    expect(mayRenew(held, POLICY, NOW)).to.equal(true)
    expect(wantsRows(held, POLICY)).to.equal(true)
    const outcast = standing(held, 'banned')
    expect(mayRenew(outcast, POLICY, NOW)).to.equal(false)
    expect(wantsRows(outcast, POLICY)).to.equal(false)
    expect(outcast.topUp).to.equal(undefined)
  })

  it('is asked over the chain as before, and paid for what it proves: a verdict is no miss', () => {
    const driver = aDriver(standing(aPlacement(), 'banned'))
    driver.pass(driver.state.nextDue as number)
    expect(driver.state.totals).to.deep.include({ checks: 1, misses: 0, paid: DAY })
    expect(driver.state.nextDue).to.be.above(START + DAY)
  })

  it('is not counted on by its object, and what it has is missing under the same threshold as anything else', () => {
    const [one] = tenStewards([0])
    expect(outlookOf(one as PlacementState, NOW, POLICY).chance).to.equal(0)
    expect(plans(tenStewards([4])), 'nine of ten are enough').to.deep.equal([])
    expect(plans(tenStewards([4]), true)[0]?.plan.mends?.blobs, 'its owner may order it').to.have.length(2)
    for (const said of ['violation', 'banned', 'abandoned', 'compromised', 'unregistered']) {
      const [plan, more] = plans(tenStewards([2, 6], said))
      expect(more).to.equal(undefined)
      expect(
        plan?.plan.mends?.blobs.map(({ kind, share }) => `${kind}/${share}`),
        said,
      ).to.deep.equal(['share/2', 'share/6', 'copy/2', 'copy/6'])
    }
  })

  it('is replaced by its slot: what takes its place fills it, what it still has does not', () => {
    const placements = tenStewards([2, 6])
    const [plan] = plans(placements)
    if (plan === undefined) throw new Error('nothing is planned')
    expect(stillMissing(plan.plan, placements)).to.have.length(4)
    expect(
      stillMissing(
        plan.plan,
        placements.map((one) => standing(one)),
      ),
    ).to.deep.equal([])
    const fresh: PlacementState = { ...aPlacement({ n: 900, steward: 30 }), kind: 'share', segment: 0, share: 2 }
    expect(stillMissing(plan.plan, [...placements, fresh])).to.have.length(3)
    expect(holdersBeside(plan.plan, placements), 'nor is it asked for another share').to.have.length(10)
  })

  it('is left alone again when its standing is restored before anything was made', () => {
    const restored = tenStewards([2, 6]).map((one) => standing(one))
    expect(plans(restored)).to.deep.equal([])
    expect(survey(restored).every(({ missing, outcast }) => missing.length === 0 && outcast.length === 0)).to.equal(
      true,
    )
  })

  it('loses nobody anything, even when all of them are banned at once: repair waits, nothing is called lost', () => {
    const all = tenStewards([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    const parts = survey(all)
    expect(parts.map(({ health }) => [health.isLost, health.isMendable, health.confirmed])).to.deep.equal([
      [false, false, 0],
      [false, false, 0],
    ])
    expect(plans(all), 'nothing can be fetched to make others from').to.deep.equal([])
    expect(plans(all, true)).to.deep.equal([])
    expect(isOver(parts)).to.equal(false)
  })

  it('says why in a sentence', () => {
    const [first] = tenStewards([0])
    const around = { now: NOW, policy: POLICY, bountyOf: () => undefined, isBackup: false, n: 10 }
    const parts = survey(tenStewards([0, 1]))
    const { why, next } = explain(first as PlacementState, { ...around, part: parts[0] })
    expect(why).to.match(/^its steward is banned, known since .*: it gets no requests$/)
    expect(next).to.equal('made again elsewhere now, unless its standing is restored: 8 of 10 shares confirmed')
  })

  it('leaves alone what is over', () => {
    const ended: PlacementState = { ...aPlacement(), replacedAt: NOW, state: 'ended' }
    expect(standing(ended, 'banned').outcast).to.equal(undefined)
  })
})
