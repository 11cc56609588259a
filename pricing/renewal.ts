/**
 * A contract's life after its first term was agreed: offers of renewal, the auction when the price has moved, notice, handover, the closing
 * bounty. One state machine for one placement, seen from the uploader's side; the steward's side needs nothing of it but the signed
 * messages. market.md, Contracts. Picture: docs/explanation/contract-life.md. Pure: (contract, fact, env) → contract and what is to be done.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { ceilDiv, DAY, HOUR, type Seconds, seconds } from '../base/units.ts'
import { ABSURD_PRICE } from './bids.ts'
import { docketAmount } from './rates.ts'

/** Every number is policy of the uploader but the bound of a match, which the incumbent is promised. Parts are in hundredths. */
export interface RenewalPolicy {
  /** Offers begin so long before the end. */
  readonly from: Seconds
  /** Renewed by itself when the new price is within this of the old one … */
  readonly ofOld: bigint
  /** … and within this of the index. */
  readonly ofIndex: bigint
  /** In a new auction the incumbent may match, once, what is at most so much above what the auction gave. */
  readonly match: bigint
  /** How long it may take over its match. */
  readonly matchFor: Seconds
  /** Pause between two offers that nobody answered. */
  readonly offerAgain: Seconds
  /** After so long without an answer the auction begins: there must be time for it before the end. */
  readonly offerFor: Seconds
  /** Notice either way. */
  readonly notice: Seconds
  /** The leaving steward serves the blob so long after the end at most, at the contracted egress cap, paid pro rata. */
  readonly handover: Seconds
}

/** The defaults. market.md, Contracts. */
export const RENEWAL_POLICY: RenewalPolicy = {
  from: seconds(21 * DAY),
  ofOld: 15n,
  ofIndex: 10n,
  match: 5n,
  matchFor: seconds(24 * HOUR),
  offerAgain: seconds(DAY),
  offerFor: seconds(7 * DAY), // a third of the time: two weeks are left for an auction and the upload
  notice: seconds(14 * DAY),
  handover: seconds(14 * DAY),
}

/** Heads of two chains differ: a notice of either side may be so much shorter than the policy says. Seconds. */
export const NOTICE_SLACK = HOUR

/**
 * `running`: paid by the ladder, nothing to decide. `asking`: the steward is asked at what price it goes on. `offered`: a renewal at `offer` waits for the steward's signature. `bidding`: the lot is
 * in an auction. `matching`: the auction gave a price; the incumbent may take it. `leaving`: notice was given, or it will end with its term.
 * `handover`: its term is over, it serves readers and the successor. `closing`: the closing bounty is to be posted or waits for its sweep.
 * `ended`.
 */
export type ContractPhase =
  | 'running'
  | 'asking'
  | 'offered'
  | 'bidding'
  | 'matching'
  | 'leaving'
  | 'handover'
  | 'closing'
  | 'ended'

export interface Contract {
  readonly steward: Address
  /** Wei per GiB-month, as the newest version both signed says. */
  readonly price: bigint
  readonly start: number
  readonly end: number
  /** What a renewal adds. Seconds. */
  readonly term: number
  /** Of the newest version both signed. */
  readonly version: number
  readonly phase: ContractPhase
  /** The renewal that is on the table: price, when it was made first and last, how often. */
  readonly offer?: { readonly price: bigint; readonly since: number; readonly at: number; readonly n: number }
  /** The incumbent's one match of this term is used. */
  readonly matched?: true
  /** What the auction gave: who would take the lot, at which price; nobody: the incumbent is asked at the reserve. */
  readonly cleared?: { readonly price: bigint; readonly winner?: Address; readonly at: number }
  readonly notice?: { readonly by: 'uploader' | 'steward'; readonly at: number }
  /** Who takes the lot over; absent: nobody yet, a repair will find somebody. */
  readonly successor?: Address
  /** When handover began, and when the successor had the bytes. */
  readonly handover?: { readonly from: number; readonly done?: number }
  /** Posted; swept or given up. */
  readonly closing?: 'posted' | 'over'
}

