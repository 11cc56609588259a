import { expect } from 'chai'
import { deployAll } from '../../chain/deployment.ts'
import { findDeployment } from '../../chain/find-deployment.ts'
import { type LocalMarket, startLocalMarket, termsOf } from './local-market.ts'
import { clock, rejection, silent } from './ports.ts'

describe('chain/find-deployment', () => {
  let local: LocalMarket
  const find = (change: Partial<Parameters<typeof findDeployment>[1]> = {}) =>
    findDeployment(local.chain, {
      market: local.deployment.contracts.market.address,
      rpc: local.devnet.url,
      ...change,
    })

  before(async () => {
    local = await startLocalMarket()
  })
  after(() => local?.close())

  it('refuses an address that is no market, naming it', async () => {
    const { token } = local.deployment.contracts
    expect(await rejection(find({ market: local.account }))).to.have.property('code', 'CHAIN_NO_DEPLOYMENT')
    expect(await rejection(find({ market: token.address }))).to.have.property('code', 'CHAIN_WRONG')
  })

  it('finds all contracts, and the blocks of all, from the market alone', async () => {
    expect(await find()).to.deep.equal(local.deployment)
    expect((await find({ from: 0 })).contracts.market.block).to.equal(0)
  })

  it('takes the registrar that is named only when it is that of the stake pool', async () => {
    const { registrar, mine } = local.deployment.contracts
    expect(await find({ registrar: registrar.address })).to.deep.equal(local.deployment)
    const error = await rejection(find({ registrar: mine.address }))
    expect(error).to.have.property('code', 'CHAIN_WRONG')
    expect(error).to.have.property('message').that.includes(registrar.address)
  })

  it('tells two markets on one chain apart', async () => {
    const { chain, secret } = local
    const terms = termsOf(new Uint8Array(32).fill(21))
    const other = await deployAll(chain, { secret, terms, rpc: local.devnet.url, clock, log: silent })
    expect(await find({ market: other.contracts.market.address })).to.deep.equal(other)
    expect(await find()).to.deep.equal(local.deployment)
  })
})
