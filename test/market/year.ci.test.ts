/** A year of one market without faults: the ladder, the money, the renewals. */
import { expect } from 'chai'
import { HOUR } from '../../base/units.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, useMarket } from './market.ts'

const DAY = 24 * HOUR

describe('market: a year without faults', function () {
  this.timeout(900_000)
  const market = useMarket(10)
  const days = 365

  it(`sweeps every bounty of ${days} days on the ladder, renews, and loses not a gwei`, async () => {
    const { path, sha256 } = await market().file('year', 300_000)
    const { id } = await market().put(path)
    // five objects are ten blobs with each steward: too many for a note, so the docket has to be handed over
    for (let i = 0; i < 4; i++) await market().put((await market().file(`more-${i}`, 1000 + i)).path)
    const { last } = await market().ok(['devnet', 'advance', `${days}d`], { timeoutMs: 600_000 })
    expect(last).to.include({ type: 'summary', command: 'devnet', advancedSeconds: days * DAY })

    const { posted, swept, revoked, deposited, withdrawn, advertFees, balances } = await marketLogs(market())
    expect(revoked, 'revoked').to.have.length(0)
    // a bounty posted in the last window may be open; every older one is swept, once
    const sweptIds = swept.map((event) => event.id)
    expect(new Set(sweptIds).size, 'no bounty is swept twice').to.equal(sweptIds.length)
    expect(new Set(posted.map((event) => event.id)).size, 'no bounty is posted twice').to.equal(posted.length)
    expect(
      posted.filter((event) => !sweptIds.includes(event.id)),
      'unswept',
    ).to.have.length(0)

    for (const { id: steward } of market().ready.stewards) {
      const times = posted.filter((event) => event.steward === steward).map(({ time }) => time)
      const gaps = times.slice(1).map((time, i) => (time - (times[i] as number)) / DAY)
      expect(gaps[0], 'second gap: a week, a quarter more or less').to.be.within(5.2, 8.8)
      for (const gap of gaps) expect(gap, 'longest gap').to.be.at.most(30.1)
      expect(times.length, 'checks').to.be.within(Math.floor(days / 33) + 2, Math.ceil(days / 20) + 5)
    }

    const shares = await market().shares(id)
    expect(shares.every(({ state }) => state === 'held')).to.equal(true)
    if (days > 90)
      expect(
        shares.every(({ version }) => (version as number) > 1),
        'renewed',
      ).to.equal(true)

    const open = posted.filter((event) => !sweptIds.includes(event.id)).reduce((sum, { amount }) => sum + amount, 0n)
    const gwei = 10n ** 9n
    expect(deposited - withdrawn - advertFees * gwei, 'money in = money there').to.equal(balances + open * gwei)

    const out = market().sandbox.path('year-out')
    await market().ok(['get', id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out)).to.equal(sha256)
  })
})
