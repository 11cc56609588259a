/** What an uploader or a reader needs of the market: the chain, the members, a node with a key of its own, the indexes. */
import type { Log } from '../base/ports.ts'
import type { Deployment } from '../chain/deployment.ts'
import { openRegistry } from '../chain/registry.ts'
import type { Chain } from '../chain/rpc.ts'
import { type NetNode, openNode } from '../net/node.ts'
import { createGate } from '../pool/handshake.ts'
import { createIndexClient } from '../pool/index-client.ts'
import { createPlainBulk, type PlainBulk } from '../pool/plain-bulk.ts'
import type { RegistryView } from '../pool/registry-view.ts'
import { createFetchBlob } from '../uploader/fetch-over-net.ts'
import type { FetchBlob, Finder } from '../uploader/holders.ts'
import { createPoolFinder, type FinderHints } from '../uploader/pool-finder.ts'
import { detailLog, openMarketChain } from './chain-access.ts'
import type { Context } from './context.ts'
import { registryCache } from './registry-cache.ts'

/** An anonymous peer of the pool. */
export interface ClientNode extends AsyncDisposable {
  readonly chain: Chain
  readonly deployment: Deployment
  readonly net: NetNode
  readonly registry: RegistryView
  finder(hints?: FinderHints): Finder
  readonly fetch: FetchBlob
  /** Where `net.bulk` is plain. */
  readonly plain: PlainBulk | undefined
}

/** Dials with an ephemeral peer key; listens nowhere. @throws what `openMarketChain` throws */
export async function openClientNode(context: Context, log: Log = detailLog(context)): Promise<ClientNode> {
  const { clock, rng } = context
  await using opening = new AsyncDisposableStack()
  const { chain, deployment } = await openMarketChain(context, log)
  opening.defer(() => chain.close())
  const { address, block } = deployment.contracts.registrar
  const registry = await openRegistry(chain, address, {
    from: block,
    log,
    checkpoint: registryCache(context.home, chain.chainId, address),
  })
  opening.defer(() => registry.close())
  const domain = { chainId: chain.chainId, contract: address }
  const gate = createGate({ identity: undefined, roles: 0, registry, domain, clock, rng, log })
  const net = await openNode({ secret: undefined, listen: [], gate, clock, log })
  opening.defer(() => net.stop())
  const indexes = createIndexClient({ net, registry, clock, log })
  opening.defer(() => indexes.stop())
  const plain =
    context.settings.value('net.bulk') === 'plain' ? createPlainBulk({ registry, gate, clock, log }) : undefined
  const scope = opening.move()
  return {
    chain,
    deployment,
    net,
    registry,
    finder: (hints) =>
      createPoolFinder({ index: indexes, registry, rng, log, ...(hints === undefined ? {} : { hints }) }),
    fetch: createFetchBlob(net, plain),
    plain,
    [Symbol.asyncDispose]: () => scope.disposeAsync(),
  }
}
