/**
 * Disks that are full (F08, F10) and files that may not grow (F11): nothing is acknowledged that is not there, what is there is served, and
 * writing goes on by itself once there is room. Real processes; the disk is a small file system in memory.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { MiB } from '../../base/units.ts'
import { stopNodes } from '../net/nodes.ts'
import { until } from '../processes.ts'
import { killChildren } from '../store/child.ts'
import { AckLog } from './ack-log.ts'
import { assertBlobsKept } from './invariants/i01-acknowledged.ts'
import { type Mounted, needs, openMemoryDisk } from './machine.ts'
import { type Sent, StewardProcess } from './steward-process.ts'

const BLOB = 500_000

describe('faults: full disks', function () {
  this.timeout(180_000)
  let disk: Mounted | undefined
  let acks: AckLog

  beforeEach(() => {
    acks = new AckLog()
  })
  afterEach(async () => {
    await killChildren()
    await stopNodes()
    disk?.close()
    disk = undefined
  })

  /** Sends until the steward refuses. @returns the one it refused, and why */
  async function fill(steward: StewardProcess): Promise<{ readonly refused: Sent; readonly why: Error }> {
    for (let i = 0; i < 200; i++) {
      const sent = steward.anOffer(BLOB)
      try {
        await steward.send(sent)
      } catch (cause) {
        return { refused: sent, why: cause as Error }
      }
    }
    throw new Error('the disk never filled')
  }

  /** What was signed is there, is signed for again without a byte, and is there after a kill, too. */
  async function assertSound(steward: StewardProcess, directory: string): Promise<void> {
    for (const sent of steward.signed) expect(await steward.send(sent)).to.equal(sent.blob.length)
    await assertBlobsKept(acks.acknowledged('blob'), () => directory)
    await steward.kill()
    await steward.start(directory)
    for (const sent of steward.signed) expect(await steward.send(sent)).to.equal(sent.blob.length)
    await steward.kill()
  }

  it('F08, F10: refuses at its reserve, serves what it has, and takes more once there is room', async function () {
    needs(this, 'F08', 'tmpfs')
    disk = openMemoryDisk('32m')
    const directory = join(disk.path, 'steward')
    const filler = join(disk.path, 'filler')
    const steward = new StewardProcess(acks, 20 * MiB)
    await steward.start(directory, { env: { RESERVE: String(4 * MiB) } })
    writeFileSync(filler, new Uint8Array(18 * MiB))
    const { refused, why } = await fill(steward)
    expect(why.message).to.include('STORE_FULL')
    expect(steward.signed.length, 'blobs that fit').to.be.at.least(8)
    expect(await readdir(join(directory, 'incoming')), 'nothing half is left').to.deep.equal([])
    for (const sent of steward.signed.slice(-3)) expect(await steward.send(sent)).to.equal(sent.blob.length)
    rmSync(filler)
    expect(await steward.send(refused), 'taken by the process that refused it').to.equal(0)
    await assertSound(steward, directory)
  })

  it('F08, F10: goes on after somebody else filled the disk to the last byte in the middle of a blob', async function () {
    needs(this, 'F08', 'tmpfs')
    disk = openMemoryDisk('32m')
    const directory = join(disk.path, 'steward')
    // its database on the same disk: it, too, finds no room
    const steward = new StewardProcess(acks, 8 * MiB)
    await steward.start(directory)
    for (let i = 0; i < 3; i++) await steward.send(steward.anOffer(BLOB))
    const filler = join(disk.path, 'filler')
    fillUp(filler)
    const { refused } = await fill(steward)
    expect(await readdir(join(directory, 'incoming')), 'nothing half is left').to.deep.equal([])
    for (const sent of steward.signed) expect(await steward.send(sent)).to.equal(sent.blob.length)
    rmSync(filler)
    await until(
      async () => {
        const failed = await steward.send(refused).then(
          () => false,
          () => true,
        )
        return !failed
      },
      10_000,
      'the blob to be taken without a restart',
    )
    await assertSound(steward, directory)
  })

  it('F11: never signs for a blob that could be written in part only', async function () {
    if (process.platform !== 'linux') needs(this, 'F11', 'tmpfs')
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-short-'))
    try {
      const steward = new StewardProcess(acks)
      // the first call that crosses the limit succeeds in part: only the next one fails
      await steward.start(directory, { under: ['prlimit', `--fsize=${2 * BLOB}`] })
      for (let i = 0; i < 3; i++) await steward.send(steward.anOffer(BLOB))
      const tooLarge = steward.anOffer(2 * BLOB + 4_321)
      const why = await steward.send(tooLarge).catch((cause: Error) => cause)
      expect(why).to.be.instanceOf(Error)
      expect(await readdir(join(directory, 'incoming')), 'nothing half is left').to.deep.equal([])
      for (let i = 0; i < 3; i++) await steward.send(steward.anOffer(BLOB))
      await steward.kill()
      await steward.start(directory)
      expect(await steward.send(tooLarge), 'from the first byte').to.equal(0)
      await assertSound(steward, directory)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

/** Takes every byte that is left. */
function fillUp(path: string): void {
  writeFileSync(path, '')
  for (const size of [MiB, 64 << 10, 4096]) {
    try {
      for (;;) writeFileSync(path, new Uint8Array(size), { flag: 'a' })
    } catch {
      // no such piece fits any more
    }
  }
}
