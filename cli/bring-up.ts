/** Bringing up a local market: chain, contracts, pool, then all daemons at once. What runs already is left alone. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Address } from '../base/curve.ts'
import { type Deployment, verifyDeployment } from '../chain/deployment.ts'
import { type Chain, connectChain } from '../chain/rpc.ts'
import { writeJson } from '../store/json-file.ts'
import { detailLog } from './chain-access.ts'
import type { Context } from './context.ts'
import { readDeploymentFile } from './deployment-file.ts'
import { type DevChain, ensureDevChain } from './dev-chain.ts'
import { type DevActor, type DevHome, openDevHome, writeDevConfig } from './dev-home.ts'
import { awaitRoles, deployDevMarket, setUpDevPool } from './dev-pool.ts'
import { isAlive, logFileName, type Role, type RunFile, readRunFile } from './run-file.ts'
import { startDaemon } from './spawn.ts'

/** What is wanted. */
export interface BringUpPlan {
  readonly stewards: number
  readonly indexes: number
  readonly monitors: number
  /** An endpoint of a dev chain that somebody else runs; undefined: our own. */
  readonly chainUrl?: string
  /** Port of the controller's API; 0: a free one. */
  readonly apiPort: number
  /** Another program for a steward: the demo's cheat. */
  programFor?(number: number): string | undefined
  /** Stewards that stay as they are: the demo's dead. */
  isLeftOut?(number: number): boolean
  /** Told when a part is ready. */
  onStep?(step: Step): void
}

/** A part that is ready, and how long it took. Seconds. */
export interface Step {
  readonly part: 'chain' | 'pool' | 'daemons'
  readonly seconds: number
  readonly chain: DevChain
  readonly dev: DevHome
}

/** A daemon that runs. */
export interface Running {
  readonly id: Address
  readonly number: number
  readonly pid: number
  readonly api: string
  readonly dataDir: string
}

/** A local market that runs. */
export interface Market {
  readonly chain: DevChain
  readonly block: number
  readonly chainId: number
  readonly deployment: Deployment
  readonly dev: DevHome
  readonly controller: { readonly pid: number; readonly api: string }
  readonly manager: { readonly pid: number; readonly api: string }
  readonly stewards: readonly Running[]
  readonly indexes: readonly Running[]
  readonly monitors: readonly Running[]
}

/** Longest wait for a daemon to be ready, when the machine is busy. Milliseconds. */
const READY_MS = 60_000

export async function bringUp(context: Context, plan: BringUpPlan): Promise<Market> {
  const { home, clock, rng } = context
  const timer = stopwatch(clock)
  const [{ chain, devChain }, dev] = await Promise.all([openChain(context, plan), openDevHome(home, rng, plan)])
  try {
    const deployment = await ensureDeployment(context, chain, devChain, dev)
    plan.onStep?.({ part: 'chain', seconds: timer(), chain: devChain, dev })
    // A manager that runs gives roles itself, and nobody else may send with its key meanwhile.
    const runs = await readRunFile(home.run, 'manager')
    await setUpDevPool(chain, deployment, dev, clock, runs !== undefined && (await isAlive(runs)))
    plan.onStep?.({ part: 'pool', seconds: timer(), chain: devChain, dev })
    const started = dev.stewards.filter(({ settings }) => plan.isLeftOut?.(settings.number) !== true)
    const startAll = (role: 'index' | 'monitor', actors: readonly DevActor[], dirOf: (id: Address) => string) =>
      allSettled(
        actors.map(async (actor) => {
          const { id } = actor
          const args = ['pool', role, 'start', '--id', id]
          return running(actor, dirOf(id), await ensureDaemon(context, { role, id, args }))
        }),
      )
    const [controller, manager, indexes, monitors, stewards] = await allSettled([
      ensureDaemon(context, {
        role: 'controller',
        args: ['controller', 'start', '--api', `127.0.0.1:${plan.apiPort}`],
      }),
      ensureDaemon(context, { role: 'manager', args: ['pool', 'manager', 'start'] }),
      startAll('index', dev.indexes, (id) => home.index(id).dir),
      startAll('monitor', dev.monitors, (id) => home.monitor(id).dir),
      allSettled(
        started.map(async (actor) => {
          const program = plan.programFor?.(actor.settings.number)
          const launch = {
            role: 'steward',
            id: actor.id,
            args: ['steward', 'start', '--id', actor.id],
            ...(program === undefined ? {} : { program }),
          } as const
          return running(actor, home.steward(actor.id).dir, await ensureDaemon(context, launch))
        }),
      ),
    ])
    await awaitRoles(chain, deployment, dev, clock)
    plan.onStep?.({ part: 'daemons', seconds: timer(), chain: devChain, dev })
    const { number } = await chain.head()
    return {
      chain: devChain,
      block: number,
      chainId: chain.chainId,
      deployment,
      dev,
      controller,
      manager,
      stewards,
      indexes,
      monitors,
    }
  } finally {
    chain.close()
  }
}

