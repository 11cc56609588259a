import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import { decide } from '../../controller/decide.ts'
import { POLICY } from '../../controller/policy.ts'
import { groupDue } from '../../controller/schedule.ts'
import { aPlacement, at, START } from './placement-builder.ts'

const later = (days: number) => START + days * DAY

describe('controller: placements of backups', () => {
  const rider = aPlacement({ n: 1, rides: true })
  const other = aPlacement({ n: 2, start: later(9) })
  const young = aPlacement({ n: 3, start: later(9), rides: true })

  it('are due by themselves only after the longest gap', () => {
    expect(rider.nextDue).to.equal(later(30))
    expect(groupDue([rider], later(29), POLICY)).to.have.length(0)
    expect(groupDue([rider], later(30), POLICY)).to.have.length(1)
  })

  it('ride along with any docket of their steward, once their last cut is a quarter of that old', () => {
    const [docket, ...more] = groupDue([rider, other, young], later(10), POLICY)
    expect(more).to.have.length(0)
    expect(docket?.placements).to.have.members([rider.id, other.id])
    const elsewhere = aPlacement({ n: 4, steward: 2, start: later(9) })
    expect(groupDue([rider, elsewhere], later(10), POLICY).flatMap(({ placements }) => placements)).to.deep.equal([
      elsewhere.id,
    ])
  })

  it('are paid to the end of their term, also by a docket after it', () => {
    const over = decide(rider, { kind: 'terminated', at: rider.end }, at(later(60))).next
    expect(over.end, 'not cut short').to.equal(rider.end)
    const now = rider.end + 5 * DAY
    const [docket] = groupDue([over, aPlacement({ n: 2, start: now - DAY })], now, POLICY)
    expect(docket?.placements).to.include(over.id)
    const asked = decide(
      over,
      { kind: 'open', docket: 'aa', due: docket?.due ?? 0, deadline: docket?.deadline ?? 0, retry: false },
      at(now),
    )
    expect(asked.next.rounds.at(-1)).to.include({ from: START, cut: rider.end })
  })

  it('are not renewed when another backup took their place', () => {
    const kept = decide(rider, { kind: 'tick' }, at(rider.end - 20 * DAY)).effects
    expect(kept.map(({ kind }) => kind)).to.include('renew')
    const { next } = decide(rider, { kind: 'terminated', at: rider.end }, at(later(60)))
    expect(decide(next, { kind: 'tick' }, at(rider.end - 20 * DAY)).effects).to.have.length(0)
  })
})
