/**
 * One market of real processes under faults that leave them alive or let them sleep: two daemons in one directory (F20), polite ends in the
 * middle of work (F23), frozen processes (F24), a controller that slept (F26), reorganisations (F43). Each ends with the same question: is
 * every round asked once, paid once, and is everything still there? At the end I1 to I11.
 */
import { expect } from 'chai'
import { effort } from '../effort.ts'
import { marketLogs } from '../market/chain-log.ts'
import { describeRun, until } from '../processes.ts'
import { type Baseline, baselineOf, checkInvariants } from './invariants/checker.ts'
import { nothingTwice } from './invariants/i03-once.ts'
import { createNemesis, SEED } from './nemesis.ts'
import { openWorld, type World } from './world.ts'

const STEWARDS = 3
const HOUR = 3_600
const LOCKED = 11
const INTERRUPTED = 130
/** Longest polite end: what is not done by then is done after the next start. Milliseconds. */
const END_MS = 10_000

describe(`faults: a market that is disturbed (HOLDFAST_SEED=${SEED})`, function () {
  this.timeout(600_000)
  const nemesis = createNemesis('market')
  let world: World
  let baseline: Baseline
  let files = 0

  before(async () => {
    world = await openWorld(STEWARDS)
    await put(200_000)
    baseline = await baselineOf(world)
  })
  after(async function () {
    this.timeout(60_000)
    console.log(`      seed ${SEED}: ${world?.acks.summary()}`)
    await world?.close()
  })

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const advance = (span: string) => world.ok(['devnet', 'advance', span], { timeoutMs: 300_000 })
  const putArgs = (path: string) => ['put', path, '--yes', '--show-cap', '--code', '1/3']

  async function put(size: number): Promise<string> {
    const { path, sha256 } = await world.file(`file-${files++}`, size)
    const run = await world.ok(putArgs(path), { timeoutMs: 120_000 })
    world.sayPut(run, sha256)
    return String(run.last['id'])
  }

  async function rpc(method: string, ...params: unknown[]): Promise<unknown> {
    const answer = await fetch(world.market.ready.rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    const { result, error } = (await answer.json()) as { result?: unknown; error?: unknown }
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`)
    return result
  }

  /** Chain time moves past everybody, without asking whether they are done. */
  async function jump(seconds: number): Promise<void> {
    await rpc('evm_increaseTime', seconds)
    await rpc('evm_mine')
  }

  /** Bounties posted, by steward, from bounty number `from` on. */
  async function postsSince(from: number): Promise<ReadonlyMap<string, number>> {
    const { posted } = await marketLogs(world.market)
    const counts = new Map<string, number>()
    for (const { steward } of posted.slice(from)) counts.set(steward, (counts.get(steward) ?? 0) + 1)
    return counts
  }
  const postsSoFar = async () => (await marketLogs(world.market)).posted.length

  const pairs = effort(2, 10, 200)
  it(`F20: of two daemons started in one directory at once, one serves and one says so (${pairs} pairs)`, async () => {
    const steward = nemesis.pick(world.stewards)
    const args = ['steward', 'start', '--id', steward.id as string]
    await steward.end('SIGTERM')
    for (let pair = 0; pair < pairs; pair++) {
      const both = [world.startCommand(args), world.startCommand(args)]
      const said = await Promise.all(
        both.map((running) => running.line(({ type }) => type === 'ready' || type === 'error', 30_000)),
      )
      expect(said.map(({ type }) => type).sort(), JSON.stringify(said)).to.deep.equal(['error', 'ready'])
      const refused = both[said[0]?.type === 'error' ? 0 : 1]
      expect((await refused?.ended())?.code).to.equal(LOCKED)
      const serving = both[said[0]?.type === 'ready' ? 0 : 1]
      serving?.kill('SIGTERM')
      const run = await serving?.ended()
      expect(run?.code, 'the first is unhurt and ends in order').to.equal(0)
    }
    await steward.start()
    await advance('1h')
  })

  const ends = effort(1, 2, 10)
  it(`F23: SIGTERM in the middle of an upload: exit 0 in 10 s, and the upload goes on (${ends} each)`, async () => {
    for (let round = 0; round < ends; round++)
      for (const daemon of [world.controller, nemesis.pick(world.stewards), world.index]) {
        const { path, sha256 } = await world.file(`file-${files++}`, 2_000_000)
        const running = world.startCommand(putArgs(path))
        await pause(nemesis.between(100, 1_500))
        const began = performance.now()
        const ended = await daemon.end('SIGTERM')
        expect(ended.code, describeRun(ended)).to.equal(0)
        expect(performance.now() - began, `${daemon.name} ends`).to.be.at.most(END_MS)
        await daemon.start()
        let run = await running.ended()
        if (run.code !== 0) run = await world.ok(putArgs(path), { timeoutMs: 120_000 })
        world.sayPut(run, sha256)
      }
  })

  it('F23: SIGINT ends a put with exit 130 and a second one at once; the same command finishes it', async () => {
    const { path, sha256 } = await world.file(`file-${files++}`, 6_000_000)
    for (const signals of [1, 2]) {
      const running = world.startCommand(putArgs(path))
      await pause(nemesis.between(300, 1_200))
      for (let i = 0; i < signals; i++) running.kill('SIGINT')
      const run = await running.ended(END_MS)
      if (run.code !== 0) expect(run.code, describeRun(run)).to.equal(INTERRUPTED)
    }
    world.sayPut(await world.ok(putArgs(path), { timeoutMs: 120_000 }), sha256)
  })

  it('F23: SIGTERM while bounties are posted and swept: each daemon ends in order, nothing is asked or paid twice', async () => {
    await advance('7d')
    for (const daemon of [world.controller, ...world.stewards]) {
      // less than a window: whoever is down when time moves is left out, and must not miss its deadline
      const running = world.startCommand(['devnet', 'advance', '26h'])
      await pause(nemesis.between(50, 600))
      const ended = await daemon.end('SIGTERM')
      expect(ended.code, describeRun(ended)).to.equal(0)
      await daemon.start()
      await running.ended()
      await advance('1h')
    }
    nothingTwice(await marketLogs(world.market))
  })

  const frozenMs = effort(2_000, 4_000, 60_000)
  it(`F24: each daemon frozen for ${frozenMs / 1000} s while hours pass, and thawed: what is due is done, once`, async () => {
    for (const daemon of world.daemons) {
      daemon.signal('SIGSTOP')
      await jump(6 * HOUR)
      await pause(frozenMs)
      daemon.signal('SIGCONT')
      await advance('1h')
      expect(daemon.isRunning, daemon.name).to.equal(true)
    }
    nothingTwice(await marketLogs(world.market))
  })

  for (const [span, seconds] of [
    ['8 h', 8 * HOUR],
    ['7 days', 7 * 24 * HOUR],
  ] as const)
    it(`F26: a controller that slept for ${span} catches up with one bounty for each steward, and no more`, async () => {
      await advance('31d')
      await put(100_000)
      const before = await postsSoFar()
      await world.controller.end('SIGTERM')
      // the first check of the new object falls due while it sleeps
      await jump(26 * HOUR + seconds)
      await world.controller.start()
      await advance('1h')
      const posts = await postsSince(before)
      expect([...posts.keys()].sort()).to.deep.equal(world.stewards.map(({ id }) => id).sort())
      for (const [steward, count] of posts) expect(count, `bounties of ${steward}`).to.equal(1)
      const { posted, swept, revoked } = await marketLogs(world.market)
      expect(revoked, 'revoked').to.deep.equal([])
      expect(swept, 'swept').to.have.length(posted.length)
    })

  const reorgs = effort(2, 12, 300)
  it(`F43: ${reorgs} reorganisations during put, post and sweep are rolled back and redone, nothing twice`, async () => {
    for (let i = 0; i < reorgs; i++) {
      const working = world.startCommand(['devnet', 'advance', '26h'])
      if (i % 4 === 0) await put(20_000)
      else await pause(nemesis.between(50, 500))
      const head = Number(await rpc('eth_blockNumber'))
      const depth = Math.min(nemesis.pick([1, 2, 3, 12]), head - baseline.block)
      await rpc('anvil_reorg', depth, [])
      const run = await working.ended(120_000)
      if (run.code !== 0) expect(run.code, describeRun(run)).to.equal(5)
      await advance('1h')
    }
    nothingTwice(await marketLogs(world.market))
  })

  it('keeps I1 to I11', async () => {
    for (const line of await checkInvariants(world, baseline)) console.log(`      ${line}`)
    await until(() => world.daemons.every(({ isRunning }) => isRunning), END_MS, 'all daemons to run')
  })
})
