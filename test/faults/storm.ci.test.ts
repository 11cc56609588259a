/**
 * kill -9 of everything, again and again (F01, F22, F25): in each cycle the controller, the index, a steward and the command under way are
 * killed at moments of their own, and started again by the same command lines. Then I1 to I11.
 */
import { expect } from 'chai'
import { effort } from '../effort.ts'
import { hashFile } from '../market/market.ts'
import { describeRun, type Run } from '../processes.ts'
import { type Baseline, baselineOf, checkInvariants } from './invariants/checker.ts'
import { createNemesis, SEED } from './nemesis.ts'
import { type Daemon, openWorld, type World } from './world.ts'

const STEWARDS = 3
const CODE = ['--code', '1/3'] as const
const PHASES = ['put', 'checks', 'get', 'put'] as const
/** A day and a bit: every check of the first days falls due, and no deadline passes while a daemon is down. */
const HOP = '26h'
/** Later than the first things a command does, earlier than its end, on a quiet machine and on a busy one. Seconds. */
const STRIKES = [0.05, 1.5] as const
const COMPONENTS = ['controller', 'index', 'steward', 'command'] as const

describe(`faults: a storm of kills (F01, F22, F25; HOLDFAST_SEED=${SEED})`, function () {
  const cycles = effort(2, 100, 1_000)
  this.timeout(120_000 + cycles * 20_000)
  const nemesis = createNemesis('storm')
  const kills = Object.fromEntries(COMPONENTS.map((name) => [name, 0])) as Record<(typeof COMPONENTS)[number], number>
  const stored: { readonly id: string; readonly sha256: string }[] = []
  let world: World
  let baseline: Baseline

  before(async () => {
    world = await openWorld(STEWARDS)
    const { path, sha256 } = await world.file('first', 300_000)
    const run = await world.ok(['put', path, '--yes', '--show-cap', ...CODE])
    world.sayPut(run, sha256)
    stored.push({ id: String(run.last['id']), sha256 })
    baseline = await baselineOf(world)
  })
  after(async function () {
    this.timeout(60_000)
    const told = COMPONENTS.map((name) => `${name} ${kills[name]}`).join(', ')
    console.log(`      seed ${SEED}: ${cycles} cycles, kills: ${told}; ${world?.acks.summary()}`)
    await world?.close()
  })

  const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds))

  async function strike(daemon: Daemon): Promise<void> {
    await pause(nemesis.between(...STRIKES))
    await daemon.strike()
    kills[daemon.role]++
  }

  /** The command, killed once, and again until it is done. Whatever it says meanwhile is said with a reason. */
  async function struckCommand(args: readonly string[]): Promise<Run> {
    const first = world.startCommand(args)
    const timer = setTimeout(() => first.kill('SIGKILL'), 1000 * nemesis.between(...STRIKES))
    let run = await first.ended(120_000)
    clearTimeout(timer)
    if (run.signal === 'SIGKILL') kills.command++
    for (let attempt = 0; run.code !== 0; attempt++) {
      if (attempt === 20) throw new Error(`not done after ${attempt} runs\n${describeRun(run)}`)
      if (attempt > 1) await pause(0.25)
      run = await world.command(args, { timeoutMs: 120_000 })
    }
    return run
  }

  it(`goes on through ${cycles} cycles: each kills the controller, the index, a steward and the command`, async () => {
    const out = world.target('struck')
    for (let cycle = 0; cycle < cycles; cycle++) {
      const phase = PHASES[cycle % PHASES.length] as (typeof PHASES)[number]
      const steward = nemesis.pick(world.stewards)
      const strikes = Promise.all([world.controller, world.index, steward].map(strike))
      strikes.catch(() => undefined) // thrown below, once the command has ended
      const known = nemesis.pick(stored)
      if (phase === 'put') {
        const { path, sha256 } = await world.file(`file-${cycle}`, Math.floor(nemesis.between(1, 900_000)))
        const run = await struckCommand(['put', path, '--yes', '--show-cap', ...CODE])
        world.sayPut(run, sha256)
        stored.push({ id: String(run.last['id']), sha256 })
      } else if (phase === 'get') {
        await struckCommand(['get', known.id, '-o', out, '--overwrite', 'always'])
        expect(await hashFile(out)).to.equal(known.sha256)
      } else await struckCommand(['devnet', 'advance', HOP])
      await strikes
    }
  })

  it('keeps I1 to I11', async () => {
    for (const line of await checkInvariants(world, baseline)) console.log(`      ${line}`)
  }).timeout(600_000)
})
