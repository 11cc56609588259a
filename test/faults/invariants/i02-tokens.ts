/** I2: tokens are conserved: balances are the supply, and what the market took in is what it holds. */
import { expect } from 'chai'
import { Contract, type EventLog, JsonRpcProvider } from 'ethers'
import { ABI } from '../../../chain/bindings/hold-token.ts'
import type { marketLogs } from '../../market/chain-log.ts'
import type { World } from '../world.ts'

const GWEI = 10n ** 9n

export async function tokensAreConserved(
  { market }: World,
  log: Awaited<ReturnType<typeof marketLogs>>,
): Promise<string> {
  const { posted, swept, revoked, deposited, withdrawn, advertFees, balances } = log
  const sum = (events: readonly { readonly amount: bigint }[]) => events.reduce((all, { amount }) => all + amount, 0n)
  const open = sum(posted) - sum(swept) - sum(revoked)
  expect(open >= 0n, 'I2: no more is swept and revoked than was posted').to.equal(true)
  expect(deposited - withdrawn - advertFees * GWEI, 'I2: deposits − withdrawals − fees = balances + open').to.equal(
    balances + open * GWEI,
  )
  const provider = new JsonRpcProvider(market.ready.rpc, undefined, { staticNetwork: true, cacheTimeout: -1 })
  try {
    const token = new Contract(market.ready.contracts['token'] as string, ABI as never, provider)
    const transfers = (await token.queryFilter('Transfer', 0, 'latest')) as EventLog[]
    const holders = new Set(transfers.flatMap(({ args }) => [String(args[0]), String(args[1])]))
    holders.delete(`0x${'0'.repeat(40)}`)
    let held = 0n
    for (const holder of holders) held += (await token.getFunction('balanceOf')(holder)) as bigint
    expect(held, 'I2: Σ balances = supply').to.equal(await token.getFunction('totalSupply')())
    const inMarket = (await token.getFunction('balanceOf')(market.ready.contracts['market'])) as bigint
    expect(inMarket >= balances + open * GWEI, 'I2: the market holds what it owes').to.equal(true)
    return `${holders.size} holders, ${posted.length} posted = ${swept.length} swept + ${revoked.length} revoked + open`
  } finally {
    provider.destroy()
  }
}
