/**
 * HaltedChain: takes transactions and makes no blocks, for hours, just when a deadline is near; then it goes on as if nothing had been,
 * with the time of the day and everything that waited in the first block.
 */
import type { UnixTime } from '../../base/units.ts'
import type { Chain } from '../../chain/rpc.ts'

/** From now on nothing is mined. */
export async function halt(chain: Chain): Promise<void> {
  await chain.request('evm_setAutomine', [false])
}

/** One block at this time with all that waited. The halt goes on. */
export async function oneBlock(chain: Chain, at: UnixTime): Promise<void> {
  await chain.request('evm_setNextBlockTimestamp', [at])
  await chain.request('evm_mine', [])
  await chain.head()
}

/** The first block after the halt, at this time; then it is a chain again. */
export async function goOn(chain: Chain, at: UnixTime): Promise<void> {
  await oneBlock(chain, at)
  await chain.request('evm_setAutomine', [true])
}

/** Transactions that wait for a block. */
export async function waiting(chain: Chain): Promise<number> {
  const { pending } = (await chain.request('txpool_status', [])) as { pending: string }
  return Number(pending)
}
