import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type Address, recoverSigner } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { releaseDigest } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { fetchBlob } from '../../pool/fetch-blob.ts'
import { createAnswering } from '../../steward/answering.ts'
import { type HeldPlacement, lastPaymentOf } from '../../steward/held-placement.ts'
import type { Answer, PostedFact } from '../../steward/ports.ts'
import type { Holding } from '../../steward/records.ts'
import { viewEarnings, viewLost } from '../../steward/views.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { eventually, stopNodes } from '../net/nodes.ts'
import { askRelease, sendBlob } from './client.ts'
import { DAMAGES, fileOf, flipBit } from './damage.ts'
import { aBlob, aDeal, aRig, callApi, closeRigs, codeOf, DOMAIN, type Rig } from './rig.ts'
import { settled } from './settled.ts'

const hexOf = (blob: Uint8Array) => toHex(blobIdOf(blob))
const ascending = (blobs: readonly Uint8Array[]) => blobs.map(hexOf).sort()

describe('steward/release', () => {
  afterEach(async () => {
    await stopNodes()
    await closeRigs()
  })

  it('whatever happened to a file: found in the reading for the answer, put aside, and the bounty given back with exactly the lost blobs', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const damages = Object.entries(DAMAGES)
    const [bad, good] = [damages.map(() => aBlob(600)), [aBlob(600), aBlob(600)]]
    for (const blob of [...bad, ...good]) await deal.store(blob)
    for (const [i, [, damage]] of damages.entries()) await damage(fileOf(rig.dir, bad[i] as Uint8Array))
    const { fact, docket } = deal.uploader.bounty(rig.steward.id, [...bad, ...good], { withNote: true })
    expect(docket).to.deep.equal(fact.note)
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.failure).to.equal(undefined)
    expect(rig.outbox.intents.size, 'sweeps').to.equal(0)
    expect(rig.steward.book.bounties.get(fact.id)?.phase).to.equal('released')

    const release = await askRelease(deal.net, rig.target(), deal.uploader.secret, DOMAIN, fact)
    expect(release?.lost).to.deep.equal(ascending(bad))
    const digest = releaseDigest(DOMAIN, { bountyId: fromHex(fact.id), deadline: fact.deadline })
    expect(recoverSigner(digest, release?.signature as Uint8Array)).to.equal(rig.steward.id)

    const aside = await readdir(join(rig.dir, 'quarantine'))
    for (const [i, [name]] of damages.entries()) {
      const hex = hexOf(bad[i] as Uint8Array)
      expect(aside.includes(hex), name).to.equal(name !== 'deleted')
      const { reason } = JSON.parse(await readFile(join(rig.dir, 'quarantine', `${hex}.json`), 'utf8'))
      expect(reason, name).to.match(
        name === 'deleted' ? /is gone/ : /bit/.test(name) ? /are not those of its id/ : /has (\d+) bytes, the blob 600/,
      )
      expect(
        await codeOf(fetchBlob(deal.net, rig.target(), { blobId: fromHex(hex), token: deal.uploader.token })),
        name,
      ).to.equal('BLOB_UNKNOWN')
    }
    expect(rig.steward.book.bytesHeld, 'room is free again').to.equal(1200)
    expect([...rig.steward.holdings()]).to.have.length(2)
    expect(viewLost(rig.steward.book)).to.deep.include({ placements: bad.length, bytes: 600 * bad.length })
  })

  /** Two sound blobs and one that is not, on one docket; the bounty is given back. */
  async function aReleased(options: Parameters<typeof aRig>[0] = {}) {
    const rig = await aRig(options)
    const deal = await aDeal(rig)
    const [one, two, bad] = [aBlob(500_000), aBlob(500_000), aBlob(500_000)] // a day of one costs some 90 gwei
    const names = { one: await deal.store(one), two: await deal.store(two), bad: await deal.store(bad) }
    rig.chain.advance(DAY)
    await flipBit(fileOf(rig.dir, bad), 17)
    const { price, length } = (rig.steward.book.holdings.get(names.one) as Holding).held
    const rent = (blobs: number, seconds: number) =>
      (price * BigInt(length * blobs * seconds)) / (2n ** 30n * 2_592_000n * 10n ** 9n) + 1n
    const { fact } = deal.uploader.bounty(rig.steward.id, [one, two, bad], {
      now: rig.chain.now(),
      amount: rent(3, DAY),
    })
    rig.chain.mine(fact)
    await settled(rig)
    return { rig, deal, one, two, bad, names, fact, rent }
  }

  const held = (rig: Rig, name: string) => rig.steward.book.holdings.get(name)

  it('is paid for the sound ones, over the same rows and for the same interval, once the poster took the bounty back', async () => {
    const { rig, deal, one, two, bad, names, fact, rent } = await aReleased()
    expect((await askRelease(deal.net, rig.target(), deal.uploader.secret, DOMAIN, fact))?.lost).to.deep.equal([
      hexOf(bad),
    ])
    rig.chain.advance(20 * HOUR)
    await settled(rig)
    rig.chain.open.delete(fact.id)
    rig.chain.mine({ kind: 'revoked', id: fact.id, block: 0, blockTime: 0 })
    await settled(rig)
    expect(held(rig, names.bad)?.held).to.deep.include({ state: 'pruned', reason: 'lost' })
    expect(held(rig, names.bad)?.cleared).to.equal(true)
    expect(held(rig, names.one)?.forfeited, 'the interval is still owed').to.equal(undefined)

    rig.chain.advance(10 * HOUR)
    const again = deal.uploader.bounty(rig.steward.id, [one, two], { now: rig.chain.now(), amount: rent(2, DAY) }).fact
    expect(again.id).not.to.equal(fact.id)
    rig.chain.mine(again)
    await settled(rig)
    for (const name of [names.one, names.two]) {
      const { held: state, sweeps, missed } = held(rig, name) as NonNullable<ReturnType<typeof held>>
      expect({ sweeps, missed }).to.deep.equal({ sweeps: 1, missed: 0 })
      const [payment] = state.payments
      expect(payment?.cut, 'the cut of the round, not of the later post').to.equal(
        Math.floor((fact.deadline - 3 * DAY) / HOUR) * HOUR,
      )
    }
    expect((await viewEarnings(rig.steward.book, 0)).swept).to.equal(
      (Number(rent(2, DAY)) / 1e9).toFixed(9).replace(/0+$/, ''),
    )

    // the next round pays from there
    rig.chain.advance(7 * DAY)
    const next = deal.uploader.bounty(rig.steward.id, [one, two], {
      row: 1,
      now: rig.chain.now(),
      amount: rent(2, 8 * DAY + 6 * HOUR),
    }).fact
    rig.chain.mine(next)
    await settled(rig)
    expect(held(rig, names.two)).to.deep.include({ sweeps: 2 })
    expect(held(rig, names.two)?.held.payments.at(-1)?.cut).to.be.above(fact.deadline)
  })

  it('is paid for the rest once: a gwei over it later is no payment', async () => {
    const { rig, deal, one, two, names, fact, rent } = await aReleased()
    rig.chain.open.delete(fact.id)
    rig.chain.mine({ kind: 'revoked', id: fact.id, block: 0, blockTime: 0 })
    await settled(rig)
    const post = async (row: number, amount: bigint) => {
      rig.chain.mine(deal.uploader.bounty(rig.steward.id, [one, two], { row, now: rig.chain.now(), amount }).fact)
      await settled(rig)
    }
    rig.chain.advance(10 * HOUR)
    await post(0, rent(2, DAY))
    const paid = lastPaymentOf(held(rig, names.one)?.held as HeldPlacement)
    expect(paid.id).not.to.equal('')
    for (const [row, days] of [29, 2].entries()) {
      rig.chain.advance(days * DAY)
      await post(row + 1, 1n)
    }
    const last = lastPaymentOf(held(rig, names.one)?.held as HeldPlacement)
    expect(last.cut, 'a gwei moves nothing').to.equal(paid.cut)
    expect(last.at, 'but within the room there is').to.be.at.most(paid.cut + 2 * DAY)
    rig.chain.advance(4 * DAY)
    await settled(rig)
    for (const name of [names.one, names.two]) expect(held(rig, name)?.held.state).to.equal('warned')
  })

  it('tells only the poster, as often as it asks, and nothing of bounties it does not know or works on', async () => {
    const { rig, deal, one, fact } = await aReleased()
    const askFor = (asked: Pick<PostedFact, 'id' | 'docketHash'>, secret = deal.uploader.secret) =>
      askRelease(deal.net, rig.target(), secret, DOMAIN, asked)
    const first = await askFor(fact)
    expect(await askFor(fact)).to.deep.equal(first)
    expect(await codeOf(askFor(fact, new Uint8Array(32).fill(9)))).to.equal('BOUNTY_INVALID')
    expect(await codeOf(askFor({ ...fact, docketHash: new Uint8Array(32) }))).to.equal('BOUNTY_INVALID')
    expect(await askFor({ ...fact, id: toHex(new Uint8Array(32)) })).to.equal(undefined)
    rig.outbox.isHolding = true
    const sound = deal.uploader.bounty(rig.steward.id, [one], { row: 3, now: rig.chain.now() }).fact
    rig.chain.mine(sound)
    await eventually(() => rig.outbox.intents.size === 1)
    expect(await askFor(sound)).to.equal(undefined)
    await eventually(() => viewLost(rig.steward.book).releases[0]?.taken !== undefined)
  })

  it('stands by it: through a restart, a reorganisation, and a chain that brings everything again', async () => {
    const { rig, deal, names, fact } = await aReleased()
    const before = await askRelease(deal.net, rig.target(), deal.uploader.secret, DOMAIN, fact)
    await rig.restart()
    await settled(rig)
    const askAgain = () => askRelease(deal.net, rig.target(), deal.uploader.secret, DOMAIN, fact)
    expect(await askAgain()).to.deep.equal(before)
    rig.chain.reorg(1)
    await eventually(() => rig.steward.book.bounties.get(fact.id)?.phase === 'gone')
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.book.bounties.get(fact.id)?.phase).to.equal('released')
    rig.chain.mine({ kind: 'revoked', id: fact.id, block: 0, blockTime: 0 })
    await settled(rig)
    rig.chain.reorg(1)
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.book.bounties.get(fact.id)?.phase).to.equal('released')
    expect(await askAgain()).to.deep.equal(before)
    expect(rig.outbox.intents.size, 'sweeps, ever').to.equal(0)
    rig.chain.advance(3 * DAY + HOUR + 2)
    await settled(rig)
    expect(rig.steward.book.bounties.size).to.equal(0)
    expect(held(rig, names.one)).to.include({ missed: 1 })
    rig.chain.advance(31 * DAY)
    await settled(rig)
    expect(rig.steward.book.releases.size, 'forgotten in the end').to.equal(0)
  })

  it('when the poster never used it, the interval is forfeited as after any miss', async () => {
    const { rig, names, fact } = await aReleased()
    rig.chain.advance(3 * DAY + HOUR + 2)
    await settled(rig)
    expect(rig.steward.book.bounties.size).to.equal(0)
    expect(held(rig, names.one)?.forfeited).to.equal(Math.floor((fact.deadline - 3 * DAY) / HOUR) * HOUR)
    expect(held(rig, names.bad)?.held).to.deep.include({ state: 'held' })
    expect((await viewEarnings(rig.steward.book, 0)).lost).not.to.equal('0')
  })

  it('is not signed once a sweep was intended, and none is intended once it is signed', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const [one, two] = [aBlob(), aBlob()]
    for (const blob of [one, two]) await deal.store(blob)
    const { fact } = deal.uploader.bounty(rig.steward.id, [one, two])
    rig.outbox.isHolding = true
    rig.chain.mine(fact)
    await eventually(() => rig.outbox.intents.size === 1)
    await flipBit(fileOf(rig.dir, two), 0)
    await rig.outbox.refuse([...rig.outbox.intents.keys()][0] as string)
    await settled(rig)
    expect(rig.steward.book.isLost(hexOf(two))).to.equal(true)
    expect(rig.steward.book.bounties.get(fact.id)?.phase).to.equal('lost')
    expect(rig.steward.book.releases.size).to.equal(0)
    expect(await askRelease(deal.net, rig.target(), deal.uploader.secret, DOMAIN, fact)).to.equal(undefined)
  })

  it('knows what is lost already when the next docket names it, and takes the blob back when it is sent again', async () => {
    const { rig, deal, one, two, bad, names } = await aReleased()
    const { fact } = deal.uploader.bounty(rig.steward.id, [two, bad], { row: 2, now: rig.chain.now() })
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.book.releases.get(fact.id)?.lost).to.deep.equal([hexOf(bad)])
    const { placement, signature } = (await rig.steward.book.receipt(names.bad, 1)) as NonNullable<
      Awaited<ReturnType<typeof rig.steward.book.receipt>>
    >
    await sendBlob(deal.net, rig.target(), { placement, signature }, bad)
    expect(held(rig, names.bad)?.held.lost).to.equal(undefined)
    expect(rig.steward.book.bytesHeld).to.equal(one.length + two.length + bad.length)
    const whole = deal.uploader.bounty(rig.steward.id, [bad], { row: 4, now: rig.chain.now() }).fact
    rig.chain.mine(whole)
    await settled(rig)
    expect(held(rig, names.bad)).to.include({ sweeps: 1 })
  })

  it('a lost blob that nobody asks for ends without a notice', async () => {
    const { rig, names } = await aReleased()
    rig.chain.advance(35 * DAY)
    await settled(rig)
    expect(held(rig, names.bad)?.held).to.deep.include({ state: 'pruned', reason: 'lost', notices: 0 })
    expect(held(rig, names.one)?.held.state).to.equal('warned')
    expect(rig.notices.map(({ placement }) => toHex(placement))).to.have.members([names.one, names.two])
  })

  it('gives up late what the disk does not read while it reads the rest; and nothing when it reads nothing', async () => {
    const unreadable = new Set<string>()
    const failing = () => new HoldfastError('STORE_UNUSABLE', { path: 'the volume', what: 'the disk reports an error' })
    const answer: Answer = async (blob, nonces) => {
      if (unreadable.has(toHex(blob.blobId))) throw failing()
      return createAnswering({ files: rig.files, domain: DOMAIN, threads: 0 }).answer(blob, nonces)
    }
    const rig: Rig = await aRig({ deps: { answer } })
    const files = new Proxy({} as BlobFiles, {
      get: (_, key: keyof BlobFiles) =>
        key !== 'verify'
          ? rig.files[key]
          : async (id: Uint8Array) => {
              if (unreadable.has(toHex(id))) throw failing()
              return rig.files.verify(id)
            },
    })
    await rig.restart({ files })
    const deal = await aDeal(rig)
    const [one, two, three] = [aBlob(), aBlob(), aBlob()]
    for (const blob of [one, two, three]) await deal.store(blob)
    for (const blob of [two, three]) unreadable.add(hexOf(blob))
    const both = deal.uploader.bounty(rig.steward.id, [one, two]).fact
    const alone = deal.uploader.bounty(rig.steward.id, [three]).fact
    rig.chain.mine(both, alone)
    const advanceTo = async (until: number) => {
      for (;;) {
        await settled(rig)
        const { nextDue = until } = await rig.steward.tick(rig.chain.head)
        if (rig.chain.now() >= until) return
        rig.chain.advance(Math.min(nextDue, until) - rig.chain.now())
      }
    }
    await advanceTo(both.deadline - 18 * HOUR)
    expect([...rig.steward.book.bounties.values()].map(({ phase }) => phase)).to.deep.equal(['posted', 'posted'])
    await advanceTo(both.deadline - 12 * HOUR)
    expect(rig.steward.book.releases.get(both.id)?.lost).to.deep.equal([hexOf(two)])
    await advanceTo(both.deadline)
    expect(rig.steward.book.bounties.get(alone.id)?.phase).to.equal('posted')
    expect(rig.steward.book.isLost(hexOf(three))).to.equal(false)
  })

  it('a blob of two uploaders is lost to both, given back to each, and held for both again when one sends it', async () => {
    const rig = await aRig()
    const [one, two] = [await aDeal(rig), await aDeal(rig)]
    const blob = aBlob()
    const names = [await one.store(blob), await two.store(blob)]
    await flipBit(fileOf(rig.dir, blob), 11)
    const facts = [one, two].map(({ uploader }) => uploader.bounty(rig.steward.id, [blob]).fact)
    rig.chain.mine(...facts)
    await settled(rig)
    for (const [i, deal] of [one, two].entries())
      expect(
        (await askRelease(deal.net, rig.target(), deal.uploader.secret, DOMAIN, facts[i] as PostedFact))?.lost,
      ).to.deep.equal([hexOf(blob)])
    expect(rig.steward.book.bytesHeld).to.equal(0)
    const receipt = await rig.steward.book.receipt(names[0] as string, 1)
    await sendBlob(one.net, rig.target(), receipt as NonNullable<typeof receipt>, blob)
    expect(rig.steward.book.bytesHeld).to.equal(blob.length)
    expect(names.map((name) => held(rig, name)?.held.lost)).to.deep.equal([undefined, undefined])
  })

  it('reads large blobs in threads, and finds there what is wrong or gone', async () => {
    const rig = await aRig({ threads: 1 })
    const deal = await aDeal(rig)
    const [flipped, gone, sound] = [aBlob(1.5 * 2 ** 20), aBlob(2 ** 20 + 1), aBlob(2 ** 20 + 2)]
    for (const blob of [flipped, gone, sound]) await deal.store(blob)
    await flipBit(fileOf(rig.dir, flipped), 2 ** 20 + 5)
    await DAMAGES['deleted']?.(fileOf(rig.dir, gone))
    const { fact } = deal.uploader.bounty(rig.steward.id, [flipped, gone, sound])
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.book.releases.get(fact.id)?.lost).to.deep.equal(ascending([flipped, gone]))
    expect(await callApi(rig, '/status')).to.have.nested.include({ 'lost.foundSinceStart': 2, 'lost.placements': 2 })
  })

  it('hears of damage from the first reader, too', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const [flipped, short] = [aBlob(), aBlob()]
    for (const blob of [flipped, short]) await deal.store(blob)
    await flipBit(fileOf(rig.dir, flipped), 5)
    await DAMAGES['truncated']?.(fileOf(rig.dir, short))
    const readers = { token: deal.uploader.token, target: rig.target() as { id: Address; addresses: string[] } }
    for (const blob of [flipped, short]) {
      await codeOf(fetchBlob(deal.net, readers.target, { blobId: blobIdOf(blob), token: readers.token }))
      await eventually(() => rig.steward.book.isLost(hexOf(blob)))
    }
    await settled(rig)
    expect(await readdir(join(rig.dir, 'quarantine'))).to.include.members([hexOf(flipped), hexOf(short)])
  })
})
