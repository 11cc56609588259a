/**
 * Lots whose price is found anew: an auction for what one steward holds of a put, while it still holds it. What it gives is told to the
 * contract, which lets the incumbent match (pricing/renewal.ts); bytes move only when it does not, and that is repairs.ts's business.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { DAY, HOUR } from '../base/units.ts'
import type { Award, PutBook } from '../uploader/put-book.ts'
import type { Ledger } from './ledger.ts'
import { lotsInAuction, planMove } from './move-plan.ts'
import type { PlacementState } from './placement-state.ts'
import type { RunStep } from './ports.ts'
import { objectOf } from './repair-book.ts'

export interface MovesDeps {
  readonly ledger: Ledger
  readonly book: Pick<PutBook, 'award'>
  readonly log: Log
  /** Chain time. */
  now(): number
}

interface Lot {
  readonly ref: string
  readonly steward: Address
}

/** Auctions at the same time. */
const PARALLEL = 2
/** Pauses before the second try and all others. Seconds of chain time. */
const PAUSES = [HOUR, 6 * HOUR, DAY] as const
/** What an incumbent is offered that nobody bid against, and that could not bid itself: as far above its old price as a renewal may go. Per cent. */
const ALONE = 115n

export class Moves {
  private readonly deps: MovesDeps
  private readonly waiting = new Map<string, Lot>()
  private readonly active = new Map<string, Promise<void>>()
  private readonly failed = new Map<string, { readonly tries: number; readonly at: number; readonly lot: Lot }>()
  private step: RunStep | undefined
  private wake: () => void = () => undefined
  private isStarted = false
  private isStopping = false

  constructor(deps: MovesDeps) {
    this.deps = deps
  }

  /** The controller lends its steps; once, before it starts. */
  bind(step: RunStep, wake: () => void): void {
    this.step = step
    this.wake = wake
  }

  /** The chain is known: auctions may begin. */
  start(): void {
    this.isStarted = true
    this.pump()
  }

  /** The auctions that its contracts wait for. */
  consider(lot: Lot): void {
    if (this.isStopping) return
    this.waiting.set(`${lot.ref}/${lot.steward}`, lot)
    this.pump()
  }

  running(): number {
    return this.active.size + this.waiting.size
  }

  nextDue(): number | undefined {
    const times = [...this.failed.values()].map(({ at }) => at)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** What failed and is due is tried again. */
  retry(): void {
    for (const [key, { at, lot }] of this.failed) if (at <= this.deps.now() && !this.active.has(key)) this.consider(lot)
  }

  /** What an auction gives after this is in its put's record, and found again. */
  stop(): void {
    this.isStopping = true
    this.waiting.clear()
  }

  private pump(): void {
    for (const [key, lot] of this.isStarted ? this.waiting : []) {
      if (this.active.size >= PARALLEL) return
      if (this.active.has(key)) continue
      this.waiting.delete(key)
      const run = this.auction(lot)
        .then(() => void this.failed.delete(key))
        .catch((cause: unknown) => {
          if (this.isStopping) return
          const { code, message } = asHoldfastError(cause)
          this.deps.log.warn('auction of a lot waits', { ref: lot.ref, steward: lot.steward, code, message })
          const tries = (this.failed.get(key)?.tries ?? 0) + 1
          const pause = PAUSES[Math.min(tries, PAUSES.length) - 1] as number
          this.failed.set(key, { tries, at: this.deps.now() + pause, lot })
        })
        .finally(() => {
          this.active.delete(key)
          this.pump()
          this.wake()
        })
      this.active.set(key, run)
    }
  }

  private async auction({ ref, steward }: Lot): Promise<void> {
    const { ledger, book, log } = this.deps
    const lot = lotsInAuction(ledger.placementsOf(ref)).get(steward)
    const [first] = lot ?? []
    if (lot === undefined || first === undefined) return
    const fresh = planMove(objectOf(ledger, ref), lot, ledger.placementsOf(ref), this.deps.now())
    const plan = ledger.puts.get(fresh.ref)?.plan ?? fresh // begun before: the same advert
    const award = await book.award(plan, {}).catch((cause: unknown) => {
      if (hasCode(cause, 'AUCTION_NO_BIDS', 'AUCTION_FEW')) return undefined
      throw cause
    })
    const cleared = { kind: 'cleared', ...clearedOf(award, first) } as const
    log.info('auction of a lot', { ref, steward, price: String(cleared.price), winner: cleared.winner ?? 'nobody' })
    await (this.step as RunStep)((step) => {
      for (const { id } of lot) step.tell(id, { kind: 'contract', fact: cleared })
    })
  }
}

/** What the auction says of the lot. Who bid alone is offered what it bid: a reserve that nobody else came under is no price. */
function clearedOf(
  award: Award | undefined,
  incumbent: PlacementState,
): { readonly price: bigint; readonly winner?: Address } {
  const [lot] = award?.lots ?? []
  if (award === undefined || lot === undefined) return { price: (incumbent.price * ALONE) / 100n }
  const own = award.summary.scores.find(({ steward }) => steward === incumbent.steward)
  const isAlone = lot.steward === incumbent.steward && award.summary.scores.length === 1
  return { price: isAlone && own ? own.bid : lot.price, winner: lot.steward }
}
