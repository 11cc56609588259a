/**
 * kill -9 between any two durable steps: a daemon is started with a fault point that kills it there once, driven there by a put or by a
 * check, and started again as always. After all of them nothing was posted or paid twice, and nothing acknowledged is lost.
 */
import { expect } from 'chai'
import { isAlive, until } from '../processes.ts'
import { assertKept, assertNothingTwice, pidOf, type Stored } from './after-crashes.ts'
import { useMarket } from './market.ts'

const OUTBOX = ['outbox.signed', 'outbox.committed', 'outbox.broadcast', 'outbox.mined', 'outbox.settled'] as const

/** Where a daemon dies, and what brings it there. */
const POINTS = [
  ...OUTBOX.map((site) => ({ role: 'controller', site, by: 'put' }) as const),
  ...OUTBOX.map((site) => ({ role: 'controller', site, by: 'check' }) as const),
  ...(['blob.durable', 'placement.committed'] as const).map((site) => ({ role: 'steward', site, by: 'put' }) as const),
  ...(['sweep.intended', ...OUTBOX] as const).map((site) => ({ role: 'steward', site, by: 'check' }) as const),
]

describe('market: kill -9 at every fault point', function () {
  this.timeout(120_000)
  const market = useMarket(3)
  const stored: Stored[] = []

  const startArgs = (role: 'controller' | 'steward') =>
    role === 'controller' ? [] : ['--id', market().ready.stewards[0]?.id as string]
  const pid = (role: 'controller' | 'steward') =>
    pidOf(market(), role, role === 'steward' ? market().ready.stewards[0]?.id : undefined)

  async function restart(role: 'controller' | 'steward', env: Readonly<Record<string, string>> = {}): Promise<number> {
    const old = await pid(role).catch(() => undefined)
    if (old !== undefined && isAlive(old)) {
      process.kill(old, 'SIGTERM')
      await until(() => !isAlive(old), 15_000, `the ${role} to end`)
    }
    await market().ok([role, 'start', '--detach', ...startArgs(role)], { env, timeoutMs: 60_000 })
    return pid(role)
  }

  const putArgs = (path: string) => ['put', path, '--yes', '--show-cap', '--code', '1/3']
  const put = (path: string) => market().run(putArgs(path), { timeoutMs: 120_000 })
  const check = () => market().ok(['devnet', 'advance', '25h'], { timeoutMs: 120_000 })

  it('is not honoured without HOLDFAST_TESTING=1', async () => {
    const running = await restart('controller', { HOLDFAST_FAULT: 'outbox.signed:1:kill' })
    const { path, sha256 } = await market().file('unharmed', 40_000)
    const run = await put(path)
    expect(run.code).to.equal(0)
    expect(isAlive(running)).to.equal(true)
    stored.push({ id: run.last.id as string, sha256 })
  })

  for (const [number, { role, site, by }] of POINTS.entries())
    it(`${role}, ${site}, in a ${by}`, async () => {
      const { path, sha256 } = await market().file(`file-${number}`, 40_000 + number)
      const fault = { HOLDFAST_TESTING: '1', HOLDFAST_FAULT: `${site}:1:kill` }
      if (by === 'put') {
        const doomed = await restart(role, fault)
        const running = market().sandbox.start([...putArgs(path), '--home', market().home, '--json'])
        await until(() => !isAlive(doomed), 60_000, 'the fault point')
        // a put waits for its controller; a steward is given up after a few seconds, and may be back for the next run only
        if (role === 'controller') await restart(role)
        const first = await running.ended()
        if (role === 'controller') expect(first.code, first.stdout).to.equal(0)
        if (first.code !== 0) expect(first.code, first.stdout).to.be.oneOf([3, 5])
        if (role === 'steward') await restart(role)
        const run = first.code === 0 ? first : await put(path)
        expect(run.code, run.stdout).to.equal(0)
        stored.push({ id: run.last.id as string, sha256 })
        await check()
      } else {
        const run = await put(path)
        expect(run.code, run.stdout).to.equal(0)
        stored.push({ id: run.last.id as string, sha256 })
        const doomed = await restart(role, fault)
        await check()
        await until(() => !isAlive(doomed), 10_000, 'the fault point')
        await restart(role)
        await market().ok(['devnet', 'advance', '1h'], { timeoutMs: 120_000 })
      }
    })

  it('left nothing posted or paid twice, nothing unpaid, and nothing lost', async () => {
    await market().ok(['devnet', 'advance', '31d'], { timeoutMs: 300_000 })
    await assertNothingTwice(market(), stored.length)
    await assertKept(market(), stored, 6)
  }).timeout(300_000)
})
