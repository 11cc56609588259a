/**
 * What the controller knows of one placement: terms, rows, rounds, and what follows from them. Plain readonly data; `decide` alone makes
 * the next one, placement-record.ts writes it down. All times are seconds of chain time.
 *
 * The fields below `derived` are computed from those above by progress.ts at the end of every decision: a fact that is undone by the chain
 * changes its round, and everything that rested on it follows.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Placement } from '../base/typed-data.ts'
import type { Contract } from '../pricing/renewal.ts'

/** Where a share (or copy) stands. Protocol.md §8 names the first six; `ended`: the term is over or the share was replaced. */
export type ShareState = 'placing' | 'held' | 'suspect' | 'mia' | 'repairing' | 'lost' | 'ended'

/** A round's place on the chain: its post decided, seen, swept, taken back, or never to be seen. */
export type RoundPhase = 'opening' | 'posted' | 'swept' | 'revoked' | 'failed'

/** One check: one row, one docket at a time, one interval of rent. */
export interface Round {
  /** 0 for a placement's first. */
  readonly n: number
  /** The docket (plan) the row was put on, hex. */
  readonly docket: string
  /** Which prepared answer. Serves no other round, ever. */
  readonly row: number
  /** The second chance after a miss. */
  readonly retry: boolean
  /** Blobs on the docket; absent: this one alone. */
  readonly entries?: number
  /** The docket is what a released one left: the round is not released a second time. */
  readonly again?: true
  /** The closing bounty of a contract that is over: one month more than the interval. protocol.md §9. */
  readonly closing?: true
  /** Asked off chain, without a post; with the phase `swept`: paid by voucher. */
  readonly offered?: true
  readonly due: number
  readonly deadline: number
  /** The interval paid for: from the previous cut … */
  readonly from: number
  /** … to this one. */
  readonly cut: number
  /** Wei of HOLD per GiB and 30 days, as when it was opened: a renewal in between changes the next one. Absent: the placement's. */
  readonly price?: bigint
  readonly openedAt: number
  readonly phase: RoundPhase
  /** The phase can no longer be undone (by the depth the chain's profile calls final). */
  readonly final: boolean
  /** Block time of the phase; `openedAt` while opening. */
  readonly at: number
  /** Revoked, and its steward never had the docket in time: no miss. */
  readonly withheld?: true
  /** The sender gave the post up; should the chain take it back, it will not come again. */
  readonly abandoned?: true
  /** What was asked for after the post: the n-th time, when, and whether that try came to nothing. */
  readonly asked?: {
    readonly what: 'cancel' | 'revoke'
    readonly n: number
    readonly at: number
    readonly failed?: true
  }
}

/** What all rounds so far amount to. */
export interface Totals {
  /** Rounds opened. */
  readonly rounds: number
  /** Rounds swept, final. */
  readonly checks: number
  /** Proofs in a row since the start or the last miss. */
  readonly streak: number
  /** Rounds revoked, final, since the last proof. */
  readonly misses: number
  /** Last proof: the receipt, a final sweep's block time, or a verified read. */
  readonly lastProof: number
  /** Last miss; 0: never. */
  readonly lastMiss: number
  /** Last post that never came about; 0: never. */
  readonly lastFailure: number
  /** Where the next interval starts: the last cut that was posted, paid or forfeited. */
  readonly cut: number
  /** Seconds of rent paid for. */
  readonly paid: number
  /** The same weighed by price: Σ price · seconds; absent: all of it at the placement's price. */
  readonly earned?: bigint
  /** Seconds of rent forfeited by misses, or by dockets that were withheld. */
  readonly forfeited: number
}

/** `reported`: by its steward's release. `disproved`: in a bisection. `mute`: it could not be asked again in time. */
export type GoneWhy = 'reported' | 'disproved' | 'mute'

/** Something asked of a counter-party, again and again until it is done. */
export interface Attempt {
  /** How often so far, from 1. */
  readonly n: number
  /** When last. */
  readonly at: number
}

/** A contract between two terms, or on its way out (contract-life.ts); one that just runs has none. */
export interface ContractState
  extends Pick<Contract, 'phase' | 'offer' | 'matched' | 'cleared' | 'notice' | 'successor' | 'handover'> {
  /** How often people were warned that the renewal is late. */
  readonly warned: number
}

