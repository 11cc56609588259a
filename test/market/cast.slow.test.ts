/**
 * A market of fourteen stewards, six of them with a vice, and four uploaders, three of them with a vice, over fifty-two days: who was paid,
 * who paid for nothing, who lost what. Honest peers stand beside each of them, in the same market and for the same days.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { ROOM_BLOBS } from '../cast/overbooked-steward.ts'
import { PARTNERS } from '../cast/partners.ts'
import { show } from '../cast/show.ts'
import { killHard, type Line } from '../processes.ts'
import { type AnotherUploader, advanceAll, openAnotherUploader } from './another-uploader.ts'
import { type BountyEvent, marketLogs, type PostedEvent } from './chain-log.ts'
import { hashFile, useMarket } from './market.ts'

const programOf = (name: string) => fileURLToPath(new URL(`../cast/${name}.ts`, import.meta.url))
const VILLAINS = [
  'copying-steward',
  'wrong-bytes-steward',
  'throttling-steward',
  'late-steward',
  'overbooked-steward',
  'releasing-steward',
] as const
type Villain = (typeof VILLAINS)[number]
/** Objects of the honest uploader. */
const OBJECTS = 3
const DAYS = 52
const HOUR = 3_600
const sum = (events: readonly BountyEvent[]) => events.reduce((total, { amount }) => total + amount, 0n)

