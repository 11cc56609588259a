/**
 * FrozenRpc: an endpoint that answers every call at once with status 200, and whose head never moves. It takes transactions as well. A
 * program that trusts it thinks that time stands still.
 */
import { type RpcProxy, startRpcProxy } from '../chain/rpc-proxy.ts'

export interface FrozenRpc extends Pick<RpcProxy, 'url' | 'seen' | 'close'> {
  /** The head stays what it is now. */
  freeze(): Promise<void>
  thaw(): void
}

/** In front of a chain that goes on. */
export async function startFrozenRpc(target: string): Promise<FrozenRpc> {
  const proxy = await startRpcProxy(target)
  const ask = async (method: string, params: readonly unknown[]) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const answer = await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    return ((await answer.json()) as { result: unknown }).result
  }
  return {
    url: proxy.url,
    seen: proxy.seen,
    close: () => proxy.close(),
    async freeze() {
      const head = (await ask('eth_getBlockByNumber', ['latest', false])) as { number: string }
      proxy.rewrite = (call, answer) => {
        if (call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest') answer.result = head
        if (call.method === 'eth_blockNumber') answer.result = head.number
      }
    },
    thaw() {
      proxy.rewrite = undefined
    },
  }
}
