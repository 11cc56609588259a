/** What the pool's policy, as its registrar holds it, means to monitors and managers. Pure. contracts/Registrar.sol, `Policy`. */
import type { Policy } from '../chain/bindings/deployment-plan.ts'
import type { PanelPolicy } from './panel.ts'
import { DESK_POLICY, type DeskPolicy } from './report-desk.ts'

/** How panels are drawn and counted. */
export function panelPolicyOf({ panelSeats, panelVotes, panelLeast }: Policy): PanelPolicy {
  return { seats: panelSeats, votes: panelVotes, least: panelLeast }
}

/** Who is heard: the pool says which share of dismissed reports mutes, all else is the same in every pool. */
export function deskPolicyOf({ muteShare }: Pick<Policy, 'muteShare'>): DeskPolicy {
  return { ...DESK_POLICY, muteShare: muteShare / 10_000 }
}