/** Like Promise.all, but a failure is told when all have ended: a daemon that is still starting would be missed by `down`. */
async function allSettled<const Values extends readonly unknown[]>(
  values: Values,
): Promise<{ -readonly [Place in keyof Values]: Awaited<Values[Place]> }> {
  await Promise.allSettled(values)
  return Promise.all(values)
}

/** Starts a daemon of this home unless it runs; resolves when it is ready. */
export async function ensureDaemon(
  context: Context,
  launch: { readonly role: Role; readonly id?: Address; readonly args: readonly string[]; readonly program?: string },
): Promise<RunFile> {
  const { home, clock, signal, settings } = context
  const known = await readRunFile(home.run, launch.role, launch.id)
  if (known !== undefined && (await isAlive(known))) return known
  const rpc = settings.origin('chain.rpc')
  const home_ = home.root === undefined ? [] : ['--home', home.root]
  const args = [
    ...launch.args,
    ...home_,
    '--json',
    '--no-input',
    ...(rpc.from === 'flag' && rpc.text !== undefined ? ['--rpc', rpc.text] : []),
  ]
  const started = await startDaemon(
    { ...launch, args, logFile: join(home.logs, logFileName(launch.role, launch.id)), runDir: home.run },
    clock,
  )
  return started.ready(READY_MS, signal)
}

async function openChain(
  context: Context,
  plan: BringUpPlan,
): Promise<{ readonly chain: Chain; readonly devChain: DevChain }> {
  const devChain =
    plan.chainUrl === undefined ? await ensureDevChain(context) : { url: plan.chainUrl, wasRunning: true }
  if (plan.chainUrl !== undefined && !existsSync(context.home.config)) await writeDevConfig(context.home, plan.chainUrl)
  return {
    chain: await connectChain([devChain.url], { log: detailLog(context), clock: context.clock, expectChainId: 31_337 }),
    devChain,
  }
}

async function ensureDeployment(context: Context, chain: Chain, devChain: DevChain, dev: DevHome): Promise<Deployment> {
  const { home, clock } = context
  if (existsSync(home.deployment)) {
    const deployment = await readDeploymentFile(home.deployment)
    await verifyDeployment(chain, deployment)
    return deployment
  }
  const deployment = await deployDevMarket(chain, dev, devChain.url, { clock, log: detailLog(context) })
  await writeJson(home.deployment, deployment)
  return deployment
}

function running({ id, settings }: DevHome['stewards'][number], dataDir: string, { pid, api }: RunFile): Running {
  return { id, number: settings.number, pid, api, dataDir }
}

function stopwatch(clock: Context['clock']): () => number {
  let last = clock.monotonic()
  return () => {
    const before = last
    last = clock.monotonic()
    return (last - before) / 1000
  }
}
