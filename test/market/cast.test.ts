/**
 * A market of ten in which two do not keep what they are paid for: one keeps hash states, one keeps nothing. Forty days later the two have
 * earned nothing, the eight have everything, and the object can be read.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { show } from '../cast/show.ts'
import { effort } from '../effort.ts'
import { killHard } from '../processes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, useMarket } from './market.ts'

const CAST = {
  midstate: fileURLToPath(new URL('../cast/midstate-steward.ts', import.meta.url)),
  forgetful: fileURLToPath(new URL('../cast/forgetful-steward.ts', import.meta.url)),
}

describe('market: two of ten stewards keep nothing', function () {
  this.timeout(600_000)
  const market = useMarket(10)
  const days = effort(36, 60, 365)
  let object: { id: string; path: string; sha256: string }
  let villains: readonly { readonly name: keyof typeof CAST; readonly id: string; readonly dataDir: string }[] = []
  const isVillain = (id: string) => villains.some((villain) => villain.id === id)

  before(async function () {
    this.timeout(120_000)
    const names = Object.keys(CAST) as (keyof typeof CAST)[]
    villains = names.map((name, i) => ({ ...(market().ready.stewards[i] as { id: string; dataDir: string }), name }))
    for (const { name, id } of villains) {
      await killHard(market().ready.stewards.find((steward) => steward.id === id)?.pid as number)
      const args = [CAST[name], 'steward', 'start', '--id', id, '--home', market().home, '--json', '--no-input']
      await market()
        .sandbox.start(args, { program: process.execPath })
        .line(({ type }) => type === 'ready')
    }
  })

  it('takes their signatures for receipts: the put is complete, the bytes are gone', async () => {
    const { path, sha256 } = await market().file('wanted', 400_000)
    object = { path, sha256, ...(await market().put(path)) }
    const kept = await market().shares(object.id)
    expect(kept.filter(({ state }) => state === 'held')).to.have.length(20)
    for (const { id, name, dataDir } of villains) {
      const own = kept.filter(({ steward }) => steward === id)
      expect(own, name).to.have.length(2) // a share and a copy
      for (const { blobId } of own) {
        expect(await readdir(join(dataDir, 'blobs', blobId.slice(0, 2))), name).to.not.include(blobId)
        const { size } = await stat(join(dataDir, 'remains', blobId))
        expect(size, `${name}: the length, and at most a hash state`).to.be.at.most(4 + (name === 'midstate' ? 103 : 0))
      }
    }
    const out = market().sandbox.path('from-eight')
    await market().ok(['get', object.id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out)).to.equal(sha256)
  })

  it('finds them out: unclaimed, suspect, asked once more, MIA', async () => {
    const statesOfVillains = async () =>
      new Set((await market().shares(object.id)).filter(({ steward }) => isVillain(steward)).map(({ state }) => state))
    await market().ok(['devnet', 'advance', '6d'], { timeoutMs: 300_000 })
    expect([...(await statesOfVillains())]).to.deep.equal(['suspect'])
    await market().ok(['devnet', 'advance', '12d'], { timeoutMs: 300_000 })
    expect([...(await statesOfVillains())]).to.deep.equal(['mia'])
  })

  it('does not ask them again: a put finds the eight others', async () => {
    const { path } = await market().file('next', 50_000)
    const { stewards } = (await market().put(path, '--code', '3/8')) as unknown as { stewards: { steward: string }[] }
    expect(new Set(stewards.map(({ steward }) => steward)).size).to.equal(8)
    expect(stewards.filter(({ steward }) => isVillain(steward))).to.have.length(0)
  })

  it(`pays them nothing in ${days} days, gives every gwei of theirs back, and pays the others in full`, async () => {
    await market().ok(['devnet', 'advance', `${days - 18}d`], { timeoutMs: 500_000 })
    const { posted, swept, revoked, deposited, withdrawn, advertFees, balances } = await marketLogs(market())
    const amountOf = (events: readonly { amount: bigint }[]) => events.reduce((sum, { amount }) => sum + amount, 0n)
    // barred for 30 days after a miss, they may then win what a repair gives out, and lose it the same way; what is new may still be open
    const [first] = posted.map(({ time }) => time) as [number]
    const DAY = 86_400
    const toVillains = posted.filter(({ steward, time }) => isVillain(steward) && time < first + (days - 6) * DAY)
    const early = toVillains.filter(({ time }) => time < first + 30 * DAY)
    expect(
      swept.filter(({ steward }) => isVillain(steward)),
      'sweeps by villains',
    ).to.have.length(0)
    for (const { id, name } of villains)
      expect(early.filter(({ steward }) => steward === id).length, `${name}: a check and its retries`).to.be.within(
        2,
        3,
      )
    for (const [name, file] of [
      ['MidstateSteward', 'midstate'],
      ['ForgetfulSteward', 'forgetful'],
    ] as const) {
      const { id } = villains.find((villain) => villain.name === file) as { id: string }
      const [all, paid] = [posted, swept].map((events) => amountOf(events.filter(({ steward }) => steward === id)))
      const peers = market().ready.stewards.filter(({ id }) => !isVillain(id))
      const ofPeers = (events: typeof posted | typeof swept) =>
        amountOf(events.filter(({ steward }) => peers.some(({ id }) => id === steward)))
      show(name, {
        gain: Number((100n * (paid as bigint)) / (all as bigint)),
        peer: Number((100n * ofPeers(swept)) / ofPeers(posted)),
        loss: Number(paid),
      })
    }
    const ids = new Set(toVillains.map(({ id }) => id))
    const revokedOf = revoked.filter(({ id }) => ids.has(id))
    expect(new Set(revokedOf.map(({ id }) => id))).to.deep.equal(new Set(toVillains.map(({ id }) => id)))
    expect(amountOf(revokedOf)).to.equal(amountOf(toVillains))

    const honest = market().ready.stewards.filter(({ id }) => !isVillain(id))
    const sweptIds = new Set(swept.map(({ id }) => id))
    for (const { id } of honest) {
      const own = posted.filter(({ steward }) => steward === id)
      expect(own.length, 'checks of an honest steward').to.be.at.least(3)
      expect(
        own.filter((event) => !sweptIds.has(event.id)),
        'unpaid',
      ).to.have.length(0)
    }
    expect(sweptIds.size).to.equal(swept.length)
    expect(deposited - withdrawn - advertFees * 10n ** 9n, 'money in = money there').to.equal(balances)
  })

  it('still has the object, and reads it', async () => {
    const lines = await market().shares(object.id)
    expect(lines.filter(({ steward, state }) => !isVillain(steward) && state === 'held')).to.have.length(16)
    const out = market().sandbox.path('later')
    await market().ok(['get', object.id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out)).to.equal(object.sha256)
  })
})
