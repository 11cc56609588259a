/** What a verifier reads off a real chain: paid adverts, and the last final sweep between two parties. */
import { expect } from 'chai'
import { gwei, unixTime } from '../../base/units.ts'
import { encodeAdvertise } from '../../chain/market.ts'
import type { Doors } from '../../cli/doors.ts'
import { createRightChain } from '../../cli/right-chain.ts'
import type { RightChain } from '../../pool/right-verifier.ts'
import { openStage, type Stage } from '../cast/contract-stage.ts'
import { rng } from '../net/nodes.ts'

describe('cli/right-chain', function () {
  this.timeout(60_000)
  let stage: Stage
  let chain: RightChain
  before(async () => {
    stage = await openStage()
    const market = { address: stage.market.market, block: 0 }
    chain = createRightChain({ chain: stage.chain, deployment: { contracts: { market } } } as unknown as Doors)
  })
  after(() => stage?.close())

  it('knows an advert that its uploader paid, and no other', async () => {
    const hash = rng.bytes(32)
    const { uploader, steward } = stage
    expect(await chain.isAdvertPaid(hash, uploader.account)).to.equal(false)
    await stage.perform([{ from: uploader, what: 'advertise', data: encodeAdvertise(hash, gwei(1_000_000_000n)) }])
    expect(await chain.isAdvertPaid(hash, uploader.account)).to.equal(true)
    expect(await chain.isAdvertPaid(hash, steward.account), 'of another').to.equal(false)
    expect(await chain.isAdvertPaid(rng.bytes(32), uploader.account)).to.equal(false)
  })

  it('knows when the two had their last sweep, whatever was only posted since', async () => {
    const { uploader, steward, stranger } = stage
    expect(await chain.lastSweep(uploader.account, steward.account)).to.equal(undefined)
    const first = await stage.posted()
    expect(await chain.lastSweep(uploader.account, steward.account), 'posted only').to.equal(undefined)
    const at = unixTime(stage.chain.latest().timestamp + 1_000)
    await stage.perform([{ from: steward, what: 'sweep', data: stage.sweepOf(first) }], at)
    expect(await chain.lastSweep(uploader.account, steward.account)).to.equal(at)
    await stage.posted()
    expect(await chain.lastSweep(uploader.account, steward.account)).to.equal(at)
    const later = await stage.posted()
    await stage.perform([{ from: stranger, what: 'sweep for it', data: stage.sweepOf(later) }], unixTime(at + 5_000))
    expect(await chain.lastSweep(uploader.account, steward.account)).to.equal(at + 5_000)
    expect(await chain.lastSweep(uploader.account, stranger.account), 'another pair').to.equal(undefined)
    expect(await chain.lastSweep(stranger.account, steward.account), 'another pair').to.equal(undefined)
  })
})
