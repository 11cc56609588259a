/**
 * Rounds that are settled off chain: an offer is answered with the sweep signature a bounty would be swept with, and paid by a cumulative
 * promise. Everything here only fills a step: a voucher is in the ledger, with its round, before it leaves. protocol.md §9.
 */
import { type Address, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, sweepDigest, voucherDigest } from '../base/typed-data.ts'
import type { MadeDocket } from './dockets.ts'
import type { Ledger } from './ledger.ts'
import type { BountyRecord, PromiseRecord } from './records.ts'
import type { WayReason } from './settle.ts'
import type { Step } from './step.ts'

/** What a steward answers. */
export interface OfferAnswer {
  /** Of Sweep(steward, deadline), 65 bytes. */
  readonly signature: Uint8Array
  /** The highest voucher it has from us. */
  readonly known?: { readonly cumulative: bigint; readonly signature: Uint8Array } | undefined
}

export interface OfferDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly account: Address
  readonly log: Log
  recordOf(id: string): BountyRecord | undefined
  save(step: Step, bounty: BountyRecord): void
}

export function createOffers({ ledger, domain, account, log, recordOf, save }: OfferDeps) {
  /** Offers that this step decided on. */
  let made: BountyRecord[] = []

  function promiseTo(step: Step, to: Address): PromiseRecord {
    return (
      step.batch.pendingPromises.get(to) ??
      ledger.promises.get(to) ?? { to, cumulative: 0n, redeemed: 0n, unknown: 0n, at: 0 }
    )
  }

  /** A docket that its steward is to be asked off chain. */
  function offer(step: Step, { record, bytes }: MadeDocket, why: WayReason | undefined): void {
    if (recordOf(record.id)) return
    const bounty: BountyRecord = { ...record, phase: 'offered', final: false, ...(why === undefined ? {} : { why }) }
    save(step, bounty)
    step.batch.docket(record.docketHash, bytes)
    made.push(bounty)
    log.info('round offered', { steward: record.steward, blobs: record.placements.length, amount: record.amount })
  }

  /**
   * Its steward proved the round: what we promise it rises by the round's amount, in the same batch as the round.
   * @returns the promise to sign and send
   * @throws `NET_MALFORMED` for what is no proof of it, `NET_PROTOCOL` when the round went on chain meanwhile
   */
  function accept(step: Step, id: string, { signature, known }: OfferAnswer): PromiseRecord {
    const bounty = recordOf(id)
    if (bounty?.phase !== 'offered') throw new HoldfastError('NET_PROTOCOL', { what: 'an answer to a round on chain' })
    const { steward, deadline, claimKey, amount, docketHash, plan } = bounty
    if (recoverSigner(sweepDigest(domain, { payee: steward, deadline }), signature) !== claimKey)
      throw new HoldfastError('NET_MALFORMED', { what: 'a sweep signature by another claim key' })
    const before = promiseTo(step, steward)
    const base = adopt(step, before, known)
    const promise: PromiseRecord = {
      ...before,
      cumulative: base + amount,
      unknown: before.unknown + base - before.cumulative,
      at: step.now,
      round: docketHash,
      toHand: true,
    }
    step.batch.promise(promise)
    save(step, { ...bounty, phase: 'vouched', final: true, vouchedAt: step.now })
    step.batch.docket(docketHash, undefined)
    for (const placement of bounty.placements) step.tell(placement, { kind: 'vouched', docket: plan, at: step.now })
    log.info('round vouched for', { steward, amount, cumulative: promise.cumulative })
    return promise
  }

  /** What we promised already, as far as the ledger or our own signature says: a ledger that was restored may have forgotten the newest. */
  function adopt(step: Step, { to, cumulative }: PromiseRecord, known: OfferAnswer['known']): bigint {
    if (known === undefined || known.cumulative <= cumulative) return cumulative
    const digest = voucherDigest(domain, { from: account, to, cumulative: known.cumulative })
    if (recoverSigner(digest, known.signature) !== account)
      throw new HoldfastError('NET_MALFORMED', { what: 'a voucher of ours that we did not sign' })
    log.warn('a promise from before the ledger was restored', { steward: to, cumulative: known.cumulative })
    // the rounds it was for showed their rows: none of them may serve again
    for (const { id, steward, rows } of step.placements())
      if (steward === to) step.tell(id, { kind: 'rows-skipped', next: rows.next + 1 })
    return known.cumulative
  }

  /** It comes to nothing off chain: the round goes on chain at once, and the next ones too, for a while. */
  function refuse(step: Step, id: string): void {
    const bounty = recordOf(id)
    if (bounty?.phase !== 'offered') return
    for (const placement of bounty.placements) step.tell(placement, { kind: 'turned', docket: bounty.plan })
  }

  /** An offer that is now posted: the record goes on as that of a bounty. */
  function onTurned(step: Step, bounty: BountyRecord): void {
    const { steward } = bounty
    save(step, { ...bounty, phase: 'failed', final: true }) // the post that follows has the same id, unless answers got lost
    step.batch.docket(bounty.docketHash, undefined)
    step.batch.promise({ ...promiseTo(step, steward), silentAt: step.now })
    log.warn('round not settled off chain: it goes on chain', { steward })
  }

  /** Its steward has the voucher on disk. */
  function taken(step: Step, to: Address, cumulative: bigint): void {
    const { toHand: _, ...rest } = promiseTo(step, to)
    if (rest.cumulative === cumulative) step.batch.promise(rest)
  }

  /** The chain says what of our promises was paid; `sign` −1: it takes that back. Gwei. */
  function onRedeemed(step: Step, fact: RedeemedFact, sign: 1n | -1n): void {
    if (fact.from !== account || fact.to === account) return
    const redeemed = sign > 0n ? fact.redeemed : fact.redeemed - fact.paid
    const known = promiseTo(step, fact.to)
    const missing = redeemed > known.cumulative ? redeemed - known.cumulative : 0n
    // more than the ledger promised: signed before it was restored, or by hand
    step.batch.promise({
      ...known,
      redeemed,
      cumulative: known.cumulative + missing,
      unknown: known.unknown + missing,
      paidOut: (known.paidOut ?? 0n) + sign * fact.paid,
    })
  }

  return {
    offer,
    accept,
    refuse,
    onTurned,
    taken,
    onRedeemed,
    made: (): readonly BountyRecord[] => made,
    forget: () => {
      made = []
    },
  }
}

export type Offers = ReturnType<typeof createOffers>

/** A voucher of ours was paid, in full or as far as the balance went. Gwei. */
export interface RedeemedFact {
  readonly kind: 'redeemed'
  readonly from: Address
  readonly to: Address
  readonly paid: bigint
  /** In all so far. */
  readonly redeemed: bigint
  readonly block: number
  readonly blockTime: number
}

/** Gwei that promises will still take from the balance. */
export function openPromises(ledger: Pick<Ledger, 'promises'>): bigint {
  let sum = 0n
  for (const { cumulative, redeemed } of ledger.promises.values()) sum += cumulative - redeemed
  return sum
}
