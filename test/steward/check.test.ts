import { copyFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { DAY } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { parseSubset } from '../../cli/commands/steward-check.ts'
import { fetchBlob } from '../../pool/fetch-blob.ts'
import type { CheckReport } from '../../steward/check.ts'
import { openOfflineCheck } from '../../steward/offline-check.ts'
import { aLog, clock, stopNodes } from '../net/nodes.ts'
import { DAMAGES, fileOf, flipBit } from './damage.ts'
import { aBlob, aDeal, aRig, callApi, closeRigs, codeOf, type Rig } from './rig.ts'
import { settled } from './settled.ts'

const hexOf = (blob: Uint8Array) => toHex(blobIdOf(blob))

/** Orders a check through the local API and waits for its report. */
async function check(rig: Rig, order: { subset?: number; rebuild?: boolean } = {}): Promise<CheckReport> {
  await callApi(rig, '/check', order)
  await settled(rig)
  return (await callApi(rig, '/check')) as CheckReport
}

describe('steward/check', () => {
  afterEach(async () => {
    await stopNodes()
    await closeRigs()
  })

  it('finds every kind of damage, names it, and finds nothing the second time', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const damages = Object.entries(DAMAGES)
    const blobs = damages.map(() => aBlob(600))
    const sound = [aBlob(600), aBlob(700)]
    for (const blob of [...blobs, ...sound]) await deal.store(blob)
    for (const [i, [, damage]] of damages.entries()) await damage(fileOf(rig.dir, blobs[i] as Uint8Array))
    const stranger = aBlob(50)
    await copyFile(fileOf(rig.dir, sound[0] as Uint8Array), join(rig.dir, 'stranger'))
    const sink = await rig.files.write(blobIdOf(stranger), stranger.length)
    await sink.write(stranger)
    await sink.finish()
    const report = await check(rig)
    expect(report).to.include({
      isRunning: false,
      blobs: 9,
      whole: 2,
      lostCount: 7,
      unreadCount: 0,
      bytesDone: report.bytes,
    })
    expect(report).to.include({ strangers: 1, strangerBytes: 50 })
    expect(new Set(report.lost.map(({ blobId }) => blobId))).to.deep.equal(new Set(blobs.map(hexOf)))
    for (const blob of blobs) expect(rig.steward.book.isLost(hexOf(blob))).to.equal(true)
    expect(await check(rig)).to.include({ blobs: 2, whole: 2, lostCount: 0 })
  })

  it('reads a part, what was not read for longest first, and in the end everything once', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const blobs = Array.from({ length: 10 }, () => aBlob(1000))
    for (const blob of blobs) {
      await deal.store(blob)
      rig.chain.advance(60)
    }
    rig.chain.advance(DAY)
    await flipBit(fileOf(rig.dir, blobs[0] as Uint8Array), 1)
    await flipBit(fileOf(rig.dir, blobs[9] as Uint8Array), 1)
    expect(await check(rig, { subset: 0.3 })).to.include({ blobs: 3, whole: 2, lostCount: 1 })
    expect(rig.steward.book.isLost(hexOf(blobs[0] as Uint8Array))).to.equal(true)
    expect(await check(rig, { subset: 0.6 })).to.include({ blobs: 6, whole: 6 })
    expect(await check(rig, { subset: 0.1 })).to.include({ blobs: 1, lostCount: 1 })
    expect(rig.steward.book.isLost(hexOf(blobs[9] as Uint8Array))).to.equal(true)
  })

  it('takes back with --rebuild what was lost and is here again, whole; never what is not', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const [back, bad] = [aBlob(), aBlob()]
    for (const blob of [back, bad]) await deal.store(blob)
    const away = join(rig.dir, 'away')
    await rename(fileOf(rig.dir, back), away)
    await flipBit(fileOf(rig.dir, bad), 9)
    expect(await check(rig)).to.include({ lostCount: 2 })
    await rename(away, fileOf(rig.dir, back))
    await copyFile(join(rig.dir, 'quarantine', hexOf(bad)), fileOf(rig.dir, bad))
    const read = () => fetchBlob(deal.net, rig.target(), { blobId: blobIdOf(back), token: deal.uploader.token })
    expect((await check(rig)).again).to.deep.equal([hexOf(back)])
    expect(await codeOf(read())).to.equal('BLOB_UNKNOWN')
    expect((await check(rig, { rebuild: true })).again).to.deep.equal([hexOf(back)])
    expect(toHex((await read()).bytes)).to.equal(toHex(back))
    expect(rig.steward.book.isLost(hexOf(bad))).to.equal(true)
    rig.chain.mine(deal.uploader.bounty(rig.steward.id, [back], { now: rig.chain.now() }).fact)
    await settled(rig)
    expect([...rig.steward.book.holdings.values()].map(({ sweeps }) => sweeps)).to.have.members([1, 0])
  })

  it('without a running steward puts bad files aside and leaves the book alone; the next start finds them missing', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    const [bad, sound] = [aBlob(), aBlob()]
    for (const blob of [bad, sound]) await deal.store(blob)
    await flipBit(fileOf(rig.dir, bad), 0)
    const { signal } = new AbortController()
    const offline = await openOfflineCheck({ journal: rig.store, files: rig.files, clock, log: aLog(), signal })
    const report = await offline.check.run({ subset: 1, isRebuild: false })
    expect(report).to.include({ blobs: 2, whole: 1, lostCount: 1 })
    expect(report.lost[0]).to.deep.equal({ blobId: hexOf(bad), why: 'its bytes are not those of its id' })
    expect(rig.steward.book.isLost(hexOf(bad))).to.equal(false)
    await rig.restart()
    await settled(rig)
    expect(rig.steward.book.isLost(hexOf(bad))).to.equal(true)
    expect(rig.steward.book.isLost(hexOf(sound))).to.equal(false)
  })

  it('takes one order at a time, and parts in the forms people write', async () => {
    const rig = await aRig()
    const deal = await aDeal(rig)
    await deal.store(aBlob())
    const first = callApi(rig, '/check', {})
    expect(await codeOf(callApi(rig, '/check', {}))).to.equal('PEER_BUSY')
    await first
    expect(['all', '5%', '12.5%', '1/10', '100%'].map(parseSubset)).to.deep.equal([1, 0.05, 0.125, 0.1, 1])
    for (const bad of ['0%', '101%', '3/2', '1/0']) expect(() => parseSubset(bad), bad).to.throw('--subset')
    for (const bad of ['', '5', '10G', '-1%', '1/2/3']) expect(() => parseSubset(bad), bad).to.throw('--subset')
  })
})
