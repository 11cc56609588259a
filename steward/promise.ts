/**
 * What an uploader promised by vouchers, and the steward's rules for it: what is offered, what is taken, when it is redeemed. Pure.
 * protocol.md §9; docs/spec/settlement.md. At most one round of an uploader is answered and not paid for: one interval is all that is at risk.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { DAY, HOUR } from '../base/units.ts'

/** A round that was answered off chain and waits for its voucher. */
export interface AnsweredRound {
  /** Hash of its docket, hex: the round's name. */
  readonly docketHash: string
  /** Gwei of HOLD. */
  readonly amount: bigint
  readonly deadline: number
  /** Ids. */
  readonly placements: readonly string[]
  /** When it was asked: it pays up to this hour. Chain time. */
  readonly asked: number
  /** The sweep signature that was given, 65 bytes. */
  readonly signature: Uint8Array
  /** Its uploader was called late. */
  readonly told?: true
}

/** All about one uploader's promises. */
export interface PromiseRecord {
  readonly from: Address
  /** Gwei of HOLD in all since the beginning; 0: nothing yet. */
  readonly cumulative: bigint
  /** Of the voucher, 65 bytes; empty while there is none. */
  readonly signature: Uint8Array
  /** Hash of the docket the newest voucher is for. */
  readonly last?: string
  /** When it came. Chain time. */
  readonly at: number
  /** What the chain has paid of it. */
  readonly redeemed: bigint
  /** When the oldest promise that is open was made. */
  readonly openSince?: number
  readonly round?: AnsweredRound
  /** A redeem on its way: what it redeems up to. */
  readonly intent?: { readonly id: string; readonly cumulative: bigint }
  /** The balance did not cover what was redeemed last. */
  readonly short?: true
  /** Not redeemed before. Chain time. */
  readonly notBefore?: number
}

/** An uploader that does not send its voucher within this is late, and its operator is told. protocol.md §9. */
export const VOUCHER_WITHIN = DAY
/** One redeem a month for each pair. protocol.md §9. */
export const REDEEM_AFTER = 30 * DAY
/** A redeem that the chain refused, or that came short, is tried again after this. */
const REDEEM_AGAIN = DAY
/** A deadline lies 72 to 78 h after the due time (protocol.md §4); clocks of two heads may differ by an hour. */
export const LONGEST_WINDOW = 79 * HOUR

export function noPromise(from: Address): PromiseRecord {
  return { from, cumulative: 0n, signature: new Uint8Array(), at: 0, redeemed: 0n }
}

/** Gwei that are promised and not paid. */
export function openOf({ cumulative, redeemed }: Pick<PromiseRecord, 'cumulative' | 'redeemed'>): bigint {
  return cumulative > redeemed ? cumulative - redeemed : 0n
}

/** Before anything is read. @throws `VOUCHER_OWED`, `VOUCHER_INVALID` */
export function assertMayAsk(
  { from, round, short }: PromiseRecord,
  offer: { readonly docketHash: string; readonly amount: bigint; readonly deadline: number },
  now: number,
): void {
  if (round !== undefined && round.docketHash !== offer.docketHash)
    throw new HoldfastError('VOUCHER_OWED', { from, what: `${round.amount} gwei` })
  if (round !== undefined && (round.amount !== offer.amount || round.deadline !== offer.deadline))
    throw new HoldfastError('VOUCHER_INVALID', { what: 'the same round with other terms' })
  if (short) throw new HoldfastError('VOUCHER_OWED', { from, what: 'its promise was redeemed and came short' })
  if (now > offer.deadline || offer.deadline > now + LONGEST_WINDOW)
    throw new HoldfastError('VOUCHER_INVALID', { what: 'a deadline that is over or too far ahead' })
}

/** @param balance gwei that its uploader has in the market. @throws `VOUCHER_UNCOVERED` */
export function assertCovered({ from, redeemed }: PromiseRecord, cumulative: bigint, balance: bigint): void {
  const need = cumulative - redeemed
  if (need > balance) throw new HoldfastError('VOUCHER_UNCOVERED', { from, have: balance, need })
}