export type ContractFact =
  | { readonly kind: 'tick' }
  /** What the steward asks for another term. Wei per GiB-month. */
  | { readonly kind: 'quoted'; readonly price: bigint }
  /** The steward signed the version on offer, or refused it. */
  | { readonly kind: 'accepted'; readonly version: number }
  | { readonly kind: 'declined' }
  /** The auction over this lot cleared; no winner: nobody but the incumbent wants it. */
  | { readonly kind: 'cleared'; readonly price: bigint; readonly winner?: Address }
  /** Signed notice of either side. `end`: as both signed it; absent: after the notice that the policy says. */
  | { readonly kind: 'notice'; readonly by: 'uploader' | 'steward'; readonly end?: number }
  /** The successor's receipt is booked. */
  | { readonly kind: 'handed-over' }
  | { readonly kind: 'closing-posted' }
  /** Swept, or taken back. */
  | { readonly kind: 'closing-over' }

export interface RenewalEnv {
  /** Chain time. Seconds. */
  readonly now: number
  /** Wei per GiB-month. */
  readonly index: bigint
  readonly policy: RenewalPolicy
  /** The steward is asked for its price first, and offered that, as near as the bounds let it come. Absent: it is offered the index. */
  readonly asks?: true
}

/** What is to be done (`dueOf`). */
export type ContractAct =
  /** Ask the steward at what price it would go on for another term. */
  | { readonly kind: 'ask'; readonly n: number }
  /** Sign and offer the next version. */
  | {
      readonly kind: 'offer'
      readonly version: number
      readonly n: number
      readonly price: bigint
      readonly end: number
    }
  /** Put this lot into an auction; the incumbent takes part like anyone. */
  | { readonly kind: 'auction'; readonly term: number }
  /** Upload the lot to the winner. */
  | { readonly kind: 'move'; readonly to?: Address }
  /** Post the closing bounty: one month's price. */
  | { readonly kind: 'close' }

/** A contract that both sides just signed. */
export function openContract(signed: Pick<Contract, 'steward' | 'price' | 'start' | 'end'>): Contract {
  return { ...signed, term: signed.end - signed.start, version: 1, phase: 'running' }
}

/** True when two prices are at most so many hundredths apart, counted from `base`; equality is within. */
export function isWithin(price: bigint, base: bigint, hundredths: bigint): boolean {
  const apart = price > base ? price - base : base - price
  return 100n * apart <= hundredths * base
}

/** What a renewal would pay: the index, as near as the old price lets it come. Rounded towards the old price. */
export function renewalPrice(old: bigint, index: bigint, { ofOld }: RenewalPolicy): bigint {
  const low = ceilDiv(old * (100n - ofOld), 100n)
  const high = (old * (100n + ofOld)) / 100n
  return index < low ? low : index > high ? high : index
}

/** Whether a renewal needs no auction. market.md: within ±15 % of the old price and within 10 % of the index. */
export function isAutomatic(old: bigint, offered: bigint, index: bigint, policy: RenewalPolicy): boolean {
  return offered > 0n && isWithin(offered, old, policy.ofOld) && isWithin(offered, index, policy.ofIndex)
}

/**
 * What a renewal pays when the steward asks `ask`: that, moved up to the lower bound where it asks less (no price falls faster than the bounds
 * say, so that nobody is asked into ruin). Undefined: no price within ±15 % of the old and 10 % of the index is enough for it: an auction.
 */
export function boundedPrice(
  old: bigint,
  ask: bigint,
  index: bigint,
  { ofOld, ofIndex }: RenewalPolicy,
): bigint | undefined {
  const low = [ceilDiv(old * (100n - ofOld), 100n), ceilDiv(index * (100n - ofIndex), 100n)]
  const high = [(old * (100n + ofOld)) / 100n, (index * (100n + ofIndex)) / 100n]
  const least = low.reduce((a, b) => (a > b ? a : b))
  const most = high.reduce((a, b) => (a < b ? a : b))
  const price = ask < least ? least : ask
  return price > 0n && price <= most ? price : undefined
}

