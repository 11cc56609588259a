/**
 * Facts come in, effects go out. A fact is something that happened, whoever says so: the chain, the clock, a peer. An effect is something to
 * be done, named by an id that is derived from what it is, so that doing it twice is noticed by whoever performs it.
 */
import type { Address } from '../base/curve.ts'
import type { ContractFact } from '../pricing/renewal.ts'

/** What `decide` is told. Times `at` are block times; `docket` names the docket (plan) the round is on. */
export type Fact =
  /** Both sides signed and the ledger holds the receipt with its answers. */
  | { readonly kind: 'booked'; readonly at: number }
  /** Chain time moved. */
  | { readonly kind: 'tick' }
  /** The planner put this placement on a docket; `decide` answers with the effect `post`, or with nothing when it may not be asked now. */
  | {
      readonly kind: 'open'
      readonly docket: string
      readonly due: number
      readonly deadline: number
      readonly retry: boolean
      /** Blobs on the docket; absent: this one alone. */
      readonly entries?: number
      /** It is tried off chain first: `decide` answers with the effect `offer`. */
      readonly offered?: true
    }
  /** Its steward answered off chain, and the voucher for it is in the ledger: as good as a final sweep. */
  | { readonly kind: 'vouched'; readonly docket: string; readonly at: number }
  /** It came to nothing off chain: it goes on chain, over the same row. */
  | { readonly kind: 'turned'; readonly docket: string }
  /**
   * The chain shows a post of ours that this ledger did not know: it was made after the backup the ledger comes from. `row`: what it asks of
   * this placement, known from its docket or taken for certain.
   */
  | {
      readonly kind: 'adopted'
      readonly docket: string
      readonly due: number
      readonly deadline: number
      readonly row: number
      readonly entries?: number
    }
  /** Rows before `next` may have been asked already, by posts that nobody can tell apart any more. */
  | { readonly kind: 'rows-skipped'; readonly next: number }
  /** The docket's post is on the chain. */
  | { readonly kind: 'posted'; readonly docket: string; readonly at: number }
  | { readonly kind: 'posted-final'; readonly docket: string }
  /** The block with the post is gone. */
  | { readonly kind: 'unposted'; readonly docket: string }
  /** The post is not on the chain and never will be. */
  | { readonly kind: 'post-failed'; readonly docket: string }
  | { readonly kind: 'swept'; readonly docket: string; readonly at: number }
  | { readonly kind: 'swept-final'; readonly docket: string }
  | { readonly kind: 'unswept'; readonly docket: string }
  | { readonly kind: 'revoked'; readonly docket: string; readonly at: number }
  /** `withheld`: we did not offer its steward the docket in time; nothing is held against it. */
  | { readonly kind: 'revoked-final'; readonly docket: string; readonly withheld?: true }
  | { readonly kind: 'unrevoked'; readonly docket: string }
  /** The chain refused a revoke (too early by its clock, or the bounty is gone, which the feed will say). */
  | { readonly kind: 'revoke-failed'; readonly docket: string }
  /**
   * The steward released the docket and the revoke is final (given in place of `revoked-final`). `lost`: this blob is on its list.
   * `again`: the docket of what is left, over the same rows, with its deadline and the number of blobs on it.
   */
  | {
      readonly kind: 'released'
      readonly docket: string
      readonly at: number
      readonly lost: boolean
      readonly again?: { readonly docket: string; readonly deadline: number; readonly entries?: number }
    }
  /** A bisection over the missed docket came down to this blob alone, and its steward has no answer for it. */
  | { readonly kind: 'disproved'; readonly docket: string; readonly at: number }
  /** The whole blob was read and fits its id, or a part of a bisection with it was answered; `rows`: how many rows there are now, when the read made new ones and both sides know their root. */
  | { readonly kind: 'read-verified'; readonly at: number; readonly rows?: number }
  /** The prepared answers cannot be read any more: none of them can be asked for. */
  | { readonly kind: 'rows-lost' }
  /** Both sides signed the next version. `price`: wei per GiB-month; absent: as before. */
  | { readonly kind: 'renewed'; readonly version: number; readonly end: number; readonly price?: bigint }
  /** What becomes of its contract: a price its steward asks, a refusal, an auction's result, notice (pricing/renewal.ts). */
  | {
      readonly kind: 'contract'
      readonly fact: Extract<ContractFact, { readonly kind: 'quoted' | 'declined' | 'cleared' | 'notice' }>
    }
  /** The owner wants no more than the time until `at`; `why`: another term would cost more than the budget. */
  | { readonly kind: 'terminated'; readonly at: number; readonly why?: 'budget' }
  /** What the registrar says of its steward: `standing` absent, it is in good standing; else why it gets no requests (P5). */
  | { readonly kind: 'standing'; readonly standing?: string; readonly at: number }
  /** Its steward takes a bond back: whatever it still owes had better be asked within the 21 days. */
  | { readonly kind: 'unbonding'; readonly at: number }
  | { readonly kind: 'repair-started' }
  /** Fewer than k shares of the segment are left. */
  | { readonly kind: 'segment-lost' }
  /** Another blob took this one's place. */
  | { readonly kind: 'replaced' }

