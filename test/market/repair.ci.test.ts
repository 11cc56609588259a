/**
 * Stewards that vanish for good: exactly what they held is made again with others, by a controller that is killed with -9 at every step of
 * it; the object can be read at every moment, and at the end by whoever has only its capability. reliability.md F80.
 */
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { effort } from '../effort.ts'
import { describeRun, isAlive, killHard, type Line, until } from '../processes.ts'
import { pidOf } from './after-crashes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, type ShareLine, useMarket } from './market.ts'

const STEWARDS = 14
const LOST = 3
const SEGMENTS = 3

describe('market: three stewards of ten are gone for good', function () {
  this.timeout(900_000)
  const market = useMarket(STEWARDS)
  let cap = ''
  let id = ''
  let sha256 = ''
  let before: readonly ShareLine[] = []
  let gone: readonly string[] = []
  const told: string[] = []

  const slot = ({ type, segment, share }: ShareLine) => `${type}/${segment}/${share}`
  const isThere = ({ state }: ShareLine) => state === 'held' || state === 'suspect'
  const dataDirOf = (steward: string) => market().ready.stewards.find((each) => each.id === steward)?.dataDir as string
  const advance = (span: string) =>
    market().run(['devnet', 'advance', span, '--timeout', '120s'], { timeoutMs: 180_000 })

  /** Files below a steward's blobs. */
  async function blobsOf(steward: string): Promise<string[]> {
    const root = join(dataDirOf(steward), 'blobs')
    const folders = await readdir(root)
    return (await Promise.all(folders.map((folder) => readdir(join(root, folder))))).flat().sort()
  }

  /** @returns undefined when the fault point struck before it was ready */
  async function startController(fault?: string): Promise<number | undefined> {
    const old = await pidOf(market(), 'controller').catch(() => undefined)
    if (old !== undefined && isAlive(old)) {
      process.kill(old, 'SIGTERM')
      await until(() => !isAlive(old), 15_000, 'the controller to end')
    }
    const env = fault === undefined ? {} : { HOLDFAST_TESTING: '1', HOLDFAST_FAULT: fault }
    const run = await market().run(['controller', 'start', '--detach'], { env, timeoutMs: 60_000 })
    if (run.code === 0) return pidOf(market(), 'controller')
    if (fault === undefined) throw new Error(describeRun(run))
    return undefined
  }

  /** Reads again and again until told to stop; every read must succeed. @returns how many there were */
  function keepReading(): () => Promise<number> {
    let isOver = false
    const loop = (async () => {
      let reads = 0
      for (; !isOver; reads++) {
        const out = market().sandbox.path('while-repaired')
        await market().ok(['get', cap, '-o', out, '--overwrite', 'always'], { timeoutMs: 120_000 })
        expect(await hashFile(out)).to.equal(sha256)
      }
      return reads
    })()
    loop.catch(() => {}) // told by whoever stops it
    return () => {
      isOver = true
      return loop
    }
  }

  it('notices them, and knows which blobs are missing', async () => {
    const file = await market().file('kept', 900_000)
    sha256 = file.sha256
    ;({ id, cap } = await market().put(file.path, '--segment-size', '300000'))
    before = await market().shares(id)
    expect(before).to.have.length(10 * (SEGMENTS + 1))
    gone = before
      .filter(({ type, segment, share }) => type === 'share' && segment === 0 && share % 4 === 1)
      .map(({ steward }) => steward)
    expect(gone).to.have.length(LOST)
    for (const steward of gone) await killHard(await pidOf(market(), 'steward', steward))
    // all three are suspects before the last step, so that the controller that is killed finds the whole of it
    await market().ok(['devnet', 'advance', '6d'], { timeoutMs: 300_000 })
    const now = await market().shares(id)
    const suspects = now.filter(({ state }) => state === 'suspect')
    expect(new Set(suspects.map(({ steward }) => steward))).to.deep.equal(new Set(gone))
    const { last } = await market().ok(['repair', id, '--dry-run'])
    expect(last, 'suspects are confirmed shares').to.include({ command: 'repair', blobs: 0, ordered: false })
  })

  it('makes them again although the controller is killed at every step, and can be read all the while', async () => {
    const stopReading = keepReading()
    // begun, awarded; then for each part: fetched, placed but not booked, booked
    const visits = [1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5].slice(0, effort(10, 10, 14))
    const startFaulty = (visit: number | undefined) =>
      startController(visit === undefined ? undefined : `repair:${visit}:kill`)
    let kills = 0
    let pid = await startFaulty(visits[0])
    for (let days = 0; days < 40; days++) {
      const lines = await market()
        .shares(id)
        .catch(() => [])
      if (kills === visits.length && lines.length === before.length && lines.every(({ state }) => state === 'held'))
        break
      const run = pid === undefined ? undefined : await advance('1d')
      if (pid === undefined || !isAlive(pid)) {
        told.push(`killed at visit ${visits[kills]}`)
        pid = await startFaulty(visits[++kills])
      } else expect(run?.code, run?.stdout).to.equal(0)
    }
    const reads = await stopReading()
    expect(reads).to.be.above(0)
    expect(kills, 'kills').to.equal(visits.length)
    told.push(`${reads} reads while it was repaired`)
  })

  it('wrote exactly the lost shares and copies, once, each with somebody who had none of the object', async () => {
    const after = await market().shares(id)
    expect(after).to.have.length(before.length)
    const old = new Map(before.map((line) => [slot(line), line]))
    const fresh = after.filter((line) => line.blobId !== old.get(slot(line))?.blobId)
    expect(fresh.map(slot).sort()).to.deep.equal(
      before
        .filter(({ steward }) => gone.includes(steward))
        .map(slot)
        .sort(),
    )
    const taker = new Set(fresh.map(({ steward }) => steward))
    expect(taker.size).to.equal(LOST)
    for (const { steward } of before) expect(taker.has(steward), 'had a share').to.equal(false)
    for (const steward of taker) {
      const own = fresh.filter((line) => line.steward === steward)
      // no orphan: nothing on disk beside what the ledger knows
      expect(await blobsOf(steward)).to.deep.equal(own.map(({ blobId }) => blobId).sort())
      expect(new Set(own.map(({ share }) => share)).size, 'one share a steward').to.equal(1)
    }
    const { adverts } = await marketLogs(market())
    expect(adverts, 'one advert for the put, one for the repair').to.have.length(2)
    const history = await market().shares(id, '--history')
    expect(history.filter((line) => !isThere(line)).map(({ state }) => state)).to.deep.equal(
      Array.from({ length: LOST * (SEGMENTS + 1) }, () => 'ended'),
    )
  })

  it('is found from the capability alone, on another machine, with every index restarted', async () => {
    const index = (await readdir(join(market().home, 'run'))).find((name) => name.startsWith('index-')) as string
    const { pid } = JSON.parse(await readFile(join(market().home, 'run', index), 'utf8')) as { pid: number }
    await killHard(pid)
    const indexId = index.slice('index-'.length, -'.json'.length)
    await market().ok(['pool', 'index', 'start', '--id', indexId, '--detach'], { timeoutMs: 60_000 })
    // only the repaired shares are left: the manifest names none of them
    const originals = new Set(before.map(({ steward }) => steward))
    for (const steward of originals)
      if (!gone.includes(steward)) await killHard(await pidOf(market(), 'steward', steward))
    const other = market().sandbox.path('other')
    await mkdir(other)
    await cp(join(market().home, 'deployment.json'), join(other, 'deployment.json'))
    const out = market().sandbox.path('from-cap')
    const { last } = await market().sandbox.ok(
      ['get', cap, '-o', out, '--overwrite', 'always', '--home', other, '--json'],
      { timeoutMs: 120_000 },
    )
    expect(await hashFile(out)).to.equal(sha256)
    expect((last as Line & { holders?: unknown }).type).to.equal('summary')
  })

  after(() => {
    for (const line of told) console.log(`      ${line}`)
  })
})
