/** A pool in memory: a registrar that is a map, and nodes with the real handshake. */
import type { Address } from '../../base/curve.ts'
import { addressOf } from '../../base/curve.ts'
import type { Clock } from '../../base/ports.ts'
import type { Domain } from '../../base/typed-data.ts'
import { unixTime } from '../../base/units.ts'
import type { NetNode, NetOptions } from '../../net/node.ts'
import { createGate, type GateOptions } from '../../pool/handshake.ts'
import { endpointOf, type MemberView, type RegistryView } from '../../pool/registry-view.ts'
import { aLog, aNode, clock, rng } from '../net/nodes.ts'

export const DOMAIN: Domain = { chainId: 31337, contract: '0x00000000000000000000000000000000000000aa' }

export class FakeRegistry implements RegistryView {
  readonly #members = new Map<Address, MemberView>()
  refreshed = 0
  onRefresh: () => void = () => undefined

  set(id: Address, change: Partial<MemberView> = {}): void {
    const before = this.#members.get(id)
    const fresh = {
      id,
      publicKey: new Uint8Array(64),
      level: 'agent',
      roles: 0,
      manager: undefined,
      monitors: [],
      index: undefined,
      standing: 'compliant',
      secureAddr: '',
      insecureAddr: '',
      registeredAt: 0,
      renewedAt: 0,
      period: 2_592_000,
    }
    this.#members.set(id, { ...fresh, ...before, ...change })
  }

  delete(id: Address): void {
    this.#members.delete(id)
  }

  member(id: Address): MemberView | undefined {
    return this.#members.get(id)
  }

  members(): Iterable<MemberView> {
    return this.#members.values()
  }

  inGoodStanding(id: Address): boolean {
    return ['compliant', 'probation'].includes(this.#members.get(id)?.standing ?? '')
  }

  async refresh(): Promise<void> {
    this.refreshed++
    this.onRefresh()
  }
}

/** The machine's clock, `seconds` off on the wall. */
export function clockOff(seconds: number): Clock {
  return { ...clock, now: () => unixTime(clock.now() + seconds) }
}

export interface PoolNode {
  readonly node: NetNode
  readonly secret: Uint8Array
  readonly id: Address
  readonly log: ReturnType<typeof aLog>
}

/** A node of the pool, registered with its address unless told otherwise. */
export async function aMember(
  registry: FakeRegistry,
  options: {
    roles?: number
    secret?: Uint8Array
    registered?: boolean
    anonymous?: boolean
    gate?: Partial<GateOptions>
    net?: Partial<NetOptions>
  } = {},
): Promise<PoolNode> {
  const secret = options.secret ?? rng.bytes(32)
  const id = addressOf(secret)
  const log = aLog()
  const roles = options.roles ?? 0
  const identity = options.anonymous === true ? undefined : { secret }
  const gate = createGate({ identity, roles, registry, domain: DOMAIN, clock, rng, log, ...options.gate })
  const node = await aNode({ secret, gate, log, ...(options.anonymous === true ? { listen: [] } : {}), ...options.net })
  if (options.registered !== false && options.anonymous !== true)
    registry.set(id, { roles, secureAddr: endpointOf(node.addresses()) })
  return { node, secret, id, log }
}
