import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { recoverSigner, signDigest } from '../../base/curve.ts'
import type { Placement } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { noticeDigest } from '../../net/messages/store.ts'
import { COST_MODEL, type CostModel } from '../../pricing/bidder.ts'
import { STEWARD_CONFIG } from '../../steward/config.ts'
import { stopNodes } from '../net/nodes.ts'
import { ask, auction } from './client.ts'
import { aBlob, aDeal, aRig, callApi, closeRigs, codeOf } from './rig.ts'

/** A steward that holds one blob. */
async function aHolder() {
  const rig = await aRig()
  const deal = await aDeal(rig)
  const blob = aBlob()
  const { placement: first } = deal.offer(blob)
  const name = await deal.store(blob)
  const id = fromHex(name, 32)
  const renewal = (overrides: Partial<Placement>) => {
    const terms = { version: 2, end: first.end + 90 * DAY, offerUntil: rig.chain.now() + HOUR }
    const placement = { ...first, ...terms, ...overrides }
    return ask(deal.net, rig.target(), { kind: 'renewal', placement, signature: deal.uploader.sign(placement) })
  }
  const notice = (end: number, secret = deal.uploader.secret) =>
    ask(deal.net, rig.target(), {
      kind: 'notice',
      placement: id,
      end,
      signature: signDigest(secret, noticeDigest(id, end)),
    })
  const terms = () => ask(deal.net, rig.target(), { kind: 'terms', placement: id })
  const held = () => rig.steward.book.holdings.get(name)?.held
  return { rig, deal, first, id, renewal, notice, terms, held }
}

describe('steward/renew', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  it('asks what its bidder would, and takes no less', async () => {
    const { rig, deal, first, renewal, terms, held } = await aHolder()
    const quota = 2 ** 50 // so large that what it holds is nothing of it
    const asking = (cost: CostModel) => rig.steward.configure({ ...STEWARD_CONFIG, quota, reserve: 0, cost })
    asking({ ...COST_MODEL, cost: first.price * 2n })
    expect(await terms()).to.deep.equal({ kind: 'quote', price: (first.price * 22n) / 10n })
    const expected = (first.price * 9n) / 10n
    asking({ ...COST_MODEL, fixed: expected })
    expect(await terms()).to.deep.equal({ kind: 'quote', price: expected })
    expect(await codeOf(renewal({ price: expected - 1n }))).to.equal('FUNDS_PRICE')
    expect(held()).to.include({ version: 1, price: first.price, end: first.end })
    expect((await renewal({ price: expected })).kind).to.equal('signed')
    expect(held()).to.include({ version: 2, price: expected, end: first.end + 90 * DAY })
    const unknown = { kind: 'terms', placement: new Uint8Array(32) } as const
    expect(await codeOf(ask(deal.net, rig.target(), unknown))).to.equal('PLACEMENT_INVALID')
  })

  it('goes on with what it holds while its operator wants nothing new; a restart changes nothing', async () => {
    const { rig, deal, first, renewal, terms, held } = await aHolder()
    await callApi(rig, '/pause', {})
    await rig.restart()
    expect(await codeOf(auction(deal.net, rig.target(), deal.uploader, deal.advert, 0))).to.equal('PEER_BUSY')
    expect((await terms()).kind).to.equal('quote')
    expect((await renewal({ price: 2n * first.price })).kind).to.equal('signed')
    expect(held()).to.include({ version: 2 })
    await callApi(rig, '/resume', {})
    await rig.restart()
    await deal.store(aBlob())
  })

  it('ends a contract when its uploader gives 14 days of notice, and renews it no more', async () => {
    const { rig, first, notice, renewal, held } = await aHolder()
    const end = rig.chain.now() + 14 * DAY
    expect(await codeOf(notice(end - DAY))).to.equal('PLACEMENT_INVALID')
    expect(await codeOf(notice(end, rig.secret))).to.equal('PLACEMENT_INVALID')
    expect(held()?.end).to.equal(first.end)
    expect((await notice(end)).kind).to.equal('taken')
    expect((await notice(end)).kind).to.equal('taken')
    expect(held()?.end).to.equal(end)
    expect(await codeOf(renewal({ price: 2n * first.price }))).to.equal('PLACEMENT_INVALID')
    await rig.restart()
    expect(held()?.end).to.equal(end)
  })

  it('gives notice while it drains, which binds only when the uploader has taken it, and bids no more; a restart changes nothing', async () => {
    const { rig, deal, first, id, notice, renewal, terms, held } = await aHolder()
    await callApi(rig, '/drain', {})
    await rig.restart()
    const said = await terms()
    if (said.kind !== 'leaving') throw new Error(`it says ${said.kind}`)
    expect(recoverSigner(noticeDigest(id, said.end), said.signature)).to.equal(rig.steward.id)
    expect(said.end).to.be.within(rig.chain.now() + 14 * DAY - HOUR, rig.chain.now() + 14 * DAY)
    expect(held()?.end, 'nobody has heard it').to.equal(first.end)
    expect(await codeOf(renewal({ price: 2n * first.price }))).to.equal('PLACEMENT_INVALID')
    const { advert } = deal
    expect(await codeOf(auction(deal.net, rig.target(), deal.uploader, advert, 0))).to.equal('PEER_BUSY')
    await notice(said.end)
    expect(held()?.end).to.equal(said.end)
    await callApi(rig, '/stay', {})
    expect((await terms()).kind).to.equal('quote')
    expect(held()?.end, 'what was given stands').to.equal(said.end)
  })
})