/** A price that no renewal can have is refused by name. @throws `PLACEMENT_INVALID` */
export function assertRenewalPrice(price: bigint, bytes: number, term: number): void {
  const refuse = (what: string): never => {
    throw new HoldfastError('PLACEMENT_INVALID', { what })
  }
  if (price <= 0n) refuse('a renewal for nothing')
  if (price >= ABSURD_PRICE) refuse(`a renewal at ${price} wei per GiB-month, which is beyond all prices`)
  try {
    docketAmount([{ price, length: bytes, seconds: term }])
  } catch {
    refuse(`a renewal at ${price} wei per GiB-month, whose rent is more than a bounty can hold`)
  }
}

/** The dearest renewal that the incumbent may insist on after an auction: what it gave and 5 %. Rounded down. */
export function matchLimit(cleared: bigint, { match }: RenewalPolicy): bigint {
  return (cleared * (100n + match)) / 100n
}

/** The contract after a fact. Total: a fact that does not fit its phase changes nothing. */
export function stepContract(contract: Contract, fact: ContractFact, env: RenewalEnv): Contract {
  const before = AFTER_TERM.has(fact.kind) ? settle(contract, env) : contract
  return settle(apply(before, fact, env), env)
}

/**
 * What tells of the time after a term is heard in the phase that time has brought, so that telling it again finds nothing new. Answers are heard
 * in the phase they find: they count although they are read after the end, and bind nobody to what was not yet on the table.
 */
const AFTER_TERM: ReadonlySet<ContractFact['kind']> = new Set(['handed-over', 'closing-posted', 'closing-over'])

/** What the state asks for; a program that starts again finds it again. Asking twice is harmless: an offer is named by its version and its number. */
export function dueOf(contract: Contract): ContractAct | undefined {
  const { phase, offer, version, end, term, successor, handover, closing } = contract
  if (phase === 'asking' && offer) return { kind: 'ask', n: offer.n }
  if ((phase === 'offered' || phase === 'matching') && offer)
    return { kind: 'offer', version: version + 1, n: offer.n, price: offer.price, end: end + term }
  if (phase === 'bidding') return { kind: 'auction', term }
  if ((phase === 'leaving' || phase === 'handover') && handover?.done === undefined)
    return successor === undefined ? { kind: 'move' } : { kind: 'move', to: successor }
  if (phase === 'closing' && closing === undefined) return { kind: 'close' }
  return undefined
}

function apply(contract: Contract, fact: ContractFact, env: RenewalEnv): Contract {
  const { phase, offer } = contract
  switch (fact.kind) {
    case 'tick':
      return contract
    case 'quoted':
      return phase === 'asking' ? onQuoted(contract, fact.price, env) : contract
    case 'accepted':
      return (phase === 'offered' || phase === 'matching') && offer && fact.version === contract.version + 1
        ? renewed(contract, offer.price)
        : contract
    case 'declined':
      if (phase === 'offered' || phase === 'asking') return toAuction(contract)
      return phase === 'matching' ? unmatched(contract) : contract
    case 'cleared':
      return onCleared(contract, fact, env)
    case 'notice':
      return onNotice(contract, fact, env)
    case 'handed-over':
      return onHandedOver(contract, env)
    case 'closing-posted':
      return phase === 'closing' && contract.closing === undefined ? { ...contract, closing: 'posted' } : contract
    case 'closing-over':
      return phase === 'closing' ? { ...to(contract, 'ended'), closing: 'over' } : contract
  }
}

function onQuoted(contract: Contract, ask: bigint, { now, index, policy }: RenewalEnv): Contract {
  const price = boundedPrice(contract.price, ask, index, policy)
  if (price === undefined) return toAuction(contract)
  return { ...to(contract, 'offered'), offer: { price, since: now, at: now, n: 1 } }
}

function toAuction(contract: Contract): Contract {
  const { offer: _, ...rest } = contract
  return to(rest, 'bidding')
}

/** A renewal changes price, end and version, and nothing else. */
function renewed(contract: Contract, price: bigint): Contract {
  const { offer: _, cleared: __, matched: ___, ...rest } = contract
  return { ...rest, phase: 'running', price, end: contract.end + contract.term, version: contract.version + 1 }
}

