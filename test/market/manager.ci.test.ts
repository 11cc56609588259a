/**
 * The trust core stays out of the service path (P7): with manager, monitors and index killed, a file is put, checked and paid for a month, and
 * fetched; they come back with no manual step, the manager with its journal intact; killed between decision and transaction, it neither doubles nor loses an act. A steward that comes later gets its role from it.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { isAlive, killHard, type Line, until } from '../processes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, useMarket } from './market.ts'

describe('market: the trust core sleeps', function () {
  this.timeout(600_000)
  const market = useMarket(4, { monitors: 3 })
  /** Stewards, monitors and the index, as the manager has them. */
  const AGENTS = 4 + 3 + 1
  const status = async () =>
    (await market().ok(['pool', 'manager', 'status'])).last as Line & {
      readonly agents: Readonly<Record<string, number>>
      readonly unfinished: number
    }

  it('goes on without manager, monitors and index for a month, and they come back by being started', async () => {
    const { pool } = market().ready as unknown as {
      pool: { manager: { pid: number; api: string }; monitors: readonly { pid: number }[] }
    }
    expect(pool.manager.api).to.match(/^http:/)
    expect((await status()).agents).to.deep.equal({ compliant: AGENTS })
    const indexes = (await readdir(join(market().home, 'run'))).filter((name) => name.startsWith('index-'))
    expect(indexes).to.have.length(1)
    const { pid: index } = JSON.parse(await readFile(join(market().home, 'run', indexes[0] as string), 'utf8')) as {
      pid: number
    }
    expect(pool.monitors).to.have.length(3)
    for (const pid of [pool.manager.pid, index, ...pool.monitors.map((monitor) => monitor.pid)]) await killHard(pid)
    const file = await market().file('kept', 300_000)
    const { id } = await market().put(file.path, '--code', '2/4')
    await market().ok(['devnet', 'advance', '31d'], { timeoutMs: 400_000 })
    for (const share of await market().shares(id)) expect(share.checksDone, 'checked meanwhile').to.be.greaterThan(0)
    const { posted, swept, revoked } = await marketLogs(market())
    expect(swept.length, 'paid meanwhile').to.be.above(0)
    expect(revoked, 'nothing was missed').to.have.length(0)
    expect(posted.length - swept.length, 'open').to.be.at.most(4)
    const back = market().sandbox.path('back')
    await market().ok(['get', id, '-o', back])
    expect(await hashFile(back)).to.equal(file.sha256)
    await market().up()
    expect(await status()).to.deep.include({ agents: { compliant: AGENTS }, unfinished: 0 })
    const { lines } = await market().ok(['status'])
    expect(lines.filter(({ role, state }) => role === 'monitor' && state === 'ready')).to.have.length(3)
  })

  it('killed between decision and transaction, it sends after the next start what it had decided, once', async () => {
    const { pool } = (await market().up()) as unknown as { pool: { manager: { pid: number } } }
    await killHard(pool.manager.pid)
    const faulty = { HOLDFAST_TESTING: '1', HOLDFAST_FAULT: 'outbox.signed:1:kill' }
    const { last } = await market().ok(['pool', 'manager', 'start', '--detach'], { env: faulty })
    // A fifth steward registers; the manager that is to give it its role dies with the decision on disk, and the next one gives it.
    const raised = market().run(['up', '--stewards', '5', '--detach'], { timeoutMs: 120_000 })
    await until(() => !isAlive(last['pid'] as number), 90_000, 'the manager dies of its fault')
    // `up` starts one itself when it comes to it after the death; then this one finds the journal taken
    const { code } = await market().run(['pool', 'manager', 'start', '--detach'])
    expect(code).to.be.oneOf([0, 11])
    await raised
    await until(async () => (await status()).agents['compliant'] === AGENTS + 1, 60_000, 'the fifth steward is managed')
    const { decisions } = (await status()) as unknown as { decisions: readonly unknown[] }
    expect(decisions).to.deep.equal([])
  })
})
