/** Who tries to move prices, and what it comes to. The large runs, with eight seeds: bench/market. */
import { runCartel } from './cartel-bidders.ts'
import { lieInAuctions } from './lying-bidder.ts'
import { runShill } from './shill-uploader.ts'
import { show } from './show.ts'

describe('cast: bidders', () => {
  it('LyingBidder earns less by every lie than by the truth, and no winner is paid below its bid', () => {
    const { byLying, byTruth, underpaid } = lieInAuctions(400, 1)
    const gain = Number((10_000n * byLying) / byTruth) / 100
    show('LyingBidder', { gain, peer: 100, loss: Number(underpaid) })
  })

  it('CartelBidders earn less a slot than those who do not join, and make the market dearer within the reserve', () => {
    const { income, dearer } = runCartel(1, { stewards: 100, weeks: 60 })
    show('CartelBidders', { gain: 100 * income, peer: 100, loss: 100 * dearer })
  })

  it('ShillUploader pays its fees and moves the index by little', () => {
    const { moved, fee } = runShill(1, { stewards: 100, weeks: 60 })
    show('ShillUploader', { gain: -fee, peer: 0, loss: moved })
  })
})
