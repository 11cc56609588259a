/** Rounds off chain, over real streams: what a steward answers, what it takes, what it refuses and by which name, and when it redeems. */
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../../base/curve.ts'
import { type Domain, docketDigest, sweepDigest, voucherDigest } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { docketHashOf } from '../../blob/docket.ts'
import { paidUntil } from '../../steward/held-placement.ts'
import { openOf } from '../../steward/promise.ts'
import { eventually, stopNodes } from '../net/nodes.ts'
import { offerRound, sendVoucher } from './client.ts'
import { aBlob, aDeal, aRig, closeRigs, codeOf, DOMAIN, NOW, type Rig, type Uploader } from './rig.ts'
import { settled } from './settled.ts'

type Deal = Awaited<ReturnType<typeof aDeal>>

/** Gwei that pays for a small blob for ages. */
const PLENTY = 1_000n
const window = (rig: Rig) => Math.ceil((rig.chain.now() + 72 * HOUR) / (6 * HOUR)) * 6 * HOUR

function anOffer(rig: Rig, { uploader }: Deal, blobs: readonly Uint8Array[], row: number, amount = PLENTY) {
  const { docket, fact } = uploader.bounty(rig.steward.id, blobs, { row, withNote: true })
  const docketHash = docketHashOf(docket)
  const deadline = window(rig)
  const digest = docketDigest(DOMAIN, { steward: rig.steward.id, docketHash, amount, deadline })
  return { offer: { docket, docketHash, amount, deadline, signature: signDigest(uploader.secret, digest) }, fact }
}

function aVoucher(rig: Rig, uploader: Uploader, round: Uint8Array, cumulative: bigint, domain: Domain = DOMAIN) {
  const digest = voucherDigest(domain, { from: uploader.account, to: rig.steward.id, cumulative })
  return {
    kind: 'voucher' as const,
    ...{ round, from: uploader.account, cumulative, signature: signDigest(uploader.secret, digest) },
  }
}

/** One round, answered and paid for. */
async function settle(rig: Rig, deal: Deal, blobs: readonly Uint8Array[], row: number, cumulative: bigint) {
  const { offer, fact } = anOffer(rig, deal, blobs, row)
  const answer = await offerRound(deal.net, rig.target(), offer, () =>
    aVoucher(rig, deal.uploader, offer.docketHash, cumulative),
  )
  return { offer, fact, answer }
}

const promiseOf = (rig: Rig, from: Address) => rig.steward.book.promises.get(from)

