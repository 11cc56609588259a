/**
 * The steward's rules for one placement: hold, warn, prune (M8). State and fact in, state and effects out; no I/O, no clock; total and
 * replayable. What a crash leaves undone is found again by `outstandingEffects`.
 *
 * One rule for silence (protocol.md §8): 34 days since the start or the last payment → signed `Unpaid` notice → the grace both sides signed
 * (14 days) → prune. A payment in between takes the notice back. A term that is over and paid to its end is kept 14 days more for the
 * hand-over (market.md, Contracts), then pruned; one that is over and not paid to its end follows the rule for silence, so that the last
 * interval stays worth paying. Nothing is pruned while a bounty over it can still be swept: that would be throwing away money (PR6).
 *
 * A blob that is lost keeps its placement until the uploader has our release, or until the rules above end it: without a notice, as there
 * is nothing left to prune.
 */
import { DAY } from '../base/units.ts'
import { type HeldPlacement, lastPaymentOf, type OpenBounty, type Payment, paidUntil } from './held-placement.ts'

/** Silence after which the notice is signed. Seconds. protocol.md §8: longest gap 30 d and window 78 h together stay below. */
export const UNPAID_AFTER = 34 * DAY
/** Bytes of a finished term stay so long. Seconds. market.md, Contracts: handover 14 days. */
export const HANDOVER = 14 * DAY
/** Payments kept as they are; a reorganisation can undo so many. */
const REMEMBERED_PAYMENTS = 4
/** Parts of the grace after which the operator hears of it. reliability.md R19. */
const WARN_AT = [0.5, 0.75, 0.9] as const

export type Fact =
  /** Chain time moved. */
  | { readonly kind: 'tick' }
  /** A bounty over this blob is open, bound to us. */
  | { readonly kind: 'asked'; readonly bounty: string; readonly deadline: number }
  /** It is not any more: revoked, released, or its block is gone. */
  | { readonly kind: 'unasked'; readonly bounty: string }
  /** Our sweep is final, or a voucher for the round was accepted. */
  | { readonly kind: 'paid'; readonly bounty: string; readonly at: number; readonly cut: number }
  /** The chain took a final sweep back. */
  | { readonly kind: 'unpaid'; readonly bounty: string }
  /** Its bytes are gone, or are not those of its id. */
  | { readonly kind: 'lost'; readonly why: string }
  /** They are here again, and whole. */
  | { readonly kind: 'found' }
  /** Its uploader has our release and counts it as lost. */
  | { readonly kind: 'given-up' }
  /** Both sides signed the next version. */
  | {
      readonly kind: 'renewed'
      readonly version: number
      readonly end: number
      readonly price: bigint
      readonly grace: number
    }
  /** Notice that both sides signed: it ends then, or with its term. */
  | { readonly kind: 'notice'; readonly end: number }

export type Effect =
  /** Sign `Unpaid(placement, pruneAfter)` and send it to the uploader, as often as it takes until pruneAfter. */
  | { readonly id: string; readonly kind: 'warn'; readonly placement: string; readonly pruneAfter: number }
  /** Forget the bytes, unless another placement over the blob lives (`areBytesFree`). */
  | {
      readonly id: string
      readonly kind: 'prune'
      readonly placement: string
      readonly blobId: string
      readonly reason: 'unpaid' | 'ended' | 'lost'
    }
  /** For the operator. */
  | {
      readonly id: string
      readonly kind: 'alert'
      readonly placement: string
      readonly code: 'unpaid' | 'grace-passing'
    }

export interface Decision {
  readonly next: HeldPlacement
  readonly effects: readonly Effect[]
}

/** What a fact changes, and what is to be done about it now. @param now chain time, seconds */
export function decide(held: HeldPlacement, fact: Fact, now: number): Decision {
  const next = settle(apply(held, fact, now), now)
  const before = new Set(outstandingEffects(held).map((effect) => effect.id))
  const asked = outstandingEffects(next).filter((effect) => !before.has(effect.id))
  return { next, effects: [...asked, ...alertsOf(held, next)] }
}

/** Everything that is asked for and not known to be done, from the state alone; performing it again is harmless. */
export function outstandingEffects(held: HeldPlacement): Effect[] {
  const { id, blobId, notice, reason } = held
  if (held.state === 'pruned')
    return [{ id: `prune/${id}`, kind: 'prune', placement: id, blobId, reason: reason ?? 'ended' }]
  if (notice) return [{ id: `warn/${id}/${notice.n}`, kind: 'warn', placement: id, pruneAfter: notice.pruneAfter }]
  return []
}

