/**
 * One step of the controller: facts told to placements, and all that follows, until one commit. Later facts of a step see what the
 * earlier ones changed. Effects come out in order; whoever ran the step turns those that need the chain into intents of the same batch.
 */
import { type Decision, decide, type Env } from './decide.ts'
import type { Effect, Fact } from './facts.ts'
import type { Ledger, LedgerBatch } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'

export class Step {
  readonly batch: LedgerBatch
  readonly effects: Effect[] = []
  /** Puts with a placement whose state changed, or the standing of its steward, or that is new. */
  readonly moved = new Set<string>()
  private readonly ledger: Ledger
  private env: Env
  private readonly touched = new Map<string, PlacementState>()

  constructor(ledger: Ledger, env: Env) {
    this.ledger = ledger
    this.env = env
    this.batch = ledger.batch()
  }

  get now(): number {
    return this.env.now
  }

  /** What is told from here on happened at `moment`: facts of the chain are decided at their own time, however late they are read. */
  at(moment: number): void {
    this.env = { ...this.env, now: moment }
  }

  /** The placement as this step sees it. */
  placement(id: string): PlacementState | undefined {
    return this.touched.get(id) ?? this.ledger.placements.get(id)
  }

  /** All placements as this step sees them. */
  *placements(): Iterable<PlacementState> {
    for (const [id, state] of this.ledger.placements) yield this.touched.get(id) ?? state
  }

  /** Tells a fact; a placement the ledger does not know is left alone (a bounty of a ledger that was lost). */
  tell(id: string, fact: Fact): void {
    const placement = this.placement(id)
    if (placement) this.take(decide(placement, fact, this.env), placement)
  }

  /** A placement that is new in this step, with its first fact. */
  add(placement: PlacementState, fact: Fact): void {
    this.take(decide(placement, fact, this.env), undefined)
  }

  private take({ next, effects }: Decision, before: PlacementState | undefined): void {
    if (next !== before) {
      this.touched.set(next.id, next)
      if (
        next.state !== before?.state ||
        next.outcast !== before?.outcast ||
        next.contract?.phase !== before?.contract?.phase
      )
        this.moved.add(next.ref)
      this.batch.placement(next)
    }
    this.effects.push(...effects)
  }
}
