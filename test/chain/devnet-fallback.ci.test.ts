import { expect } from 'chai'
import { addressOf } from '../../base/curve.ts'
import { DAY, seconds, wei } from '../../base/units.ts'
import { advanceBy, grantEther } from '../../chain/devnet-time.ts'
import { encodeTransfer } from '../../chain/market.ts'
import { createOutbox } from '../../chain/outbox.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'
import { memoryJournal } from './memory-journal.ts'
import { clock, silent } from './ports.ts'

describe('chain/devnet without anvil', () => {
  let local: LocalMarket | undefined
  after(() => local?.close())

  it('runs the same market on hardhat node: deployment, time, outbox', async () => {
    local = await startLocalMarket({ kind: 'hardhat' })
    const { chain, market, secret } = local
    const before = chain.latest()
    // The chain's own clock goes on between the two looks.
    const moved = (await advanceBy(chain, seconds(30 * DAY))).timestamp - before.timestamp
    expect(moved).to.be.within(30 * DAY, 30 * DAY + 60)
    const recipient = addressOf(new Uint8Array(32).fill(5))
    await grantEther(chain, recipient, 1n)
    expect(await chain.balance(recipient)).to.equal(1n)
    const journal = memoryJournal()
    const outbox = createOutbox({ journal, chain, secret, clock, log: silent })
    await outbox.start()
    await journal.commit(
      outbox.intent({ id: 'a', to: market.token, data: encodeTransfer(recipient, wei(3n)), kind: 'transfer' }),
    )
    outbox.kick()
    expect(await outbox.settled('a', AbortSignal.timeout(20_000))).to.have.property('ok', true)
    expect(await market.tokenBalance(recipient)).to.equal(3n)
    await journal.commit(
      outbox.intent({ id: 'b', to: market.token, data: encodeTransfer(recipient, wei(10n ** 30n)), kind: 'transfer' }),
    )
    outbox.kick()
    const refused = await outbox.settled('b', AbortSignal.timeout(20_000))
    expect(refused.ok ? '' : refused.reason.message).to.include('ERC20InsufficientBalance')
    await outbox.stop()
  }).timeout(90_000)
})
