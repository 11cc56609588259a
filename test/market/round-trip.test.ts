/** A file goes in and comes back: sizes, the capability alone, dead stewards, restarts. One market of ten stewards. */

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { effort } from '../effort.ts'
import { killHard } from '../processes.ts'
import { hashFile, keptBlob, useMarket } from './market.ts'

const SEGMENT = 24 * 2 ** 20

describe('market: a file goes in and comes back', function () {
  this.timeout(600_000)
  const market = useMarket(10)
  let kept: { id: string; cap: string; sha256: string }

  for (const size of [
    0,
    1,
    ...(effort(1, 2) > 1 ? [SEGMENT - 1, SEGMENT] : []),
    SEGMENT + 1,
    ...(effort(1, 2) > 1 ? [100 * 2 ** 20] : []),
  ])
    it(`gives ${size} bytes back bit for bit, by id`, async () => {
      const { path, sha256 } = await market().file(`in-${size}`, size)
      const { id, cap, bytes, blobs } = await market().put(path)
      const segments = Math.max(1, Math.ceil(size / SEGMENT))
      expect(bytes).to.equal(size)
      expect(blobs).to.equal(segments * 10 + 10)
      const out = market().sandbox.path(`out-${size}`)
      await market().ok(['get', id, '-o', out, '--overwrite', 'always'])
      expect(await hashFile(out)).to.equal(sha256)
      kept = { id, cap, sha256 }
    })

  it('places one share of a segment and one copy with each steward, as files named by their hash', async () => {
    const lines = await market().shares(kept.id)
    expect(lines.filter(({ type }) => type === 'copy')).to.have.length(10)
    const first = lines.filter(({ type, segment }) => type === 'share' && segment === 0)
    expect(new Set(first.map(({ steward }) => steward)).size).to.equal(10)
    expect(lines.every(({ state }) => state === 'held')).to.equal(true)
    for (const { steward, blobId } of lines) {
      const dataDir = market().ready.stewards.find(({ id }) => id === steward)?.dataDir as string
      const bytes = await keptBlob(dataDir, blobId)
      expect(createHash('sha256').update(bytes).digest('hex')).to.equal(blobId)
    }
  })

  it('gives it back from the capability alone, in a home that knows only the deployment', async () => {
    const other = market().sandbox.path('other')
    await mkdir(other)
    await cp(join(market().home, 'deployment.json'), join(other, 'deployment.json'))
    const out = market().sandbox.path('from-cap')
    await market().sandbox.ok(['get', kept.cap, '-o', out, '--overwrite', 'always', '--home', other, '--json'], {
      timeoutMs: 120_000,
    })
    expect(await hashFile(out)).to.equal(kept.sha256)
  })

  it('stores an unchanged file again for nothing, and says so', async () => {
    const again = await market().put(market().sandbox.path(`in-${SEGMENT + 1}`))
    const listed = await market().ok(['ls'])
    expect(again.id).to.match(/^[0-9a-f]{64}$/)
    expect(listed.lines.filter(({ id }) => id === again.id)).to.have.length(1)
  })

  it('reads with seven of ten stewards killed, fails clearly with eight, and leaves no partial file', async () => {
    const { stewards } = market().ready
    for (const { pid } of stewards.slice(0, 7)) await killHard(pid)
    const out = market().sandbox.path('from-three')
    await market().ok(['get', kept.id, '-o', out, '--overwrite', 'always'], { timeoutMs: 120_000 })
    expect(await hashFile(out)).to.equal(kept.sha256)

    await killHard(stewards[7]?.pid as number)
    const none = market().sandbox.path('from-two')
    const failed = await market().run(['get', kept.id, '-o', none, '--overwrite', 'always', '--timeout', '60s'], {
      timeoutMs: 90_000,
    })
    expect(failed.code).to.equal(5)
    expect(failed.last).to.include({ type: 'error', exit: 5 })
    expect(failed.last.fix).to.be.a('string').that.is.not.empty
    expect(existsSync(none)).to.equal(false)
    expect((await readdir(market().sandbox.dir)).filter((name) => name.includes('from-two'))).to.deep.equal([])
  })

  it('brings a killed steward back with one command, and `up` brings back the rest', async () => {
    const { stewards } = market().ready
    await market().ok(['steward', 'start', '--id', stewards[0]?.id as string, '--detach'], { timeoutMs: 60_000 })
    const out = market().sandbox.path('from-three-again')
    await market().ok(['get', kept.id, '-o', out, '--overwrite', 'always'], { timeoutMs: 120_000 })
    expect(await hashFile(out)).to.equal(kept.sha256)
    market().ready = await market().up()
    expect(
      market()
        .ready.stewards.map(({ id }) => id)
        .sort(),
    ).to.deep.equal(stewards.map(({ id }) => id).sort())
  })

  it('never prints or keeps the capability where it does not belong', async () => {
    const logs = join(market().home, 'logs')
    for (const name of await readdir(logs)) expect(await readFile(join(logs, name), 'utf8')).to.not.include(kept.cap)
  })
})
