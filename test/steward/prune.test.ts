import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { recoverSigner } from '../../base/curve.ts'
import { unpaidDigest } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { HANDOVER, UNPAID_AFTER } from '../../steward/decide.ts'
import { viewDisk, viewEarnings } from '../../steward/views.ts'
import { show } from '../cast/show.ts'
import { eventually, stopNodes } from '../net/nodes.ts'
import { ask } from './client.ts'
import { aBlob, aDeal, aRig, closeRigs, DOMAIN, type Rig } from './rig.ts'

async function settled(rig: Rig): Promise<number | undefined> {
  let answer = await rig.steward.tick(rig.chain.head)
  await eventually(async () => {
    const { head } = rig.chain
    answer = await rig.steward.tick(head)
    return answer.idle && head === rig.chain.head
  })
  return answer.nextDue
}

describe('steward/prune', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  it('SilentUploader: is silent for 34 days, signs a notice, waits 14 days more, and lets the bytes go', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const blobId = blobIdOf(blob)
    const start = rig.chain.now()
    const name = await deal.store(blob)
    rig.chain.mine()
    expect(await settled(rig)).to.equal(start + UNPAID_AFTER)

    rig.chain.advance(UNPAID_AFTER)
    await settled(rig)
    expect(rig.notices).to.have.length(1)
    const [notice] = rig.notices
    const pruneAfter = start + UNPAID_AFTER + 14 * DAY
    expect(notice).to.include({ uploader: deal.uploader.account, pruneAfter })
    expect(
      recoverSigner(unpaidDigest(DOMAIN, { placement: fromHex(name), pruneAfter }), notice?.signature as Uint8Array),
    ).to.equal(rig.steward.id)
    expect((await rig.steward.book.notice(name, 1))?.pruneAfter).to.equal(pruneAfter)
    expect(await viewDisk(rig.steward.book, rig.files, rig.chain.now())).to.include({
      paid: 0,
      grace: blob.length,
      garbage: 0,
    })

    await rig.restart()
    expect(rig.notices, 'told again').to.have.length(2)
    rig.chain.advance(14 * DAY)
    await settled(rig)
    expect(rig.steward.book.holdings.get(name)?.held.state).to.equal('pruned')
    expect(await rig.files.has(blobId)).to.equal(false)
    expect(rig.steward.book.bytesHeld).to.equal(0)
    expect([...rig.steward.holdings()]).to.deep.equal([])
    expect(await settled(rig)).to.equal(undefined)
    const left = [...rig.steward.book.holdings.values()].filter(({ held }) => held.state !== 'pruned').length
    show('SilentUploader', { gain: 100 * left, peer: 100, loss: (pruneAfter - start) / DAY })
  })

  it('a docket over a blob that was pruned is given back, not taken for a lie', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    rig.chain.advance(UNPAID_AFTER)
    await settled(rig)
    rig.chain.advance(14 * DAY)
    await settled(rig)
    expect(rig.steward.book.holdings.get(name)?.held.state).to.equal('pruned')
    const { fact } = deal.uploader.bounty(rig.steward.id, [blob], { now: rig.chain.now() })
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.book.bounties.get(fact.id)).to.include({ phase: 'released' })
    expect(rig.steward.book.releases.get(fact.id)?.lost).to.deep.equal([toHex(blobIdOf(blob))])
    expect(rig.outbox.intents.size).to.equal(0)
    rig.chain.advance(fact.deadline + 3602 - rig.chain.now())
    await settled(rig)
    expect(rig.steward.book.bounties.size).to.equal(0)
    expect(rig.steward.book.holdings.get(name)?.missed).to.equal(1)
  })

  it('a payment takes the notice back', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    rig.chain.advance(UNPAID_AFTER)
    await settled(rig)
    rig.chain.mine(deal.uploader.bounty(rig.steward.id, [blob], { now: rig.chain.now() }).fact)
    await settled(rig)
    rig.chain.advance(14 * DAY)
    await settled(rig)
    expect(rig.steward.book.holdings.get(name)?.held.state).to.equal('held')
    expect(await rig.files.has(blobIdOf(blob))).to.equal(true)
  })

  it('keeps a term that is paid to its end for the hand-over, then deletes it without a notice', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    for (let row = 0; row < 3; row++) {
      rig.chain.advance(30 * DAY + (row === 2 ? 3600 : 0))
      rig.chain.mine(deal.uploader.bounty(rig.steward.id, [blob], { row, now: rig.chain.now() }).fact)
      await settled(rig)
    }
    const end = rig.chain.now() - 3600
    expect(await settled(rig)).to.equal(end + HANDOVER)
    rig.chain.advance(HANDOVER)
    await settled(rig)
    expect(await rig.files.has(blobIdOf(blob))).to.equal(false)
    expect(rig.notices).to.have.length(0)
    const earnings = await viewEarnings(rig.steward.book, 0)
    expect(earnings).to.include({ swept: '0.000003', sweeps: 3, missed: '0', pending: '0' })
    expect(earnings.placements[0]).to.include({ earned: '0.000003', state: 'pruned' })
  })

  it('a crash between the decision and the deletion leaves nothing behind after the next start', async () => {
    let isCrashing = true
    const rig = await aRig({
      deps: {
        fault: (site) => {
          if (site === 'prune.committed' && isCrashing) throw new Error('crash')
        },
      },
    })
    const deal = await aDeal(rig)
    const blob = aBlob()
    const name = await deal.store(blob)
    rig.chain.advance(UNPAID_AFTER)
    await settled(rig)
    rig.chain.advance(14 * DAY)
    await settled(rig)
    expect(await rig.files.has(blobIdOf(blob))).to.equal(true)
    expect(rig.steward.book.holdings.get(name)?.held.state).to.equal('pruned')
    expect(await viewDisk(rig.steward.book, rig.files, rig.chain.now())).to.include({ garbage: blob.length, paid: 0 })
    isCrashing = false
    await rig.restart()
    await eventually(async () => !(await rig.files.has(blobIdOf(blob))))
    await eventually(() => rig.steward.book.holdings.get(name)?.cleared === true)
  })

  it('explains every byte on disk', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const [kept, lost] = [aBlob(2000), aBlob(300)]
    await deal.store(kept)
    await deal.store(lost)
    await rig.files.remove(blobIdOf(lost))
    const stray = aBlob(700)
    const hex = toHex(blobIdOf(stray))
    await mkdir(join(rig.dir, 'blobs', hex.slice(0, 2)), { recursive: true })
    await writeFile(join(rig.dir, 'blobs', hex.slice(0, 2), hex), stray)
    expect(
      await viewDisk(rig.steward.book, rig.files, rig.chain.now(), { database: 5, quarantine: 6, incoming: 7 }),
    ).to.deep.equal({
      paid: 2000,
      grace: 0,
      garbage: 700,
      overhead: 18,
      missing: 300,
      blobs: 1,
      garbageBlobs: 1,
      missingBlobs: 1,
    })
  })

  it('a renewal moves the end, and the unpaid rule goes on from the last payment', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blob = aBlob()
    const { placement } = deal.offer(blob)
    const name = await deal.store(blob)
    const renewal = { ...placement, version: 2, end: placement.end + 21 * DAY }
    await ask(deal.net, rig.target(), { kind: 'renewal', placement: renewal, signature: deal.uploader.sign(renewal) })
    expect(rig.steward.book.holdings.get(name)?.held.end).to.equal(renewal.end)
    rig.chain.mine()
    expect(await settled(rig)).to.equal(placement.start + UNPAID_AFTER)
  })
})
