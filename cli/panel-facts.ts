/** What the chain of a home says about the block by which a panel was drawn. */
import { fromHex } from '../base/bytes.ts'
import type { Registry } from '../chain/registry.ts'
import type { Chain } from '../chain/rpc.ts'
import type { PanelFacts } from '../pool/check-panel.ts'
import { panelPolicyOf } from '../pool/pool-policy.ts'

/** @param number of the block @throws `CHAIN_…` */
export async function readPanelFacts(
  { chain, registry }: { readonly chain: Pick<Chain, 'block'>; readonly registry: Pick<Registry, 'policyAt'> },
  number: number,
): Promise<PanelFacts> {
  const policy = registry.policyAt(number)
  const block = await chain.block(number)
  const before = block === undefined || number === 0 ? undefined : await chain.block(number - 1)
  return {
    policy: policy && panelPolicyOf(policy),
    block: block && { hash: fromHex(block.hash, 32), time: block.timestamp, before: before?.timestamp },
  }
}
