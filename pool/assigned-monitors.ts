/** Which monitors hear of an agent: those assigned to it; where there are none, some that everybody finds alike. Pure. */
import { compareBytes, fromHex, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import { type MemberView, membersWith, type RegistryView, ROLE } from './registry-view.ts'

/**
 * At most `count` monitors in good standing for `agent`, never itself: the assigned ones first, then, ascending by
 * SHA-256("holdfast/monitor/1" ‖ agent ‖ monitor), others, so that both sides of a quarrel about a stranger go to the same ones.
 */
export function monitorsOf(registry: RegistryView, agent: Address, count: number): readonly MemberView[] {
  const all = [...membersWith(registry, ROLE.monitor)].filter(({ id }) => id !== agent)
  const assigned = new Set(registry.member(agent)?.monitors)
  const others = all
    .filter(({ id }) => !assigned.has(id))
    .map((member) => ({
      member,
      rank: sha256(utf8('holdfast/monitor/1'), fromHex(agent, 20), fromHex(member.id, 20)),
    }))
    .sort((a, b) => compareBytes(a.rank, b.rank))
    .map(({ member }) => member)
  return [...all.filter(({ id }) => assigned.has(id)), ...others].slice(0, count)
}
