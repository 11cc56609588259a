import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { DAY } from '../../base/units.ts'
import {
  advertHashOf,
  BID_PROTOCOL,
  decodeBidMessage,
  encodeBidMessage,
  MAX_BID_BYTES,
} from '../../net/messages/bid.ts'
import { judgeClearing } from '../../pool/evidence-clearing.ts'
import { type ClearingShown, decodeEvidence } from '../../pool/evidence-form.ts'
import { aNode, eventually, stopNodes } from '../net/nodes.ts'
import { auction, over, sendBlob } from './client.ts'
import { aDeal, aRig, closeRigs, codeOf, type Rig, Uploader } from './rig.ts'

describe('steward/bid', () => {
  let rig: Rig
  before(async () => {
    rig = await aRig()
  })
  after(async () => {
    await closeRigs()
    await stopNodes()
  })

  it('seals a bid, reveals it when all commits are known, and remembers that it won', async () => {
    const { advert, bid } = await aDeal(rig)
    expect(bid.steward).to.equal(rig.steward.id)
    expect(bid.price <= advert.reserve).to.equal(true)
    const name = toHex(advertHashOf(advert))
    await eventually(() => rig.steward.book.bids.get(name)?.state === 'won')
    expect(rig.steward.book.bids.get(name)).to.include({
      price: bid.price,
      uploader: advert.uploader,
      lotBytes: 8 * 2 ** 20,
    })
  })

  it('gives no bid to an advert that is not paid, paid too little, altered, for another market, too long, or below its price', async () => {
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const codes: string[] = []
    const unpaid = uploader.advert()
    codes.push(await codeOf(auction(net, rig.target(), uploader, unpaid, 0)))
    const cheap = uploader.advert()
    uploader.pay(rig.chain, cheap, 1n)
    codes.push(await codeOf(auction(net, rig.target(), uploader, cheap, 0)))
    const altered = { ...uploader.advert(), term: 30 * DAY }
    uploader.pay(rig.chain, altered)
    codes.push(await codeOf(auction(net, rig.target(), uploader, altered, 0)))
    const foreign = uploader.advert({ chainId: 1 })
    uploader.pay(rig.chain, foreign)
    codes.push(await codeOf(auction(net, rig.target(), uploader, foreign, 0)))
    const long = uploader.advert({ term: 400 * DAY })
    uploader.pay(rig.chain, long)
    codes.push(await codeOf(auction(net, rig.target(), uploader, long, 0)))
    const low = uploader.advert({ reserve: 1n })
    uploader.pay(rig.chain, low)
    codes.push(await codeOf(auction(net, rig.target(), uploader, low, 0)))
    expect(codes).to.deep.equal([
      'AUCTION_CHEAT',
      'PLACEMENT_INVALID',
      'AUCTION_CHEAT',
      'AUCTION_CHEAT',
      'PLACEMENT_INVALID',
      'FUNDS_PRICE',
    ])
  })

  it('does not reveal to a list that leaves its commit out, and is not bound by it', async () => {
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const advert = uploader.advert()
    uploader.pay(rig.chain, advert)
    expect(await codeOf(auction(net, rig.target(), uploader, advert, 0, { commits: true }))).to.equal('AUCTION_CHEAT')
    expect(rig.steward.book.bids.has(toHex(advertHashOf(advert)))).to.equal(false)
  })

  it('takes no outcome that the uploader did not sign', async () => {
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const advert = uploader.advert()
    uploader.pay(rig.chain, advert)
    expect(await codeOf(auction(net, rig.target(), uploader, advert, 0, { clearing: true }))).to.equal('AUCTION_CHEAT')
    expect(rig.steward.book.bids.get(toHex(advertHashOf(advert)))?.state).to.equal('revealed')
  })

  it('promises no more than its quota: a lot it won counts until it has come', async () => {
    const full = await aRig({ config: { quota: 10 * 2 ** 20 } })
    await aDeal(full)
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const advert = uploader.advert()
    uploader.pay(full.chain, advert)
    expect(await codeOf(auction(net, full.target(), uploader, advert, 0))).to.equal('PEER_REFUSED')
    full.chain.advance(4 * DAY) // the first one never delivered
    await auction(net, full.target(), uploader, advert, 0)
  })

  it('takes one lot for each bid it made under an advert: an uploader that lost our receipts asks again', async () => {
    const { net, uploader, advert, bid, offer, store } = await aDeal(rig, {
      lots: [{ count: 10, bytes: 3000, blobs: 1 }],
    })
    await store(randomBytes(3000))
    const more = randomBytes(3000)
    expect(await codeOf(sendBlob(net, rig.target(), offer(more), more))).to.equal('PLACEMENT_INVALID')
    await auction(net, rig.target(), uploader, advert, 0)
    await store(more, { price: bid.price })
    const third = randomBytes(3000)
    expect(await codeOf(sendBlob(net, rig.target(), offer(third), third))).to.equal('PLACEMENT_INVALID')
  })

  it('frees the room of an auction that broke off', async () => {
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const advert = uploader.advert({ lots: [{ count: 10, bytes: 30 * 2 ** 20, blobs: 4 }] })
    uploader.pay(rig.chain, advert)
    for (let i = 0; i < 4; i++)
      await over(net, rig.target(), BID_PROTOCOL, async (wire) => {
        await wire.send(encodeBidMessage({ kind: 'invite', advert }))
        expect(decodeBidMessage(await wire.receive(MAX_BID_BYTES)).kind).to.equal('sealed')
      })
  })

  it('clears the auction again, and keeps a clearing that does not follow from its bids', async () => {
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const advert = uploader.advert()
    uploader.pay(rig.chain, advert)
    const wrong = { price: advert.reserve + 1n }
    expect(await codeOf(auction(net, rig.target(), uploader, advert, 0, wrong))).to.equal('AUCTION_CHEAT')
    const evidence = await rig.steward.book.wrongClearing(toHex(advertHashOf(advert)))
    const { body } = decodeEvidence('wrong-clearing', evidence as Uint8Array) as { body: ClearingShown }
    expect(judgeClearing(body)).to.include({ found: 'wrong' })
    const right = uploader.advert()
    uploader.pay(rig.chain, right)
    await auction(net, rig.target(), uploader, right, 0)
    expect(await rig.steward.book.wrongClearing(toHex(advertHashOf(right)))).to.equal(undefined)
  })
})
