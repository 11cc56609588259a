/**
 * What a ledger that was made from a backup needs once, when it has caught up with the chain: transactions that the lost machine had on
 * their way are asked for anew, and rows that may have been shown are given up (protocol.md §10).
 */
import type { Bounties } from './bounties.ts'
import type { Ledger } from './ledger.ts'
import type { Step } from './step.ts'

/** Call in the step that brought the feed to the head, after its facts. */
export function settleRecovered(
  step: Step,
  ledger: Ledger,
  bounties: Pick<Bounties, 'onPostFailed' | 'intended'>,
): void {
  // A post that the chain does not show now: should it be mined yet, it stands; its row serves no other round in either case.
  for (const { plan } of bounties.intended()) bounties.onPostFailed(step, plan)
  for (const { id } of [...ledger.placements.values()]) {
    const placement = step.placement(id)
    if (placement === undefined) continue
    // Its revoke was asked of a sender that is gone.
    for (const round of placement.rounds)
      if (round.phase === 'posted' && round.asked?.what === 'revoke' && !round.asked.failed)
        step.tell(id, { kind: 'revoke-failed', docket: round.docket })
    // Due since: a post may have been sent and never mined; its nonces are known to whoever saw it.
    const { nextDue, rows } = step.placement(id) ?? placement
    if (nextDue !== undefined && nextDue <= step.now) step.tell(id, { kind: 'rows-skipped', next: rows.next + 1 })
  }
  step.batch.lookedThrough()
}
