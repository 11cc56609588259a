import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type Address, addressOf, recoverSigner } from '../../base/curve.ts'
import { sweepDigest } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { fetchBlob } from '../../pool/fetch-blob.ts'
import { createAnswering } from '../../steward/answering.ts'
import { claimOf, sweepCallOf, sweepIdOf } from '../../steward/claim.ts'
import type { Answer } from '../../steward/ports.ts'
import { viewEarnings } from '../../steward/views.ts'
import { aLog, clock, eventually, rng, stopNodes } from '../net/nodes.ts'
import vectors from '../vectors/protocol.json' with { type: 'json' }
import { pushDocket } from './client.ts'
import { aBlob, aDeal, aRig, closeRigs, codeOf, DOMAIN, type Rig } from './rig.ts'
import { settled } from './settled.ts'

describe('steward/sweep', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  it('derives the claim key of the vectors, and signs for the payee alone', () => {
    const { challenge } = vectors
    const domain = { chainId: challenge.chainId, contract: `0x${challenge.market}` as const }
    const payee = addressOf(rng.bytes(32))
    for (const { entries, claimKey } of [challenge.docketOfOne, challenge.docketOfTwo]) {
      const answered = entries.map((entry) => ({
        blobId: fromHex(entry.blobId),
        nonce: fromHex(entry.nonce),
        answer: fromHex(entry.answer),
      }))
      const bounty = { id: 'b', poster: payee, deadline: 1_800_273_600, attempt: 0, claimKey: claimKey as Address }
      const claim = claimOf(domain, bounty, answered, payee)
      const signed = (deadline: number, to: Address) =>
        recoverSigner(sweepDigest(domain, { payee: to, deadline }), claim?.signature as Uint8Array)
      expect(signed(1_800_273_600, payee)).to.equal(claimKey)
      expect(signed(1_800_273_601, payee)).not.to.equal(claimKey)
      expect(signed(1_800_273_600, addressOf(rng.bytes(32)))).not.to.equal(claimKey)
      const [first, ...rest] = answered
      const wrong = { ...(first as (typeof answered)[0]), answer: rng.bytes(32) }
      expect(claimOf(domain, bounty, [wrong, ...rest], payee)).to.equal(undefined)
    }
  })

  it('answers a docket over many blobs, from pushes by hash, in threads for large blobs', async () => {
    const rig = await aRig({ threads: 2 })
    const deal = await aDeal(rig)
    const blobs = [...Array.from({ length: 10 }, () => aBlob(500)), aBlob(1.5 * 2 ** 20), aBlob(2 ** 20 + 1)]
    for (const blob of blobs) await deal.store(blob)
    const { fact, docket } = deal.uploader.bounty(rig.steward.id, blobs)
    expect(fact.note.length).to.equal(0)
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.outbox.sent).to.have.length(0)
    const id = fromHex(fact.id)
    expect(await codeOf(pushDocket(deal.net, rig.target(), fact.docketHash, id, aBlob(docket.length)))).to.equal(
      'BOUNTY_INVALID',
    )
    await pushDocket(deal.net, rig.target(), fact.docketHash, id, docket)
    await settled(rig)
    expect(rig.outbox.sent).to.have.length(1)
    const earned = [...rig.steward.book.holdings.values()].reduce((sum, holding) => sum + holding.earned, 0n)
    expect(earned).to.equal(fact.amount)
    expect([...rig.steward.book.holdings.values()].every(({ sweeps }) => sweeps === 1)).to.equal(true)
    const keys = []
    for await (const [key] of rig.store.list('')) keys.push(key.split('/')[0])
    expect(keys).not.to.include('docket')
    expect(keys).not.to.include('bounty')
  })

  it('refuses a docket whose bounty is not on the chain', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    const { fact, docket } = deal.uploader.bounty(rig.steward.id, [blob], { withNote: false })
    expect(await codeOf(pushDocket(deal.net, rig.target(), fact.docketHash, fromHex(fact.id), docket))).to.equal(
      'PEER_BUSY',
    )
  })

  it('sweeps many bounties of one moment in one transaction, by poster and deadline', async () => {
    const rig = await aRig()
    const [one, two] = [await aDeal(rig), await aDeal(rig)]
    const blobs = Array.from({ length: 6 }, () => aBlob())
    for (const blob of blobs) await one.store(blob)
    const other = aBlob()
    await two.store(other)
    const facts = [
      ...blobs.map((blob) => one.uploader.bounty(rig.steward.id, [blob]).fact),
      two.uploader.bounty(rig.steward.id, [other]).fact,
    ]
    rig.chain.mine(...facts)
    await settled(rig)
    const claims = rig.outbox.sent.flatMap(({ groups }) => groups.flatMap(({ claims }) => claims))
    expect(claims).to.have.length(7)
    expect(rig.outbox.sent.length).to.be.below(4)
    for (const { groups } of rig.outbox.sent)
      expect(new Set(groups.map(({ poster, deadline }) => `${poster}${deadline}`)).size).to.equal(groups.length)
    expect(rig.chain.open.size).to.equal(0)
  })

  it('leaves bounties alone that nobody can claim, that are about blobs of others, or that lie about their docket', async () => {
    const log = aLog()
    const rig = await aRig({ log })
    const deal = await aDeal(rig)
    const stranger = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    const bogus = deal.uploader.bounty(rig.steward.id, [blob], { claimKey: addressOf(rng.bytes(32)) }).fact
    const unheld = deal.uploader.bounty(rig.steward.id, [blob, aBlob()]).fact
    const foreign = stranger.uploader.bounty(rig.steward.id, [blob]).fact
    const elsewhere = deal.uploader.bounty(deal.uploader.account, [blob]).fact
    const liar = { ...deal.uploader.bounty(rig.steward.id, [blob], { row: 1 }).fact, docketHash: rng.bytes(32) }
    const broken = { ...deal.uploader.bounty(rig.steward.id, [blob], { row: 2 }).fact, note: aBlob(100) }
    rig.chain.mine(bogus, unheld, foreign, elsewhere, liar, broken)
    await settled(rig)
    expect(rig.outbox.sent).to.have.length(0)
    expect(rig.steward.book.bounties.size).to.equal(0)
    expect(log.lines.filter(({ event }) => event === 'bounty.bogus')).to.have.length(5)
    expect(rig.steward.book.holdings.get(name)?.held.open).to.deep.equal([])
  })

  it('never claims after the deadline', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    const { fact, docket } = deal.uploader.bounty(rig.steward.id, [blob], { withNote: false })
    rig.chain.mine(fact)
    await settled(rig)
    rig.chain.advance(3 * DAY + 1)
    await pushDocket(deal.net, rig.target(), fact.docketHash, fromHex(fact.id), docket)
    await settled(rig)
    expect(rig.outbox.intents.size).to.equal(0)
    expect((await rig.steward.tick(rig.chain.head)).nextDue).to.be.at.most(fact.deadline + HOUR + 1)
    rig.chain.advance(HOUR)
    await settled(rig)
    expect(rig.steward.book.bounties.size).to.equal(0)
    expect(rig.steward.book.holdings.get(name)).to.include({ missed: 1, sweeps: 0, earned: 0n })
  })

  it('puts a damaged blob aside, says so, claims nothing for it and serves it no more', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const [good, bad] = [aBlob(), aBlob()]
    for (const blob of [good, bad]) await deal.store(blob)
    const hex = toHex(blobIdOf(bad))
    await writeFile(join(rig.dir, 'blobs', hex.slice(0, 2), hex), new Uint8Array(bad.length))
    rig.chain.mine(deal.uploader.bounty(rig.steward.id, [bad]).fact, deal.uploader.bounty(rig.steward.id, [good]).fact)
    await settled(rig)
    expect(rig.outbox.sent.flatMap(({ groups }) => groups.flatMap(({ claims }) => claims))).to.have.length(1)
    expect(await readdir(join(rig.dir, 'quarantine'))).to.have.members([hex, `${hex}.json`])
    expect([...rig.steward.book.bounties.values()].map(({ phase }) => phase)).to.deep.equal(['released'])
    expect(
      await codeOf(fetchBlob(deal.net, rig.target(), { blobId: blobIdOf(bad), token: deal.uploader.token })),
    ).to.equal('BLOB_UNKNOWN')
  })

  it('reads again what was away or hung, and claims it when the volume is back', async () => {
    const hurried = {
      ...clock,
      sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms > 60_000 ? 20 : ms, signal),
    }
    let hangs = 0
    const answer: Answer = (challenged, nonces) =>
      hangs-- > 0
        ? new Promise(() => undefined)
        : createAnswering({ files: rig.files, domain: DOMAIN, threads: 0 }).answer(challenged, nonces)
    let isMounted = false
    const rig: Rig = await aRig({ deps: { answer, clock: hurried, isMounted: async () => isMounted } })
    const deal = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    const path = join(rig.dir, 'blobs', toHex(blobIdOf(blob)).slice(0, 2), toHex(blobIdOf(blob)))
    await rm(path)
    const { fact } = deal.uploader.bounty(rig.steward.id, [blob])
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.book.bounties.get(fact.id)?.phase).to.equal('posted')
    await writeFile(path, blob)
    isMounted = true
    hangs = 1
    rig.chain.advance(301)
    await settled(rig)
    expect(rig.steward.book.bounties.get(fact.id)?.phase).to.equal('posted')
    rig.chain.advance(601)
    await settled(rig)
    expect(rig.steward.book.holdings.get(name)).to.include({ sweeps: 1 })
  })

  it('claims once through a crash between its intent and its sending', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    rig.outbox.isHolding = true
    rig.chain.mine(deal.uploader.bounty(rig.steward.id, [blob]).fact)
    await eventually(() => rig.outbox.intents.size === 1)
    await rig.restart()
    rig.chain.mine()
    const { idle, busy } = await rig.steward.tick(rig.chain.head)
    expect({ idle, busy }).to.deep.equal({ idle: false, busy: '1 transactions on their way' })
    rig.outbox.isHolding = false
    rig.outbox.kick()
    await settled(rig)
    expect(rig.outbox.intents.size).to.equal(1)
    expect([...rig.steward.book.holdings.values()][0]?.earned).to.equal(1000n)
  })

  it('answers after a restart what was posted before it', async () => {
    let isStuck = true
    const answer: Answer = (challenged, nonces) =>
      isStuck
        ? new Promise(() => undefined)
        : createAnswering({ files: rig.files, domain: DOMAIN, threads: 0 }).answer(challenged, nonces)
    const rig: Rig = await aRig({ deps: { answer } })
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    rig.chain.mine(deal.uploader.bounty(rig.steward.id, [blob]).fact)
    await eventually(() => rig.steward.book.bounties.size === 1)
    expect(rig.outbox.intents.size).to.equal(0)
    isStuck = false
    await rig.restart()
    await settled(rig)
    expect([...rig.steward.book.holdings.values()][0]?.earned).to.equal(1000n)
  })

  it('follows a reorganisation: a post that goes and comes again is swept once more, and paid once', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    const { fact } = deal.uploader.bounty(rig.steward.id, [blob])
    rig.outbox.isHolding = true
    rig.chain.mine(fact)
    await eventually(() => rig.outbox.intents.size === 1)
    rig.chain.reorg(1)
    await eventually(() => rig.steward.book.bounties.get(fact.id)?.phase === 'gone')
    expect(rig.steward.book.holdings.get(name)?.held.open).to.deep.equal([])
    rig.chain.mine(fact)
    await eventually(() => rig.steward.book.bounties.get(fact.id)?.phase === 'claimed')
    rig.outbox.isHolding = false
    rig.outbox.kick()
    await settled(rig)
    expect(rig.steward.book.holdings.get(name)).to.include({ earned: 1000n, sweeps: 1 })
  })

  it('a chain that was killed brings paid blocks again: nothing is earned twice, nothing is sent twice', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    const { fact } = deal.uploader.bounty(rig.steward.id, [blob])
    rig.chain.mine(fact)
    await settled(rig)
    rig.chain.reorg(2)
    await settled(rig)
    rig.chain.mine(fact)
    await settled(rig)
    rig.chain.sweep(rig.outbox.sent[0] as (typeof rig.outbox.sent)[0])
    await settled(rig)
    expect(rig.outbox.intents.size).to.equal(1)
    expect(rig.steward.book.holdings.get(name)).to.include({ earned: 1000n, sweeps: 1 })
    expect(rig.steward.book.bounties.size).to.equal(0)
    expect((await viewEarnings(rig.steward.book, 0)).sweeps).to.equal(1)
  })

  it('claims again what the chain refused or missed, and gives up in the end', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    const { fact } = deal.uploader.bounty(rig.steward.id, [blob])
    rig.outbox.isHolding = true
    rig.chain.mine(fact)
    const tried = new Set<string>()
    for (let attempt = 0; attempt < 5; attempt++) {
      await eventually(() => rig.outbox.intents.size === attempt + 1)
      const id = [...rig.outbox.intents.keys()].at(-1) as string
      expect(tried.has(id)).to.equal(false)
      tried.add(id)
      await rig.outbox.refuse(id)
    }
    await settled(rig)
    expect(rig.outbox.intents.size).to.equal(5)
    expect(rig.steward.book.bounties.get(fact.id)?.phase).to.equal('lost')
  })

  it('groups claims and names intents by what they claim', () => {
    const claims = [1, 2, 3].map((n) => ({
      bounty: `${n}`,
      poster: addressOf(new Uint8Array(32).fill(n === 3 ? 1 : n)),
      deadline: 10,
      attempt: 0,
      signature: new Uint8Array(65),
    }))
    const call = sweepCallOf(addressOf(rng.bytes(32)), claims)
    expect(call.groups.map((group) => group.claims.length)).to.deep.equal([2, 1])
    expect(sweepIdOf(claims)).to.equal(sweepIdOf([...claims].reverse()))
    expect(sweepIdOf(claims)).not.to.equal(sweepIdOf(claims.map((claim) => ({ ...claim, attempt: 1 }))))
    expect(
      claimOf(
        DOMAIN,
        { id: '', poster: addressOf(rng.bytes(32)), deadline: 1, attempt: 0, claimKey: addressOf(rng.bytes(32)) },
        [{ blobId: rng.bytes(32), nonce: rng.bytes(32), answer: rng.bytes(32) }],
        addressOf(rng.bytes(32)),
      ),
    ).to.equal(undefined)
  })
})
