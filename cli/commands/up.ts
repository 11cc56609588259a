/** `holdfast up`: a whole local market, or what of it is not running. */
import { dirname } from 'node:path'
import { HoldfastError } from '../../base/errors.ts'
import { formatSize } from '../../base/units.ts'
import { bringUp, type Market, type Step } from '../bring-up.ts'
import type { Context, Options } from '../context.ts'
import { pasteable } from '../pasteable.ts'
import { listProcesses } from '../run-file.ts'
import { plural } from '../words.ts'
import { assertWipeable, stopAll, wipe } from './down.ts'

/** More are possible, but not on one computer. */
const MOST_STEWARDS = 200

export async function up(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { home, out } = context
  const stewards = countOf(options['stewards'], '--stewards', 1, MOST_STEWARDS)
  const indexes = countOf(options['indexes'], '--indexes', 1, 9)
  const monitors = countOf(options['monitors'], '--monitors', 0, 15)
  const apiPort = countOf(options['port'], '--port', 0, 65_535)
  const chainUrl = options['chain'] === 'anvil' ? undefined : String(options['chain'])
  if (context.options.dryRun === true) {
    out.summary({
      command: 'up',
      fields: { dryRun: true, home: home.root, stewards, indexes, monitors },
      lines: [
        `would make or continue a local market in ${home.root ?? dirname(home.keystore)}: ${chainUrl === undefined ? 'a chain' : chainUrl}, controller, ${plural(indexes, 'index').replace(/x(s)$/, 'xes')}, ${plural(monitors, 'monitor')}, ${plural(stewards, 'steward')}`,
        'Nothing was started (dry run).',
      ],
    })
    return
  }
  if (options['reset'] === true) await reset(context)
  const market = await bringUp(context, {
    stewards,
    indexes,
    monitors,
    apiPort,
    ...(chainUrl === undefined ? {} : { chainUrl }),
    onStep: (step) => describeStep(context, step),
  })
  const isDetached = options['detach'] === true
  out.summary({
    type: 'ready',
    command: 'up',
    fields: readyFields(market),
    lines: [
      ...readyLines(market),
      isDetached
        ? `Next: ${pasteable(context.options, 'put README.md')}       Stop: ${pasteable(context.options, 'down')} (state is kept)`
        : `Next, in another terminal: ${pasteable(context.options, 'put README.md')}       Stop: Ctrl-C (state is kept)`,
    ],
    result: home.root ?? dirname(home.keystore),
  })
  if (!isDetached) await runUntilStopped(context)
}

/** The line of issue 2: what scripts read. */
export function readyFields({
  chain,
  chainId,
  deployment,
  dev,
  controller,
  manager,
  stewards,
  indexes,
  monitors,
}: Market): Readonly<Record<string, unknown>> {
  const { market, token, registrar, stakePool, mine } = deployment.contracts
  return {
    rpc: chain.url,
    chainId,
    contracts: {
      market: market.address,
      token: token.address,
      registrar: registrar.address,
      stakePool: stakePool.address,
      mine: mine.address,
    },
    controller: { pid: controller.pid, api: controller.api },
    stewards: stewards.map(({ id, pid, api, dataDir }) => ({ id, pid, api, dataDir })),
    pool: {
      registrar: registrar.address,
      master: dev.master.id,
      manager: { id: dev.manager.id, pid: manager.pid, api: manager.api },
      indexes: indexes.map(({ id, pid, api }) => ({ id, pid, api })),
      monitors: monitors.map(({ id, pid, api }) => ({ id, pid, api })),
    },
    ...(chain.pid === undefined ? {} : { chain: { pid: chain.pid } }),
    clusterRule: dev.hasNetworks,
  }
}

function describeStep({ out }: Context, { part, seconds, chain, dev }: Step): void {
  const time = `${seconds.toFixed(1)} s`
  if (part === 'chain')
    out.note(`chain       ${chain.wasRunning ? 'found at' : 'anvil 31337 at'} ${chain.url}, 5 contracts   ${time}`)
  if (part === 'pool') {
    const offered = dev.stewards.reduce((sum, { settings }) => sum + (settings.quota ?? 0), 0)
    out.note(
      `pool        registrar, manager, ${plural(dev.indexes.length, 'index').replace('indexs', 'indexes')}, ${plural(dev.monitors.length, 'monitor')}; ${plural(dev.stewards.length, 'steward')} registered, ${formatSize(offered)} offered   ${time}`,
    )
    if (!dev.hasNetworks)
      out.warn('this system has only 127.0.0.1: all stewards are one network, so the cluster rule of auctions is off')
  }
  if (part === 'daemons') out.note(`daemons     ready   ${time}`)
}

function readyLines({ chain, controller, stewards, block }: Market): readonly string[] {
  return [
    `chain       ${chain.url}, block ${block}`,
    `controller  ${controller.api}   1000 HOLD deposited and 10 ETH for fees, both test tokens`,
    `stewards    ${stewards.length} running`,
  ]
}

async function reset(context: Context): Promise<void> {
  assertWipeable(context)
  await stopAll(context, (await listProcesses(context.home.run)).live)
  await wipe(context)
}

/** In the foreground Ctrl-C is `down`, and a good end. */
async function runUntilStopped(context: Context): Promise<void> {
  const { home, out, signal } = context
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  const { live } = await listProcesses(home.run)
  await stopAll(context, live)
  out.note(`stopped ${live.length} processes; state is kept`)
}

function countOf(value: unknown, name: string, least: number, most: number): number {
  const count = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN
  if (!(count >= least && count <= most))
    throw new HoldfastError('INPUT_RANGE', {
      name,
      expected: `a whole number from ${least} to ${most}`,
      got: String(value),
    })
  return count
}
