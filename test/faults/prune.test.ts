/**
 * kill -9 of a steward while it deletes what nobody pays for (F02). Blobs of the first day are dead once their notice and grace are over; those
 * stored in between live on. Whatever the moment, nothing of the living goes, and in the end nothing of the dead stays.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import { effort } from '../effort.ts'
import { stopNodes } from '../net/nodes.ts'
import { until } from '../processes.ts'
import { killChildren } from '../store/child.ts'
import { AckLog } from './ack-log.ts'
import { assertBlobsKept } from './invariants/i01-acknowledged.ts'
import { createNemesis, SEED } from './nemesis.ts'
import { StewardProcess } from './steward-process.ts'

const SITES = ['prune.committed', 'prune.deleted'] as const
/** After 34 days without pay comes the notice; 14 days after it the end. */
const NOTICE = 35 * DAY
const OVER = 50 * DAY

describe(`faults: kills while blobs are deleted (HOLDFAST_SEED=${SEED})`, function () {
  const kills = effort(3, 30, 300)
  this.timeout(60_000 + 10_000 * kills)
  const nemesis = createNemesis('prune')
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-prune-'))
  })
  afterEach(async () => {
    await killChildren()
    await stopNodes()
    rmSync(directory, { recursive: true, force: true })
  })

  async function blobs(): Promise<readonly string[]> {
    const shelves = await readdir(join(directory, 'blobs'))
    return (await Promise.all(shelves.map((shelf) => readdir(join(directory, 'blobs', shelf))))).flat()
  }

  it(`F02: after each of ${kills} kills every living blob is there, and at the end every dead one is gone`, async () => {
    const acks = new AckLog()
    const steward = new StewardProcess(acks)
    await steward.start(directory)
    // each start after a kill takes up all that is left: enough for a deletion to be struck each time
    for (let i = 0; i < 12 * kills; i++) await steward.send(steward.anOffer(1 + Math.floor(nemesis.between(0, 4_000))))
    const dead = new Set(acks.acknowledged('blob').map(({ id }) => id))
    await steward.kill()
    await steward.start(directory, { env: { LATER: String(NOTICE) } })
    await steward.win()
    for (let i = 0; i < 5; i++) await steward.send(steward.anOffer(10_000, NOTICE))
    const living = acks.acknowledged('blob').filter(({ id }) => !dead.has(id))
    await steward.kill()
    let struck = 0
    for (let kill = 0; kill < kills; kill++) {
      const site = nemesis.pick(SITES)
      const fault = `${site}:1:kill`
      const env = { LATER: String(OVER), HOLDFAST_TESTING: '1', HOLDFAST_FAULT: fault }
      await steward.start(directory, { env }).catch(() => undefined) // it may die before it says where it is
      const left = async () => (await blobs()).filter((id) => dead.has(id)).length
      await until(async () => steward.child?.process.signalCode !== null || (await left()) === 0, 30_000, fault)
      if (steward.child?.process.signalCode === 'SIGKILL') struck++
      await steward.kill()
      await assertBlobsKept(living, () => directory)
    }
    expect(struck, 'kills at a fault point').to.be.at.least(Math.ceil(kills / 3))
    await steward.start(directory, { env: { LATER: String(OVER) } })
    await until(async () => (await blobs()).length === living.length, 30_000, 'the dead to be gone')
    await assertBlobsKept(living, () => directory)
    for (const sent of steward.signed.slice(-living.length))
      expect(await steward.send(sent), 'the receipt stands, the bytes are there').to.equal(sent.blob.length)
    console.log(`      ${struck} kills, ${dead.size} blobs pruned, ${living.length} living ones kept`)
  })
})
