import { expect } from 'chai'
import type { ShareState } from '../../controller/placement-state.ts'
import { barredUntil, segmentHealth } from '../../controller/segment-health.ts'

const states = (held: number, others: readonly ShareState[] = []): ShareState[] => [
  ...Array<ShareState>(held).fill('held'),
  ...others,
]

describe('controller/segment-health', () => {
  it('is in no hurry with 9 of 10, and repairs at 8', () => {
    expect(segmentHealth(states(9, ['mia']), 3, 10)).to.deep.equal({
      confirmed: 9,
      threshold: 8,
      needsRepair: false,
      isLost: false,
      isMendable: true,
    })
    expect(segmentHealth(states(8, ['mia', 'mia']), 3, 10).needsRepair).to.equal(true)
  })

  it('still counts a suspect as confirmed, and nothing else', () => {
    expect(segmentHealth(states(7, ['suspect', 'mia', 'repairing']), 3, 10)).to.deep.include({
      confirmed: 8,
      needsRepair: true,
    })
    expect(segmentHealth(states(7, ['placing', 'lost', 'ended']), 3, 10).confirmed).to.equal(7)
  })

  it('counts nothing that lies with an outcast steward, and calls nothing lost for it', () => {
    expect(segmentHealth([...states(8), 'outcast', 'outcast'], 3, 10)).to.deep.include({
      confirmed: 8,
      needsRepair: true,
      isLost: false,
    })
    expect(segmentHealth([...states(2), ...Array<'outcast'>(8).fill('outcast')], 3, 10)).to.deep.include({
      needsRepair: false,
      isMendable: false,
      isLost: false,
    })
    expect(segmentHealth([...states(1), 'outcast', 'mia'], 3, 10).isLost).to.equal(true)
  })

  it('cannot repair what is lost', () => {
    expect(segmentHealth(states(2), 3, 10)).to.deep.include({ needsRepair: false, isLost: true })
  })

  it('never repairs a segment that is whole, even without redundancy', () => {
    expect(segmentHealth(states(3), 3, 3)).to.deep.include({ threshold: 3, needsRepair: false, isLost: false })
  })

  it('bars a steward for 30 days after a miss, and nobody else', () => {
    expect(barredUntil({ lastMiss: 100 }, 30)).to.equal(130)
    expect(barredUntil({ lastMiss: 0 }, 30)).to.equal(0)
  })
})
