/**
 * The life of a contract, as `decide` sees it: the state machine of pricing/renewal.ts over one placement. Between two terms a placement has
 * no record of its own (`running`); from 21 days before the end its `contract` says what is asked, offered, in an auction, or handed over.
 * Picture: docs/explanation/contract-life.md. Pure.
 */
import type { Address } from '../base/curve.ts'
import { DAY, HOUR, MONTH } from '../base/units.ts'
import { rentOf } from '../pricing/rates.ts'
import {
  type Contract,
  type ContractFact,
  dueOf as contractDue,
  RENEWAL_POLICY,
  type RenewalPolicy,
  stepContract,
} from '../pricing/renewal.ts'
import type { Effect } from './facts.ts'
import type { PlacementState, Round } from './placement-state.ts'
import type { Policy } from './policy.ts'

interface LifeEnv {
  readonly now: number
  readonly policy: Policy
  /** Price index, wei per GiB-month; absent: the placement's own price stands in for it. */
  index?(): bigint
}

/** Share of the time for a renewal after which people are warned. reliability.md R19. */
const WARN_AT = [0.5, 0.75, 0.9] as const
/** The closing bounty comes so long before the steward may forget the bytes (14 days after the end), for the post has to get into a block. Seconds. */
const CLOSE_EARLY = DAY
/** Phases in which a renewal may still come of it. */
const OPEN_PHASES = ['asking', 'offered', 'bidding', 'matching'] as const

/** The owner's policy in the machine's words. */
export function renewalPolicyOf(policy: Pick<Policy, 'renewFrom' | 'tryAgain'>): RenewalPolicy {
  const { handover } = RENEWAL_POLICY
  return {
    ...RENEWAL_POLICY,
    from: policy.renewFrom,
    offerAgain: policy.tryAgain,
    handover: (handover - CLOSE_EARLY) as typeof handover,
  }
}

/** Both sides know that it ends, or it has ended: its share needs another steward, and it is still there to be read. */
export function isLeaving({ contract, state }: PlacementState): boolean {
  const phase = contract?.phase
  return (
    (phase === 'leaving' || phase === 'handover' || phase === 'closing') && (state === 'held' || state === 'suspect')
  )
}

/** Leaving, and nobody has its share yet: it is to be moved. */
export function wantsMove(placement: PlacementState): boolean {
  return isLeaving(placement) && placement.contract?.handover?.done === undefined && placement.state === 'held'
}

/** It is over, and its steward waits for the closing bounty. */
export function owesClosing({ contract, state, rounds }: PlacementState): boolean {
  return contract?.phase === 'closing' && state === 'held' && closingRoundOf(rounds) === undefined
}

/** Some of its life is left after its end. */
export function isUnfinished({ contract, state }: PlacementState): boolean {
  return state === 'held' && (contract?.phase === 'handover' || contract?.phase === 'closing')
}

function closingRoundOf(rounds: readonly Round[]): Round | undefined {
  return rounds.findLast(({ closing, phase }) => closing === true && phase !== 'failed')
}

/** What a round pays for when it is opened now: the interval up to its hour, or, at the very end, one month more. protocol.md §9. */
export function intervalOf(
  placement: PlacementState,
  dueHour: number,
): { readonly from: number; readonly cut: number } {
  const { totals, end } = placement
  if (owesClosing(placement) && totals.cut >= end) return { from: end, cut: end + MONTH }
  return { from: totals.cut, cut: Math.max(totals.cut, Math.min(dueHour, end)) }
}

/** When the closing bounty is due; undefined: it is not. */
export function closingDueOf(placement: PlacementState): number | undefined {
  if (!owesClosing(placement) || placement.totals.cut < placement.end) return undefined
  const { end, contract } = placement
  const since = contract?.handover?.done ?? end + RENEWAL_POLICY.handover - CLOSE_EARLY
  return Math.ceil(Math.max(end, since) / HOUR) * HOUR
}