/** When a tick will next do something; undefined when the placement is pruned. After `decide` at `now` it lies later than `now`. */
export function nextDueOf(held: HeldPlacement): number | undefined {
  if (held.state === 'pruned') return undefined
  const afterBounties = Math.max(0, ...held.open.map((bounty) => bounty.deadline + 1))
  if (held.lost) return Math.max(endOfLost(held), afterBounties)
  if (isSettled(held)) return Math.max(held.end + HANDOVER, afterBounties)
  const { notice } = held
  if (!notice) return lastPaymentOf(held).at + UNPAID_AFTER
  const part = WARN_AT[notice.warned]
  return part === undefined
    ? Math.max(notice.pruneAfter, afterBounties)
    : notice.at + Math.ceil(part * (notice.pruneAfter - notice.at))
}

function apply(held: HeldPlacement, fact: Fact, now: number): HeldPlacement {
  switch (fact.kind) {
    case 'tick':
      return held
    case 'asked':
      return { ...held, open: [...withoutBounty(held.open, fact.bounty), { id: fact.bounty, deadline: fact.deadline }] }
    case 'unasked':
      return { ...held, open: withoutBounty(held.open, fact.bounty) }
    case 'paid':
      return onPaid(held, { id: fact.bounty, at: fact.at, cut: Math.min(fact.cut, held.end) })
    case 'unpaid':
      return { ...held, payments: held.payments.filter((payment) => payment.id !== fact.bounty) }
    case 'lost':
      return held.lost || held.state === 'pruned' ? held : { ...held, lost: { at: now, why: fact.why } }
    case 'found': {
      const { lost: _, ...rest } = held
      return held.state === 'pruned' ? held : rest
    }
    case 'given-up':
      return held.lost ? { ...held, lost: { ...held.lost, told: true } } : held
    case 'notice':
      return held.state === 'pruned' ? held : { ...held, end: Math.min(held.end, Math.max(fact.end, held.start)) }
    case 'renewed':
      if (fact.version <= held.version) return held
      return { ...held, version: fact.version, end: Math.max(held.end, fact.end), price: fact.price, grace: fact.grace }
  }
}

function onPaid(held: HeldPlacement, payment: Payment): HeldPlacement {
  const open = withoutBounty(held.open, payment.id)
  if (payment.id === held.settled.id || held.payments.some(({ id }) => id === payment.id)) return { ...held, open }
  const payments = [...held.payments, payment]
  if (payments.length <= REMEMBERED_PAYMENTS) return { ...held, open, payments }
  const oldest = payments.shift() as Payment
  const { settled } = held
  const folded = { id: oldest.id, at: Math.max(oldest.at, settled.at), cut: Math.max(oldest.cut, settled.cut) }
  return { ...held, open, payments, settled: folded }
}

function settle(held: HeldPlacement, now: number): HeldPlacement {
  if (held.state === 'pruned') return held
  const open = held.open.filter((bounty) => bounty.deadline >= now)
  const current = open.length === held.open.length ? held : { ...held, open }
  const { notice, ...rest } = current
  if (current.lost) {
    const isOver = current.lost.told === true || (now >= endOfLost(current) && open.length === 0)
    return isOver ? { ...rest, state: 'pruned', prunedAt: now, reason: 'lost' } : { ...rest, state: 'held' }
  }
  if (isSettled(current)) {
    const isOver = now >= current.end + HANDOVER && open.length === 0
    return isOver ? { ...rest, state: 'pruned', prunedAt: now, reason: 'ended' } : { ...rest, state: 'held' }
  }
  if (now < lastPaymentOf(current).at + UNPAID_AFTER) return { ...rest, state: 'held' }
  if (!notice) {
    const n = current.notices + 1
    return { ...rest, notices: n, notice: { n, at: now, pruneAfter: now + current.grace, warned: 0 }, state: 'warned' }
  }
  if (now >= notice.pruneAfter && open.length === 0)
    return { ...rest, state: 'pruned', prunedAt: now, reason: 'unpaid' }
  const warned = WARN_AT.filter((part) => now >= notice.at + Math.ceil(part * (notice.pruneAfter - notice.at))).length
  return { ...current, notice: { ...notice, warned: Math.max(warned, notice.warned) } }
}

/** When the placement of a lost blob ends by itself. */
function endOfLost(held: HeldPlacement): number {
  return isSettled(held) ? held.end + HANDOVER : lastPaymentOf(held).at + UNPAID_AFTER
}

/** Paid up to its end: nothing is owed any more. */
function isSettled(held: HeldPlacement): boolean {
  return paidUntil(held) >= held.end
}

function withoutBounty(open: readonly OpenBounty[], id: string): readonly OpenBounty[] {
  return open.filter((bounty) => bounty.id !== id)
}

function alertsOf(before: HeldPlacement, next: HeldPlacement): Effect[] {
  const { notice } = next
  if (!notice) return []
  if (before.notice?.n !== notice.n)
    return [{ id: `alert/unpaid/${next.id}/${notice.n}`, kind: 'alert', placement: next.id, code: 'unpaid' }]
  if (before.notice.warned === notice.warned) return []
  const id = `alert/grace-passing/${next.id}/${notice.n}/${notice.warned}`
  return [{ id, kind: 'alert', placement: next.id, code: 'grace-passing' }]
}