/**
 * What a voucher adds to what is known.
 * @returns the round it pays for; undefined: it was taken before
 * @throws `VOUCHER_OLD`, `VOUCHER_INVALID`
 */
export function roundPaidBy(
  promise: PromiseRecord,
  voucher: { readonly round: string; readonly cumulative: bigint },
): AnsweredRound | undefined {
  const { cumulative: known, round, last } = promise
  const { cumulative: got } = voucher
  if (last === voucher.round && got === known) return undefined
  if (got <= known) throw new HoldfastError('VOUCHER_OLD', { got, known })
  if (round === undefined || round.docketHash !== voucher.round)
    throw new HoldfastError('VOUCHER_INVALID', { what: 'it is for a round that was not answered here' })
  if (got < known + round.amount) throw new HoldfastError('VOUCHER_OLD', { got, known: known + round.amount })
  return round
}

/** The promise with a voucher that was checked. */
export function withVoucher(
  promise: PromiseRecord,
  voucher: { readonly round: string; readonly cumulative: bigint; readonly signature: Uint8Array },
  now: number,
): PromiseRecord {
  const { round: _, ...rest } = promise
  const { round, cumulative, signature } = voucher
  const openSince = openOf(promise) > 0n ? (promise.openSince ?? now) : now
  return { ...rest, cumulative, signature, last: round, at: now, openSince }
}

/** What the chain says of it. `sign` −1: it takes that back. */
export function withRedeemed(
  promise: PromiseRecord,
  { paid, redeemed }: { readonly paid: bigint; readonly redeemed: bigint },
  sign: 1 | -1,
  now: number,
): PromiseRecord {
  const { intent, openSince, short, ...rest } = promise
  const next = { ...rest, redeemed: sign > 0 ? redeemed : redeemed - paid }
  if (openOf(next) === 0n) return next
  const isShort = sign > 0 && (intent === undefined ? short === true : redeemed < intent.cumulative)
  // what came short stays as old as it is; a promise made since is as old as its voucher
  const since = isShort || sign < 0 ? (openSince ?? next.at) : next.at
  return { ...next, openSince: since, ...(isShort ? { short: true as const, notBefore: now + REDEEM_AGAIN } : {}) }
}

/** It was refused by the chain: tried again later. */
export function withoutIntent({ intent: _, ...promise }: PromiseRecord, now: number): PromiseRecord {
  return { ...promise, notBefore: now + REDEEM_AGAIN }
}

/**
 * Whether it is redeemed now, and why. One transaction a month is the rule; sooner when the money may be gone by then.
 * @param balance gwei that its uploader has in the market
 * @param uploader `quiet`: it was sent a notice, or owes a voucher; `gone`: nothing of it is held any more
 */
export function redeemReason(
  promise: PromiseRecord,
  balance: bigint,
  uploader: 'there' | 'quiet' | 'gone',
  now: number,
): 'month' | 'balance' | 'quiet' | 'gone' | undefined {
  const open = openOf(promise)
  const { intent, openSince = now, notBefore = 0, short } = promise
  if (open === 0n || balance === 0n || intent !== undefined || now < notBefore) return undefined
  // a part of a part is worth a transaction only once in a while
  if (short && balance < open && now < openSince + REDEEM_AFTER) return undefined
  if (uploader !== 'there') return uploader
  if (short || balance < 2n * open) return 'balance'
  return now >= openSince + REDEEM_AFTER ? 'month' : undefined
}

/** When it is redeemed by the calendar. Chain time. */
export function redeemDue({ intent, openSince, notBefore = 0, ...promise }: PromiseRecord): number | undefined {
  if (openOf(promise) === 0n || intent !== undefined || openSince === undefined) return undefined
  return Math.max(openSince + REDEEM_AFTER, notBefore)
}

/** When a tick has something to do about it. Chain time. */
export function promiseDue(promise: PromiseRecord): number | undefined {
  const { round } = promise
  const late = round && !round.told ? round.asked + VOUCHER_WITHIN : undefined
  const redeem = redeemDue(promise)
  if (late === undefined || redeem === undefined) return late ?? redeem
  return Math.min(late, redeem)
}
