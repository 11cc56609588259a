import { expect } from 'chai'
import { DAY, unixTime } from '../../base/units.ts'
import { decide } from '../../controller/decide.ts'
import type { PlacementState } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { ObjectRecord } from '../../controller/records.ts'
import {
  holdersBeside,
  isOver,
  planRepairs,
  type RepairPlan,
  stillMissing,
  surveyObject,
} from '../../controller/repair-plan.ts'
import { aPlacement, at, START, stewardOf } from './placement-builder.ts'

const NOW = START + 20 * DAY
const REF = '00'.repeat(32)
const none = new Uint8Array(32)
const object: ObjectRecord = {
  ref: REF,
  id: none,
  sealedCap: none,
  repairKey: none,
  copyKey: none,
  editorSecret: none,
  k: 3,
  n: 10,
  size: 2_000,
  segmentSize: 1_000,
  segments: 2,
  createdAt: unixTime(START),
}

/** Ten stewards with a share of both segments and a copy each. */
function allHeld(): PlacementState[] {
  return Array.from({ length: 10 }, (_, share) =>
    [
      { kind: 'share', segment: 0 } as const,
      { kind: 'share', segment: 1 } as const,
      { kind: 'copy', segment: 0 } as const,
    ].map((slot, part) => ({
      ...aPlacement({ n: 100 * part + share, steward: share + 1, length: part === 2 ? 900 : 339, term: 60 * DAY }),
      ...slot,
      share,
    })),
  ).flat()
}

const isOf = (shares: readonly number[], parts: readonly string[]) => (placement: PlacementState) =>
  shares.includes(placement.share) && parts.includes(`${placement.kind}/${placement.segment}`)
const mia = (placements: readonly PlacementState[], shares: readonly number[], parts: readonly string[]) =>
  placements.map((each): PlacementState => (isOf(shares, parts)(each) ? { ...each, state: 'mia' } : each))
const EVERYTHING = ['share/0', 'share/1', 'copy/0']
const survey = (placements: readonly PlacementState[], now = NOW, policy = POLICY) =>
  surveyObject(object, placements, now, policy)
const plansOf = (placements: readonly PlacementState[], ordered = false): RepairPlan[] =>
  planRepairs(object, survey(placements), new Set(), NOW, ordered)
const blobsOf = (plan: RepairPlan | undefined) =>
  plan?.plan.mends?.blobs.map(({ kind, segment, share, length }) => `${kind}/${segment}/${share} ${length}`)

describe('controller/repair-plan', () => {
  it('begins at eight of ten confirmed shares, and mends shares and copies of the same lots in one repair', () => {
    expect(plansOf(mia(allHeld(), [3], EVERYTHING))).to.deep.equal([])
    const plans = plansOf(mia(allHeld(), [3, 7], EVERYTHING))
    expect(plans).to.have.length(1)
    expect(blobsOf(plans[0])).to.deep.equal([
      'share/0/3 339',
      'share/0/7 339',
      'share/1/3 339',
      'share/1/7 339',
      'copy/0/3 900',
      'copy/0/7 900',
    ])
    expect(plans[0]?.gone).to.have.length(6)
  })

  it('mends nothing of a segment that has enough, and takes an auction for each set of missing lots', () => {
    const placements = mia(mia(allHeld(), [0, 1], ['share/0']), [1, 2], ['copy/0'])
    const plans = plansOf(placements)
    expect(plans.map(blobsOf)).to.deep.equal([
      ['share/0/0 339', 'share/0/1 339'],
      ['copy/0/1 900', 'copy/0/2 900'],
    ])
    const beside = holdersBeside((plans[0] as RepairPlan).plan, placements)
    expect(beside).to.deep.equal([3, 4, 5, 6, 7, 8, 9, 10].map(stewardOf))
  })

  it('has one name for the same repair, and another when anything of it is another', () => {
    const first = plansOf(mia(allHeld(), [3, 7], EVERYTHING))[0]?.id
    expect(plansOf(mia(allHeld(), [3, 7], EVERYTHING))[0]?.id).to.equal(first)
    expect(plansOf(mia(allHeld(), [3, 8], EVERYTHING))[0]?.id).to.not.equal(first)
    const renewed = mia(allHeld(), [3, 7], EVERYTHING).map((each) =>
      isOf([3], ['share/0'])(each) ? { ...each, id: 'ff'.repeat(32) } : each,
    )
    expect(plansOf(renewed)[0]?.id).to.not.equal(first)
  })

  it('leaves a part alone that is being mended', () => {
    const parts = survey(mia(allHeld(), [3, 7], EVERYTHING))
    const plans = planRepairs(object, parts, new Set(['share/0', 'copy/0']), NOW)
    expect(plans.map(blobsOf)).to.deep.equal([['share/1/3 339', 'share/1/7 339']])
  })

  it('runs as long as the others, and 30 days at least', () => {
    expect(plansOf(mia(allHeld(), [3, 7], EVERYTHING))[0]?.plan.term).to.equal(40 * DAY)
    const soon = mia(allHeld(), [3, 7], EVERYTHING)
    expect(planRepairs(object, survey(soon), new Set(), START + 55 * DAY)[0]?.plan.term).to.equal(30 * DAY)
  })

  it('calls fewer than k shares lost, and a single copy enough', () => {
    const placements = mia(allHeld(), [0, 1, 2, 3, 4, 5, 6, 7], ['share/0', 'copy/0'])
    const [first, , copies] = survey(placements)
    expect(first?.health).to.include({ isLost: true, needsRepair: false, confirmed: 2 })
    expect(copies?.health).to.include({ isLost: false, needsRepair: true })
    expect(plansOf(placements, true).map((plan) => blobsOf(plan)?.[0])).to.deep.equal(['copy/0/0 900'])
  })

  it('takes a share that nobody took at the put for missing after a day', () => {
    const short = allHeld().filter(({ share }) => share < 8)
    const [early] = survey(short, START + 3600)
    expect(early).to.deep.include({ missing: [], later: START + DAY })
    expect(survey(short, START + DAY)[0]?.missing).to.deep.equal([8, 9])
  })

  it('makes a share again whose term ended, when the object lives on, and none that its owner let go', () => {
    const end = (shares: readonly number[], change: Partial<PlacementState>) =>
      allHeld().map(
        (each): PlacementState =>
          shares.includes(each.share) ? { ...each, state: 'ended', endedAt: NOW, ...change } : each,
      )
    expect(survey(end([1, 2], {}))[0]?.missing).to.deep.equal([1, 2])
    expect(survey(end([1, 2], { terminated: true }))[0]?.missing).to.deep.equal([])
    expect(survey(end([1, 2], {}), NOW, { ...POLICY, renew: false })[0]?.missing).to.deep.equal([])
    expect(isOver(survey(end([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], {})))).to.equal(true)
  })

  it('does not count what a steward brings back', () => {
    const placements = mia(allHeld(), [3, 7], ['share/0'])
    const [plan] = plansOf(placements)
    if (plan === undefined) throw new Error('no plan')
    expect(stillMissing(plan.plan, placements).map(({ share }) => share)).to.deep.equal([3, 7])
    const back = placements.map((each) =>
      isOf([3], ['share/0'])(each)
        ? decide({ ...each, goneAt: NOW }, { kind: 'read-verified', at: NOW + 60 }, at(NOW + 60)).next
        : each,
    )
    expect(stillMissing(plan.plan, back).map(({ share }) => share)).to.deep.equal([7])
  })
})
