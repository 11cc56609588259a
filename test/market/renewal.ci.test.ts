/**
 * Contracts over time, in a market of five stewards whose prices move: renewed cheaper, renewed dearer, found anew in an auction that the
 * incumbent loses, and handed over by a steward that leaves. The object can be read all the while, and the money adds up to the gwei.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { MONTH, parseHold } from '../../base/units.ts'
import { docketAmount } from '../../pricing/rates.ts'
import { isAlive, type Line, until } from '../processes.ts'
import { pidOf } from './after-crashes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, type ShareLine, useMarket } from './market.ts'

const STEWARDS = 5

describe('market: contracts over time', function () {
  this.timeout(600_000)
  const market = useMarket(STEWARDS, { price: '0.005' })
  let id = ''
  let sha256 = ''

  const advance = (span: string) => market().ok(['devnet', 'advance', span], { timeoutMs: 300_000 })
  const living = async () => (await market().shares(id)).filter(({ state }) => state === 'held')
  const holders = (lines: readonly ShareLine[]) => [...new Set(lines.map(({ steward }) => steward))].sort()
  const prices = (lines: readonly Line[]) => [...new Set(lines.map(({ price }) => price as string))]

  async function reprice(steward: string, price: string): Promise<void> {
    const current = await pidOf(market(), 'steward', steward)
    process.kill(current, 'SIGTERM')
    await until(() => !isAlive(current), 15_000, `steward ${steward} to end`)
    const env = { HOLDFAST_STEWARD_PRICE: price }
    await market().ok(['steward', 'start', '--id', steward, '--detach'], { env, timeoutMs: 60_000 })
  }

  async function read(): Promise<void> {
    const out = market().sandbox.path('renewal-out')
    await market().ok(['get', id, '-o', out, '--overwrite', 'always'], { timeoutMs: 60_000 })
    expect(await hashFile(out)).to.equal(sha256)
  }

  const repriceAll = (price: string) =>
    Promise.all(market().ready.stewards.map(({ id: steward }) => reprice(steward, price)))

  it('renews cheaper where stewards ask less, and dearer where they ask more, within the bounds', async () => {
    const file = await market().file('kept', 200_000)
    sha256 = file.sha256
    ;({ id } = await market().put(file.path, '--code', '2/3', '--for', '30d'))
    expect(prices(await living())).to.deep.equal(['0.005'])
    const bare = await market().run([
      'put',
      file.path,
      '--code',
      '2/3',
      '--yes',
      '--name',
      'bonded',
      '--least-bond',
      '7d',
    ])
    expect(bare.last, 'no bond stands behind any bid').to.include({ type: 'error', code: 'AUCTION_NO_BIDS' })
    await repriceAll('0.0046')
    await advance('10d')
    const cheaper = await living()
    expect(prices(cheaper)).to.deep.equal(['0.0046'])
    expect(cheaper.map(({ version }) => version)).to.deep.equal(Array(6).fill(2))
    await repriceAll('0.0052')
    await advance('30d')
    const dearer = await living()
    expect(prices(dearer)).to.deep.equal(['0.0052'])
    expect(dearer.map(({ version }) => version)).to.deep.equal(Array(6).fill(3))
    await read()
  })

  it('finds the price anew when the incumbent asks for more than the bounds allow, and moves the lot when it does not match', async () => {
    const before = await living()
    const [incumbent] = holders(before) as [string]
    const free = market()
      .ready.stewards.map((each) => each.id)
      .filter((each) => !holders(before).includes(each))
    await reprice(incumbent, '0.009')
    await Promise.all(free.map((each) => reprice(each, '0.0048')))
    await advance('32d')
    const after = await living()
    const moved = after.filter(({ steward }) => free.includes(steward))
    expect(moved.map(({ type }) => type).sort(), 'the lot has one new holder').to.deep.equal(['copy', 'share'])
    expect(prices(moved), 'what the auction gave').to.deep.equal(['0.0048'])
    expect(holders(moved)).to.have.length(1)
    await read()
    await advance('20d') // the incumbent's term is over: its last interval and the closing bounty
    const gone = (await market().shares(id, '--history')).filter(({ steward }) => steward === incumbent)
    expect(gone.map(({ state }) => state)).to.deep.equal(['ended', 'ended'])
    const bounties = (await marketLogs(market())).posted.filter(({ steward }) => steward === incumbent)
    const month = gone.map(({ price, length }) => ({ price: parseHold(String(price)), length: Number(length) }))
    expect(bounties.at(-1)?.amount, 'a month of its price').to.equal(
      docketAmount(month.map((each) => ({ ...each, seconds: MONTH }))),
    )
    await read()
  })

  it('moves what a steward holds that gives notice, and pays it to the end and a month more for the handover', async () => {
    const before = await living()
    const [leaving] = holders(before).filter((each) => market().ready.stewards.some((one) => one.id === each)) as [
      string,
    ]
    await market().ok(['steward', 'drain', '--id', leaving])
    await advance('50d')
    const after = await living()
    expect(holders(after)).to.have.length(3).and.not.include(leaving)
    expect(after).to.have.length(6)
    await read()

    const { posted, swept, revoked, deposited, withdrawn, advertFees, balances } = await marketLogs(market())
    expect(revoked, 'revoked').to.have.length(0)
    const ids = new Set(swept.map((event) => event.id))
    const open = posted.filter((event) => !ids.has(event.id)).reduce((sum, { amount }) => sum + amount, 0n)
    expect(deposited - withdrawn - advertFees * 10n ** 9n, 'money in = money there').to.equal(
      balances + open * 10n ** 9n,
    )
    const shares = (await market().shares(id, '--history')).filter(({ steward }) => steward === leaving)
    const gwei = (hold: unknown) => BigInt(Math.round(Number(hold) * 1e9))
    const booked = shares.reduce((sum, { paid }) => sum + gwei(paid), 0n)
    const earned = swept.filter((event) => event.steward === leaving).reduce((sum, { amount }) => sum + amount, 0n)
    const apart = Number(earned - booked)
    expect(Math.abs(apart), 'gwei swept and booked differ by the rounding of dockets').to.be.at.most(posted.length)
  })

  it('lets an object go: its stewards take the notice, are paid for 14 days, and keep nothing of it after the handover', async () => {
    const { path } = await market().file('gone', 50_000)
    const put = await market().put(path, '--code', '1/2', '--for', '90d')
    await advance('2d')
    const before = await market().shares(put.id)
    const { last } = await market().ok(['rm', 'gone', '--now', '--yes'])
    expect(last).to.include({ command: 'rm', objects: 1, done: true })
    expect(last['away']).to.deep.equal([])
    expect(Number(last['saved'])).to.be.above(0)
    const listed = (await market().ok(['ls'])).lines.filter(({ type }) => type === 'object')
    expect(listed.map(({ id: one }) => one)).to.not.include(put.id)
    const at = async () => Date.parse((await market().shares(put.id, '--history'))[0]?.['end'] as string)
    const { chain } = (await market().ok(['controller', 'status'])).last as unknown as { chain: { time: string } }
    const now = Date.parse(chain.time)
    expect(await at()).to.be.within(now + 13 * 86_400_000, now + 15 * 86_400_000)
    await advance('30d')
    const { posted, swept, revoked } = await marketLogs(market())
    expect(revoked).to.have.length(0)
    const blobs = new Set(before.map(({ blobId }) => blobId))
    const asked = posted.filter(({ challenges }) => challenges.some(({ blobId }) => blobs.has(blobId)))
    const paid = new Set(swept.map((event) => event.id))
    expect(asked.every((event) => paid.has(event.id))).to.equal(true)
    for (const { steward, blobId } of before) {
      const { dataDir } = market().ready.stewards.find((each) => each.id === steward) as { dataDir: string }
      expect(existsSync(join(dataDir, 'blobs', blobId.slice(0, 2), blobId)), 'kept').to.equal(false)
    }
    expect((await market().shares(put.id)).length, 'of it is counted on').to.equal(0)
  })
})
