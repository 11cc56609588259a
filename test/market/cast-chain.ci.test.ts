/** A market whose chain has a vice: it halts near a deadline, an endpoint of it stands still, it undoes blocks. Who lost what. */
import { expect } from 'chai'
import { DAY, HOUR, unixTime } from '../../base/units.ts'
import { type Chain, connectChain } from '../../chain/rpc.ts'
import { homeAt } from '../../cli/home.ts'
import { openDaemonApi } from '../../cli/local-api.ts'
import { type FrozenRpc, startFrozenRpc } from '../cast/frozen-rpc.ts'
import { goOn, halt, oneBlock, waiting } from '../cast/halted-chain.ts'
import { bury, reorg } from '../cast/reorging-chain.ts'
import { show } from '../cast/show.ts'
import { clock, silent } from '../chain/ports.ts'
import { killHard, until } from '../processes.ts'
import { advanceAll } from './another-uploader.ts'
import { type BountyEvent, marketLogs } from './chain-log.ts'
import { hashFile, useMarket } from './market.ts'

const LIMIT_MS = 120_000
const sum = (events: readonly BountyEvent[]) => events.reduce((total, { amount }) => total + amount, 0n)

describe('market: a chain with a vice', function () {
  this.timeout(600_000)
  const market = useMarket(4)
  let chain: Chain
  let object: { id: string; sha256: string }
  let frozen: FrozenRpc | undefined
  /** Bounties that the halt cost. */
  let halted = 0

  before(async () => {
    chain = await connectChain([market().ready.rpc], { log: silent, clock, pollMs: 50 })
    const { path, sha256 } = await market().file('object', 100_000)
    object = { sha256, ...(await market().put(path, '--code', '2/4')) }
    await advanceAll(market(), [], 4, LIMIT_MS)
  })
  after(async () => {
    chain?.close()
    await frozen?.close()
  })

  const states = async () => [...new Set((await market().shares(object.id)).map(({ state }) => state))]
  const posted = async () => (await marketLogs(market())).posted.length

  /** When the controller has something to do next. Chain time. */
  async function nextDue(): Promise<number> {
    const client = await openDaemonApi(homeAt(market().home, {}).controller, 'controller')
    try {
      const { nextDue } = (await client.post('/tick', { block: (await chain.head()).number })) as { nextDue: number }
      return nextDue
    } finally {
      client.close()
    }
  }

  it('HaltedChain: stops before the sweeps are mined and goes on two hours after the deadline: an interval is lost, no share is given up', async () => {
    const due = await nextDue()
    const before = await posted()
    await halt(chain)
    await oneBlock(chain, unixTime(due))
    await until(async () => (await waiting(chain)) > 0, 60_000, 'a post that waits')
    await oneBlock(chain, unixTime(due + 60))
    const hit = (await posted()) - before
    expect(hit).to.be.at.least(1)
    await until(async () => (await waiting(chain)) >= hit, 60_000, 'the sweeps that wait')
    await goOn(chain, unixTime(Math.ceil((due + 3 * DAY) / (6 * HOUR)) * 6 * HOUR + 2 * HOUR))
    await until(async () => (await marketLogs(market())).revoked.length >= hit, 60_000, 'the revokes')
    const late = await marketLogs(market())
    halted = late.revoked.length
    expect(late.revoked, 'swept too late: what was not paid comes back').to.have.length(hit)
    await advanceAll(market(), [], 10, LIMIT_MS)
    const shares = await market().shares(object.id)
    const { swept } = await marketLogs(market())
    // the retry paid like any round
    expect(swept.length).to.be.above(late.swept.length)
    show('HaltedChain', { gain: 0, peer: 0, loss: shares.filter(({ state }) => state !== 'held').length })
  })

  it('FrozenRpc: answers with an old head: its only user posts nothing, one that has another endpoint goes over to that', async () => {
    frozen = await startFrozenRpc(market().ready.rpc)
    const restart = async (pid: number, rpc: string): Promise<number> => {
      await killHard(pid)
      const args = ['controller', 'start', '--home', market().home, '--rpc', rpc, '--json', '--no-input']
      const running = market().sandbox.start(args)
      await running.line(({ type }) => type === 'ready', 60_000)
      return running.pid
    }
    const due = await nextDue()
    const pid = await restart(market().ready.controller.pid, frozen.url)
    await frozen.freeze()
    const before = await posted()
    await oneBlock(chain, unixTime(due + HOUR))
    const looks = frozen.seen.length
    await until(() => (frozen as FrozenRpc).seen.length >= looks + 40, 60_000, 'many looks at the frozen head')
    const decisions = (await posted()) - before
    show('FrozenRpc', { gain: decisions, peer: 0 })

    await restart(pid, `${frozen.url},${market().ready.rpc}`)
    await until(async () => (await posted()) > before, 90_000, 'a post by way of the other endpoint')
    await advanceAll(market(), [], 6, LIMIT_MS)
    expect(await states()).to.deep.equal(['held'])
    const { revoked } = await marketLogs(market())
    show('FrozenRpc', { gain: decisions, peer: 0, loss: revoked.length - halted })
  })

  for (const depth of [1, 3, 12, 64])
    it(`ReorgingChain: undoes ${depth} blocks with sweeps or posts in them: sent again, nothing twice, nothing lost`, async () => {
      // up to the moment when a round was posted and swept: its blocks are the newest
      const start = (await marketLogs(market())).swept.length
      for (let day = 0; day < 40 && (await marketLogs(market())).swept.length === start; day++)
        await advanceAll(market(), [], Math.max(1, (await nextDue()) - (await chain.head()).timestamp) / DAY, LIMIT_MS)
      const done = await marketLogs(market())
      // minutes of blocks over the last sweep, and not the months that so many rounds would span
      await bury(chain, Math.max(0, depth - 4))
      const head = await chain.head()
      // whoever sees it sends at once what is gone: it waits until we have looked
      await halt(chain)
      await reorg(chain, Math.max(depth, head.number - (await lastSweepBlock()) + 1))
      const undone = await marketLogs(market())
      expect(undone.swept.length, 'sweeps are gone').to.be.below(done.swept.length)
      await goOn(chain, unixTime((await chain.head()).timestamp + 1))
      await advanceAll(market(), [], 12, 300_000)
      const after = await marketLogs(market())
      const paid = after.swept.map(({ id }) => id)
      expect(new Set(after.posted.map(({ id }) => id)).size, 'no bounty is posted twice').to.equal(after.posted.length)
      expect(await states()).to.deep.equal(['held'])
      // every bounty that was swept before is swept again
      const lost = done.swept.filter(({ id }) => !paid.includes(id))
      show('ReorgingChain', { gain: paid.length - new Set(paid).size, peer: 0, loss: Number(sum(lost)) })
    })

  async function lastSweepBlock(): Promise<number> {
    const { swept } = await marketLogs(market())
    return Math.max(...swept.map(({ block }) => block))
  }

  it('is whole afterwards: the object reads, and the money adds up', async () => {
    const out = market().sandbox.path('out')
    await market().ok(['get', object.id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out)).to.equal(object.sha256)
    const logs = await marketLogs(market())
    const open = (sum(logs.posted) - sum(logs.swept) - sum(logs.revoked)) * 10n ** 9n
    expect(logs.deposited - logs.withdrawn - logs.advertFees * 10n ** 9n).to.equal(logs.balances + open)
  })
})
