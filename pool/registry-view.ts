/** The registrar as the pool's parts see it: a small view that chain/registry.ts keeps fresh. */
import type { Address } from '../base/curve.ts'

/** Bits of a member's roles. protocol.md §7. */
export const ROLE = { repository: 1, index: 2, monitor: 4, manager: 8, registrar: 16 } as const

/** One member, as far as its peers need to know it. Times in seconds of chain time. */
export interface MemberView {
  readonly id: Address
  /** 64 bytes: the uncompressed key without 0x04; the id is its hash. */
  readonly publicKey: Uint8Array
  /** `agent`, `delegate` or `master`; `none` is nobody. */
  readonly level: string
  readonly roles: number
  /** `compliant`, `probation`, `violation`, `banned`, `abandoned` or `compromised`. */
  readonly standing: string
  /** The delegate who assigns its roles and watchers. */
  readonly manager: Address | undefined
  /** Who watches it, as assigned; `watchersOf` leaves out those who may not any more. */
  readonly monitors: readonly Address[]
  /** The first of the indexes assigned to it. */
  readonly index: Address | undefined
  /** It resigned, and has given no endpoint since: managers leave it alone. */
  readonly hasLeft?: boolean
  /** Multiaddrs, separated by spaces. */
  readonly secureAddr: string
  readonly insecureAddr: string
  readonly registeredAt: number
  readonly renewedAt: number
  /** Within which the next renewal is due. */
  readonly period: number
  /** Block of the last change of level, roles, standing or endpoints; left out: long ago. */
  readonly changedIn?: number
}

export interface RegistryView {
  member(id: Address): MemberView | undefined
  members(): Iterable<MemberView>
  /** Registered, and compliant or on probation. */
  inGoodStanding(id: Address): boolean
  /** Reads up to the newest block, for a peer that registered a moment ago. */
  refresh?(): Promise<void>
  /** Told after every change of the view. @returns ends it */
  onChange?(listener: () => void): () => void
}

/** Why a member gets no requests (P5): its standing, or `unregistered`; undefined when it gets them. */
export function barringStanding(registry: RegistryView, id: Address): string | undefined {
  return registry.inGoodStanding(id) ? undefined : (registry.member(id)?.standing ?? 'unregistered')
}

/** Longest endpoint the registrar takes. Bytes. contracts/Registrar.sol. */
export const ENDPOINT_LIMIT = 256

/** Where a member listens. */
export function addressesOf(member: MemberView): string[] {
  return member.secureAddr.split(/\s+/).filter((address) => address !== '')
}

/** Where its plain endpoint is; none when it has none. */
export function plainAddressesOf(member: MemberView): string[] {
  return member.insecureAddr.split(/\s+/).filter((address) => address !== '')
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

/** Who watches a member now: those assigned that still have the role and good standing. */
export function watchersOf(registry: RegistryView, member: MemberView): readonly Address[] {
  return member.monitors.filter(
    (id) => ((registry.member(id)?.roles ?? 0) & ROLE.monitor) !== 0 && registry.inGoodStanding(id),
  )
}
