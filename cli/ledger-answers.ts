/** What the ledger can be asked by commands that only read, wherever it is. */
import type {
  Accounts,
  AuctionDetail,
  AuctionView,
  ControllerStatus,
  ObjectDetail,
  ObjectSummary,
  PlannedAct,
  RoundView,
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
  rounds(): Promise<readonly RoundView[]>
  auctions(): Promise<readonly AuctionView[]>
  /** @param id the advert's hash or a unique prefix of 8 digits */
  auction(id: string): Promise<AuctionDetail>
  status(): Promise<ControllerStatus>
}
