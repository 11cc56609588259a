/** What an outbox is made from. */
import type { Clock, Journal, Log } from '../base/ports.ts'
import type { Chain } from './rpc.ts'

/** Where the fault hook is called: crashes there are what the tests try. */
export type FaultSite = 'outbox.signed' | 'outbox.committed' | 'outbox.broadcast' | 'outbox.mined' | 'outbox.settled'

export interface OutboxLimits {
  /** Never offers more. Wei per gas. */
  readonly maxFeePerGas?: bigint
  /** Spent at most within a day of chain time. Wei. */
  readonly dayBudget?: bigint
  /** Kinds that the budget does not hold back: sweeps, while they profit. */
  readonly spared?: readonly string[]
  /** How long a transaction may wait before its fee is raised. ms; default 30 s. */
  readonly patienceMs?: number
}

export interface OutboxOptions {
  readonly journal: Journal
  readonly chain: Chain
  /** 32 bytes; nothing else may send with this key while the outbox runs. */
  readonly secret: Uint8Array
  readonly clock: Clock
  readonly log: Log
  /** Of its keys in the journal; default `outbox/`. */
  readonly prefix?: string
  readonly limits?: OutboxLimits
  readonly fault?: (site: FaultSite) => void | Promise<void>
}
