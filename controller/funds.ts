/** What of the balance is free, and what a round must be worth: asked of the chain and of the ledger within the step that spends it. */
import { hasCode } from '../base/errors.ts'
import { WEI_PER_GWEI } from '../base/units.ts'
import { rentOf } from '../pricing/rates.ts'
import type { ControllerDeps } from './controller-ports.ts'
import { openPromises } from './offers.ts'

export function createFunds({
  ledger,
  chain,
  policy,
  log,
}: Pick<ControllerDeps, 'ledger' | 'chain' | 'policy' | 'log'>) {
  /** Gwei that a docket had to pay to be worth its gas, when that was asked last. */
  let worthAsked = 0n

  /** Wei of HOLD that new rounds may take; undefined while the chain does not answer, which ends no daemon (reliability.md, F32). */
  async function spendable(): Promise<bigint | undefined> {
    if (!chain.isFresh()) {
      log.warn('the chain stands still: rounds wait')
      return undefined
    }
    try {
      return (await chain.balance()) - intended()
    } catch (cause) {
      if (!hasCode(cause, 'CHAIN_UNREACHABLE', 'CHAIN_ANSWER')) throw cause
      log.warn('balance not known: rounds wait', { code: cause.code, message: cause.message })
      return undefined
    }
  }

  /** What a docket must pay to be worth its gas; while the price of gas is not known, every one is. Gwei. */
  async function worth(): Promise<bigint> {
    if (policy.settle !== 'auto' || chain.worth === undefined) return 0n
    try {
      worthAsked = await chain.worth()
      return worthAsked
    } catch (cause) {
      if (!hasCode(cause, 'CHAIN_UNREACHABLE', 'CHAIN_ANSWER')) throw cause
      log.warn('gas not known: rounds go on chain', { code: cause.code, message: cause.message })
      return 0n
    }
  }

  /** Wei of HOLD that placements will still ask for until their ends: a new put must not be promised the same money. */
  function owed(): bigint {
    const now = chain.now()
    const items = [...ledger.placements.values()]
      .filter(({ state }) => state === 'held' || state === 'suspect')
      .map(({ price, length, end, totals }) => ({
        price,
        length,
        seconds: Math.max(0, end - Math.min(totals.cut, now)),
      }))
    return rentOf(items)
  }

  /** Wei of HOLD that posts and rounds on their way will take, and promises that were not redeemed yet. */
  function intended(): bigint {
    let sum = openPromises(ledger) * WEI_PER_GWEI
    for (const bounty of ledger.bounties.values())
      if (bounty.phase === 'intended' || bounty.phase === 'offered') sum += bounty.amount * WEI_PER_GWEI
    return sum
  }

  return { spendable, worth, worthAsked: () => worthAsked, owed, intended }
}

export type Funds = ReturnType<typeof createFunds>
