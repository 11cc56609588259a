/** Vouchers are backed by a balance, and one balance can be promised to many: what that costs them, and whom. */
import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import { docketAmount } from '../../pricing/rates.ts'
import { openOf } from '../../steward/promise.ts'
import { stopNodes } from '../net/nodes.ts'
import { aBlob, aDeal, aRig, closeRigs, type Rig, Uploader } from '../steward/rig.ts'
import { settled } from '../steward/settled.ts'
import { promiseToAll, type Victim } from './double-voucher-uploader.ts'
import { show } from './show.ts'

const STEWARDS = 4
const WEEK = 7 * DAY

describe('cast: DoubleVoucherUploader', function () {
  this.timeout(120_000)
  afterEach(async () => {
    await stopNodes()
    await closeRigs()
  })

  const advance = async (victims: readonly Victim[], seconds: number) => {
    for (const { rig } of victims) {
      rig.chain.advance(seconds)
      await settled(rig)
    }
  }

  /** Four stewards that hold a blob each for one uploader with so much money for weeks of one of them. */
  async function aMarket(weeks: bigint) {
    const uploader = new Uploader()
    const victims: Victim[] = []
    const balances = new Map<`0x${string}`, bigint>()
    let amount = 0n
    for (let i = 0; i < STEWARDS; i++) {
      const rig: Rig = await aRig()
      const { store, net, bid } = await aDeal(rig, {}, uploader)
      const blob = aBlob(2 ** 20)
      await store(blob)
      rig.chain.balances = balances
      victims.push({ rig, net, blob })
      amount = docketAmount([{ price: bid.price, length: blob.length, seconds: WEEK }])
    }
    balances.set(uploader.account, weeks * amount + amount / 4n)
    return { uploader, victims, amount }
  }

  it('promises one balance to four: each is out of one interval at most, asks for bounties from then on, and keeps nothing for nothing', async () => {
    const { uploader, victims, amount } = await aMarket(1n)
    await advance(victims, WEEK)
    for (const { rig } of victims) rig.outbox.isHolding = true // no block is mined before all have taken theirs
    const first = await promiseToAll(uploader, victims, { row: 0, amount, cumulative: amount })
    expect(first, 'each looks at a balance that is there').to.deep.equal(victims.map(() => 'resolved'))
    for (const { rig } of victims) {
      rig.outbox.isHolding = false
      rig.outbox.kick()
      await settled(rig)
    }
    const promises = victims.map(({ rig }) => rig.steward.book.promises.get(uploader.account))
    const open = promises.map((promise) => (promise ? openOf(promise) : amount))
    expect(
      open.filter((gwei) => gwei === 0n),
      'paid in full: who was first',
    ).to.have.length(1)
    await advance(victims, WEEK)
    const second = await promiseToAll(uploader, victims, { row: 1, amount, cumulative: 2n * amount })
    expect(second.toSorted()).to.deep.equal(['VOUCHER_OWED', 'VOUCHER_OWED', 'VOUCHER_OWED', 'VOUCHER_UNCOVERED'])
    // no bounty comes: 34 days after the voucher they give notice, 14 later they let go
    await advance(victims, 28 * DAY)
    await advance(victims, 15 * DAY)
    const kept = victims.filter(({ rig }) =>
      [...rig.steward.book.holdings.values()].some(({ held }) => held.state !== 'pruned'),
    )
    const loss = Math.max(...open.map((gwei) => Math.round((7 * Number(gwei)) / Number(amount))))
    show('DoubleVoucherUploader', { gain: (100 * kept.length) / STEWARDS, peer: 100, loss })
  })

  it('an honest one with the money is answered every week; an old voucher as the new one is refused by name', async () => {
    const { uploader, victims, amount } = await aMarket(40n)
    for (let week = 0; week < 3; week++) {
      await advance(victims, WEEK)
      const round = { row: week, amount, cumulative: BigInt(week + 1) * amount }
      expect(await promiseToAll(uploader, victims, round)).to.deep.equal(victims.map(() => 'resolved'))
    }
    await advance(victims, WEEK)
    const old = await promiseToAll(uploader, victims, { row: 3, amount, cumulative: 3n * amount })
    expect(old).to.deep.equal(victims.map(() => 'VOUCHER_OLD'))
    const next = await promiseToAll(uploader, victims, { row: 4, amount, cumulative: 5n * amount })
    expect(next, 'the round that it did not pay is owed first').to.deep.equal(victims.map(() => 'VOUCHER_OWED'))
  })
})
