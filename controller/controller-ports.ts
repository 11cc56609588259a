/** What the controller's loop needs of the world: the chain's feed, the outbox, backups, and what else is lent to it. */
import type { Address } from '../base/curve.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import type { UnixTime } from '../base/units.ts'
import type { Adverts } from './adverts.ts'
import type { BountyEvent } from './bounties.ts'
import type { Intents } from './bounty-intents.ts'
import type { Jobs } from './jobs.ts'
import type { Ledger } from './ledger.ts'
import type { RedeemedFact } from './offers.ts'
import type { Policy } from './policy.ts'
import type { RunStep } from './ports.ts'
import type { BountyRecord } from './records.ts'
import type { Step } from './step.ts'

/** What the feed brings, as far as the controller cares. Amounts: wei of HOLD for deposits and withdrawals, gwei for adverts. */
export type MarketFact =
  | BountyEvent
  | {
      readonly kind: 'deposited' | 'withdrawn'
      readonly account: Address
      readonly amount: bigint
      readonly block: number
      readonly blockTime: number
    }
  | {
      readonly kind: 'advertised'
      readonly uploader: Address
      readonly advertHash: string
      readonly fee: bigint
      readonly block: number
      readonly blockTime: number
    }
  | RedeemedFact
  | {
      readonly kind: 'pointer'
      readonly owner: Address
      readonly pointer: Uint8Array
      readonly block: number
      readonly blockTime: number
    }

/** One step of the chain: what was undone, newest first, what is new, oldest first, and where that leaves us. */
export interface FeedUpdate {
  readonly reverted: readonly MarketFact[]
  readonly applied: readonly MarketFact[]
  readonly head: { readonly number: number; readonly timestamp: number; readonly hash: `0x${string}` }
  /** Blocks up to this one can be acted on. */
  readonly finalHead: number
  /** Committed with what follows from the update. */
  readonly cursor: Uint8Array
}

/** The chain's door, as this process needs it. */
export interface ControllerChain {
  follow(cursor: Uint8Array | undefined, signal: AbortSignal): AsyncIterable<FeedUpdate>
  /** Looks for news now instead of at the next poll. */
  poke(): void
  /** Chain time: the head's timestamp and the monotonic time since. */
  now(): UnixTime
  /** Our balance in the market. Wei of HOLD. */
  balance(): Promise<bigint>
  /** Gwei that a docket must pay to be worth the gas of its post and sweep; absent: every one is. */
  worth?(): Promise<bigint>
  /** False while a public chain's head is over 30 minutes off the wall clock: then nothing new is posted (reliability.md R17). */
  isFresh(): boolean
}

/** The durable outbox, as this process needs it. */
export interface ControllerOutbox {
  readonly intents: Intents
  /** Intents were committed: send them. */
  kick(): void
  /** Intents without a final outcome. */
  unfinished(): number
  /** Ids of intents the chain refused or that were cancelled, told once each and again after a restart until acknowledged. */
  onRefused(listener: (id: string, reason: Error) => Promise<void>): void
  /** Takes an intent back if it is not on the chain yet. */
  cancel(id: string): Promise<void>
}

export interface ControllerDeps {
  readonly ledger: Ledger
  readonly chain: ControllerChain
  readonly outbox: ControllerOutbox
  readonly domain: Domain
  readonly account: Address
  readonly nonceKey: Uint8Array
  readonly policy: Policy
  readonly clock: Clock
  readonly log: Log
  /** What needs a peer: renewals, reads for new rows, dockets to hand over. */
  readonly jobs: Jobs
  /** Told of each bounty that was taken back unswept, after the commit. */
  unclaimed?(bounty: BountyRecord): void
  /** Reports on their way; a dev chain waits for them. */
  reporting?(): number
  /** Puts wait for their adverts here. */
  readonly adverts: Adverts
  /** Why a steward gets no requests: its standing as the registrar has it now, or `unregistered`; undefined, or absent: it gets them (P5). */
  standingOf?(steward: Address): string | undefined
  /** Looks for bonds that leave, now and then; absent: nobody does. */
  lookAtBonds?(step: RunStep, head: { readonly number: number; readonly hash: `0x${string}` }): Promise<void>
  /** Price index, wei of HOLD per GiB-month: bounds renewals. */
  index?(): bigint
  /** Reads the registrar up to the newest block. */
  refreshStandings?(): Promise<void>
}

/** Backups of the ledger, as the loop sees them. */
export interface ControllerBackups {
  start(): void
  stop(): Promise<void>
  nextDue(): number | undefined
  isBusy(): boolean
  hurry(): void
  onPost(): void
  onPointer(step: Step, fact: { readonly pointer: Uint8Array; readonly block: number }, isThere: boolean): void
  onFinal(step: Step, finalHead: number): void
  onRefused(reason: Error): Promise<void>
  onMoved(refs: ReadonlySet<string>): void
}
