/**
 * Bonds as the chain shows them: what stands behind a bid, and who takes its bond back. market.md: one stake cannot back every bid, so it counts
 * by the lot's part of all rent that is known to lie on it; and a bond that leaves makes every placement with its steward due at once.
 */
import { readU32, u32 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { GiB, HOUR } from '../base/units.ts'
import { proRataBond } from '../pricing/auction.ts'
import type { Ledger } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'
import type { RunStep } from './ports.ts'
import { KEYS } from './records.ts'

/** The stake pool, as the controller needs it. */
export interface BondChain {
  /** What of an account's bond stands: bonded, and held by no case. Gwei of HOLD. */
  bondOf(account: Address): Promise<bigint>
  /** Bonds of these accounts that began to leave in some blocks, both included. `at`: block time. */
  unbondings(
    accounts: readonly Address[],
    from: number,
    to: { readonly number: number; readonly hash: `0x${string}` },
  ): Promise<readonly { readonly account: Address; readonly at: number }[]>
  /** The first block in which anything can have happened. */
  readonly bondsSince: number
}

/** The chain is looked at for leaving bonds once in so much of its time: they take 21 days. Seconds. */
const LOOK_EVERY = 6 * HOUR

/** Rent of everything that lies with a steward as far as its uploader knows: its own. Wei of HOLD a month, rounded down. */
export function rentWith(placements: Iterable<PlacementState>, steward: Address): bigint {
  let sum = 0n
  for (const placement of placements)
    if (placement.steward === steward && (placement.state === 'held' || placement.state === 'suspect'))
      sum += placement.price * BigInt(placement.length)
  return sum / BigInt(GiB)
}

/** Gwei that stand behind a bid for one lot of so many bytes at a price. */
export function backingOf(
  stake: bigint,
  lot: { readonly bytes: number; readonly price: bigint },
  inventory: bigint,
): bigint {
  return proRataBond(stake, { lot: (lot.price * BigInt(lot.bytes)) / BigInt(GiB), inventory })
}

export interface BondWatchDeps {
  readonly ledger: Ledger
  readonly chain: BondChain
  readonly log: Log
  /** Chain time. */
  now(): number
}

/** Looks for bonds that leave, and tells the placements with their stewards. Where it stopped is on disk. */
export function createBondWatch({ ledger, chain, log, now }: BondWatchDeps) {
  let due = 0
  return async function look(
    step: RunStep,
    head: { readonly number: number; readonly hash: `0x${string}` },
  ): Promise<void> {
    if (now() < due) return
    due = now() + LOOK_EVERY
    const living = [...ledger.placements.values()].filter(({ state }) => state === 'held' || state === 'suspect')
    const stewards = [...new Set(living.map(({ steward }) => steward))].sort()
    const seen = await ledger.get(KEYS.bonds)
    const from = seen === undefined ? chain.bondsSince : readU32(seen, 0) + 1
    if (stewards.length === 0 || from > head.number) return
    try {
      const found = await chain.unbondings(stewards, from, head)
      await step((each) => {
        for (const { account, at } of found) {
          log.warn('a bond leaves', { steward: account, at })
          for (const { id, steward } of each.placements())
            if (steward === account) each.tell(id, { kind: 'unbonding', at })
        }
        each.batch.also([{ key: KEYS.bonds, value: u32(head.number) }])
      })
    } catch (cause) {
      log.debug('bonds not looked at', { message: asHoldfastError(cause).message })
    }
  }
}
