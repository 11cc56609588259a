/** What index and monitor have in common: key, doors, an outbox that is at work, and a node that shows the role it serves. */
import type { Address } from '../base/curve.ts'
import type { Journal, Log } from '../base/ports.ts'
import { createOutbox, type Outbox } from '../chain/outbox.ts'
import { type NetNode, openNode } from '../net/node.ts'
import { createGate } from '../pool/handshake.ts'
import { readActorSettings } from './actor-settings.ts'
import type { Context } from './context.ts'
import { type Doors, openDoors } from './doors.ts'
import type { DaemonPaths } from './home.ts'
import { readActorKey } from './keys.ts'

export interface AgentPlan {
  readonly paths: DaemonPaths
  readonly passphrase: string
  /** Bit of the role. protocol.md §7. */
  readonly role: number
  /** Where its acts are intended; opened before anything else of it runs. */
  openJournal(id: Address): Promise<Journal> | Journal
  readonly log: Log
  readonly scope: AsyncDisposableStack
}

export interface Agent {
  readonly secret: Uint8Array
  readonly id: Address
  readonly doors: Doors
  readonly journal: Journal
  readonly outbox: Outbox
  readonly net: NetNode
}

export async function openAgent(context: Context, plan: AgentPlan): Promise<Agent> {
  const { clock, rng, settings } = context
  const { paths, log, scope } = plan
  const { secret, id } = await readActorKey(paths.keystore, plan.passphrase)
  const { listen } = await readActorSettings(paths.settings)
  const doors = await openDoors(context, log, scope)
  const { chain, registry, poolDomain } = doors
  const journal = await plan.openJournal(id)
  const outbox = createOutbox({
    journal,
    chain,
    secret,
    clock,
    log,
    limits: { dayBudget: settings.value('chain.fee-budget') },
  })
  await outbox.start()
  scope.defer(() => outbox.stop())
  const gate = createGate({ identity: { secret }, roles: plan.role, registry, domain: poolDomain, clock, rng, log })
  const net = await openNode({
    secret,
    listen: settings.origin('net.listen').from === 'flag' ? settings.value('net.listen') : listen,
    gate,
    clock,
    log,
  })
  scope.defer(() => net.stop())
  return { secret, id, doors, journal, outbox, net }
}
