/**
 * What a swept bounty pays for: up to which cut, whether it was enough, and how much of it is whose. A bounty that is over the rest of a
 * round we released pays to that round's cut (protocol.md §5, a sub-docket keeps its round's cut).
 */
import type { Log } from '../base/ports.ts'
import { HOUR } from '../base/units.ts'
import type { Book } from './book.ts'
import { type HeldPlacement, lastPaymentOf } from './held-placement.ts'
import { coveredUntil, leastOwed, settledUntil, shortfallOf } from './owed.ts'
import type { BountyRecord, Holding, ReleaseRecord } from './records.ts'
import type { Step } from './step.ts'

export interface PayDeps {
  readonly book: Book
  readonly log: Log
  alert(code: 'bounty-underpaid', about: string): void
}

/** What pays: a bounty, or a round off chain under the hash of its docket. */
export type Paying = Pick<BountyRecord, 'id' | 'poster' | 'amount' | 'placements' | 'postedAt'> &
  Partial<Pick<BountyRecord, 'docketHash'>>

export function createPay({ book, log, alert }: PayDeps) {
  function isReleased({ id, deadline }: BountyRecord): boolean {
    return book.releases.get(id)?.deadline === deadline
  }

  /**
   * Up to when a bounty pays: the hour of its block; or, when it pays no further, the cut of the round that we released and that it asks for
   * again without the lost blobs. Later rounds over the same placements pay more, and are taken for what they are.
   */
  function roundCutOf(step: Step, bounty: Paying): number {
    const own = cutOf(bounty.postedAt)
    const released = restOf(bounty)
    if (!released || released.cut >= own || isOver(step, bounty, released)) return own
    return bounty.amount < leastOf(step, bounty, own) ? released.cut : own
  }

  /** A round is paid or forfeited once: over what is settled to its cut nothing is owed, and a gwei would be a payment again and again. */
  function isOver(step: Step, { placements }: Paying, { cut, postedAt }: ReleaseRecord): boolean {
    const holdings = (placements ?? []).flatMap((id) => step.holding(id) ?? [])
    const isSettledSince = ({ held, forfeited = 0 }: Holding) => forfeited >= cut || lastPaymentOf(held).at > postedAt
    return holdings.some(isSettledSince) || !holdings.some((holding) => settledUntil(holding) < cut)
  }

  /** The newest release that the bounty is over a part of the rest of. */
  function restOf({ id, poster, placements, postedAt }: Paying): ReleaseRecord | undefined {
    let newest: ReleaseRecord | undefined
    for (const release of book.releases.values()) {
      if (release.poster !== poster || release.bounty === id || release.postedAt > postedAt) continue
      if (newest && newest.postedAt >= release.postedAt) continue
      const rest = new Set(release.rest)
      if (placements?.every((placement) => rest.has(placement))) newest = release
    }
    return newest
  }

  function pay(step: Step, bounty: BountyRecord): void {
    const { shortfall, least, placements } = credit(step, bounty, bounty.sweptAt ?? bounty.postedAt)
    if (shortfall > 0) {
      const owed = String(least)
      step.closeBounty({ ...bounty, why: `it paid ${bounty.amount} gwei, at least ${owed} were owed` })
      log.warn('bounty.underpaid', { bounty: bounty.id, poster: bounty.poster, amount: String(bounty.amount), owed })
      alert('bounty-underpaid', bounty.id)
      return
    }
    step.closeBounty(bounty)
    log.info('bounty.paid', { bounty: bounty.id, amount: String(bounty.amount), placements })
  }

  /** Money came: what it pays is told to its placements. @param at chain time of the payment */
  function credit(step: Step, bounty: Paying, at: number) {
    const round = roundCutOf(step, bounty)
    const { holdings, settled } = owedBy(step, bounty, round)
    const cut = coveredUntil(holdings, round, settled, bounty.amount)
    const shortfall = shortfallOf(round, cut)
    const parts = partsOf(step, bounty, round)
    for (const [id, earned] of parts) {
      const before = step.holding(id)
      step.tell(id, { kind: 'paid', bounty: bounty.id, at: at - shortfall, cut })
      const after = step.holding(id)
      // a dev chain that was killed brings final blocks again: what is known as paid is not earned twice
      if (!before || !after || isPaid(before.held, bounty.id)) continue
      step.save({ ...after, earned: after.earned + earned, sweeps: after.sweeps + 1 })
    }
    return { shortfall, least: leastOwed(holdings, round, settled), placements: parts.size }
  }

  /** What a round must pay that is asked now. */
  function leastFor(step: Step, round: Paying): bigint {
    return leastOf(step, round, cutOf(round.postedAt))
  }

  /** What the bounty must pay to count. */
  function leastOf(step: Step, bounty: Paying, cut: number): bigint {
    const { holdings, settled } = owedBy(step, bounty, cut)
    return leastOwed(holdings, cut, settled)
  }

  /** Whose rent a bounty pays, and what is settled by others. Rounds posted before it that are still open are taken for settled: when in doubt, it is enough. */
  function owedBy(step: Step, bounty: Paying, cut: number) {
    const settled = new Map<string, number>()
    for (const other of step.allBounties()) {
      if (other.id === bounty.id || other.phase === 'gone' || other.postedAt > bounty.postedAt) continue
      if (isReleased(other)) continue
      const about = other.placements ?? (other.poster === bounty.poster ? (bounty.placements ?? []) : [])
      for (const id of about) settled.set(id, Math.max(settled.get(id) ?? 0, cutOf(other.postedAt)))
    }
    // a round that was answered off chain and not paid for: its voucher is still owed, and nothing else for that time
    const { round } = step.promise(bounty.poster)
    if (
      round &&
      round.docketHash !== bounty.id &&
      round.docketHash !== bounty.docketHash &&
      round.asked <= bounty.postedAt
    )
      for (const id of round.placements) settled.set(id, Math.max(settled.get(id) ?? 0, cutOf(round.asked)))
    const holdings = (bounty.placements ?? []).flatMap((id) => step.holding(id) ?? [])
    // told again: nothing more is owed for it
    if (holdings.some(({ held }) => isPaid(held, bounty.id))) for (const { held } of holdings) settled.set(held.id, cut)
    return { holdings, settled }
  }

  /** The amount shared out by what each placement was owed up to the cut: a statement; the money is one sum. Rounded down, the rest to the first. */
  function partsOf(step: Step, bounty: Paying, cut: number): Map<string, bigint> {
    const weights = (bounty.placements ?? []).flatMap((id) => {
      const holding = step.holding(id)
      if (!holding) return []
      const { held } = holding
      const owed = Math.max(0, Math.min(cut, held.end) - settledUntil(holding))
      return [{ id, weight: held.price * BigInt(held.length) * BigInt(owed) }]
    })
    const sum = weights.reduce((total, { weight }) => total + weight, 0n)
    const parts = new Map<string, bigint>()
    let left = bounty.amount
    for (const { id, weight } of weights) {
      const part = sum === 0n ? bounty.amount / BigInt(weights.length) : (bounty.amount * weight) / sum
      parts.set(id, part)
      left -= part
    }
    const first = weights[0]?.id
    if (first !== undefined) parts.set(first, (parts.get(first) ?? 0n) + left)
    return parts
  }

  return { pay, credit, leastFor, roundCutOf, isReleased }
}

export function isPaid({ payments, settled }: HeldPlacement, bounty: string): boolean {
  return settled.id === bounty || payments.some(({ id }) => id === bounty)
}

/** Up to when a bounty pays: the hour of its block. */
export function cutOf(postedAt: number): number {
  return postedAt - (postedAt % HOUR)
}
