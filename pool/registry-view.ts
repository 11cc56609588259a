/** The registrar as the pool's parts see it: a small view that chain/registry.ts keeps fresh. */
import type { Address } from '../base/curve.ts'

/** Bits of a member's roles. protocol.md §7. */
export const ROLE = { repository: 1, index: 2, monitor: 4, manager: 8, registrar: 16 } as const

/** One member, as far as its peers need to know it. Times in seconds of chain time. */
export interface MemberView {
  readonly id: Address
  readonly roles: number
  /** `compliant`, `probation`, `violation`, `banned`, `abandoned` or `compromised`. */
  readonly standing: string
  /** Multiaddrs, separated by spaces. */
  readonly secureAddr: string
  readonly insecureAddr: string
  readonly registeredAt: number
  readonly renewedAt: number
  /** Within which the next renewal is due. */
  readonly period: number
}

export interface RegistryView {
  member(id: Address): MemberView | undefined
  members(): Iterable<MemberView>
  /** Registered, and compliant or on probation. */
  inGoodStanding(id: Address): boolean
  /** Reads up to the newest block, for a peer that registered a moment ago. */
  refresh?(): Promise<void>
}

/** Longest endpoint the registrar takes. Bytes. contracts/Registrar.sol. */
export const ENDPOINT_LIMIT = 256

/** Where a member listens. */
export function addressesOf(member: MemberView): string[] {
  return member.secureAddr.split(/\s+/).filter((address) => address !== '')
}

/** Multiaddrs as one endpoint: without peer ids (the id is the key), as many as fit. */
export function endpointOf(addresses: readonly string[]): string {
  const kept: string[] = []
  for (const address of new Set(addresses.map((one) => one.replace(/\/p2p\/.*$/, ''))))
    if ([...kept, address].join(' ').length <= ENDPOINT_LIMIT) kept.push(address)
  return kept.join(' ')
}

/** Members in good standing that have a role. */
export function* membersWith(registry: RegistryView, role: number): Iterable<MemberView> {
  for (const member of registry.members())
    if ((member.roles & role) !== 0 && registry.inGoodStanding(member.id)) yield member
}
