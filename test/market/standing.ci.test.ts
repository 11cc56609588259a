/**
 * Verdicts and lost indexes in a market of real processes: two of ten stewards are banned at once, and the object stays readable while its shares
 * are made again with the two others; a standing that is restored stops a repair that is not needed; every index is gone for a month, and
 * nobody is worse off. pool.md; protocol.md §8.
 */
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { killHard, type Line, until } from '../processes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, type ShareLine, useMarket } from './market.ts'
import { setStandings } from './registrar-acts.ts'

const STEWARDS = 12

describe('market: verdicts and lost indexes', function () {
  this.timeout(900_000)
  const market = useMarket(STEWARDS)
  let id = ''
  let cap = ''
  let sha256 = ''
  let before: readonly ShareLine[] = []
  let banned: readonly string[] = []
  const told: string[] = []

  const slot = ({ type, segment, share }: ShareLine) => `${type}/${segment}/${share}`
  const holdersOf = (lines: readonly ShareLine[]) => new Set(lines.map(({ steward }) => steward))
  const advance = (span: string) =>
    market().ok(['devnet', 'advance', span, '--timeout', '300s'], { timeoutMs: 320_000 })
  async function reads(what = id, ...more: readonly string[]): Promise<Line> {
    const out = market().sandbox.path('read')
    const { last } = await market().ok(['get', what, '-o', out, '--overwrite', 'always', ...more], {
      timeoutMs: 120_000,
    })
    expect(await hashFile(out)).to.equal(sha256)
    return last
  }
  const isWhole = (lines: readonly ShareLine[]) =>
    lines.length === before.length && lines.every(({ state, standing }) => state === 'held' && standing === undefined)

  /** Reads again and again until told to stop; every read must succeed. @returns how many there were */
  function keepReading(): () => Promise<number> {
    let isOver = false
    const loop = (async () => {
      let count = 0
      for (; !isOver; count++) await reads()
      return count
    })()
    loop.catch(() => {}) // told by whoever stops it
    return () => {
      isOver = true
      return loop
    }
  }

  it('stores and fetches over plain endpoints', async () => {
    await market().up('--indexes', '2')
    const file = await market().file('kept', 900_000)
    sha256 = file.sha256
    ;({ id, cap } = await market().put(file.path, '--segment-size', '450000', '--bulk', 'plain'))
    before = await market().shares(id)
    expect(before).to.have.length(10 * 3)
    await reads(id, '--bulk', 'plain')
    await reads()
  })

  it('makes the shares of two banned stewards again with others, and can be read all the while', async () => {
    banned = [...holdersOf(before)].slice(2, 4)
    // while the controller stands still nothing is repaired, so these are read without the banned; by the capability, which asks no controller
    const { pid } = market().ready.controller
    process.kill(pid, 'SIGSTOP')
    try {
      await setStandings(market(), banned, 'banned')
      const good = [...holdersOf(before)].filter((steward) => !banned.includes(steward))
      for (const more of [[], ['--bulk', 'plain']]) {
        const { holders } = await reads(cap, ...more)
        expect(holders, 'who gave it').to.be.an('array').that.is.not.empty
        expect(good).to.include.members(holders as string[])
      }
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    const stopReading = keepReading()
    let seen: readonly ShareLine[] = []
    await until(
      async () => {
        const lines = await market().shares(id)
        const outcast = lines.filter(({ standing }) => standing !== undefined)
        if (seen.length === 0) seen = outcast
        return isWhole(lines) && !lines.some(({ steward }) => banned.includes(steward))
      },
      180_000,
      'the shares of banned stewards made again',
    )
    const count = await stopReading()
    expect(count).to.be.above(0)
    await reads()
    told.push(`2 reads before it was repaired, ${count} meanwhile`)
    // a quick repair is over before the first look
    for (const { steward, standing, note } of seen) {
      expect(banned).to.include(steward)
      expect(standing).to.equal('banned')
      expect(note).to.match(/its steward is banned/)
    }
    const after = await market().shares(id)
    for (const lines of Map.groupBy(after, ({ type, segment }) => `${type}/${segment}`).values())
      expect(holdersOf(lines).size, 'ten stewards in good standing for each segment').to.equal(10)
    const old = new Map(before.map((line) => [slot(line), line]))
    const fresh = after.filter((line) => line.blobId !== old.get(slot(line))?.blobId)
    expect(fresh.map(slot).sort()).to.deep.equal(
      before
        .filter(({ steward }) => banned.includes(steward))
        .map(slot)
        .sort(),
    )
    const takers = holdersOf(fresh)
    expect(takers.size).to.equal(2)
    for (const taker of takers) expect(holdersOf(before).has(taker), 'newcomers').to.equal(false)
    const { adverts } = await marketLogs(market())
    expect(adverts, 'one advert for the put, one for the repair').to.have.length(2)
  })

  it('stops repairing when the standing is restored, and calls nothing lost meanwhile', async () => {
    const two = [...holdersOf(await market().shares(id))].slice(0, 2)
    await setStandings(market(), two, 'violation')
    await until(
      async () => (await market().shares(id)).filter(({ standing }) => standing === 'violation').length === 6,
      60_000,
      'six shares with stewards in violation',
    )
    await reads()
    await setStandings(market(), two, 'compliant')
    await until(async () => isWhole(await market().shares(id)), 60_000, 'all of them in good standing again')
    await advance('2d')
    expect(isWhole(await market().shares(id))).to.equal(true)
    const { adverts } = await marketLogs(market())
    expect(adverts, 'nobody was left to take a share, so no advert was paid, and none since').to.have.length(2)
  })

  it('loses every index for a month: still served, checked and paid; and they come back by being started', async () => {
    const names = (await readdir(join(market().home, 'run'))).filter((name) => name.startsWith('index-'))
    expect(names).to.have.length(2)
    const pids = await Promise.all(
      names.map(
        async (name) => (JSON.parse(await readFile(join(market().home, 'run', name), 'utf8')) as { pid: number }).pid,
      ),
    )
    for (const pid of pids) await killHard(pid)
    const { swept: sweptBefore } = await marketLogs(market())
    const checks = (lines: readonly ShareLine[]) => Math.min(...lines.map(({ checksDone }) => checksDone))
    const checkedBefore = checks(await market().shares(id))
    await advance('30d')
    const lines = await market().shares(id)
    expect(isWhole(lines)).to.equal(true)
    expect(checks(lines)).to.be.above(checkedBefore)
    const { swept, revoked } = await marketLogs(market())
    expect(swept.length).to.be.above(sweptBefore.length)
    expect(revoked, 'nothing was missed').to.have.length(0)
    await reads()
    // a new object is placed and read without any index, too
    const file = await market().file('meanwhile', 100_000)
    const { id: other } = await market().put(file.path)
    const out = market().sandbox.path('meanwhile-read')
    await market().ok(['get', other, '-o', out, '--overwrite', 'always'], { timeoutMs: 120_000 })
    expect(await hashFile(out)).to.equal(file.sha256)

    await market().up('--indexes', '2')
    const home = market().sandbox.path('elsewhere')
    await mkdir(home)
    await cp(join(market().home, 'deployment.json'), join(home, 'deployment.json'))
    await until(
      async () => {
        const run = await market().sandbox.run(
          ['get', cap, '-o', market().sandbox.path('from-cap'), '--overwrite', 'always', '--home', home, '--json'],
          { timeoutMs: 120_000 },
        )
        return run.code === 0
      },
      60_000,
      'stewards to have told the indexes what they hold',
    )
    expect(await hashFile(market().sandbox.path('from-cap'))).to.equal(sha256)
  })

  after(() => {
    for (const line of told) console.log(`      ${line}`)
  })
})
