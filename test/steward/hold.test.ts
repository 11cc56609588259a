import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { recoverSigner, signDigest } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import type { Placement } from '../../base/typed-data.ts'
import { placementDigest, rowsDigest } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { successorDigest } from '../../net/messages/store.ts'
import { fetchBlob } from '../../pool/fetch-blob.ts'
import { eventually, rng, stopNodes } from '../net/nodes.ts'
import { ask, sendBlob } from './client.ts'
import { aBlob, aDeal, aRig, closeRigs, codeOf, DOMAIN } from './rig.ts'

describe('steward/hold', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  it('refuses every offer that is not what it bid, and keeps no byte of it', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const wrong: Record<string, Partial<Placement>> = {
      'price below the bid': { price: deal.bid.price - 1n },
      'reading for less': { egressPrice: 0n },
      'more to read free': { egressFree: 2 ** 40 },
      'a bond beyond the bid': { bond: deal.bid.bond + 1n },
      'a longer grace': { grace: 15 * DAY },
      'another term': { end: rig.chain.now() + 91 * DAY },
      'a start long ago': { start: rig.chain.now() - 30 * DAY, end: rig.chain.now() + 60 * DAY },
      'an unknown advert': { advert: rng.bytes(32) },
      'no advert': { advert: new Uint8Array(32) },
      'another steward': { steward: deal.uploader.account },
      'a later version': { version: 2 },
      'an offer that has expired': { offerUntil: rig.chain.now() - 1 },
    }
    for (const [what, overrides] of Object.entries(wrong))
      expect(await codeOf(sendBlob(deal.net, rig.target(), deal.offer(blob, overrides), blob)), what).to.equal(
        'PLACEMENT_INVALID',
      )
    const offer = deal.offer(blob)
    const forged = { ...offer, signature: signDigest(rng.bytes(32), placementDigest(DOMAIN, offer.placement)) }
    expect(await codeOf(sendBlob(deal.net, rig.target(), forged, blob))).to.equal('PLACEMENT_INVALID')
    const large = deal.offer(aBlob(9 * 2 ** 20)).placement
    expect(
      await codeOf(sendBlob(deal.net, rig.target(), { placement: large, signature: deal.uploader.sign(large) }, blob)),
    ).to.equal('PLACEMENT_INVALID')
    expect(rig.steward.book.holdings.size).to.equal(0)
    expect(await readdir(join(rig.dir, 'blobs'))).to.deep.equal([])
    expect(await readdir(join(rig.dir, 'incoming'))).to.deep.equal([])
  })

  it('refuses what the quota has no room for', async () => {
    const rig = await aRig({ config: { quota: 10 * 2 ** 20 } })
    const deal = await aDeal(rig)
    await deal.store(aBlob(2 ** 20))
    rig.steward.configure({ ...rigConfig(rig), quota: 2 ** 20 })
    const blob = aBlob()
    expect(await codeOf(sendBlob(deal.net, rig.target(), deal.offer(blob), blob))).to.equal('PEER_REFUSED')
    expect(rig.steward.book.bytesHeld).to.equal(2 ** 20)
  })

  it('takes no bytes that are not the blob', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    expect(await codeOf(sendBlob(deal.net, rig.target(), deal.offer(blob), aBlob()))).to.equal('BLOB_CORRUPT')
    expect(await rig.files.has(blobIdOf(blob))).to.equal(false)
    await deal.store(blob)
  })

  it('countersigns only what is durable: a crash in between costs nothing but the countersignature', async () => {
    let fail: 'blob.durable' | 'placement.committed' | undefined = 'blob.durable'
    const rig = await aRig({
      deps: {
        fault: (site) => {
          if (site === fail) throw new Error(`crash at ${site}`)
        },
      },
    })
    const deal = await aDeal(rig)
    const blob = aBlob()
    const offer = deal.offer(blob)
    const name = toHex(placementDigest(DOMAIN, offer.placement))
    expect(await codeOf(sendBlob(deal.net, rig.target(), offer, blob))).to.equal('PEER_REFUSED')
    expect(await rig.files.has(offer.placement.blobId)).to.equal(true)
    expect(rig.steward.book.holdings.has(name)).to.equal(false)
    await rig.restart()
    expect(rig.steward.book.holdings.has(name)).to.equal(false)

    fail = 'placement.committed'
    expect(await codeOf(sendBlob(deal.net, rig.target(), offer, blob))).to.equal('PEER_REFUSED')
    fail = undefined
    await rig.restart()
    expect(rig.steward.book.holdings.has(name)).to.equal(true)
    const { signature, offset } = await sendBlob(deal.net, rig.target(), offer, blob)
    expect(offset, 'nothing is sent again').to.equal(blob.length)
    expect(recoverSigner(placementDigest(DOMAIN, offer.placement), signature)).to.equal(rig.steward.id)
  })

  it('gives the same countersignature to the same offer, also when the offer is over', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const offer = deal.offer(blob)
    const first = await sendBlob(deal.net, rig.target(), offer, blob)
    rig.chain.advance(2 * DAY)
    const second = await sendBlob(deal.net, rig.target(), offer, blob)
    expect(toHex(second.signature)).to.equal(toHex(first.signature))
    expect(second.offset).to.equal(blob.length)
    expect(rig.steward.book.holdings.size).to.equal(1)
  })

  it('signs an offer anew whose time alone has changed: the upload was taken up again', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const first = deal.offer(blob)
    await sendBlob(deal.net, rig.target(), first, blob)
    rig.chain.advance(2 * DAY)
    const placement = { ...first.placement, offerUntil: rig.chain.now() + DAY }
    const again = await sendBlob(deal.net, rig.target(), { placement, signature: deal.uploader.sign(placement) }, blob)
    expect(recoverSigner(placementDigest(DOMAIN, placement), again.signature)).to.equal(rig.steward.id)
    expect(again.offset).to.equal(blob.length)
    expect(rig.steward.book.holdings.size).to.equal(1)
    const dearer = { ...placement, bond: 1n }
    expect(
      await codeOf(
        sendBlob(deal.net, rig.target(), { placement: dearer, signature: deal.uploader.sign(dearer) }, blob),
      ),
    ).to.equal('PLACEMENT_INVALID')
  })

  it('takes every byte from an uploader whose blob it holds for another, and compares them', async () => {
    const rig = await aRig()
    const [one, two] = [await aDeal(rig), await aDeal(rig)]
    const blob = aBlob(100_000)
    await one.store(blob)
    const forged = blob.slice()
    forged[77] = (forged[77] as number) ^ 1
    expect(await codeOf(sendBlob(two.net, rig.target(), two.offer(blob), forged))).to.equal('BLOB_CORRUPT')
    expect(rig.steward.book.holdings.size).to.equal(1)
    expect((await sendBlob(two.net, rig.target(), two.offer(blob), blob)).offset).to.equal(0)
    expect(rig.steward.book.holdings.size).to.equal(2)
    expect(rig.steward.book.bytesHeld).to.equal(blob.length)
    expect(toHex(await rig.files.read(blobIdOf(blob)))).to.equal(toHex(blob))
  })

  it('goes on at the byte where the stream broke, also after a restart', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob(3 * 2 ** 20)
    const offer = deal.offer(blob)
    await codeOf(sendBlob(deal.net, rig.target(), offer, blob, 2 ** 20))
    await eventually(async () => (await readdir(join(rig.dir, 'incoming'))).length === 1)
    await rig.restart()
    const { offset } = await sendBlob(deal.net, rig.target(), offer, blob)
    expect(offset).to.be.within(1, 2 ** 20)
    expect(toHex(blobIdOf(await rig.files.read(offer.placement.blobId)))).to.equal(toHex(offer.placement.blobId))
    expect(await readdir(join(rig.dir, 'incoming'))).to.deep.equal([])
  })

  it('keeps the room of what broke off until its offer is over', async () => {
    const rig = await aRig({ config: { quota: 9 * 2 ** 20 } })
    const deal = await aDeal(rig)
    const blob = aBlob(5 * 2 ** 20)
    await codeOf(sendBlob(deal.net, rig.target(), deal.offer(blob), blob, 2 ** 20))
    await eventually(async () => (await readdir(join(rig.dir, 'incoming'))).length === 1)
    const other = aBlob(5 * 2 ** 20)
    await eventually(async () =>
      ['PEER_REFUSED', 'PLACEMENT_INVALID'].includes(
        await codeOf(sendBlob(deal.net, rig.target(), deal.offer(other), other)),
      ),
    )
    rig.chain.advance(2 * DAY)
    const later = { offerUntil: rig.chain.now() + DAY }
    await deal.store(other, later)
    expect(await readdir(join(rig.dir, 'incoming'))).to.deep.equal([])
  })

  it('renews at the price that it asks or a better one without a byte being sent', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const { placement: first } = deal.offer(blob)
    const name = await deal.store(blob)
    rig.chain.advance(10 * DAY)
    const renew = (overrides: Partial<Placement>) => {
      const placement = {
        ...first,
        version: 2,
        end: first.end + 90 * DAY,
        offerUntil: rig.chain.now() + HOUR,
        ...overrides,
      }
      return { kind: 'renewal' as const, placement, signature: deal.uploader.sign(placement) }
    }
    expect(await codeOf(ask(deal.net, rig.target(), renew({ price: first.price - 1n })))).to.equal('FUNDS_PRICE')
    const wrong: Partial<Placement>[] = [
      { price: 0n },
      { price: 1n << 100n },
      { version: 3 },
      { end: first.end },
      { end: first.end + 400 * DAY },
      { length: 999 },
      { start: first.start + 1 },
      { bond: 1n },
      { offerUntil: rig.chain.now() - 1 },
      { blobId: rng.bytes(32) },
    ]
    for (const overrides of wrong)
      expect(
        await codeOf(ask(deal.net, rig.target(), renew(overrides))),
        JSON.stringify(Object.keys(overrides)),
      ).to.equal('PLACEMENT_INVALID')
    const better = renew({ price: first.price + 1n })
    const answer = await ask(deal.net, rig.target(), better)
    expect(
      answer.kind === 'signed' && recoverSigner(placementDigest(DOMAIN, better.placement), answer.signature),
    ).to.equal(rig.steward.id)
    const again = await ask(deal.net, rig.target(), better)
    expect(again).to.deep.equal(answer)
    await rig.restart()
    expect(rig.steward.book.holdings.get(name)?.held).to.include({
      version: 2,
      end: first.end + 90 * DAY,
      price: first.price + 1n,
    })
    expect(await codeOf(ask(deal.net, rig.target(), renew({ version: 3, end: first.end + 90 * DAY })))).to.equal(
      'PLACEMENT_INVALID',
    )
  })

  it('records rows that the uploader signed for its placement, and no others', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const placement = fromHex(await deal.store(aBlob()))
    const rows = { placement, answersRoot: rng.bytes(32) }
    const signature = signDigest(deal.uploader.secret, rowsDigest(DOMAIN, rows))
    expect(await ask(deal.net, rig.target(), { kind: 'rows', ...rows, signature })).to.deep.equal({ kind: 'taken' })
    expect(await rig.steward.book.rowsCount(toHex(placement), 10)).to.equal(1)
    const forged = signDigest(rng.bytes(32), rowsDigest(DOMAIN, rows))
    expect(await codeOf(ask(deal.net, rig.target(), { kind: 'rows', ...rows, signature: forged }))).to.equal(
      'PLACEMENT_INVALID',
    )
    const unknown = { placement: rng.bytes(32), answersRoot: rng.bytes(32) }
    expect(
      await codeOf(
        ask(deal.net, rig.target(), {
          kind: 'rows',
          ...unknown,
          signature: signDigest(deal.uploader.secret, rowsDigest(DOMAIN, unknown)),
        }),
      ),
    ).to.equal('PLACEMENT_INVALID')
  })

  it('keeps the newest successor record of a copy, from its uploader alone, and serves it with the copy', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const copy = aBlob()
    const offer = { ...deal.offer(copy), locator: rng.bytes(32) }
    await sendBlob(deal.net, rig.target(), offer, copy)
    const { blobId } = offer.placement
    expect(rig.announced.at(-1)).to.deep.equal({ key: offer.locator, blobId })
    const hand = (version: number, record: Uint8Array, secret = deal.uploader.secret) =>
      ask(
        deal.net,
        rig.target(),
        {
          kind: 'successor',
          blobId,
          version,
          length: record.length,
          signature: signDigest(secret, successorDigest(blobId, version, record)),
        },
        record,
      )
    const [older, newer] = [aBlob(70_000), aBlob(80_000)]
    await hand(2, newer)
    expect(await codeOf(hand(1, older))).to.equal('SUCCESSOR_OLD')
    expect(await hand(2, newer), 'the same again').to.deep.equal({ kind: 'taken' })
    expect(await codeOf(hand(rig.chain.now() + DAY + 1, older))).to.equal('PLACEMENT_INVALID')
    expect(await codeOf(hand(3, older, rng.bytes(32)))).to.equal('PLACEMENT_INVALID')
    await rig.restart()
    const fetched = await fetchBlob(deal.net, rig.target(), { blobId, token: deal.uploader.token })
    expect(toHex(fetched.successor ?? new Uint8Array())).to.equal(toHex(newer))
    await hand(rig.chain.now() + DAY, older)
    const share = aBlob()
    await deal.store(share)
    const ofShare = {
      kind: 'successor' as const,
      blobId: blobIdOf(share),
      version: 1,
      length: 10,
      signature: new Uint8Array(65),
    }
    expect(await codeOf(ask(deal.net, rig.target(), ofShare, new Uint8Array(10)))).to.equal('BLOB_UNKNOWN')
  })

  it('keeps successor records by placement: whoever places the same copy does not hide its owner\u2019s', async () => {
    const rig = await aRig()
    const [owner, other] = [await aDeal(rig), await aDeal(rig)]
    const copy = aBlob()
    const blobId = blobIdOf(copy)
    const place = (deal: typeof owner, tokenHash: Uint8Array) =>
      sendBlob(deal.net, rig.target(), { ...deal.offer(copy, { tokenHash }), locator: rng.bytes(32) }, copy)
    const hand = (deal: typeof owner, version: number, record: Uint8Array) => {
      const signature = signDigest(deal.uploader.secret, successorDigest(blobId, version, record))
      return ask(
        deal.net,
        rig.target(),
        { kind: 'successor', blobId, version, length: record.length, signature },
        record,
      )
    }
    const served = async (token: Uint8Array) =>
      toHex((await fetchBlob(owner.net, rig.target(), { blobId, token })).successor ?? new Uint8Array())
    const mine = sha256(owner.uploader.token)
    await place(owner, mine)
    rig.chain.advance(1)
    await eventually(async () => (await rig.steward.tick(rig.chain.head)).idle)
    await place(other, mine) // it has read the copy, so it knows the token
    const [junk, record, newer] = [aBlob(), aBlob(), aBlob()]
    await hand(other, rig.chain.now() + DAY, junk)
    await hand(owner, 5, record)
    expect(await served(owner.uploader.token)).to.equal(toHex(record))
    await rig.restart()
    expect([...rig.steward.holdings()], 'announced under the locator of each').to.have.length(2)
    await hand(owner, 6, newer)
    expect(await served(owner.uploader.token)).to.equal(toHex(newer))
  })
})

function rigConfig(rig: { readonly steward: unknown }) {
  return (rig.steward as { config: import('../../steward/config.ts').StewardConfig }).config
}
