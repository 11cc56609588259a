/** Moving the time of a local dev chain, and money out of nothing: what no other chain offers, and what is refused on every other one. */
import { type Address, parseAddress } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Seconds, UnixTime } from '../base/units.ts'
import { type Block, type Chain, DEV_CHAIN_ID, quantity } from './rpc.ts'

/** Mines one block whose timestamp is `time`, or a second after the newest block when that is later. @throws `CHAIN_NOT_DEV`. */
export async function advanceTo(chain: Chain, time: UnixTime): Promise<Block> {
  assertDev(chain)
  const { timestamp } = await chain.head()
  await chain.request('evm_setNextBlockTimestamp', [Math.max(time, timestamp + 1)])
  return await mine(chain)
}

/** Mines one block `span` later than the newest one. @throws `CHAIN_NOT_DEV`. */
export async function advanceBy(chain: Chain, span: Seconds): Promise<Block> {
  assertDev(chain)
  const { timestamp } = await chain.head()
  return await advanceTo(chain, (timestamp + span) as UnixTime)
}

/** Mines one block now. @throws `CHAIN_NOT_DEV`. */
export async function mine(chain: Chain): Promise<Block> {
  assertDev(chain)
  await chain.request('evm_mine', [])
  return await chain.head()
}

/** Sets an account's ether. Wei. @throws `CHAIN_NOT_DEV`. */
export async function grantEther(chain: Chain, account: Address, amount: bigint): Promise<void> {
  assertDev(chain)
  await chain.request('hardhat_setBalance', [parseAddress(account), quantity(amount)])
}

function assertDev(chain: Chain): void {
  if (chain.chainId !== DEV_CHAIN_ID) throw new HoldfastError('CHAIN_NOT_DEV', { got: chain.chainId })
}