/** Only what is held is renewed, by a steward in good standing; a suspect first proves itself; what is over is over. */
export function mayRenew(placement: PlacementState, policy: Pick<Policy, 'renew'>, now: number): boolean {
  const { terminated, outcast, contract, state, end } = placement
  const isWanted = policy.renew && terminated !== true && outcast === undefined && contract?.notice === undefined
  return isWanted && state === 'held' && now < end && !isLeaving(placement)
}

/** The earliest that an end can be moved to: not before a cut that was ever posted, for what its sender gave up may still turn up on the chain. */
export function earliestEnd({ totals, start, rounds }: PlacementState): number {
  return Math.max(totals.cut, start, ...rounds.map(({ cut }) => cut))
}

/** The contract after a fact. */
export function tellContract(placement: PlacementState, told: ContractFact, env: LifeEnv): PlacementState {
  const fact =
    told.kind === 'notice' && told.end !== undefined
      ? { ...told, end: Math.max(told.end, earliestEnd(placement)) }
      : told
  if (isPlain(placement) && fact.kind === 'declined') return placement
  const before = contractOf(placement)
  const { now, policy } = env
  const next = stepContract(before, fact, {
    now,
    index: (fact.kind === 'quoted' ? env.index?.() : undefined) ?? placement.price, // nothing else looks at it, and it takes a while
    policy: renewalPolicyOf(policy),
    asks: true,
  })
  return next === before ? placement : withContract(placement, next)
}

/** What the moment asks for. */
export function settleContract(placement: PlacementState, env: LifeEnv): PlacementState {
  const { contract, rounds, state } = placement
  const { now, policy } = env
  if (contract && isLeaving(placement)) {
    if (state !== 'held') return placement // who has to prove itself first gets no closing bounty meanwhile
    const told = tellContract(placement, { kind: 'tick' }, env)
    const round = closingRoundOf(rounds)
    const isOver = round?.final === true && (round.phase === 'swept' || round.phase === 'revoked')
    return isOver ? tellContract(told, { kind: 'closing-over' }, env) : told
  }
  if (!mayRenew(placement, policy, now)) {
    // what is left of a term that ran out while it was asked goes the way of one that nobody renewed
    if (contract && isOpenPhase(contract.phase) && now >= placement.end && state === 'held' && policy.renew)
      return placement.terminated || placement.outcast
        ? withoutContract(placement)
        : tellContract(placement, { kind: 'tick' }, env)
    return contract && isOpenPhase(contract.phase) ? withoutContract(placement) : placement
  }
  const next = isPlain(placement) ? offerAgain(placement, env) : tellContract(placement, { kind: 'tick' }, env)
  const gone = (now - (placement.end - policy.renewFrom)) / policy.renewFrom
  const warned = WARN_AT.filter((part) => gone >= part).length
  return next.contract && isOpenPhase(next.contract.phase) && warned > next.contract.warned
    ? { ...next, contract: { ...next.contract, warned } }
    : next
}

/** What has no auction: stored by right, for no money (docs/decisions/0007-right-to-store.md), or a backup, in whose place a new one comes. */
function isPlain({ price, rides }: PlacementState): boolean {
  return price === 0n || rides === true
}

/** Another term at the same price or none. */
function offerAgain(placement: PlacementState, { now, policy }: LifeEnv): PlacementState {
  const { contract, end, price } = placement
  const offer = contract?.offer
  if (now < end - policy.renewFrom || (offer && now < offer.at + policy.tryAgain)) return placement
  const next = { price, since: offer?.since ?? now, at: now, n: (offer?.n ?? 0) + 1 }
  return { ...placement, contract: { phase: 'offered', offer: next, warned: contract?.warned ?? 0 } }
}