describe('market: six of fourteen stewards and three of four uploaders have a vice', function () {
  this.timeout(1_000_000)
  const market = useMarket(14)
  const idOf = {} as Record<Villain, string>
  const honest = () => market().ready.stewards.slice(VILLAINS.length)
  const objects: { id: string; path: string; sha256: string }[] = []
  const uploaders = {} as Record<'silent' | 'bogus' | 'withholding', AnotherUploader>

  before(async function () {
    this.timeout(300_000)
    const { ready, home, sandbox } = market()
    for (const [at, name] of VILLAINS.entries()) {
      const { id, pid, dataDir } = ready.stewards[at] as (typeof ready.stewards)[number]
      idOf[name] = id
      await killHard(pid)
      await writeFile(join(dataDir, PARTNERS), honest()[0]?.dataDir as string)
      const args = [programOf(name), 'steward', 'start', '--id', id, '--home', home, '--json', '--no-input']
      await sandbox.start(args, { program: process.execPath }).line(({ type }) => type === 'ready', 120_000)
    }
    for (const name of ['silent', 'bogus', 'withholding'] as const)
      uploaders[name] = await openAnotherUploader(
        market(),
        `home-${name}`,
        programOf(name === 'bogus' ? 'bogus-bounty-uploader' : `${name}-uploader`),
      )
  })

  it('OverbookedSteward takes what fits its disk; the lots it cannot take go to the runner-up, and every put is complete', async () => {
    let troubles = 0
    for (let i = 0; i < OBJECTS; i++) {
      const { path, sha256 } = await market().file(`object-${i}`, 300_000)
      const { lines } = await market().ok(['put', path, '--yes', '--show-cap', '--code', '3/13'], {
        timeoutMs: 300_000,
      })
      const last = lines.at(-1) as Line & { id: string }
      objects.push({ id: last.id, path, sha256 })
      troubles += lines.filter(
        ({ type, steward }) => type === 'trouble' && steward === idOf['overbooked-steward'],
      ).length
    }
    expect(troubles, 'lots it won and could not take').to.be.at.least(1)
    const all = (await Promise.all(objects.map(({ id }) => market().shares(id)))).flat()
    const heldBy = (id: string) => all.filter(({ steward, state }) => steward === id && state === 'held').length
    expect(heldBy(idOf['overbooked-steward'])).to.equal(ROOM_BLOBS)
    const most = 2 * OBJECTS
    const peers = honest().reduce((total, { id }) => total + heldBy(id), 0) / honest().length
    show('OverbookedSteward', {
      gain: (100 * heldBy(idOf['overbooked-steward'])) / most,
      peer: (100 * peers) / most,
      loss: 26 * OBJECTS - all.filter(({ state }) => state === 'held').length,
    })
  })

  it('three uploaders put, too: one will never post, one posts keys that no bytes give, one keeps its dockets back', async () => {
    for (const name of ['silent', 'bogus'] as const)
      await uploaders[name].put((await market().file(name, 30_000)).path, '--code', '2/6')
    // ten segments are eleven blobs with each of five stewards: too many for a note
    const { path } = await market().file('withheld', 10 * 65_536)
    await uploaders.withholding.put(path, '--code', '2/5', '--segment-size', '64K')
  })

  it('WrongBytesSteward and ThrottlingSteward are read around: every byte is right', async () => {
    for (const { id, sha256 } of objects) {
      const out = market().sandbox.path('read')
      await market().ok(['get', id, '-o', out, '--overwrite', 'always'])
      expect(await hashFile(out)).to.equal(sha256)
    }
  })

  it(`passes ${DAYS} days, in which SilentUploader posts nothing and nobody is paid by BogusBountyUploader`, async () => {
    const homes = Object.values(uploaders).map(({ home }) => home)
    await advanceAll(market(), homes, DAYS, 800_000)
    const { posted, swept } = await marketLogs(market())
    const paid = new Set(swept.map(({ id }) => id))
    const of = ({ account }: AnotherUploader) => posted.filter(({ poster }) => poster === account)
    expect(of(uploaders.silent)).to.have.length(0)
    expect(of(uploaders.bogus).length).to.be.at.least(1)
    expect(of(uploaders.bogus).filter(({ id }) => paid.has(id))).to.have.length(0)
  })

  it(`in ${DAYS} days CopyingSteward is paid nothing, LateSteward and its honest peers everything`, async () => {
    const { posted, swept, revoked } = await marketLogs(market())
    const villains = new Set(Object.values(uploaders).map(({ account }) => account as string))
    const paid = new Set(swept.map(({ id }) => id))
    const amounts = (id: string, fits: (event: PostedEvent) => boolean = () => true) =>
      sum(posted.filter((event) => event.steward === id && !villains.has(event.poster) && fits(event)))
    const percentOf = (id: string) => Number((10_000n * amounts(id, (event) => paid.has(event.id))) / amounts(id)) / 100
    const peer = Math.min(...honest().map(({ id }) => percentOf(id)))
    const copying = idOf['copying-steward']
    const gained = amounts(copying, (event) => paid.has(event.id))
    show('CopyingSteward', { gain: percentOf(copying), peer, loss: Number(gained) })
    const shares = (await Promise.all(objects.map(({ id }) => market().shares(id)))).flat()
    expect(new Set(shares.filter(({ steward }) => steward === copying).map(({ state }) => state))).to.deep.equal(
      new Set(['mia']),
    )
    show('LateSteward, in time', { gain: percentOf(idOf['late-steward']), peer })
    const late = posted.filter(({ steward, poster }) => steward === idOf['late-steward'] && !villains.has(poster))
    expect(sum(revoked.filter(({ id }) => late.some((event) => event.id === id)))).to.equal(0n)
  })

  it('ReleasingSteward gives back what it holds: the blob it disowns is taken from it, the rest is paid, nobody else is worse off', async () => {
    const id = idOf['releasing-steward']
    const { posted, swept, revoked } = await marketLogs(market())
    const villains = new Set(Object.values(uploaders).map(({ account }) => account as string))
    const own = posted.filter(({ steward, poster }) => steward === id && !villains.has(poster))
    const released = own.filter((event) => revoked.some((one) => one.id === event.id))
    expect(released.length, 'released bounties').to.be.at.least(1)
    const hours = released.map(({ id, time }) => ((revoked.find((one) => one.id === id)?.time as number) - time) / HOUR)
    expect(Math.max(...hours), 'hours until the money was back, of 72').to.be.below(48)
    const shares = (await Promise.all(objects.map((object) => market().shares(object.id)))).flat()
    const heldBy = (who: string) => {
      const all = shares.filter(({ steward }) => steward === who)
      return (100 * all.filter(({ state }) => state === 'held').length) / all.length
    }
    show('ReleasingSteward', {
      gain: heldBy(id),
      peer: Math.min(...honest().map((peer) => heldBy(peer.id))),
      loss: Number(sum(swept.filter((event) => released.some((one) => one.id === event.id)))),
    })
  })

  it('WithholdingUploader posts and hands over nothing: its stewards lose each round that it withholds, and it its proofs', async () => {
    const { posted, swept, revoked } = await marketLogs(market())
    const { account } = uploaders.withholding
    const ids = new Set(honest().map(({ id }) => id))
    const own = posted.filter(({ poster, steward }) => poster === account && ids.has(steward))
    const [paid, back] = [new Set(swept.map(({ id }) => id)), new Set(revoked.map(({ id }) => id))]
    const withheld = own.filter(({ challenges }) => challenges.length === 0)
    expect(withheld.length).to.be.at.least(1)
    expect(
      withheld.filter(({ id }) => paid.has(id)),
      'swept without a docket',
    ).to.have.length(0)
    // what it asks in a note is answered like anything
    const noted = own.filter(({ id, challenges }) => challenges.length > 0 && (paid.has(id) || back.has(id)))
    expect(noted.filter(({ id }) => back.has(id))).to.have.length(0)
    const lost = sum(own.filter(({ id }) => back.has(id)))
    const rent = lost + sum(own.filter(({ id }) => paid.has(id)))
    show('WithholdingUploader', {
      gain: Number((100n * lost) / rent),
      peer: 0,
      loss: Number((100n * lost) / rent),
    })
  })

  it('still has what the honest uploader stored, and reads it', async () => {
    for (const { id, sha256 } of objects) {
      const out = market().sandbox.path('later')
      await market().ok(['get', id, '-o', out, '--overwrite', 'always'])
      expect(await hashFile(out)).to.equal(sha256)
    }
  })
})
