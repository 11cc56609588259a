/** The doors that every daemon opens: the checked chain, the registry, the market's and the pool's signing domains. */
import { toHex0x } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Log } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { type UnixTime, unixTime } from '../base/units.ts'
import { addressTopic, MARKET, topicOf } from '../chain/abi.ts'
import type { Deployment } from '../chain/deployment.ts'
import { decodeMarketLog, type Market, openMarket } from '../chain/market.ts'
import { openRegistry, type Registry } from '../chain/registry.ts'
import type { Chain } from '../chain/rpc.ts'
import { openMarketChain } from './chain-access.ts'
import type { Context } from './context.ts'
import { registryCache } from './registry-cache.ts'

export interface Doors {
  readonly chain: Chain
  readonly deployment: Deployment
  readonly market: Market
  readonly registry: Registry
  /** The contract is the market. */
  readonly marketDomain: Domain
  /** The contract is the registrar. */
  readonly poolDomain: Domain
  /** When the market was created. Chain time. */
  readonly since: UnixTime
}

/** Opened into the scope, which closes them. @throws as `openMarketChain` */
export async function openDoors(context: Context, log: Log, scope: AsyncDisposableStack): Promise<Doors> {
  const { chain, deployment } = await openMarketChain(context, log)
  scope.defer(() => chain.close())
  const { market, token, registrar } = deployment.contracts
  const registry = await openRegistry(chain, registrar.address, {
    from: registrar.block,
    log,
    checkpoint: registryCache(context.home, chain.chainId, registrar.address),
  })
  scope.defer(() => registry.close())
  const created = await chain.block(market.block)
  return {
    chain,
    deployment,
    market: openMarket(chain, { market: market.address, token: token.address }),
    registry,
    marketDomain: { chainId: chain.chainId, contract: market.address },
    poolDomain: { chainId: chain.chainId, contract: registrar.address },
    since: unixTime(created?.timestamp ?? 0),
  }
}

const ADVERTISED = topicOf(MARKET, 'Advertised')

/** Adverts paid under a hash, by anybody or by one uploader. Gwei of HOLD. */
export async function findAdverts(
  { chain, deployment }: Doors,
  hash: Uint8Array,
  uploader?: Address,
): Promise<readonly { readonly value: bigint }[]> {
  const { address, block } = deployment.contracts.market
  const logs = await chain.logs(
    { address, topics: [[ADVERTISED, toHex0x(hash), ...(uploader === undefined ? [] : [addressTopic(uploader)])]] },
    block,
    await chain.head(),
  )
  return logs.flatMap((log) => {
    const event = decodeMarketLog(log, log.blockTime ?? unixTime(0))
    return event?.kind === 'advertised' ? [{ value: event.value }] : []
  })
}
