/** The chain of this home: which endpoint, and whether it is the chain that deployment.json means. */
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Deployment, verifyDeployment } from '../chain/deployment.ts'
import { type Chain, connectChain } from '../chain/rpc.ts'
import type { Context } from './context.ts'
import { deploymentPath, readDeploymentFile } from './deployment-file.ts'

/** For commands: what the chain says of itself goes to -v. */
export function detailLog({ out }: Pick<Context, 'out'>): Log {
  const line =
    (level: string) =>
    (event: string, data: Readonly<Record<string, unknown>> = {}) =>
      out.detail(
        `${level} ${event} ${JSON.stringify(data, (_, item) => (typeof item === 'bigint' ? item.toString() : item))}`,
      )
  return {
    debug: out.style.verbosity > 1 ? line('debug') : () => undefined,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  }
}

/** The endpoints: those that were set, else those of deployment.json. */
export function rpcUrls(
  { settings }: Pick<Context, 'settings'>,
  deployment: Deployment | undefined,
): readonly string[] {
  const { from } = settings.origin('chain.rpc')
  return from === 'default' && deployment !== undefined ? [deployment.rpc] : settings.value('chain.rpc')
}

/** Connects, without looking at contracts. @throws `CHAIN_UNREACHABLE`, `CHAIN_WRONG` */
export async function openHomeChain(context: Context, log: Log = detailLog(context)): Promise<Chain> {
  const deployment = await readDeploymentFile(deploymentPath(context))
  const confirmations = context.settings.value('chain.confirmations')
  return connectChain(rpcUrls(context, deployment), {
    log,
    clock: context.clock,
    expectChainId: deployment.chainId,
    ...(confirmations === undefined ? {} : { confirmations }),
  })
}

/** Connects and checks that the contracts are those of deployment.json. @throws also `CHAIN_NO_DEPLOYMENT` */
export async function openMarketChain(
  context: Context,
  log: Log = detailLog(context),
): Promise<{ readonly chain: Chain; readonly deployment: Deployment }> {
  const deployment = await readDeploymentFile(deploymentPath(context))
  const chain = await openHomeChain(context, log)
  try {
    await verifyDeployment(chain, deployment)
    return { chain, deployment }
  } catch (cause) {
    chain.close()
    throw cause instanceof HoldfastError
      ? cause
      : new HoldfastError('CHAIN_ANSWER', { what: 'the contracts could not be checked' }, { cause })
  }
}
