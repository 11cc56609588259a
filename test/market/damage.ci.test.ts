/**
 * F17, F18 and F19 in a whole market: each of seven stewards has one file damaged behind its back, in seven ways. The damage is found when the
 * blobs are asked for, the bounties are given back before their deadline and posted again for what is sound, and only what is lost goes unpaid.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { isAlive, killHard, until } from '../processes.ts'
import { DAMAGES, fileOf, flipBit } from '../steward/damage.ts'
import { type BountyEvent, marketLogs } from './chain-log.ts'
import { hashFile, type Ready, type ShareLine, useMarket } from './market.ts'

const OBJECTS = 5

describe('market: files rot behind the backs of seven of ten stewards', function () {
  this.timeout(600_000)
  const market = useMarket(10)
  const objects: { id: string; path: string; sha256: string }[] = []
  let lost: { readonly name: string; readonly line: ShareLine; readonly dataDir: string }[] = []
  const lines = async () => (await Promise.all(objects.map(({ id }) => market().shares(id)))).flat()
  const isLost = ({ blobId }: ShareLine) => lost.some(({ line }) => line.blobId === blobId)

  it('stores five objects, ten blobs with each steward: too many for a note', async () => {
    for (let i = 0; i < OBJECTS; i++) {
      const { path, sha256 } = await market().file(`rotting-${i}`, 30_000 + i)
      objects.push({ path, sha256, ...(await market().put(path)) })
    }
    await market().ok(['devnet', 'advance', '3d'], { timeoutMs: 300_000 })
    expect((await lines()).every(({ state }) => state === 'held')).to.equal(true)
  })

  it('one file of each of seven stewards is damaged: at most one share and one copy of an object', async () => {
    const all = await lines()
    lost = Object.entries(DAMAGES).map(([name], i) => {
      const { id, dataDir } = market().ready.stewards[i] as Ready['stewards'][number]
      const wanted = all.filter(({ steward, type }) => steward === id && type === (i < OBJECTS ? 'share' : 'copy'))
      expect(wanted).to.have.length(OBJECTS)
      return { name, line: wanted[i % OBJECTS] as ShareLine, dataDir }
    })
    for (const { name, line, dataDir } of lost) await DAMAGES[name]?.(fileOf(dataDir, line.blobId))
  })

  it('finds it at the next check, gives the bounties back in time, and is paid for the rest over the same rows', async () => {
    const before = await marketLogs(market())
    await market().ok(['devnet', 'advance', '12d'], { timeoutMs: 500_000 })
    const after = await marketLogs(market())
    const since = (events: readonly BountyEvent[], old: readonly BountyEvent[]) =>
      events.filter(({ id }) => !old.some((event) => event.id === id))
    const posted = since(after.posted, before.posted)
    const [swept, revoked] = [since(after.swept, before.swept), since(after.revoked, before.revoked)]
    for (const [i, { id }] of market().ready.stewards.entries()) {
      const own = posted.filter(({ steward }) => steward === id)
      const name = lost[i]?.name ?? 'sound'
      const [first, again] = own as [BountyEvent, BountyEvent]
      expect(own, name).to.have.length(i < lost.length ? 2 : 1)
      const back = revoked.filter((event) => own.some((bounty) => bounty.id === event.id))
      expect(
        back.map((event) => event.id),
        name,
      ).to.deep.equal(i < lost.length ? [first.id] : [])
      const paid = swept.filter((event) => own.some((bounty) => bounty.id === event.id))
      expect(
        paid.map((event) => event.id),
        name,
      ).to.deep.equal([i < lost.length ? again.id : first.id])
      if (i >= lost.length) continue
      expect((back[0] as BountyEvent).time - first.time, `${name}: hours until it is taken back`).to.be.within(
        6 * 3600,
        20 * 3600,
      )
      // a share is some 10,000 bytes of five, a copy far less
      const part = Number(again.amount) / Number(first.amount)
      expect(part, `${name}: pay for the rest`).to.be.within(0.75, 0.999)
    }
    expect(after.deposited - after.withdrawn - after.advertFees * 10n ** 9n).to.equal(after.balances)
  })

  it('what is lost is MIA, what shared its docket is held, and the daemons live', async () => {
    for (const line of await lines()) expect(line.state, line.blobId).to.equal(isLost(line) ? 'mia' : 'held')
    for (const { id, pid } of market().ready.stewards) expect(isAlive(pid), id).to.equal(true)
    for (const { name, line, dataDir } of lost) {
      const { reason } = JSON.parse(await readFile(join(dataDir, 'quarantine', `${line.blobId}.json`), 'utf8'))
      expect(reason, name).to.be.a('string')
      expect((await readdir(join(dataDir, 'quarantine'))).includes(line.blobId), name).to.equal(name !== 'deleted')
      const { last } = await market().ok(['steward', 'status', '--id', line.steward])
      const { releases, placements } = last.lost as { releases: { lost: number; rest: number }[]; placements: number }
      expect(releases, name).to.have.length(1)
      expect(releases[0], name).to.deep.include({ lost: 1, rest: 2 * OBJECTS - 1 })
      expect(placements, `${name}: its placement ended when the uploader knew`).to.equal(0)
    }
  })

  it('every object comes back, and the next month is as any other', async () => {
    for (const { id, sha256 } of objects) {
      const out = market().sandbox.path(`out-${id.slice(0, 8)}`)
      await market().ok(['get', id, '-o', out, '--overwrite', 'always'])
      expect(await hashFile(out)).to.equal(sha256)
    }
    const before = await marketLogs(market())
    await market().ok(['devnet', 'advance', '35d'], { timeoutMs: 500_000 })
    const after = await marketLogs(market())
    expect(after.revoked.length, 'revoked').to.equal(before.revoked.length)
    expect(after.posted.length - before.posted.length, 'a check or two of each steward').to.be.within(10, 30)
    for (const line of await lines()) expect(line.state, line.blobId).to.equal(isLost(line) ? 'mia' : 'held')
  })

  it('`steward check` finds it, too: asked of a daemon, and without one', async () => {
    const all = await lines()
    const [there, here] = market().ready.stewards.slice(8) as [Ready['stewards'][number], Ready['stewards'][number]]
    const check = async ({ id }: { id: string }) => {
      const { code, last, lines: said } = await market().run(['steward', 'check', '--id', id])
      return { code, last, lost: said.filter(({ type }) => type === 'lost').map(({ blobId }) => blobId) }
    }
    const damage = async ({ id, dataDir }: { id: string; dataDir: string }) => {
      const line = all.find(({ steward, state }) => steward === id && state === 'held') as ShareLine
      await flipBit(fileOf(dataDir, line.blobId), 40)
      return line.blobId
    }
    const sound = await check(there)
    expect(sound).to.deep.include({ code: 0, lost: [] })
    expect(sound.last).to.include({ isOffline: false, blobs: 2 * OBJECTS, whole: 2 * OBJECTS })
    const first = await damage(there)
    expect(await check(there)).to.deep.include({ code: 20, lost: [first] })

    await killHard(here.pid)
    const second = await damage(here)
    const found = await check(here)
    expect(found).to.deep.include({ code: 20, lost: [second] })
    expect(found.last).to.include({ isOffline: true, lostCount: 1 })
    await market().ok(['steward', 'start', '--id', here.id, '--detach'], { timeoutMs: 60_000 })
    await until(
      async () => {
        const { last } = await market().ok(['steward', 'status', '--id', here.id])
        return (last.lost as { blobs: { blobId: string }[] }).blobs.some(({ blobId }) => blobId === second)
      },
      30_000,
      'the restarted steward to miss it',
    )
  })
})
