/**
 * A miss of many blobs in a whole market: two of ten stewards are dead through a check, one after the other, and come back, the second with a file less. What they
 * still have is proven by a bisection, without a second bounty; only the one blob is given up; every step of it is shown with its reason.
 */
import { rm } from 'node:fs/promises'
import { expect } from 'chai'
import { killHard } from '../processes.ts'
import { fileOf } from '../steward/damage.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, type Ready, type ShareLine, useMarket } from './market.ts'

/** With the manifest copy 16 blobs for each steward. */
const SEGMENTS = 15

describe('market: two stewards are dead through a check of sixteen blobs each', function () {
  this.timeout(900_000)
  const market = useMarket(10)
  let object: { id: string; sha256: string; lost?: string }
  const steward = (n: number) => market().ready.stewards[n] as Ready['stewards'][number]
  const linesOf = async (n: number) =>
    (await market().shares(object.id)).filter(({ steward: id }) => id === steward(n).id)
  const advance = (time: string) => market().ok(['devnet', 'advance', time], { timeoutMs: 600_000 })
  const start = (n: number) =>
    market().ok(['steward', 'start', '--id', steward(n).id, '--detach'], { timeoutMs: 60_000 })

  it('stores an object of fifteen segments, and is checked once', async () => {
    const { path, sha256 } = await market().file('segments', SEGMENTS * 4096)
    object = { sha256, ...(await market().put(path, '--segment-size', '4096')) }
    await advance('3d')
    const lines = await market().shares(object.id)
    expect(lines).to.have.length(10 * (SEGMENTS + 1))
    expect(lines.every(({ state, checksDone }) => state === 'held' && checksDone === 1)).to.equal(true)
  })

  /** Dead until its next check is missed. */
  async function miss(n: number): Promise<void> {
    await killHard(steward(n).pid)
    for (let day = 0; day < 30 && (await linesOf(n)).some(({ state }) => state !== 'suspect'); day++)
      await advance('1d')
  }

  /** Back again, and time for the next question. @returns bounties posted to it meanwhile */
  async function comeBack(n: number): Promise<number> {
    const before = await marketLogs(market())
    await start(n)
    await advance('12h')
    const { posted } = await marketLogs(market())
    return posted.slice(before.posted.length).filter(({ steward: id }) => id === steward(n).id).length
  }

  it('its blobs become suspect, and it is said why and what comes next', async () => {
    await miss(0)
    for (const { state, why, next } of await linesOf(0)) {
      expect(state).to.equal('suspect')
      expect(why).to.match(/^round due \d{4}-\d\d-\d\d \d\d:\d\d unclaimed$/)
      expect(next).to.match(/asked over parts of the docket of 16 which blobs are there \(try \d+, again /)
    }
    const { last: status } = await market().run(['status'])
    const { troubles } = status.controller as { troubles: { object: string; states: object; next: string }[] }
    expect(troubles.map(({ object: id, states }) => ({ id, states }))).to.deep.equal([
      { id: object.id, states: { suspect: SEGMENTS + 1 } },
    ])
    const { lines: plan } = await market().ok(['controller', 'plan', '--days', '10'])
    const bisections = plan.filter(({ what }) => what === 'bisection')
    expect(bisections.map(({ placements }) => placements)).to.deep.equal([SEGMENTS + 1])
  })

  it('back again with everything, it is cleared by a question, without another bounty', async () => {
    expect(await comeBack(0)).to.equal(0)
    expect((await linesOf(0)).every(({ state }) => state === 'held')).to.equal(true)
    const { lines: plan } = await market().ok(['controller', 'plan', '--days', '10'])
    expect(plan.some(({ what }) => what === 'bisection')).to.equal(false)
  })

  it('back again with a file less, another one loses that blob alone', async () => {
    await miss(1)
    const gone = (await linesOf(1)).find(({ type }) => type === 'share') as ShareLine
    await rm(fileOf(steward(1).dataDir, gone.blobId))
    expect(await comeBack(1)).to.equal(0)
    for (const { blobId, state, why } of await linesOf(1)) {
      const isGone = blobId === gone.blobId
      expect(state, blobId).to.equal(isGone ? 'mia' : 'held')
      if (isGone) expect(why).to.match(/^its steward had no answer for it alone/)
    }
  })

  it('the next checks are as any other, the money adds up, and the object comes back', async () => {
    const before = await marketLogs(market())
    await advance('20d')
    const after = await marketLogs(market())
    expect(after.revoked.length, 'revoked').to.equal(before.revoked.length)
    expect(after.deposited - after.withdrawn - after.advertFees * 10n ** 9n).to.equal(after.balances)
    expect((await linesOf(0)).every(({ state }) => state === 'held')).to.equal(true)
    const out = market().sandbox.path('out')
    await market().ok(['get', object.id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out)).to.equal(object.sha256)
  })
})
