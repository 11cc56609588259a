/**
 * Double-entry accounts: every movement of money that the ledger knows, once debited and once credited, and what must come out of it. Pure.
 * market.md, Accounts; docs/spec/settlement.md.
 *
 *   owner            what was put in, and drawn again
 *   market           our balance in the market
 *   escrow           open bounties
 *   adverts          fees of adverts
 *   rent:0x…         what a steward proved and was or will be paid for
 *   promised:0x…     vouchers it has not redeemed
 */
import type { Address } from '../base/curve.ts'
import { formatHold, formatTime, WEI_PER_GWEI } from '../base/units.ts'
import type { RoundView } from './api-types.ts'
import type { Ledger } from './ledger.ts'
import type { BountyRecord } from './records.ts'

/** `amount`: wei of HOLD, from `credit` to `debit`. */
export interface Entry {
  readonly what: 'deposit' | 'withdrawal' | 'advert' | 'bounty' | 'sweep' | 'revoke' | 'voucher' | 'earlier' | 'redeem'
  readonly debit: string
  readonly credit: string
  readonly amount: bigint
}

type Books = Pick<Ledger, 'bounties' | 'promises' | 'money'>

/** All entries, in no order of time. */
export function* entriesOf({ bounties, promises, money }: Books): Iterable<Entry> {
  yield { what: 'deposit', debit: 'market', credit: 'owner', amount: money.deposited }
  yield { what: 'withdrawal', debit: 'owner', credit: 'market', amount: money.withdrawn }
  yield { what: 'advert', debit: 'adverts', credit: 'market', amount: money.advertFees * WEI_PER_GWEI }
  for (const { phase, steward, amount: gwei } of bounties.values()) {
    const amount = gwei * WEI_PER_GWEI
    if (phase === 'posted' || phase === 'swept' || phase === 'revoked')
      yield { what: 'bounty', debit: 'escrow', credit: 'market', amount }
    if (phase === 'swept') yield { what: 'sweep', debit: `rent:${steward}`, credit: 'escrow', amount }
    if (phase === 'revoked') yield { what: 'revoke', debit: 'market', credit: 'escrow', amount }
    if (phase === 'vouched') yield { what: 'voucher', debit: `rent:${steward}`, credit: `promised:${steward}`, amount }
  }
  for (const { to, unknown, paidOut = 0n } of promises.values()) {
    if (unknown > 0n)
      yield { what: 'earlier', debit: `rent:${to}`, credit: `promised:${to}`, amount: unknown * WEI_PER_GWEI }
    yield { what: 'redeem', debit: `promised:${to}`, credit: 'market', amount: paidOut * WEI_PER_GWEI }
  }
}

/** What each account comes to: debits less credits. Wei of HOLD; the sum of all is zero, whatever the entries. */
export function trialBalance(entries: Iterable<Entry>): ReadonlyMap<string, bigint> {
  const totals = new Map<string, bigint>()
  const move = (account: string, amount: bigint) => totals.set(account, (totals.get(account) ?? 0n) + amount)
  for (const { debit, credit, amount } of entries) {
    move(debit, amount)
    move(credit, -amount)
  }
  return totals
}

/** An account that says something else than what it is about. Wei of HOLD. */
export interface Difference {
  readonly account: string
  readonly books: bigint
  readonly shown: bigint
}

/**
 * Holds the books against what they are about: the balance that the chain tells, the bounties that are open, the vouchers that were signed.
 * @param balance wei of HOLD in the market; money that moves past the ledger (what the account earns as a steward, netting) shows as its difference
 */
export function differencesOf(books: Books, balance: bigint): readonly Difference[] {
  const totals = trialBalance(entriesOf(books))
  const found: Difference[] = []
  const compare = (account: string, sum: bigint, shown: bigint) => {
    if (sum !== shown) found.push({ account, books: sum, shown })
  }
  compare(
    'all',
    [...totals.values()].reduce((sum, each) => sum + each, 0n),
    0n,
  )
  compare('market', totals.get('market') ?? 0n, balance)
  let open = 0n
  for (const { phase, amount } of books.bounties.values()) if (phase === 'posted') open += amount * WEI_PER_GWEI
  compare('escrow', totals.get('escrow') ?? 0n, open)
  for (const { to, cumulative, redeemed } of books.promises.values())
    compare(`promised:${to}`, -(totals.get(`promised:${to}`) ?? 0n), (cumulative - redeemed) * WEI_PER_GWEI)
  return found
}

const STATE: Readonly<Record<BountyRecord['phase'], RoundView['state']>> = {
  offered: 'on the way',
  intended: 'on the way',
  posted: 'open',
  swept: 'swept',
  vouched: 'promised',
  revoked: 'revoked',
  failed: 'failed',
}

/** Every round, oldest first: what it was for, which way it went, and what became of it. */
export function viewRounds({ bounties }: Pick<Ledger, 'bounties'>, steward?: Address): readonly RoundView[] {
  return [...bounties.values()]
    .filter((each) => steward === undefined || each.steward === steward)
    .sort((a, b) => a.due - b.due || (a.id < b.id ? -1 : 1))
    .map(({ due, steward: to, phase, placements, amount, why, vouchedAt }) => ({
      due: formatTime(due),
      steward: to,
      way: phase === 'offered' || phase === 'vouched' ? 'voucher' : 'chain',
      ...(why === undefined ? {} : { why }),
      blobs: placements.length,
      amount: formatHold(amount * WEI_PER_GWEI),
      state: STATE[phase],
      ...(vouchedAt === undefined ? {} : { promised: formatTime(vouchedAt) }),
    }))
}
