/**
 * Who takes which lot of a put, and the attempt under which its blobs are made. The rule that no two stewards ever hold equal bytes
 * (protocol.md §2.4) is kept here: an attempt belongs to one steward, and that is on disk before a byte is sent to it.
 */
import { type Address, ZERO_ADDRESS } from '../base/curve.ts'
import { asHoldfastError, type HoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { Award, AwardedLot, PutBook } from './put-book.ts'
import type { LotState } from './put-journal.ts'

/** A lot's taker now. */
export interface LotHolder {
  readonly lot: AwardedLot
  readonly attempt: number
}

export interface Lots {
  /** Undefined when nobody takes the lot (any more). Waits for a replacement that is under way. */
  holderOf(lot: number): Promise<LotHolder | undefined>
  /** The attempt of the lot's holder, or one no steward has seen. */
  attemptOf(lot: number): number
  /** `failed` does not take its lot: asks for the runner-up. Harmless when the lot has gone to another already. */
  replace(lot: number, failed: Address, why: HoldfastError): Promise<void>
  /** What the journal keeps. */
  states(): readonly LotState[]
}

export interface LotsDeps {
  readonly book: Pick<PutBook, 'replace'>
  readonly award: Award
  readonly n: number
  /** Lots there are to give; default all of 0 … n−1. */
  readonly wanted?: readonly number[]
  /** From the journal; empty for a new put. */
  readonly before: readonly LotState[]
  /** Durable when it resolves. */
  save(states: readonly LotState[]): Promise<void>
  onReplaced?(change: {
    readonly lot: number
    readonly failed: Address
    readonly by?: Address
    readonly why: HoldfastError
  }): void
  readonly log: Log
}

/** Reconciles the award with the journal, and saves the result. Lots that nobody took in an earlier run are asked for again. */
export async function openLots({ book, award, n, wanted, before, save, onReplaced, log }: LotsDeps): Promise<Lots> {
  const awarded = new Map(award.lots.map((lot) => [lot.lot, lot]))
  const attempts: number[] = []
  for (let lot = 0; lot < n; lot++) {
    const known = before[lot]
    const moved = known?.steward !== undefined && known.steward !== awarded.get(lot)?.steward
    attempts.push((known?.attempt ?? 0) + (moved ? 1 : 0))
  }
  const running = new Map<number, Promise<void>>()
  const states = () => attempts.map((attempt, lot) => ({ ...stewardOf(awarded.get(lot)), attempt }))

  const takeOver = async (lot: number, failed: Address): Promise<AwardedLot | undefined> => {
    try {
      return await book.replace(award.ref, lot, failed)
    } catch (cause) {
      if (hasCode(cause, 'AUCTION_NO_BIDS')) return undefined
      throw cause
    }
  }
  const replace = async (lot: number, failed: Address, why: HoldfastError): Promise<void> => {
    awarded.delete(lot)
    attempts[lot] = (attempts[lot] as number) + 1
    await save(states())
    const next = await takeOver(lot, failed)
    log.warn('put.replaced', { lot, failed, by: next?.steward, code: why.code, cause: why.message })
    onReplaced?.({ lot, failed, why, ...(next === undefined ? {} : { by: next.steward }) })
    if (next === undefined) return
    awarded.set(lot, next)
    await save(states())
  }

  if (before.length > 0) {
    for (let lot = 0; lot < n; lot++) {
      if (awarded.has(lot) || wanted?.includes(lot) === false) continue
      const next = await takeOver(lot, ZERO_ADDRESS)
      if (next !== undefined) awarded.set(lot, next)
    }
  }
  await save(states())

  return {
    holderOf: async (lot) => {
      for (let change = running.get(lot); change !== undefined; change = running.get(lot)) await quietly(change)
      const held = awarded.get(lot)
      return held === undefined ? undefined : { lot: held, attempt: attempts[lot] as number }
    },
    attemptOf: (lot) => attempts[lot] as number,
    replace: async (lot, failed, why) => {
      for (let change = running.get(lot); change !== undefined; change = running.get(lot)) await quietly(change)
      if (awarded.get(lot)?.steward !== failed) return
      const change = replace(lot, failed, asHoldfastError(why)).finally(() => running.delete(lot))
      running.set(lot, change)
      await change
    },
    states,
  }
}

/** Its failure is told to whoever began it. */
async function quietly(change: Promise<void>): Promise<void> {
  await change.catch(() => {})
}

function stewardOf(lot: AwardedLot | undefined): { readonly steward?: Address } {
  return lot === undefined ? {} : { steward: lot.steward }
}
