/**
 * kill -9 at random moments of puts and of checks: controller, a steward, the chain, the client. Each time only the ordinary command is run
 * again. At the end nothing was posted or paid twice, nothing acknowledged is lost, and every interval is paid.
 * HOLDFAST_SEED=n repeats a run's choices; the moments themselves depend on the machine.
 */
import { expect } from 'chai'
import { DAY, HOUR, parseHold } from '../../base/units.ts'
import { docketAmount } from '../../pricing/rates.ts'
import { effort } from '../effort.ts'
import { describeRun, killHard, type Line, type Run, type Running } from '../processes.ts'
import { assertKept, assertNothingTwice, pidOf, type Stored } from './after-crashes.ts'
import { hashFile, type ShareLine, useMarket } from './market.ts'

const VICTIMS = ['controller', 'chain', 'steward', 'client'] as const
type Victim = (typeof VICTIMS)[number]
type Phase = 'put' | 'get' | 'checks'
/** Objects beside the first. With more of them dockets get too long to stand in the log; from then on gets are struck instead of puts. */
const OBJECTS = 3
const TERM = 90 * DAY
const LOCKED = 11

const SEED = Number(process.env.HOLDFAST_SEED ?? (Date.now() ^ process.pid) >>> 0)

/** mulberry32: numbers in [0, 1) that the seed decides. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Started extends Stored {
  /** Chain time at which its placements start. */
  readonly start: number
}