export interface PlacementState {
  /** EIP-712 digest of the first signed version, hex: the placement's name for ever. */
  readonly id: string
  /** The put it belongs to, hex. */
  readonly ref: string
  /** The repair that placed it, hex; absent: the put itself. */
  readonly repair?: string
  readonly kind: 'share' | 'copy'
  /** Of a copy: 0 the object's manifest, 1 that of its list of shares. */
  readonly segment: number
  readonly share: number
  readonly steward: Address
  /** When the steward registered; its tenure counts from here. */
  readonly stewardSince: number
  /** Hex. */
  readonly blobId: string
  /** Bytes. */
  readonly length: number
  /** Wei of HOLD per GiB and 30 days. */
  readonly price: bigint
  readonly start: number
  readonly end: number
  /** Seconds each renewal adds: the length of the first term. */
  readonly term: number
  /** Of the highest version both sides signed. */
  readonly version: number
  /** Rows 0 … next−1 are used (or given up); next … total−1 can still be asked. */
  readonly rows: { readonly total: number; readonly next: number }
  /** Of a backup of the ledger: asked when a docket goes to its steward anyway, and alone only after the longest gap. */
  readonly rides?: true
  /** When both signatures were there; absent while placing. */
  readonly bookedAt?: number
  /** Last verified read of the whole blob. */
  readonly readAt?: number
  /** Given up for another reason than two misses, and which. */
  readonly goneAt?: number
  readonly goneWhy?: GoneWhy
  /**
   * Its steward is not in good standing (P5): what the registrar says of it, or `unregistered`, and since when we know. The blob may well be
   * there; it is asked for nothing but by bounties, and another one takes its place. Absent: in good standing.
   */
  readonly outcast?: { readonly standing: string; readonly at: number }
  /** What the object's owner does about a missing share. */
  readonly mending?: 'repairing' | 'lost'
  /** Stop at `end`: no renewal. */
  readonly terminated?: boolean
  readonly endedAt?: number
  /** A new blob took its place. */
  readonly replacedAt?: number
  readonly topUp?: Attempt
  /** Questions over the docket that was missed last. */
  readonly bisection?: Attempt
  readonly contract?: ContractState
  /** Its steward began to take its bond back: a check is due that is later than that. */
  readonly unbondingAt?: number
  /** Rent agreed for all terms so far, wei of HOLD; absent: that of its one term. */
  readonly agreed?: bigint
  /** Rounds that are open or young enough to be undone, oldest first. */
  readonly rounds: readonly Round[]
  /** All older rounds. */
  readonly folded: Totals

  // derived
  readonly state: ShareState
  readonly totals: Totals
  /** The gap that leads to `nextDue`. Seconds; 0 when nothing is due. */
  readonly gap: number
  /** When the next round is due; absent while a round is open and when none will follow. */
  readonly nextDue?: number
}

/** What a placement starts from. `id` is the hex digest of `placement`. */
export interface NewPlacement {
  readonly id: string
  readonly ref: string
  readonly repair?: string
  readonly kind: 'share' | 'copy'
  readonly segment: number
  readonly share: number
  readonly placement: Placement
  /** Answers prepared. */
  readonly rows: number
  /** When the steward registered; without it its tenure counts from `start`. */
  readonly stewardSince?: number
  readonly rides?: true
}

/** A placement that is not booked yet: state `placing`, nothing due. The fact `booked` brings it to life. */
export function openPlacement({ placement, rows, stewardSince, ...made }: NewPlacement): PlacementState {
  const none: Totals = {
    rounds: 0,
    checks: 0,
    streak: 0,
    misses: 0,
    lastProof: 0,
    lastMiss: 0,
    lastFailure: 0,
    cut: placement.start,
    paid: 0,
    forfeited: 0,
  }
  return {
    ...made,
    steward: placement.steward,
    stewardSince: stewardSince ?? placement.start,
    blobId: toHex(placement.blobId),
    length: placement.length,
    price: placement.price,
    start: placement.start,
    end: placement.end,
    term: placement.end - placement.start,
    version: placement.version,
    rows: { total: rows, next: 0 },
    rounds: [],
    folded: none,
    state: 'placing',
    totals: none,
    gap: 0,
  }
}

/** True while a round's outcome is open: it holds back every other round of the placement. */
export function isOpen(round: Round): boolean {
  return round.phase === 'opening' || round.phase === 'posted' || (!round.final && round.phase !== 'failed')
}

/** The round whose outcome is open, if any. */
export function openRoundOf(placement: PlacementState): Round | undefined {
  return placement.rounds.find(isOpen)
}

/** The miss that made a suspect of it: the round of its first chance, final, with none after it. */
export function missedRoundOf({ state, rounds }: PlacementState): Round | undefined {
  const last = rounds.at(-1)
  const isMiss = last?.phase === 'revoked' && last.final && !last.withheld
  return state === 'suspect' && isMiss && !last.retry ? last : undefined
}

/** A share as its segment counts it: what lies with an outcast steward is there, and cannot be asked for. */
export function countedAs({ state, outcast }: PlacementState): ShareState | 'outcast' {
  return outcast !== undefined && (state === 'held' || state === 'suspect') ? 'outcast' : state
}

/** Rows that can still be asked. A ledger from a backup may know of more used rows than it has answers. */
export function rowsLeft(placement: PlacementState): number {
  return Math.max(0, placement.rows.total - placement.rows.next)
}
