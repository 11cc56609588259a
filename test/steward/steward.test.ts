import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { addressOf, recoverSigner } from '../../base/curve.ts'
import { placementDigest, sweepDigest } from '../../base/typed-data.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { fetchBlob } from '../../pool/fetch-blob.ts'
import { aNode, eventually, stopNodes } from '../net/nodes.ts'
import { auction, sendBlob } from './client.ts'
import { aBlob, aDeal, aRig, closeRigs, codeOf, DOMAIN, Uploader } from './rig.ts'

describe('steward/steward', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  it('bids, holds, answers, is paid and serves', async () => {
    const rig = await aRig()
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const advert = uploader.advert()
    uploader.pay(rig.chain, advert)
    const bid = await auction(net, rig.target(), uploader, advert, 0)
    const blob = aBlob()
    const placement = uploader.placement(rig.steward.id, blob, advert, { price: bid.price })
    const { signature } = await sendBlob(net, rig.target(), { placement, signature: uploader.sign(placement) }, blob)
    const digest = placementDigest(DOMAIN, placement)
    expect(recoverSigner(digest, signature)).to.equal(rig.steward.id)
    expect(toHex(await rig.files.read(placement.blobId))).to.equal(toHex(blob))
    expect(rig.announced.map(({ key }) => toHex(key))).to.deep.equal([toHex(placement.blobId)])

    const { fact } = uploader.bounty(rig.steward.id, [blob])
    const posted = performance.now()
    rig.chain.mine(fact)
    await eventually(() => rig.outbox.sent.length === 1)
    const ms = performance.now() - posted
    expect(ms, 'a few milliseconds; the bound is for a machine that is very busy').to.be.below(2_000)
    const [call] = rig.outbox.sent
    expect(call?.payee).to.equal(rig.steward.id)
    const [group] = call?.groups ?? []
    expect(group?.poster).to.equal(uploader.account)
    const [claim] = group?.claims ?? []
    expect(
      recoverSigner(sweepDigest(DOMAIN, { payee: rig.steward.id, deadline: fact.deadline }), claim as Uint8Array),
    ).to.equal(fact.claimKey)

    const answer = await rig.steward.tick(rig.chain.head)
    expect(answer.idle, answer.busy).to.equal(true)
    const holding = rig.steward.book.holdings.get(toHex(digest))
    expect(holding?.earned).to.equal(1000n)
    expect(holding?.sweeps).to.equal(1)
    expect(rig.steward.book.bounties.size).to.equal(0)

    const fetched = await fetchBlob(net, rig.target(), { blobId: placement.blobId, token: uploader.token })
    expect(toHex(fetched.bytes)).to.equal(toHex(blob))
    const refused = await fetchBlob(net, rig.target(), {
      blobId: placement.blobId,
      token: fromHex('ab'.repeat(32)),
    }).catch((cause: unknown) => cause)
    expect(refused).to.have.property('code', 'GRANT_WRONG')
    expect(addressOf(rig.secret)).to.equal(rig.steward.id)
  })

  it('serves one token only so often, and others all the same', async () => {
    const rig = await aRig()
    const [one, two] = [await aDeal(rig), await aDeal(rig)]
    const [mine, other] = [aBlob(), aBlob()]
    await one.store(mine)
    await two.store(other)
    const read = (deal: typeof one, blob: Uint8Array) =>
      fetchBlob(deal.net, rig.target(), { blobId: blobIdOf(blob), token: deal.uploader.token })
    const codes = new Set<string>()
    for (let i = 0; i < 60 && !codes.has('PEER_BUSY'); i++) codes.add(await codeOf(read(one, mine)))
    expect([...codes]).to.deep.equal(['resolved', 'PEER_BUSY'])
    expect((await read(two, other)).bytes).to.have.length(other.length)
  })

  it('takes nothing new while paused, keeps what it has, and shows its owner all of it', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    const call = (path: string, body?: unknown) =>
      rig.steward
        .routes()
        .find((route) => route.path === path)
        ?.handler({ params: {}, query: {}, body, signal: new AbortController().signal })
    await call('/pause')
    const next = aBlob()
    expect(await codeOf(sendBlob(deal.net, rig.target(), deal.offer(next), next))).to.equal('PEER_BUSY')
    const advert = deal.uploader.advert()
    deal.uploader.pay(rig.chain, advert)
    expect(await codeOf(auction(deal.net, rig.target(), deal.uploader, advert, 0))).to.equal('PEER_BUSY')
    rig.chain.mine(deal.uploader.bounty(rig.steward.id, [blob]).fact)
    await eventually(async () => {
      const { head } = rig.chain
      return ((await call('/tick', { block: head })) as { idle: boolean }).idle && head === rig.chain.head
    })
    expect(await call('/status')).to.deep.include({
      role: 'steward',
      isOpen: false,
      used: blob.length,
      earned: '0.000001',
      openBounties: 0,
    })
    expect(await call('/earnings')).to.deep.include({ swept: '0.000001', sweeps: 1 })
    expect(await call('/placements')).to.have.length(1)
    expect(await call('/bounties')).to.deep.equal([])
    await call('/resume')
    await deal.store(next)
    expect(rig.steward.unready()).to.equal(undefined)
  })
})
