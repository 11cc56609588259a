import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { addressOf, recoverSigner } from '../../base/curve.ts'
import { placementDigest, sweepDigest } from '../../base/typed-data.ts'
import { fetchBlob } from '../../pool/fetch-blob.ts'
import { aNode, eventually, stopNodes } from '../net/nodes.ts'
import { auction, sendBlob } from './client.ts'
import { aBlob, aRig, closeRigs, DOMAIN, Uploader } from './rig.ts'

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
})