describe(`market: kill -9 at random moments (HOLDFAST_SEED=${SEED})`, function () {
  this.timeout(effort(300, 900, 7200) * 1000)
  const market = useMarket(5)
  const random = randomOf(SEED)
  const kills = effort(2, 6, 100)
  const stored: Started[] = []
  /** Usual length of each phase, so that a random moment falls into it. Seconds. */
  const lengths: Record<Phase, number> = { put: 0, get: 0, checks: 0 }
  const told: string[] = []

  const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item

  /** Kills, waits a moment, and runs the ordinary command. */
  async function strike(victim: Victim, client: Running): Promise<void> {
    const downtime = 0.5 * random()
    if (victim === 'client') return client.kill('SIGKILL')
    const { id } = pick(market().ready.stewards)
    await killHard(await pidOf(market(), victim, victim === 'steward' ? id : undefined))
    await pause(downtime)
    const again = {
      controller: ['controller', 'start', '--detach'],
      steward: ['steward', 'start', '--id', id, '--detach'],
      chain: ['up', '--stewards', '5', '--detach'],
    }[victim]
    // a put that found no controller keeps the ledger itself while it lasts: until then the command says so, and is run again
    for (const until = performance.now() + 120_000; ; await pause(0.5)) {
      const run = await market().run(again, { timeoutMs: 120_000 })
      if (run.code === 0) return
      if (run.code !== LOCKED || performance.now() > until) throw new Error(describeRun(run))
    }
  }

  /** What a command may say when something under it died: done, partial, or temporary with a remedy. Never a bug, never silence. */
  function assertClear(run: Run): void {
    if (run.signal !== undefined || run.code === 0) return
    expect(run.code, describeRun(run)).to.be.oneOf([3, 5])
    expect((run.last as Line & { fix?: string }).fix ?? run.last.type, describeRun(run)).to.be.a('string').that.is.not
      .empty
  }

  const startRun = (args: readonly string[]) => market().sandbox.start([...args, '--home', market().home, '--json'])

  function keep(line: Line, sha256: string): void {
    const { id, expires } = line as unknown as { id: string; expires: string }
    stored.push({ id, sha256, start: Date.parse(expires) / 1000 - TERM })
  }

  before(async function () {
    this.timeout(180_000)
    const { path, sha256 } = await market().file('first', 1_600_000)
    const { last, seconds } = await market().ok(['put', path, '--yes', '--show-cap', '--code', '2/4'])
    keep(last, sha256)
    lengths.put = seconds
    lengths.get = seconds / 2
    lengths.checks = (await market().ok(['devnet', 'advance', '26h'], { timeoutMs: 120_000 })).seconds
  })

  it(`goes on by itself after each of ${kills} kills`, async () => {
    let file: { path: string; sha256: string } | undefined
    const out = market().sandbox.path('struck')
    for (let round = 0; round < kills; round++) {
      if (round % 2 === 0 && !file && stored.length <= OBJECTS)
        file = await market().file(`file-${round}`, 1_500_000 + Math.floor(500_000 * random()))
      const phase: Phase = round % 2 === 1 ? 'checks' : file ? 'put' : 'get'
      // every phase meets every victim in turn; where in the row it begins is the seed's choice
      const victim = VICTIMS[(Math.floor(round / 2) + (SEED % 4) + (round % 2)) % 4] as Victim
      const command = {
        put: ['put', file?.path as string, '--yes', '--show-cap', '--code', '2/4'],
        get: ['get', stored[0]?.id as string, '-o', out, '--overwrite', 'always', '--timeout', '60s'],
        checks: ['devnet', 'advance', '26h', '--timeout', '60s'],
      }[phase]
      const running = startRun(command)
      const moment = random() * lengths[phase]
      await pause(moment)
      await strike(victim, running)
      const run = await running.ended(180_000)
      told.push(`${phase} ${victim} at ${moment.toFixed(1)} s: ${run.signal ?? `exit ${run.code}`}`)
      assertClear(run)
      if (phase === 'get' && run.code === 0) expect(await hashFile(out)).to.equal(stored[0]?.sha256)
      if (phase !== 'put' || !file) continue
      // some puts are struck again before they may go through
      if (run.code !== 0 && round + 2 < kills && random() < 0.5) continue
      const done = run.code === 0 ? run : await market().ok(command, { timeoutMs: 180_000 })
      keep(done.last, file.sha256)
      file = undefined
    }
  }).timeout(effort(280, 880, 7100) * 1000)

  it('settles: nothing is left undone a month later', async () => {
    await market().ok(['devnet', 'advance', '31d'], { timeoutMs: 300_000 })
    const { last } = await market().ok(['controller', 'status'])
    expect((last as unknown as { bounties: { open: number } }).bounties.open).to.equal(0)
  })

  it('posted and paid nothing twice, revoked nothing, and paid every interval to the gwei', async () => {
    const { posted } = await assertNothingTwice(market(), stored.length)
    const lines = (await Promise.all(stored.map(({ id }) => market().shares(id)))).flat()
    const placements = new Map(
      lines.map((line) => [line.blobId, line as ShareLine & { price: string; length: number }]),
    )
    const lastCuts = new Map<string, number>()
    for (const { challenges, time } of posted.toSorted((a, b) => a.time - b.time)) {
      expect(challenges, 'a docket short enough to stand in the log').to.not.be.empty
      for (const { blobId } of challenges) lastCuts.set(blobId, time - (time % HOUR))
    }
    // The chain may have lost the hours it was advanced by last when it was killed, so the cut of an early docket is not known from its block;
    // the last ones are. From the start to there each hour is paid once, and each docket rounds up by less than a gwei.
    for (const { id: steward } of market().ready.stewards) {
      const dockets = posted.filter((post) => post.steward === steward)
      const items = lines
        .filter((line) => line.steward === steward)
        .map(({ blobId, object }) => {
          const { price, length } = placements.get(blobId) as ShareLine & { price: string; length: number }
          const start = stored.find(({ id }) => id === object)?.start as number
          return { price: parseHold(price), length, seconds: (lastCuts.get(blobId) as number) - start }
        })
      const paid = dockets.reduce((sum, { amount }) => sum + amount, 0n)
      const owed = docketAmount(items)
      expect(Number(paid - owed), `${steward}: ${paid} gwei for ${owed}, ${dockets.length} dockets`).to.be.within(
        0,
        dockets.length,
      )
      const hour = docketAmount(items.map((item) => ({ ...item, seconds: HOUR })))
      expect(Number(hour), 'an hour is worth more than all rounding').to.be.at.least(dockets.length)
    }
    for (const { blobId, checksDone } of lines) expect(checksDone, blobId).to.be.at.least(1)
  })

  it('has every blob it acknowledged, and every object', async () => {
    await assertKept(market(), stored, 8)
  })

  after(() => {
    for (const line of told) console.log(`      ${line}`)
  })
})
