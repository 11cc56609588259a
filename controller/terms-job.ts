/**
 * Asking a steward on what terms it goes on: for another term of all it holds of one put, and whether it leaves. What it says becomes facts;
 * what cannot be a price, and what its put may not cost, is refused here by name. market.md, Contracts.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { WEI_PER_GWEI } from '../base/units.ts'
import { noticeDigest } from '../net/messages/store.ts'
import { rentOf } from '../pricing/rates.ts'
import { assertRenewalPrice, NOTICE_SLACK, RENEWAL_POLICY } from '../pricing/renewal.ts'
import { agreedOf, isOfLot, mayRenew } from './contract-life.ts'
import type { Ledger } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'
import type { Policy } from './policy.ts'
import type { RunStep, StewardCalls, Terms } from './ports.ts'

export interface TermsDeps {
  readonly ledger: Ledger
  readonly chainSecret: Uint8Array
  readonly policy: Policy
  readonly calls: Pick<StewardCalls, 'terms' | 'giveNotice'>
  readonly step: RunStep
  readonly signal: AbortSignal
  readonly log: Log
  /** Chain time. */
  now(): number
}

/** What a steward says no with, as against one that cannot be reached or is busy. */
export function isRefusal(cause: unknown): boolean {
  return hasCode(cause, 'PLACEMENT_INVALID', 'FUNDS_PRICE', 'BLOB_UNKNOWN', 'STORE_FULL')
}

/** What its put has cost with its fee and all terms agreed so far, and would cost with one more for everything that lives. Wei of HOLD. */
export function costWithAnotherTerm(ledger: Ledger, ref: string, policy: Policy, now: number): bigint {
  let sum = (ledger.puts.get(ref)?.advertFee ?? 0n) * WEI_PER_GWEI
  for (const placement of ledger.placementsOf(ref)) {
    const { price, length, term, end } = placement
    const isDue = mayRenew(placement, policy, now) && now >= end - policy.renewFrom
    sum += agreedOf(placement) + (isDue ? rentOf([{ price, length, seconds: term }]) : 0n)
  }
  return sum
}

/** One question for everything that waits for an answer of this steward about this put. */
export async function askTerms(deps: TermsDeps, ref: string, steward: Address): Promise<void> {
  const { ledger, policy, calls, log } = deps
  const asking = () =>
    [...ledger.placementsOf(ref)].filter((p) => isOfLot(ref, steward)(p) && p.contract?.phase === 'asking')
  const [first] = asking()
  if (first === undefined) return
  if (ledger.objects.get(ledger.objectOfRef.get(ref) ?? '')?.removedAt !== undefined) {
    // what a repair still placed when its object was let go
    await deps.step((step) => {
      for (const { id, end } of asking()) step.tell(id, { kind: 'terminated', at: end })
    })
    return
  }
  const total = ledger.puts.get(ref)?.total
  const cost = costWithAnotherTerm(ledger, ref, policy, deps.now())
  if (total !== undefined && cost > total) {
    log.warn('another term would cost more than the budget of the put', {
      ref,
      cost: String(cost),
      budget: String(total),
    })
    await deps.step((step) => {
      for (const { id, end } of asking()) step.tell(id, { kind: 'terminated', at: end, why: 'budget' })
    })
    return
  }
  const said = await calls.terms(steward, fromHex(first.id, 32), deps.signal).catch((cause: unknown) => {
    if (!isRefusal(cause)) throw cause
    log.info('no renewal', { steward, ref, why: asHoldfastError(cause).message })
    return undefined
  })
  if (said?.kind === 'leaving') return takeNotices(deps, steward)
  const price = said === undefined ? undefined : soundPrice(asking(), said.price, log)
  await deps.step((step) => {
    for (const { id } of asking())
      step.tell(id, { kind: 'contract', fact: price === undefined ? { kind: 'declined' } : { kind: 'quoted', price } })
  })
}

/** A price that cannot be one is as good as none. */
function soundPrice(placements: readonly PlacementState[], price: bigint, log: Log): bigint | undefined {
  try {
    for (const { length, term } of placements) assertRenewalPrice(price, length, term)
    return price
  } catch (cause) {
    log.warn('a renewal that is none', { steward: placements[0]?.steward, why: asHoldfastError(cause).message })
    return undefined
  }
}

/** Whether a steward that is asked for anything else leaves: one question, for one of the placements it has of ours. */
export async function lookForNotice(deps: TermsDeps, steward: Address): Promise<void> {
  const [first] = stayingWith(deps.ledger, steward)
  if (first === undefined) return
  const said = await deps.calls.terms(steward, fromHex(first.id, 32), deps.signal).catch((cause: unknown) => {
    if (!isRefusal(cause)) throw cause
    return undefined
  })
  if (said?.kind === 'leaving') await takeNotices(deps, steward)
}

/** A steward that drains leaves everything: its notice for each placement is taken, which makes it binding, and then booked. */
async function takeNotices(deps: TermsDeps, steward: Address): Promise<void> {
  for (const { id, end: term } of stayingWith(deps.ledger, steward)) {
    const placement = fromHex(id, 32)
    const said = await deps.calls.terms(steward, placement, deps.signal)
    if (said.kind !== 'leaving') return
    assertLeaving(said, steward, placement, Math.min(term, deps.now() + RENEWAL_POLICY.notice - NOTICE_SLACK))
    const { end } = said
    const signature = signDigest(deps.chainSecret, noticeDigest(placement, end))
    await deps.calls.giveNotice(steward, { placement, end, signature }, deps.signal)
    await deps.step((step) => step.tell(id, { kind: 'contract', fact: { kind: 'notice', by: 'steward', end } }))
    deps.log.info('notice taken', { steward, placement: id, end })
  }
}

/** @param least the earliest end that it may give */
function assertLeaving(
  said: Extract<Terms, { kind: 'leaving' }>,
  steward: Address,
  placement: Uint8Array,
  least: number,
): void {
  if (said.end < least) throw new HoldfastError('PLACEMENT_INVALID', { what: 'less than 14 days of notice' })
  if (recoverSigner(noticeDigest(placement, said.end), said.signature) !== steward)
    throw new HoldfastError('PLACEMENT_INVALID', {
      what: `a notice for ${toHex(placement)} that its steward did not sign`,
    })
}

/** Living placements with it whose end nobody has said yet. */
function stayingWith(ledger: Ledger, steward: Address): PlacementState[] {
  return [...ledger.placements.values()].filter(
    (placement) =>
      placement.steward === steward &&
      (placement.state === 'held' || placement.state === 'suspect') &&
      placement.contract?.notice === undefined &&
      placement.terminated !== true,
  )
}
