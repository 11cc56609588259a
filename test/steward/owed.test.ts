import { expect } from 'chai'
import { DAY, HOUR } from '../../base/units.ts'
import { docketAmount } from '../../pricing/rates.ts'
import { lastPaymentOf, paidUntil } from '../../steward/held-placement.ts'
import { stopNodes } from '../net/nodes.ts'
import { aBlob, aDeal, aRig, closeRigs, NOW, type Rig } from './rig.ts'

async function settled(rig: Rig): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { head } = rig.chain
    if ((await rig.steward.tick(head)).idle && head === rig.chain.head) return
  }
  throw new Error('it does not come to rest')
}

describe('steward/owed', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  async function aRound(length = 1_000_000) {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob(length)
    const name = await deal.store(blob)
    const pays = (seconds: number) => docketAmount([{ price: deal.bid.price, length, seconds }])
    const post = (row: number, amount: bigint) => {
      const { fact } = deal.uploader.bounty(rig.steward.id, [blob], { row, amount, now: rig.chain.now() })
      rig.chain.mine(fact)
      return fact
    }
    const held = () => {
      const holding = rig.steward.book.holdings.get(name)
      if (!holding) throw new Error('it is not held')
      return holding
    }
    return { rig, deal, blob, pays, post, held }
  }

  it('sweeps a bounty that pays too little, and takes it for so much earlier', async () => {
    const { rig, pays, post, held } = await aRound()
    rig.chain.advance(30 * DAY)
    expect(Number(pays(26 * DAY))).to.be.above(1)
    post(0, pays(26 * DAY))
    await settled(rig)
    expect(rig.outbox.sent).to.have.length(1)
    expect(paidUntil(held().held), 'what the money covers').to.be.within(
      NOW + 26 * DAY - HOUR,
      NOW + 26 * DAY + 2 * HOUR,
    )
    // four days short of the cut, a day and an hour of which there is room for
    expect(lastPaymentOf(held().held).at).to.be.within(NOW + 27 * DAY, NOW + 27 * DAY + 3 * HOUR)
    expect(held()).to.include({ earned: pays(26 * DAY), sweeps: 1 })
    expect(held().held.open).to.deep.equal([])
    const status = (await rig.steward
      .routes()
      .find(({ path }) => path === '/status')
      ?.handler({ params: {}, query: {}, body: undefined, signal: new AbortController().signal })) as {
      alerts: string[]
    }
    expect(status.alerts.some((alert) => alert.includes('bounty-underpaid'))).to.equal(true)
    post(1, pays(4 * DAY))
    await settled(rig)
    expect(paidUntil(held().held)).to.be.within(NOW + 30 * DAY - HOUR, NOW + 30 * DAY)
  })

  it('is content with full rounds after one that was two days late: each pays from where the last one ended', async () => {
    const { rig, pays, post, held } = await aRound()
    rig.chain.advance(32 * DAY)
    post(0, pays(30 * DAY)) // decided two days ago
    await settled(rig)
    for (let round = 1; round <= 2; round++) {
      rig.chain.advance(round === 1 ? 28 * DAY : 30 * DAY)
      post(round, pays(30 * DAY))
      await settled(rig)
      expect(held().held).to.include({ state: 'held', notices: 0 })
      expect(paidUntil(held().held)).to.be.within(rig.chain.now() - 2 * HOUR, rig.chain.now())
    }
  })

  it('comes to the notice, and lets the blob go, when every round pays a third', async () => {
    const { rig, pays, post, held } = await aRound(8_000_000)
    for (let round = 0; round < 3 && held().held.state !== 'pruned'; round++) {
      for (let day = 0; day < 30; day++) {
        rig.chain.advance(DAY)
        await settled(rig)
      }
      if (held().held.state !== 'pruned') post(round, pays(10 * DAY))
      await settled(rig)
    }
    expect(held().held).to.include({ state: 'pruned', reason: 'unpaid' })
    const owed = rig.chain.now() - paidUntil(held().held)
    expect(owed, 'no more than from one that never paid').to.be.at.most(48 * DAY + 2 * DAY)
  })

  it('takes a cut that lies a day before its block', async () => {
    const { rig, pays, post, held } = await aRound()
    rig.chain.advance(10 * DAY)
    post(0, pays(9 * DAY))
    await settled(rig)
    expect(paidUntil(held().held), 'and pays no further').to.be.within(NOW + 9 * DAY - HOUR, NOW + 9 * DAY + 2 * HOUR)
  })

  it('takes a gwei a day for what it is: after the first day no payment', async () => {
    const { rig, pays, post, held } = await aRound(8_000_000)
    expect(Number(pays(DAY)), 'a day is worth much more').to.be.above(10)
    for (let day = 1; day <= 6; day++) {
      rig.chain.advance(DAY)
      post(day - 1, 1n)
      await settled(rig)
    }
    expect(lastPaymentOf(held().held).at, 'the clock to the notice runs from here').to.be.below(NOW + 2 * DAY)
    expect(paidUntil(held().held)).to.be.below(NOW + DAY)
  })

  it('after a missed round the next one pays from its cut', async () => {
    const { rig, pays, post, held } = await aRound()
    rig.outbox.isHolding = true
    rig.chain.advance(10 * DAY)
    const { deadline } = post(0, pays(10 * DAY))
    rig.chain.mine()
    await rig.steward.tick(rig.chain.head)
    rig.chain.advance(deadline + 2 * HOUR - rig.chain.now())
    rig.outbox.isHolding = false
    rig.outbox.kick()
    await settled(rig)
    expect(held()).to.include({ missed: 1, sweeps: 0 })
    rig.chain.advance(10 * DAY)
    const seconds = rig.chain.now() - (NOW + 10 * DAY) - HOUR
    post(1, pays(seconds))
    await settled(rig)
    expect(lastPaymentOf(held().held).at).to.equal(rig.chain.now())
  })
})
