/**
 * Power cuts (F04, F05, F06): the disk is an ext4 file system in a file. What was not synced lies in the kernel's memory alone, so a copy of
 * the file is the disk after a cut; mounting it replays its journal as a start of the machine would.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { MiB, wei } from '../../base/units.ts'
import { grantEther } from '../../chain/devnet-time.ts'
import { encodeTransfer } from '../../chain/market.ts'
import { createOutbox } from '../../chain/outbox.ts'
import { Book } from '../../steward/book.ts'
import { openBlobFiles } from '../../store/blob-files.ts'
import { openLevelStore } from '../../store/level-store.ts'
import { type LocalMarket, startLocalMarket } from '../chain/local-market.ts'
import { clock, until } from '../chain/ports.ts'
import { effort } from '../effort.ts'
import { stopNodes } from '../net/nodes.ts'
import { killChildren, startChild } from '../store/child.ts'
import { silent } from '../store/silent.ts'
import { AckLog } from './ack-log.ts'
import { builtChild } from './built.ts'
import { assertBlobsKept } from './invariants/i01-acknowledged.ts'
import { type DiskImage, needs, openDiskImage } from './machine.ts'
import { createNemesis, SEED } from './nemesis.ts'
import { StewardProcess } from './steward-process.ts'

const IMAGE_MIB = 48
/** What a steward bids for on one, and how it comes: so many at once, each at most so long. Bytes. */
const LOT = 24 * MiB
const SENDERS = 3
const LONGEST = 40_000
/** The image is full of blobs after that; a new one is begun. */
const CUTS_AN_IMAGE = 8

