/** A pool whose members have plain endpoints, too. */
import { openPlainHost, type PlainHost, type PlainHostOptions } from '../../net/plain-host.ts'
import { createGate, type GateOptions } from '../../pool/handshake.ts'
import { createPlainBulk, type PlainBulk } from '../../pool/plain-bulk.ts'
import { createTransfers, type Transfers } from '../../pool/transfers.ts'
import { aLog, clock, rng } from '../net/nodes.ts'
import { DOMAIN, type FakeRegistry, type PoolNode } from './pool-nodes.ts'

const hosts = new Set<PlainHost>()

export interface PlainMember {
  readonly host: PlainHost
  readonly transfers: Transfers
  /** Where it really listens. */
  readonly address: string
}

export function aGate(registry: FakeRegistry, options: Partial<GateOptions> = {}) {
  return createGate({ identity: undefined, roles: 0, registry, domain: DOMAIN, clock, rng, log: aLog(), ...options })
}

/** Opens a plain endpoint for a member and registers it. */
export async function aPlainEndpoint(
  registry: FakeRegistry,
  { secret, id }: Pick<PoolNode, 'secret' | 'id'>,
  options: Partial<PlainHostOptions> & { clock?: GateOptions['clock'] } = {},
): Promise<PlainMember> {
  const log = aLog()
  const transfers = createTransfers({ clock, rng, log })
  const gate = aGate(registry, { identity: { secret }, roles: 1, ...(options.clock ? { clock: options.clock } : {}) })
  const host = await openPlainHost({
    listen: ['/ip4/127.0.0.1/tcp/0'],
    gate,
    handler: (wire, peer) => transfers.serve(wire, peer),
    clock,
    log,
    ...options,
  })
  hosts.add(host)
  const [address] = host.addresses() as [string]
  registry.set(id, { insecureAddr: address })
  return { host, transfers, address }
}

/** What an anonymous client, or a member, uses to move bytes over plain endpoints. */
export function aBulk(registry: FakeRegistry, options: Partial<GateOptions> = {}): PlainBulk {
  return createPlainBulk({ registry, gate: aGate(registry, options), clock, log: aLog() })
}

/** Call in `afterEach`. */
export async function closePlainEndpoints(): Promise<void> {
  for (const host of hosts) await host.stop()
  hosts.clear()
}
