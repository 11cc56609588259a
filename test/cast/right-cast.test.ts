/** Who wants to store without money and without having earned it: how often each gets through. */
import { expect } from 'chai'
import { effort } from '../effort.ts'
import { passed } from './empty-inventory-steward.ts'
import { show } from './show.ts'

describe('cast: the right to store', function () {
  this.timeout(120_000)
  const challenges = effort(2_000, 20_000)

  it('EmptyInventorySteward: with a tenth of its bytes missing it fails four challenges of five', () => {
    const peer = passed(200, 0)
    const gain = passed(challenges, 0.1)
    show('EmptyInventorySteward', { gain, peer, loss: passed(challenges, 0.9) })
    // 0.9¹⁶ = 18.5 %, and draws that go on beyond sixteen placements only lower it
    expect(gain).to.be.below(20 + 400 * Math.sqrt((0.2 * 0.8) / challenges))
  })
})
