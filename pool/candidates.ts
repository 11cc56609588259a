/**
 * Who may be drawn for a panel, as the registrar has it: monitors in good standing, and whom the quarrel keeps away. Callers, the called, and the
 * manager that looks again all ask here. Pure.
 */
import type { Address } from '../base/curve.ts'
import { clustersOf } from '../pricing/clusters.ts'
import type { Candidate } from './panel.ts'
import { addressesOf, type MemberView, membersWith, type RegistryView, ROLE } from './registry-view.ts'

/** The network of a member, as it is registered now; undefined for whoever is known by the loopback address alone: it stands alone. */
export function clusterOf(member: MemberView | undefined): string | undefined {
  if (member === undefined) return undefined
  const { of, isMeaningful } = clustersOf([{ id: member.id, addresses: addressesOf(member) }])
  return isMeaningful ? of.get(member.id) : undefined
}

export function candidateOf(member: MemberView): Candidate {
  const cluster = clusterOf(member)
  return { id: member.id, ...(cluster === undefined ? {} : { cluster }) }
}

/** All monitors in good standing. */
export function candidatesOf(registry: RegistryView): readonly Candidate[] {
  return [...membersWith(registry, ROLE.monitor)].map(candidateOf)
}

/** Ids and networks that must not judge: those of accuser and accused. */
export function excludedBy(
  registry: RegistryView,
  { accuser, accused }: { readonly accuser: Address; readonly accused: Address },
): readonly string[] {
  return [...new Set([accuser, accused].flatMap((one) => [one, clusterOf(registry.member(one)) ?? one]))]
}