describe('steward/vouchers', function () {
  this.timeout(60_000)
  afterEach(async () => {
    await stopNodes()
    await closeRigs()
  })

  it('answers with the signature a bounty would be swept with, and counts the voucher as payment, also after a kill', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blobs = [aBlob(), aBlob()]
    const ids = [await deal.store(blobs[0] as Uint8Array), await deal.store(blobs[1] as Uint8Array)]
    rig.chain.advance(7 * DAY)
    const { offer, fact, answer } = await settle(rig, deal, blobs, 0, PLENTY)
    const digest = sweepDigest(DOMAIN, { payee: rig.steward.id, deadline: offer.deadline })
    expect(recoverSigner(digest, answer.signature)).to.equal(fact.claimKey)
    expect(answer.known).to.equal(undefined)
    await rig.restart()
    const { cumulative, round, last } = promiseOf(rig, deal.uploader.account) ?? {}
    expect({ cumulative, round, last }).to.deep.equal({
      cumulative: PLENTY,
      round: undefined,
      last: toHex(offer.docketHash),
    })
    for (const id of ids) {
      const holding = rig.steward.book.holdings.get(id)
      expect(paidUntil(holding?.held as never)).to.be.within(NOW + 7 * DAY - HOUR, NOW + 7 * DAY)
      expect(holding?.sweeps).to.equal(1)
    }
    // the same voucher again is harmless; the Unpaid rule starts from it: nothing is said 34 days after the start
    await sendVoucher(deal.net, rig.target(), aVoucher(rig, deal.uploader, offer.docketHash, PLENTY))
    rig.chain.advance(30 * DAY)
    await settled(rig)
    expect(rig.notices, 'Unpaid').to.have.length(0)
    rig.chain.advance(5 * DAY)
    await settled(rig)
    expect(rig.notices.length, 'Unpaid').to.equal(2)
  })

  it('refuses by name what is replayed, lowered, too little, over-drawn, or by another signer, market or chain, and keeps nothing of it', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const { uploader, net } = deal
    const blob = aBlob()
    await deal.store(blob)
    rig.chain.advance(DAY)
    const first = await settle(rig, deal, [blob], 0, PLENTY)
    rig.chain.advance(7 * DAY)
    const { offer } = anOffer(rig, deal, [blob], 1)
    const hash = offer.docketHash
    const attempt = (voucher: ReturnType<typeof aVoucher>) =>
      codeOf(offerRound(net, rig.target(), offer, () => voucher))
    const other: Domain = { chainId: 1, contract: DOMAIN.contract }
    const elsewhere: Domain = { ...DOMAIN, contract: `0x${'22'.repeat(20)}` }
    const before = promiseOf(rig, uploader.account)?.cumulative
    expect(await attempt(aVoucher(rig, uploader, hash, PLENTY)), 'the old one').to.equal('VOUCHER_OLD')
    expect(await attempt(aVoucher(rig, uploader, hash, PLENTY - 1n)), 'lowered').to.equal('VOUCHER_OLD')
    expect(await attempt(aVoucher(rig, uploader, hash, 2n * PLENTY - 1n)), 'a gwei too little').to.equal('VOUCHER_OLD')
    expect(await attempt(aVoucher(rig, uploader, hash, 2n * PLENTY, other)), 'chain').to.equal('VOUCHER_INVALID')
    expect(await attempt(aVoucher(rig, uploader, hash, 2n * PLENTY, elsewhere)), 'market').to.equal('VOUCHER_INVALID')
    const stranger = { ...aVoucher(rig, uploader, hash, 2n * PLENTY), from: rig.steward.id }
    expect(await attempt(stranger), 'from').to.equal('VOUCHER_INVALID')
    expect(await attempt(aVoucher(rig, uploader, new Uint8Array(32), 2n * PLENTY)), 'round').to.equal('VOUCHER_INVALID')
    rig.chain.balances.set(uploader.account, 2n * PLENTY - 1n)
    expect(await attempt(aVoucher(rig, uploader, hash, 2n * PLENTY)), 'offer').to.equal('VOUCHER_UNCOVERED')
    expect(await codeOf(sendVoucher(net, rig.target(), aVoucher(rig, uploader, hash, 2n * PLENTY)))).to.equal(
      'VOUCHER_UNCOVERED',
    )
    expect(promiseOf(rig, uploader.account)?.cumulative).to.equal(before)
    // covered again, the very same voucher is taken
    rig.chain.balances.set(uploader.account, 100n * PLENTY)
    await sendVoucher(net, rig.target(), aVoucher(rig, uploader, hash, 2n * PLENTY))
    expect(promiseOf(rig, uploader.account)?.cumulative).to.equal(2n * PLENTY)
    expect(
      await codeOf(sendVoucher(net, rig.target(), aVoucher(rig, uploader, first.offer.docketHash, PLENTY))),
    ).to.equal('VOUCHER_OLD')
  })

  it('refuses an offer by name before it reads a byte: unsigned, too little, out of its time, or while another round is owed', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blobs = [aBlob(60_000), aBlob(60_000)] as const
    for (const blob of blobs) await deal.store(blob)
    rig.chain.advance(30 * DAY)
    const made = (given: ReturnType<typeof anOffer>['offer']) =>
      codeOf(offerRound(deal.net, rig.target(), given, () => undefined))
    const { offer } = anOffer(rig, deal, blobs, 0)
    expect(await made({ ...offer, amount: offer.amount + 1n }), 'another amount').to.equal('VOUCHER_INVALID')
    expect(await made({ ...offer, deadline: rig.chain.now() - 1 }), 'late').to.equal('VOUCHER_INVALID')
    expect(await made(anOffer(rig, deal, blobs, 0, 1n).offer), 'a gwei for a month').to.equal('VOUCHER_SHORT')
    const { offer: enough } = anOffer(rig, deal, [blobs[0]], 0, 10n ** 9n)
    expect(await made(enough), 'answered, and no voucher').to.equal('resolved')
    expect(await made(anOffer(rig, deal, [blobs[1]], 0, 10n ** 9n).offer), 'another one').to.equal('VOUCHER_OWED')
    expect(await made(enough), 'the same again').to.equal('resolved')
    rig.chain.advance(DAY + 60)
    await settled(rig)
    expect(promiseOf(rig, deal.uploader.account)?.round?.told, 'called late after a day').to.equal(true)
    // its docket goes on chain: swept there, it is paid for, and nothing is owed off chain
    const { fact } = deal.uploader.bounty(rig.steward.id, [blobs[0]], {
      row: 0,
      amount: 10n ** 9n,
      now: rig.chain.now(),
    })
    rig.chain.mine(fact)
    await eventually(() => promiseOf(rig, deal.uploader.account)?.round === undefined)
    expect(rig.outbox.sent).to.have.length(1)
    expect(await made(anOffer(rig, deal, [blobs[1]], 1, 10n ** 9n).offer), 'the next one').to.equal('resolved')
  })

  it('redeems once a month, and sooner when the balance runs short; who comes short is asked for bounties from then on', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const { account } = deal.uploader
    const blob = aBlob()
    await deal.store(blob)
    rig.chain.balances.set(account, 1_000_000n)
    for (let round = 0; round < 8; round++) {
      rig.chain.advance(7 * DAY)
      await settled(rig)
      await settle(rig, deal, [blob], round, BigInt(round + 1) * PLENTY)
    }
    await settled(rig)
    expect(rig.outbox.redeems.size, 'redeemed in 8 weeks').to.equal(1)
    expect(rig.chain.redeemed.get(`${account}/${rig.steward.id}`)).to.equal(5n * PLENTY)
    const open = openOf(promiseOf(rig, account) as never)
    expect(open).to.equal(3n * PLENTY)
    // the same balance was promised to others, who were faster
    rig.chain.balances.set(account, open / 2n)
    rig.chain.advance(DAY)
    await settled(rig)
    expect(rig.outbox.redeems.size, 'redeemed at once').to.equal(2)
    const { short, redeemed } = promiseOf(rig, account) ?? {}
    expect({ short, redeemed }).to.deep.equal({ short: true, redeemed: 5n * PLENTY + open / 2n })
    rig.chain.balances.set(account, 1_000_000n)
    const { offer } = anOffer(rig, deal, [blob], 9)
    expect(await codeOf(offerRound(deal.net, rig.target(), offer, () => undefined))).to.equal('VOUCHER_OWED')
    await rig.restart()
    rig.chain.advance(2 * DAY)
    await settled(rig)
    expect(promiseOf(rig, account)?.short, 'kept in the end').to.equal(undefined)
    expect(openOf(promiseOf(rig, account) as never)).to.equal(0n)
    // nothing is due for so few hours, so a gwei is enough
    expect(await codeOf(offerRound(deal.net, rig.target(), offer, () => undefined))).to.equal('resolved')
  })
})
