/** What the controller's jobs need of the world: stewards to call, and steps of the loop to tell outcomes in. */
import type { Address } from '../base/curve.ts'
import type { Placement } from '../base/typed-data.ts'
import type { OfferAnswer } from './offers.ts'
import type { Release } from './release.ts'
import type { Step } from './step.ts'

/** What a steward says when it is asked for another term: wei per GiB-month, or that it leaves. */
export type Terms =
  | { readonly kind: 'quote'; readonly price: bigint }
  | { readonly kind: 'leaving'; readonly end: number; readonly signature: Uint8Array }

/** A voucher as it is sent. */
export interface SignedVoucher {
  /** Hash of the docket it is for. */
  readonly round: Uint8Array
  readonly from: Address
  readonly cumulative: bigint
  /** 65 bytes. */
  readonly signature: Uint8Array
}

/** What is asked of a steward. Each has its own deadline and throws a HoldfastError. */
export interface StewardCalls {
  /** The countersignature of the next version. */
  renew(steward: Address, placement: Placement, signature: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** At what price it goes on for another term, or its notice. @param placement digest of its first version */
  terms(steward: Address, placement: Uint8Array, signal: AbortSignal): Promise<Terms>
  /** Notice, or taking the steward's: signed by us over `noticeDigest`. */
  giveNotice(
    steward: Address,
    notice: { readonly placement: Uint8Array; readonly end: number; readonly signature: Uint8Array },
    signal: AbortSignal,
  ): Promise<void>
  /** Announces the root over all answers, the new ones included. */
  announceRows(
    steward: Address,
    rows: { readonly placement: Uint8Array; readonly answersRoot: Uint8Array; readonly signature: Uint8Array },
    signal: AbortSignal,
  ): Promise<void>
  handDocket(
    steward: Address,
    docket: { readonly bountyId: Uint8Array; readonly docketHash: Uint8Array; readonly bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<void>
  /**
   * Whether it gives a bounty back. What it says is handed to `keep`, which checks it and makes it durable before the steward hears that we have
   * it. @returns true when there was a release
   */
  askRelease(
    steward: Address,
    ask: { readonly bountyId: Uint8Array; readonly docketHash: Uint8Array; readonly signature: Uint8Array },
    limit: number,
    keep: (release: Release) => Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean>
  /**
   * A round off chain. The answer is handed to `accept`, which checks it and makes the voucher durable before it is sent.
   * @throws what the steward refuses with; `NET_UNREACHABLE`, `NET_TIMEOUT`, `NET_CLOSED` when nothing is known of it
   */
  offer(
    steward: Address,
    offer: {
      readonly docketHash: Uint8Array
      readonly amount: bigint
      readonly deadline: number
      readonly signature: Uint8Array
      readonly bytes: Uint8Array
      /** Longest wait for the answer: all blobs are read for it. Milliseconds. */
      readonly patienceMs: number
    },
    accept: (answer: OfferAnswer) => Promise<SignedVoucher>,
    signal: AbortSignal,
  ): Promise<void>
  /** Gives a voucher once more; harmless when it has it. */
  handVoucher(steward: Address, voucher: SignedVoucher, signal: AbortSignal): Promise<void>
  /** Its answer to a question of a bisection, 32 bytes. @throws `BLOB_UNKNOWN`, `BLOB_CORRUPT` when it has not all of it */
  bisect(
    steward: Address,
    question: {
      readonly docketHash: Uint8Array
      readonly until: number
      readonly signature: Uint8Array
      readonly bytes: Uint8Array
      /** Longest wait for the answer: all blobs are read for it. Milliseconds. */
      readonly patienceMs: number
    },
    signal: AbortSignal,
  ): Promise<Uint8Array>
  /** The whole blob, checked against its id. */
  read(
    steward: Address,
    blob: { readonly blobId: Uint8Array; readonly length: number; readonly token: Uint8Array },
    signal: AbortSignal,
  ): Promise<Uint8Array>
}

/** Runs a step of the controller alone and commits it. */
export type RunStep = <Result>(run: (step: Step) => Promise<Result> | Result) => Promise<Result>