describe(`faults: power cuts (HOLDFAST_SEED=${SEED})`, function () {
  this.timeout(600_000)
  const nemesis = createNemesis('power')
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  let image: DiskImage | undefined

  afterEach(async () => {
    await killChildren()
    await stopNodes()
    image?.close()
    image = undefined
  })

  it('the model is one: what was written and not synced is gone, name and all', async function () {
    needs(this, 'F04', 'loop devices')
    image = openDiskImage(16)
    await writeFile(join(image.path, 'unsynced'), 'x'.repeat(100_000))
    const cut = image.cut()
    try {
      expect(await readdir(image.path)).to.include('unsynced')
      expect(await readdir(cut.path)).to.not.include('unsynced')
    } finally {
      cut.close()
    }
  })

  const points = effort(5, 50, 500)
  it(`F04: a steward has every blob it signed for, and its receipt, after each of ${points} cuts while it receives`, async function () {
    needs(this, 'F04', 'loop devices')
    let signed = 0
    for (let cut = 0; cut < points; cut += CUTS_AN_IMAGE) {
      image = openDiskImage(IMAGE_MIB)
      signed += await cutWhileReceiving(image, Math.min(CUTS_AN_IMAGE, points - cut))
      image.close()
    }
    expect(signed, 'signed in all').to.be.at.least(points)
    console.log(`      seed ${SEED}: ${points} cuts, ${signed} blobs signed for, none lost`)
  })

  async function cutWhileReceiving(disk: DiskImage, cuts: number): Promise<number> {
    const acks = new AckLog()
    const steward = new StewardProcess(acks, LOT)
    await steward.start(join(disk.path, 'steward'))
    const stop = new AbortController()
    let failure: Error | undefined
    // what was bid for is shared out among the cuts: looking at one takes as long as the machine likes, and the senders go on meanwhile
    let sent = 0
    let allowed = 0
    const senders = Array.from({ length: SENDERS }, async () => {
      for (;;) {
        await until(() => stop.signal.aborted || sent < allowed, 'the next cut', 120_000)
        if (stop.signal.aborted) return
        const length = 1 + Math.floor(nemesis.between(0, LONGEST))
        sent += length
        await steward.send(steward.anOffer(length))
      }
    }).map((sender) =>
      sender.catch((cause: Error) => {
        failure ??= cause
      }),
    )
    for (let cut = 0; cut < cuts; cut++) {
      const before = steward.signed.length
      allowed = ((cut + 1) * LOT) / cuts - SENDERS * LONGEST
      await until(() => steward.signed.length > before || failure !== undefined, 'a blob is signed for', 30_000)
      if (failure !== undefined) throw failure
      await pause(nemesis.between(0, 40))
      steward.child?.process.kill('SIGSTOP')
      const acknowledged = [...steward.signed]
      const after = disk.cut()
      steward.child?.process.kill('SIGCONT')
      try {
        await assertWhole(join(after.path, 'steward'), acknowledged)
      } finally {
        after.close()
      }
    }
    stop.abort()
    await Promise.all(senders)
    if (failure !== undefined) throw failure
    await assertBlobsKept(acks.acknowledged('blob'), () => join(disk.path, 'steward'))
    await steward.kill()
    return steward.signed.length
  }

  /** Opens what a cut left as a start does: every store opens, nothing acknowledged is missing, nothing half is there. */
  async function assertWhole(directory: string, acknowledged: StewardProcess['signed']): Promise<void> {
    const store = await openLevelStore(join(directory, 'db'))
    try {
      const book = await Book.open(store)
      const files = await openBlobFiles(directory, { log: silent })
      for (const { name } of acknowledged) {
        const held = book.holdings.get(name)?.held
        expect(held, `the receipt of ${name}`).to.not.equal(undefined)
        expect(await files.verify(fromHex(held?.blobId as string)), `the blob of ${name}`).to.equal(true)
      }
      for await (const { id } of files.list()) expect(await files.verify(id), `${toHex(id)} is whole`).to.equal(true)
      for (const { held } of book.holdings.values())
        expect(await files.has(fromHex(held.blobId)), 'no receipt without its blob').to.equal(true)
    } finally {
      await store.close()
    }
  }

  const between = effort(1, 5, 50)
  it(`F05: a cut between blob and receipt costs no byte: the next offer finds the blob there (${between} cuts)`, async function () {
    needs(this, 'F05', 'loop devices')
    for (let cut = 0; cut < between; cut++) {
      image = openDiskImage(16)
      const steward = new StewardProcess(new AckLog(), 4 * MiB)
      await steward.start(join(image.path, 'steward'), {
        env: { HOLDFAST_TESTING: '1', HOLDFAST_FAULT: `blob.durable:${1 + cut}:stop` },
      })
      for (let i = 0; i < cut; i++) await steward.send(steward.anOffer(1000))
      const offer = steward.anOffer(300_000)
      const lost = steward.send(offer).catch((cause: Error) => cause)
      await until(
        async () => (await stateOf(steward.child?.process.pid)) === 'T',
        'the steward stands at the fault point',
      )
      const after = image.cut()
      try {
        await steward.kill()
        expect(await lost).to.be.instanceOf(Error)
        await steward.start(join(after.path, 'steward'))
        expect(await steward.send(offer), 'bytes it has already').to.equal(offer.blob.length)
        await steward.kill()
      } finally {
        after.close()
        image.close()
      }
    }
  })

  const journals = effort(1, 20, 200)
  it(`F06: each of ${journals} cuts of a journal costs no act and doubles none`, async function () {
    needs(this, 'F06', 'loop devices')
    const local = await startLocalMarket()
    try {
      for (let round = 0; round < journals; round++) {
        image = openDiskImage(16)
        await cutOfJournal(image, local)
        image.close()
      }
    } finally {
      await killChildren()
      await local.close()
    }
  })

  const ACTS = 12
  const recipientOf = (i: number) => addressOf(fromHex((0x2000_0000 + i).toString(16).padStart(64, '0')))

  async function cutOfJournal(
    disk: DiskImage,
    { chain, devnet, market, secret: rich, send }: LocalMarket,
  ): Promise<void> {
    const secret = nemesis.bytes(32)
    await grantEther(chain, addressOf(secret), 10n ** 18n)
    await send(rich, market.token, encodeTransfer(addressOf(secret), wei(1_000n)))
    const before = await Promise.all(Array.from({ length: ACTS }, (_, i) => market.tokenBalance(recipientOf(i))))
    const writer = await builtChild('test/chain/outbox-writer.child.ts')
    const args = [join(disk.path, 'db'), devnet.url, toHex(secret), market.token, String(ACTS)]
    const victim = startChild(pathToFileURL(writer).href, args)
    const { number } = await chain.head()
    await until(
      async () => (await chain.head()).number > number || victim.lines.length > 0,
      'the first act is mined',
      30_000,
    )
    await pause(nemesis.between(0, 40))
    victim.process.kill('SIGSTOP')
    const after = disk.cut()
    await victim.kill('SIGKILL')
    try {
      const store = await openLevelStore(join(after.path, 'db'))
      const outbox = createOutbox({ journal: store, chain, secret, clock, log: silent })
      await outbox.start()
      for (let i = 0; i < ACTS; i++)
        await store.commit(
          outbox.intent({
            id: `transfer/${i}`,
            to: market.token,
            data: encodeTransfer(recipientOf(i), wei(1n)),
            kind: 'transfer',
          }),
        )
      outbox.kick()
      await until(() => outbox.unfinished() === 0, 'nothing is left to do', 30_000)
      await outbox.stop()
      await store.close()
      for (let i = 0; i < ACTS; i++)
        expect((await market.tokenBalance(recipientOf(i))) - (before[i] as bigint), `act ${i}`).to.equal(1n)
    } finally {
      after.close()
    }
  }
})

/** The state letter of a process: T when it is stopped. */
async function stateOf(pid: number | undefined): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0]
}
