/** What a monitor needs of the world, each as small as it can be. `cli/compose-monitor.ts` puts it together. */
import type { Address } from '../base/curve.ts'
import type { Clock, Journal, Log, Rng } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import type { NetNode } from '../net/node.ts'
import type { BountyOnChain } from './evidence.ts'
import type { PanelPolicy } from './panel.ts'
import type { PatternPolicy } from './pattern-policy.ts'
import type { ProbeResult, ProbeWish } from './probe.ts'
import type { RegistryView } from './registry-view.ts'
import type { DeskPolicy } from './report-desk.ts'

/** The chain, as a monitor asks it. Each throws `CHAIN_UNREACHABLE` when nobody answers. */
export interface MonitorChain {
  /** Chain time. */
  now(): number
  /** Null: never posted. */
  bounty(id: Uint8Array): Promise<BountyOnChain | null>
  /** The first block at or after a moment; undefined: none yet. */
  firstBlockFrom(time: number): Promise<{ readonly number: number; readonly hash: Uint8Array } | undefined>
  /** True when the steward swept a bounty of the uploader at or after `since`. */
  isPaid(uploader: Address, steward: Address, since: number): Promise<boolean>
}

export interface MonitorDeps {
  /** The actor's key. */
  readonly secret: Uint8Array
  readonly journal: Journal
  readonly registry: RegistryView
  readonly chain: MonitorChain
  readonly net: Pick<NetNode, 'open'>
  /** One read by a peer that nobody knows. */
  probe(holder: Address, wish: ProbeWish, signal: AbortSignal): Promise<ProbeResult>
  readonly market: Domain
  /** The contract is the registrar. */
  readonly pool: Domain
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly policy: MonitorPolicy
}

/** What the pool asks of its monitors, read where it is needed: its master may change it at any block. */
export interface MonitorPolicy {
  desk(): DeskPolicy
  /** Under which a panel sits that this block draws; undefined: the block was not read yet. */
  panelAt(block: number): PanelPolicy | undefined
  readonly patterns: PatternPolicy
}