/**
 * The auction's answer. The incumbent won it, or nobody bid: it is offered what the auction gave. Somebody else won: the incumbent may match
 * once, at its old price where that is within 5 % above, else at exactly 5 % above at most.
 */
function onCleared(
  contract: Contract,
  fact: ContractFact & { kind: 'cleared' },
  { now, policy }: RenewalEnv,
): Contract {
  if (contract.phase !== 'bidding') return contract
  const { price, winner } = fact
  if (price <= 0n) return contract
  const cleared = { price, at: now, ...(winner === undefined ? {} : { winner }) }
  const limit = matchLimit(price, policy)
  const isOwn = winner === undefined || winner === contract.steward
  if (!isOwn && contract.matched) return unmatched({ ...contract, cleared })
  const ask = isOwn || contract.price < price ? price : contract.price < limit ? contract.price : limit
  return {
    ...to(contract, 'matching'),
    cleared,
    ...(isOwn ? {} : { matched: true as const }),
    offer: { price: ask, since: now, at: now, n: 1 },
  }
}

/** The incumbent does not take it: the winner does, and the incumbent leaves with its term. */
function unmatched(contract: Contract): Contract {
  const { offer: _, ...rest } = contract
  const winner = contract.cleared?.winner
  const isOther = winner !== undefined && winner !== contract.steward
  return { ...to(rest, 'leaving'), ...(isOther ? { successor: winner } : {}) }
}

/**
 * Notice ends the contract after 14 days, never later than its term. What was on the table is off it. Who gave notice cannot take it back
 * alone; a second notice changes nothing.
 */
function onNotice(
  contract: Contract,
  { by, end }: Extract<ContractFact, { kind: 'notice' }>,
  { now, policy }: RenewalEnv,
): Contract {
  const { phase, notice } = contract
  if (notice || phase === 'handover' || phase === 'closing' || phase === 'ended') return contract
  const { offer: _, ...rest } = contract
  return { ...to(rest, 'leaving'), notice: { by, at: now }, end: Math.min(contract.end, end ?? now + policy.notice) }
}

function onHandedOver(contract: Contract, { now }: RenewalEnv): Contract {
  const { phase, handover } = contract
  if ((phase !== 'leaving' && phase !== 'handover') || handover?.done !== undefined) return contract
  return { ...contract, handover: { from: handover?.from ?? now, done: now } }
}

/** What the moment asks for. */
function settle(contract: Contract, env: RenewalEnv): Contract {
  const { now, index, policy } = env
  const { phase, end, offer, handover } = contract
  if (
    (phase === 'running' || phase === 'asking' || phase === 'offered' || phase === 'bidding' || phase === 'matching') &&
    now >= end
  )
    return settle(unmatched(contract), env)
  if (phase === 'running' && now >= end - policy.from) {
    if (env.asks) return { ...to(contract, 'asking'), offer: { price: 0n, since: now, at: now, n: 1 } }
    const price = renewalPrice(contract.price, index, policy)
    if (!isAutomatic(contract.price, price, index, policy)) return to(contract, 'bidding')
    return { ...to(contract, 'offered'), offer: { price, since: now, at: now, n: 1 } }
  }
  if ((phase === 'offered' || phase === 'asking') && offer) {
    if (now >= offer.since + policy.offerFor) return toAuction(contract)
    return now >= offer.at + policy.offerAgain
      ? { ...contract, offer: { ...offer, at: now, n: offer.n + 1 } }
      : contract
  }
  if (phase === 'matching' && offer && now >= offer.since + policy.matchFor) return unmatched(contract)
  if (phase === 'leaving' && now >= end)
    return settle({ ...to(contract, 'handover'), handover: { from: end, ...handover } }, env)
  if (phase === 'handover' && (handover?.done !== undefined || now >= end + policy.handover))
    return to(contract, 'closing')
  return contract
}

function to(contract: Contract, phase: ContractPhase): Contract {
  return { ...contract, phase }
}