/** Escrow for this placement's answer. All `post` effects of one docket go into one bounty: docket in order of blob id, amount by `amountOf`. */
export interface PostEffect {
  readonly id: string
  readonly kind: 'post'
  readonly placement: string
  readonly docket: string
  readonly round: number
  readonly retry: boolean
  readonly steward: Address
  /** Hex. */
  readonly blobId: string
  readonly row: number
  readonly due: number
  readonly deadline: number
  readonly from: number
  readonly cut: number
  readonly price: bigint
  readonly length: number
  /** Over what a released docket left. */
  readonly again?: true
}

/** The same, off chain: the docket goes to its steward, for a voucher. Answered by `vouched` or `turned`. */
export type OfferEffect = Omit<PostEffect, 'kind'> & { readonly kind: 'offer' }

/** What people should hear of. `code` is stable; the rest is for the sentence. */
export type AlertCode =
  | 'missed' // a round was not answered
  | 'withheld' // a docket of ours did not get to its steward in time
  | 'mia' // given up
  | 'outcast' // its steward lost its good standing
  | 'post-failed' // a post did not come about; its row is spent
  | 'rows-out' // no row is left to ask with
  | 'renewal-late' // half, three quarters, nine tenths of the time for a renewal have gone
  | 'budget-reached' // another term would cost more than its put may in all
  | 'unbonding' // its steward takes its bond back
  | 'notice' // one side gave notice
  | 'ended-unpaid' // the term is over and its last interval was never asked for
  | 'undone' // the chain took back what was called final
  | 'unknown-docket' // a fact about a round that is not remembered

export type Effect =
  | PostEffect
  | OfferEffect
  /** Replace the post by nothing; answered by `post-failed` (or by `posted`, when it was too late). The id is the docket's. */
  | { readonly id: string; readonly kind: 'cancel-post'; readonly placement: string; readonly docket: string }
  /** Take the bounty back; from deadline + 3600 s. The id is the docket's: all placements of a docket ask for the same thing. */
  | {
      readonly id: string
      readonly kind: 'revoke'
      readonly placement: string
      readonly docket: string
      readonly deadline: number
    }
  /** Ask over a missed docket, part by part, what its steward still has; answered by `read-verified` and `disproved`. The id is the docket's. */
  | {
      readonly id: string
      readonly kind: 'bisect'
      readonly placement: string
      readonly docket: string
      readonly steward: Address
    }
  /** Read the blob, make rows `from` … `from + count − 1`, announce their root; answered by `read-verified`. */
  | {
      readonly id: string
      readonly kind: 'top-up'
      readonly placement: string
      readonly steward: Address
      readonly blobId: string
      readonly from: number
      readonly count: number
    }
  /** Ask at what price its steward would go on, for all it holds of the put; answered by `contract` facts. The id is that of all of them. */
  | {
      readonly id: string
      readonly kind: 'ask-terms'
      readonly placement: string
      readonly ref: string
      readonly steward: Address
    }
  /** Find out in an auction what its lot costs now (moves.ts); answered by `contract`. */
  | {
      readonly id: string
      readonly kind: 're-auction'
      readonly placement: string
      readonly ref: string
      readonly steward: Address
    }
  /** Offer the next version: same bytes, same start, new price and end; answered by `renewed`. */
  | {
      readonly id: string
      readonly kind: 'renew'
      readonly placement: string
      readonly steward: Address
      readonly version: number
      readonly end: number
      readonly price: bigint
    }
  /** The share is missing: weigh its segment (segment-health.ts) and repair when it is time; answered by `repair-started`, then `replaced`. */
  | {
      readonly id: string
      readonly kind: 'repair'
      readonly placement: string
      readonly ref: string
      readonly segment: number
      readonly share: number
    }
  | {
      readonly id: string
      readonly kind: 'alert'
      readonly placement: string
      readonly code: AlertCode
      readonly docket?: string
    }
