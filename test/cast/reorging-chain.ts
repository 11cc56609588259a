/**
 * ReorgingChain: undoes blocks that everybody has acted on. What was mined in them is gone until somebody sends it again; the blocks in
 * their place are empty. On a chain with one confirmation this undoes what daemons took for final.
 */
import { mine } from '../../chain/devnet-time.ts'
import type { Chain } from '../../chain/rpc.ts'

/** Mines so many blocks, a second or so apart, so that the last `count` blocks span minutes and not months. */
export async function bury(chain: Chain, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await mine(chain)
}

/** Undoes the last `depth` blocks; as many empty ones take their place. */
export async function reorg(chain: Chain, depth: number): Promise<void> {
  await chain.request('anvil_reorg', [depth, []])
  await chain.head()
}
