/** What a manager is made of: narrow ports, so that its rules and its journal are tested without a chain or a network. */
import type { Address } from '../base/curve.ts'
import type { HoldfastError } from '../base/errors.ts'
import type { Change, Clock, Journal, Log } from '../base/ports.ts'
import type { UnixTime } from '../base/units.ts'
import type { Standing } from '../chain/registry-members.ts'
import type { ReportMessage, Verdict } from '../net/messages/report.ts'
import type { AssignAct, AssignPolicy } from './assign.ts'
import type { Rechecked } from './recheck.ts'
import type { MemberView, RegistryView } from './registry-view.ts'
import type { StandingPolicy } from './standing-steps.ts'
import type { StandingAct } from './undo-acts.ts'
import type { Announced } from './watch-keys.ts'

/** A call of the registrar by the manager. */
export type RegistrarAct =
  | ({ readonly kind: 'assign' } & AssignAct)
  | {
      readonly kind: 'standing'
      readonly id: Address
      readonly standing: Standing
      readonly reason: number
      /** Hex, 32 bytes. */
      readonly evidenceHash: string
    }

export interface ManagerOutbox {
  /** Changes that put the act into the journal; the same id is the same act. */
  intent(id: string, act: RegistrarAct): readonly Change[]
  kick(): void
  unfinished(): number
  /** What the listener returns is committed with the outcome. */
  onSettled(listener: (id: string, isDone: boolean) => readonly Change[] | undefined): void
  onRefused(listener: (id: string, why: HoldfastError) => Promise<void>): void
}

export interface ManagerChain {
  /** Chain time. */
  now(): UnixTime
  /** Hash of the newest block, 32 bytes: the draw of assignments. */
  draw(): Uint8Array
  /** Number of the newest block. */
  block(): number
  /** Who came with an invitation that counts. */
  invited(): Promise<ReadonlySet<Address>>
  /** What the registrar's log announced from this block on. */
  announced(from: number): Promise<Announced>
  /** Every change of standing, in order. */
  standingActs(): Promise<readonly StandingAct[]>
}

export interface ManagerParts {
  readonly me: Address
  readonly secret: Uint8Array
  /** Id of the pool, 32 bytes. */
  readonly pool: Uint8Array
  readonly registry: RegistryView & { refresh(): Promise<void> }
  readonly journal: Journal
  readonly outbox: ManagerOutbox
  readonly chain: ManagerChain
  /** Roles (bits) that an agent's daemon says it serves; undefined: it was not reached. Within its own deadline. */
  offered(member: MemberView): Promise<number | undefined>
  /**
   * The manager's own look at evidence. @param isNew false when it was taken before: then who may be drawn now says nothing about its panel
   * @throws `CHAIN_…` when the chain does not say what it rests on
   */
  recheck(verdict: Verdict, isNew: boolean): Promise<Rechecked>
  /** Says something to a monitor, and resolves when it has it. Within its own deadline. */
  tell(monitor: MemberView, message: ReportMessage): Promise<void>
  policy(): { readonly assign: AssignPolicy; readonly standing: StandingPolicy }
  readonly clock: Clock
  readonly log: Log
}
