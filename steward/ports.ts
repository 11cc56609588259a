/**
 * What the steward needs of the world, each as small as it can be. `cli/` composes it:
 *
 *   const dir = await openDataDir(path, …)                                  // store: lock, volume marker, Level journal
 *   const files = await openBlobFiles(path, { log, reserveBytes, keepPart: await resumableParts(dir.store, now) })
 *   const answering = createAnswering({ files, domain, threads })           // steward/answering.ts; worker threads
 *   const steward = await createSteward({ journal: dir.store, files, answer: answering.answer, chain, outbox, … }, config)
 *   const indexes = createIndexClient({ …, holder: { secret, holdings: () => steward.holdings() } })  // handed in as `indexes` by a closure
 *   await steward.start()                                                   // the feed, the timer, what was left undone
 *   await steward.attach(node)                                              // store/1, fetch/1, docket/1, bid/1: peers are served from now on
 *   await openApi({ …, routes: steward.routes(), unready: () => steward.unready() })
 *
 * `chain` and `outbox` are adapters over chain/. Stop in the opposite order, the node first; `answering.close()` and the data directory last.
 */
import type { Address } from '../base/curve.ts'
import type { Change } from '../base/ports.ts'
import type { UnixTime } from '../base/units.ts'
import type { ChallengedBlob } from '../blob/challenge.ts'
import type { Holding as Announced } from '../pool/index-client.ts'

/** Where an event stands. */
interface OnChain {
  readonly block: number
  /** Seconds of chain time. */
  readonly blockTime: number
}

/** A bounty was posted; the feed may bring those of other stewards, too. */
export interface PostedFact extends OnChain {
  readonly kind: 'posted'
  /** Hex of the bounty id. */
  readonly id: string
  readonly steward: Address
  readonly poster: Address
  readonly claimKey: Address
  /** Gwei of HOLD. */
  readonly amount: bigint
  readonly deadline: number
  /** 32 bytes. */
  readonly docketHash: Uint8Array
  /** The docket itself, or empty. */
  readonly note: Uint8Array
}

/** A bounty came to its end. */
export interface EndedFact extends OnChain {
  readonly kind: 'swept' | 'revoked'
  readonly id: string
}

/** A sweep of ours did not find what it claimed. */
export interface MissedFact extends OnChain {
  readonly kind: 'missed'
  readonly claimKey: Address
}

/** A voucher to us was paid, in full or as far as the balance went. Gwei. */
export interface RedeemedFact extends OnChain {
  readonly kind: 'redeemed'
  readonly from: Address
  readonly paid: bigint
  /** In all so far. */
  readonly redeemed: bigint
}

/** What the feed says of bounties. */
export type BountyFact = PostedFact | EndedFact | MissedFact

/** What the feed brings, as far as the steward cares: chain/market.ts's events with ids in hex; other kinds are left out by the adapter. */
export type MarketFact = BountyFact | RedeemedFact

/** One step of the chain: what was undone, newest first, what is new, oldest first, and where that leaves us. */
export interface FeedUpdate {
  readonly reverted: readonly MarketFact[]
  readonly applied: readonly MarketFact[]
  readonly head: { readonly number: number; readonly timestamp: number }
  /** Blocks up to this one can be acted on: the head itself on the dev chain (1 confirmation). */
  readonly finalHead: number
  /** Committed with what follows from the update. */
  readonly cursor: Uint8Array
}

/** The chain's door, as this process needs it. */
export interface StewardChain {
  follow(cursor: Uint8Array | undefined, signal: AbortSignal): AsyncIterable<FeedUpdate>
  /** Looks for news now instead of at the next poll. */
  poke(): void
  /** What an account has in the market. Gwei of HOLD. @throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER` */
  balanceOf(account: Address): Promise<bigint>
  /** Chain time: the head's timestamp and the monotonic time since. */
  now(): UnixTime
  /** The advert that was paid for under this hash, if any; of several the one of most value. `value` in gwei of HOLD. */
  advertPaid(hash: Uint8Array, uploader: Address): Promise<{ readonly value: bigint } | undefined>
}

/** Claims on bounties of one poster that share a deadline: the form chain/market.ts's `encodeSweep` takes. */
export interface SweepGroup {
  readonly poster: Address
  readonly deadline: UnixTime
  /** Bounties bound to us, never open ones. */
  readonly open: false
  /** Of Sweep(payee, deadline), 65 bytes each, by the claim keys; they go on chain as EIP-2098. */
  readonly claims: readonly Uint8Array[]
}

/** What one sweep transaction says. */
export interface SweepCall {
  readonly payee: Address
  readonly groups: readonly SweepGroup[]
  /** Sent later than this it is worth nothing: the latest deadline of the groups. */
  readonly notAfter: number
}

/** What a voucher says. `cumulative`: gwei. */
export interface VoucherCall {
  readonly from: Address
  readonly to: Address
  readonly cumulative: bigint
}

/** The durable outbox, as this process needs it. */
export interface StewardOutbox {
  /** The intent under an id derived from what it does; an id that exists is left alone. Pure: the caller commits it with its state. */
  sweep(id: string, call: SweepCall): readonly Change[]
  /** Likewise, of a voucher to us with its 65 bytes of signature. */
  redeem(id: string, voucher: VoucherCall, signature: Uint8Array): readonly Change[]
  /** Intents were committed: send them. */
  kick(): void
  /** Intents without a final outcome. */
  unfinished(): number
  /** Tells each intent the chain refused, once, and again after a restart until the listener resolved. */
  onRefused(listener: (id: string, reason: Error) => Promise<void>): void
}

/** The indexes, as this process needs them: new holdings now; all of them again in time by their client, from `steward.holdings()`. */
export interface StewardIndexes {
  announce(holdings: readonly Announced[]): void
}

/** A signed `Unpaid` notice (protocol.md §5, M8). */
export interface UnpaidNotice {
  readonly uploader: Address
  /** Digest of the placement's first version. */
  readonly placement: Uint8Array
  readonly pruneAfter: number
  /** Ours, 65 bytes. */
  readonly signature: Uint8Array
}

/** The way to uploaders, where there is one; notices are kept in any case. */
export interface StewardNotices {
  /** Told until `pruneAfter`, as often as the carrier likes; told again after a restart. */
  send(notice: UnpaidNotice): void
}

/**
 * The answers to some challenges over one blob, in the order of the nonces, from one reading that also checks the id.
 * The seam for stewards with a vice: whatever stands here, only the right bytes give the right claim key.
 * @throws `BLOB_UNKNOWN`, `BLOB_CORRUPT`
 */
export type Answer = (blob: ChallengedBlob, nonces: readonly Uint8Array[]) => Promise<readonly Uint8Array[]>

/** Called at named points between two durable steps; tests kill or throw there. */
export type Fault = (
  site:
    | 'blob.durable'
    | 'placement.committed'
    | 'sweep.intended'
    | 'release.signed'
    | 'round.answered'
    | 'voucher.kept'
    | 'prune.committed'
    | 'prune.deleted',
) => void | Promise<void>
