/** What the ledger can be asked by commands that only read, wherever it is. */
import type {
  Accounts,
  ControllerStatus,
  ObjectDetail,
  ObjectSummary,
  PlannedAct,
  ShareStatus,
} from '../controller/api-types.ts'

/** Answers of one moment. */
export interface LedgerView extends AsyncDisposable {
  /** The answers come from disk; no controller runs. */
  readonly isOffline: boolean
  /** ISO-8601 UTC of chain time: how old the answers are. */
  readonly asOf: string
  /** Chain time of `asOf`, and all objects, oldest first. */
  objects(): Promise<{ readonly now: number; readonly objects: readonly ObjectSummary[] }>
  object(id: string): Promise<ObjectDetail>
  shares(id: string, history: boolean): Promise<readonly ShareStatus[]>
  plan(days: number): Promise<readonly PlannedAct[]>
  accounts(): Promise<Accounts>
  status(): Promise<ControllerStatus>
}
