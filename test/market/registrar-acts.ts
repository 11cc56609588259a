/** Acts of the dev pool's manager in a market of real processes: what its daemon would do on evidence, by its key. */
import type { Address } from '../../base/curve.ts'
import { encodeSetStanding } from '../../chain/registry.ts'
import type { Standing } from '../../chain/registry-members.ts'
import { connectChain } from '../../chain/rpc.ts'
import { homeAt } from '../../cli/home.ts'
import { readActorKey } from '../../cli/keys.ts'
import { readSecretFile } from '../../cli/passphrase.ts'
import { sendAll } from '../../cli/send-all.ts'
import { systemClock } from '../../cli/system.ts'
import { aLog } from '../net/nodes.ts'
import type { MarketHandle } from './market.ts'

/** Changes the standing of members, all in one go. */
export async function setStandings(
  market: MarketHandle,
  ids: readonly string[],
  standing: Standing,
  evidence = new Uint8Array(32).fill(7),
): Promise<void> {
  const home = homeAt(market.home, {})
  const manager = await readActorKey(home.pool.manager, await readSecretFile(home.devPassphrase))
  const chain = await connectChain([market.ready.rpc], {
    clock: systemClock,
    log: aLog(),
    expectChainId: market.ready.chainId,
  })
  try {
    const to = market.ready.contracts['registrar'] as Address
    const calls = ids.map((id) => ({
      to,
      data: encodeSetStanding(id as Address, standing, 99, evidence),
      what: `${standing} ${id}`,
    }))
    await sendAll(chain, [{ secret: manager.secret, calls }], systemClock)
  } finally {
    chain.close()
  }
}
