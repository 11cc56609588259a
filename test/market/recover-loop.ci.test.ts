/**
 * Put and lose, again and again: files are put, the controller is killed with -9 at a random moment of its backup and started again, then the
 * whole machine is lost and recovered from the words into a new home. Nothing that a backup has ever covered is missing afterwards, and nothing is
 * asked or paid twice. Ten minutes in the slow tier. HOLDFAST_SEED=n repeats a run's choices.
 */
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { effort } from '../effort.ts'
import { killHard, type Line, until } from '../processes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, useMarket } from './market.ts'

const SEED = Number(process.env.HOLDFAST_SEED ?? (Date.now() ^ process.pid) >>> 0)
/** Seconds that rounds go on being begun, and rounds at least. */
const LASTS = effort(0, 20, 600)
const ROUNDS = 2

/** mulberry32: numbers in [0, 1) that the seed decides. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe(`market: put and recover in a loop (HOLDFAST_SEED=${SEED})`, function () {
  this.timeout(effort(240, 400, 1800) * 1000)
  const market = useMarket(4, { backup: 'on' })
  const random = randomOf(SEED)
  const stored: { readonly id: string; readonly sha256: string }[] = []

  const at = (home: string, ...args: readonly string[]) =>
    market().sandbox.ok([...args, '--home', home, '--json'], { timeoutMs: 300_000 })
  const controllerOf = async (home: string) =>
    (JSON.parse(await readFile(join(home, 'run', 'controller.json'), 'utf8')) as { pid: number }).pid

  it('loses nothing', async () => {
    const words = market().sandbox.path('words')
    await copyFile(join(market().home, 'controller', 'words.txt'), words)
    const { rpc, contracts } = market().ready
    const ends = performance.now() + LASTS * 1000
    let home = market().home
    let rounds = 0
    for (; rounds < ROUNDS || performance.now() < ends; rounds++) {
      for (let i = 0; i < 1 + Math.floor(2 * random()); i++) {
        const { path, sha256 } = await market().file(`file-${rounds}-${i}`, Math.floor(50_000 * random()))
        const { last } = await at(home, 'put', path, '--yes', '--code', '2/4')
        stored.push({ id: (last as Line & { id: string }).id, sha256 })
      }
      // somewhere between the put and the end of its backup
      await new Promise((resolve) => setTimeout(resolve, 3_000 * random()))
      await killHard(await controllerOf(home))
      await at(home, 'controller', 'start', '--detach')
      await until(
        async () => {
          const { last } = await at(home, 'controller', 'status')
          return (last['backup'] as { state: string }).state === 'done'
        },
        120_000,
        'a backup of everything',
      )
      if (random() < 0.5) await at(home, 'devnet', 'advance', '3d', '--with', market().home)
      await killHard(await controllerOf(home))
      for (const gone of ['controller', 'keystore.json', 'dev-passphrase', 'puts', 'run/controller.json'])
        await rm(join(home, gone), { recursive: true, force: true })

      const next = market().sandbox.path(`home-${rounds}`)
      const args = ['--words-file', words, '--rpc', rpc, '--market', contracts.market as string, '--yes']
      const { last } = await at(next, 'recover', ...args)
      expect(last, `round ${rounds}`).to.include({ objects: stored.length, placements: 8 * stored.length })
      home = next
      await at(home, 'controller', 'start', '--detach')
      const { id, sha256 } = stored[Math.floor(random() * stored.length)] as (typeof stored)[number]
      const out = market().sandbox.path(`out-${rounds}`)
      await at(home, 'get', id, '-o', out)
      expect(await hashFile(out)).to.equal(sha256)
    }
    await at(home, 'devnet', 'advance', '20d', '--with', market().home)
    for (const { id, sha256 } of stored) {
      const out = market().sandbox.path(`end-${id.slice(0, 16)}`)
      await at(home, 'get', id, '-o', out)
      expect(await hashFile(out)).to.equal(sha256)
    }
    const { posted, swept, revoked } = await marketLogs(market())
    const rows = posted.flatMap(({ challenges }) => challenges.map(({ blobId, nonce }) => `${blobId}/${nonce}`))
    expect(new Set(posted.map(({ id }) => id)).size, 'bounties once').to.equal(posted.length)
    expect(new Set(rows).size, 'rows once').to.equal(rows.length)
    expect(revoked, 'revoked').to.have.length(0)
    expect(new Set(swept.map(({ id }) => id)), 'all swept').to.deep.equal(new Set(posted.map(({ id }) => id)))
    console.log(`      ${rounds} losses, ${stored.length} objects, ${posted.length} bounties`)
  })
})
