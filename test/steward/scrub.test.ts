import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { viewLost } from '../../steward/views.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { stopNodes } from '../net/nodes.ts'
import { DAMAGES, fileOf, flipBit } from './damage.ts'
import { aBlob, aDeal, aRig, callApi, closeRigs, NOW, type Rig } from './rig.ts'
import { settled } from './settled.ts'

const hexOf = (blob: Uint8Array) => toHex(blobIdOf(blob))
/** The first midnight after the rig's first day. */
const MIDNIGHT = Math.ceil((NOW + 30 * DAY) / DAY) * DAY

describe('steward/scrub', () => {
  afterEach(async () => {
    await stopNodes()
    await closeRigs()
  })

  /** A steward that counts whole readings of each blob outside of answers, and fails those of `unreadable`. */
  async function aCounted() {
    const rig = await aRig({ config: { scrub: 30 * DAY } })
    const reads = new Map<string, number>()
    const unreadable = new Set<string>()
    const verify: BlobFiles['verify'] = async (id) => {
      if (unreadable.has(toHex(id))) throw new HoldfastError('STORE_UNUSABLE', { path: 'the volume', what: 'EIO' })
      reads.set(toHex(id), (reads.get(toHex(id)) ?? 0) + 1)
      return rig.files.verify(id)
    }
    const files = new Proxy({} as BlobFiles, {
      get: (_, key: keyof BlobFiles) => (key === 'verify' ? verify : rig.files[key]),
    })
    await rig.restart({ files })
    return { rig, deal: await aDeal(rig), reads, unreadable }
  }

  /** Moves time from due act to due act, as `devnet advance` does. @returns how often it stopped */
  async function advanceTo(rig: Rig, until: number): Promise<number> {
    for (let hops = 0; ; hops++) {
      await settled(rig)
      if (rig.chain.now() >= until) return hops
      const { nextDue = until } = await rig.steward.tick(rig.chain.head)
      expect(nextDue).to.be.above(rig.chain.now())
      rig.chain.advance(Math.min(nextDue, until) - rig.chain.now())
    }
  }

  it('reads what was not read for 30 days at the next midnight, all of it in one stop; an answer that was paid is a reading', async () => {
    const { rig, reads } = await aCounted()
    const blobs = Array.from({ length: 70 }, () => aBlob(100))
    const answered = aBlob(100)
    const wide = await aDeal(rig, { lots: [{ count: 10, bytes: 8 * 2 ** 20, blobs: 100 }] })
    for (const blob of [...blobs, answered]) await wide.store(blob)
    reads.clear()
    expect(await advanceTo(rig, NOW + 20 * DAY)).to.equal(1)
    rig.chain.mine(wide.uploader.bounty(rig.steward.id, [answered], { now: rig.chain.now() }).fact)
    await advanceTo(rig, MIDNIGHT - 1)
    expect(reads.size).to.equal(0)
    await advanceTo(rig, MIDNIGHT)
    expect(new Map(reads)).to.deep.equal(new Map(blobs.map((blob) => [hexOf(blob), 1])))
    expect((await rig.steward.tick(rig.chain.head)).nextDue, 'then: unpaid for 34 days').to.be.above(MIDNIGHT)
    await rig.restart()
    await settled(rig)
    expect(rig.steward.book.checked.next(), 'written down').to.be.above(NOW + 19 * DAY)
  })

  it('finds every kind of damage, puts the file aside, frees the room, and says why', async () => {
    const { rig, deal } = await aCounted()
    const damages = Object.entries(DAMAGES)
    const blobs = damages.map(() => aBlob(600))
    const sound = aBlob(600)
    for (const blob of [...blobs, sound]) await deal.store(blob)
    for (const [i, [, damage]] of damages.entries()) await damage(fileOf(rig.dir, blobs[i] as Uint8Array))
    await advanceTo(rig, MIDNIGHT)
    expect(rig.steward.failure).to.equal(undefined)
    const { blobs: lost } = viewLost(rig.steward.book)
    expect(new Set(lost.map(({ blobId }) => blobId))).to.deep.equal(new Set(blobs.map(hexOf)))
    for (const { why } of lost) expect(why).to.match(/scrub/)
    expect(rig.steward.book.bytesHeld).to.equal(600)
    for (const blob of blobs)
      expect(JSON.parse(await readFile(join(rig.dir, 'quarantine', `${hexOf(blob)}.json`), 'utf8'))).to.include({
        blob: hexOf(blob),
      })
    // reported before a deadline tells
    const { fact } = deal.uploader.bounty(rig.steward.id, [sound, blobs[0] as Uint8Array], { now: rig.chain.now() })
    rig.chain.mine(fact)
    await settled(rig)
    expect(rig.steward.book.releases.get(fact.id)?.lost).to.deep.equal([hexOf(blobs[0] as Uint8Array)])
  })

  it('finds at its start what vanished or changed its length while it was down, without reading the rest', async () => {
    const { rig, deal, reads } = await aCounted()
    const [gone, short, sound] = [aBlob(), aBlob(), aBlob()]
    for (const blob of [gone, short, sound]) await deal.store(blob)
    await rm(fileOf(rig.dir, gone))
    await DAMAGES['truncated']?.(fileOf(rig.dir, short))
    reads.clear()
    await rig.restart()
    await settled(rig)
    expect(rig.steward.book.isLost(hexOf(gone))).to.equal(true)
    expect(rig.steward.book.isLost(hexOf(short))).to.equal(true)
    expect(rig.steward.book.isLost(hexOf(sound))).to.equal(false)
    expect(reads.size).to.equal(0)
  })

  it('leaves what the disk does not read now until the next day, and says so once', async () => {
    const { rig, deal, reads, unreadable } = await aCounted()
    const [one, other] = [aBlob(), aBlob()]
    for (const blob of [one, other]) await deal.store(blob)
    unreadable.add(hexOf(one))
    await advanceTo(rig, MIDNIGHT + 2 * DAY + HOUR)
    expect(rig.steward.book.isLost(hexOf(one))).to.equal(false)
    const { alerts } = (await callApi(rig, '/status')) as { alerts: string[] }
    expect(alerts.filter((alert) => alert.includes('blob-unreadable'))).to.have.length(1)
    unreadable.clear()
    await flipBit(fileOf(rig.dir, one), 3)
    reads.clear()
    await advanceTo(rig, MIDNIGHT + 3 * DAY)
    expect(rig.steward.book.isLost(hexOf(one))).to.equal(true)
    expect(reads.get(hexOf(other)), 'not again').to.equal(undefined)
  })
})