/** The earliest chain time at which its contract moves by itself. */
export function contractTimeOf(placement: PlacementState, policy: Policy, now: number): number | undefined {
  const { contract, end, state } = placement
  const { offerAgain, offerFor, matchFor, handover, from } = renewalPolicyOf(policy)
  if (contract && isLeaving(placement)) {
    if (state !== 'held') return undefined
    if (contract.phase === 'leaving') return end
    return contract.phase === 'handover' ? end + handover : undefined
  }
  if (!mayRenew(placement, policy, now)) return undefined
  const { phase, offer, warned = 0 } = contract ?? {}
  if (phase === undefined || phase === 'running') return end - from
  const part = WARN_AT[warned]
  const warn = part === undefined ? end : Math.ceil(end - from + part * from)
  if (isPlain(placement)) return Math.min(end, warn, (offer?.at ?? now) + offerAgain)
  if (phase === 'matching' && offer) return Math.min(end, warn, offer.since + matchFor)
  if ((phase === 'asking' || phase === 'offered') && offer)
    return Math.min(end, warn, offer.at + offerAgain, offer.since + offerFor)
  return Math.min(end, warn)
}

/** What is asked for, as effects. */
export function contractEffects(placement: PlacementState): Effect[] {
  const { id, ref, steward } = placement
  const act = placement.contract && contractDue(contractOf(placement))
  if (act?.kind === 'ask')
    return [
      { id: `ask-terms/${ref}/${steward}/${placement.end}/${act.n}`, kind: 'ask-terms', placement: id, ref, steward },
    ]
  if (act?.kind === 'offer') {
    const { version, n, end, price } = act
    return [{ id: `renew/${id}/${version}/${n}`, kind: 'renew', placement: id, steward, version, end, price }]
  }
  if (act?.kind === 'auction')
    return [{ id: `re-auction/${id}/${placement.end}`, kind: 're-auction', placement: id, ref, steward }]
  return []
}

/** Both sides signed the next version. Whatever was on the table is off it. */
export function renewedPlacement(
  placement: PlacementState,
  fact: { readonly version: number; readonly end: number; readonly price?: bigint },
): PlacementState {
  if (fact.version <= placement.version) return placement
  const { contract: _, endedAt, ...rest } = placement
  const end = Math.max(fact.end, placement.end)
  const price = fact.price ?? placement.price
  const { version } = fact
  const agreed = agreedAfter(placement, price, end)
  return { ...rest, version, end, price, agreed, ...(endedAt === undefined || end > endedAt ? {} : { endedAt }) }
}

/** Rent agreed for all terms so far. Wei of HOLD, rounded up. */
export function agreedOf({ agreed, price, length, start, end }: PlacementState): bigint {
  return agreed ?? rentOf([{ price, length, seconds: Math.max(0, end - start) }])
}

/** The same after a renewal: a new price holds from the last cut on, so what was agreed and not paid is paid at it. Never less than will be paid. */
export function agreedAfter(placement: PlacementState, price: bigint, end: number): bigint {
  const { length, totals } = placement
  const dearer = price > placement.price ? price - placement.price : 0n
  return (
    agreedOf(placement) +
    rentOf([
      { price, length, seconds: Math.max(0, end - placement.end) },
      { price: dearer, length, seconds: Math.max(0, placement.end - totals.cut) },
    ])
  )
}

/** The other share of its lot that goes the same way: placements of one put with one steward are asked, and auctioned, together. */
export function isOfLot(ref: string, steward: Address): (placement: PlacementState) => boolean {
  return (placement) => placement.ref === ref && placement.steward === steward
}

function isOpenPhase(phase: Contract['phase']): boolean {
  return (OPEN_PHASES as readonly string[]).includes(phase)
}

function withoutContract(placement: PlacementState): PlacementState {
  const { contract: _, ...rest } = placement
  return rest
}

function contractOf({ steward, price, start, end, term, version, contract }: PlacementState): Contract {
  const { warned: _, ...state } = contract ?? { phase: 'running', warned: 0 }
  return { ...state, steward, price, start, end, term, version }
}

function withContract(placement: PlacementState, next: Contract): PlacementState {
  const { steward: _, price: __, start: ___, term: ____, version: _____, closing: ______, end, ...state } = next
  const warned = placement.contract?.warned ?? 0
  const moved = end === placement.end ? placement : { ...placement, end }
  return state.phase === 'running' ? withoutContract(moved) : { ...moved, contract: { ...state, warned } }
}
