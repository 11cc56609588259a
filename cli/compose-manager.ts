/** The manager daemon, put together: chain, journal, outbox, a node with the manager's role, its own membership. Closed in reverse by the scope. */
import { existsSync } from 'node:fs'
import { fromHex } from '../base/bytes.ts'
import { parseAddress } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { poolIdOf } from '../base/typed-data.ts'
import { unixTime } from '../base/units.ts'
import { createOutbox, type Outbox } from '../chain/outbox.ts'
import {
  encodeAssignIndexes,
  encodeAssignManager,
  encodeAssignMonitors,
  encodeMulticall,
  encodeSetRoles,
  encodeSetStanding,
  type Registry,
} from '../chain/registry.ts'
import { readHistory } from '../chain/registry-history.ts'
import { STANDINGS, type Standing } from '../chain/registry-members.ts'
import type { Hex } from '../chain/rpc.ts'
import type { Route } from '../net/http-server.ts'
import { REPORT_PROTOCOL } from '../net/messages/report.ts'
import { type NetNode, openNode, type WireHandler } from '../net/node.ts'
import { ASSIGN_POLICY } from '../pool/assign.ts'
import { createGate } from '../pool/handshake.ts'
import { invitedMembers } from '../pool/invitation.ts'
import { createManager, type Manager } from '../pool/manager.ts'
import type { ManagerChain, ManagerOutbox, ManagerParts, RegistrarAct } from '../pool/manager-parts.ts'
import { panelOf, recheckVerdict } from '../pool/recheck.ts'
import { addressesOf, type MemberView, ROLE } from '../pool/registry-view.ts'
import { sayTo } from '../pool/report-call.ts'
import { STANDING_POLICY } from '../pool/standing-steps.ts'
import type { Watched } from '../pool/watch-keys.ts'
import { openDataDir } from '../store/data-dir.ts'
import { readActorSettings } from './actor-settings.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'
import { type Doors, openDoors } from './doors.ts'
import { createFaultPoint, withFaultPoints } from './faults.ts'
import { readActorKey } from './keys.ts'
import { openMembership } from './member-keeper.ts'
import { readPanelFacts } from './panel-facts.ts'

/** Streams of one connection at the same time. */
const STREAMS = 4
/** Longest wait for an agent that is asked what it serves. Milliseconds. */
const OFFER_MS = 5_000

/** Where a manager with a vice takes another way; the honest one passes nothing. */
export interface ManagerVice {
  /** Stands in for the members as it sees them. */
  registry?(honest: Registry): Registry
  /** Stands in for what it answers over report/1. */
  serve?(honest: WireHandler, own: { readonly secret: Uint8Array; readonly manager: Manager }): WireHandler
}

export async function composeManager(
  context: Context,
  passphrase: string,
  log: Log,
  scope: AsyncDisposableStack,
  vice: ManagerVice = {},
): Promise<Daemon> {
  const { home, clock, rng, settings } = context
  const paths = home.manager
  const { secret, id } = await readActorKey(paths.keystore, passphrase)
  const listen =
    settings.origin('net.listen').from === 'flag' || !existsSync(paths.settings)
      ? settings.value('net.listen')
      : (await readActorSettings(paths.settings)).listen
  const doors = await openDoors(context, log, scope)
  const { chain, registry, poolDomain } = doors
  const data = await openDataDir(paths.dir, { role: 'manager', id, clock, create: { rng }, log })
  scope.defer(() => data.close())
  const fault = createFaultPoint(context, chain.chainId, log)
  const journal = withFaultPoints(data.store, 'manager', fault)
  const outbox = createOutbox({
    journal,
    chain,
    secret,
    clock,
    log,
    limits: { dayBudget: settings.value('chain.fee-budget'), spared: ['standing'] },
    ...(fault === undefined ? {} : { fault }),
  })
  const gate = createGate({ identity: { secret }, roles: ROLE.manager, registry, domain: poolDomain, clock, rng, log })
  const net = await openNode({ secret, listen, gate, clock, log })
  scope.defer(() => net.stop())
  const pool = poolIdOf(poolDomain)
  const recheck: ManagerParts['recheck'] = async (verdict, isNew) => {
    const panel = panelOf(verdict.evidence)
    const facts = panel && (await readPanelFacts(doors, panel.block.number))
    const env = { pool, domain: poolDomain, market: doors.marketDomain, facts }
    return recheckVerdict(verdict, isNew ? { ...env, registry } : env)
  }
  const stopping = new AbortController()
  const manager = createManager({
    me: id,
    secret,
    pool,
    registry: vice.registry?.(registry) ?? registry,
    journal,
    outbox: managerOutbox(outbox, doors),
    chain: managerChain(doors),
    offered: (member) => askOffer(net, member),
    recheck,
    tell: (member, message) => sayTo(net, member, message, stopping.signal),
    policy: () => {
      const { panelSeats, panelVotes, panelLeast, inviteOnly } = registry.policy()
      return {
        assign: { ...ASSIGN_POLICY, inviteOnly },
        standing: { ...STANDING_POLICY, panelSeats, panelVotes, panelLeast },
      }
    },
    clock,
    log,
  })
  await outbox.start()
  scope.defer(() => outbox.stop())
  const membership = await openMembership({ secret, doors, net, outbox, journal, log, scope })
  const serve: WireHandler = (wire, peer) => manager.serve(wire, peer)
  await net.handle(REPORT_PROTOCOL, vice.serve?.(serve, { secret, manager }) ?? serve, { maxStreams: STREAMS })
  await manager.start()
  scope.defer(() => {
    stopping.abort(new HoldfastError('INTERRUPTED'))
    return manager.stop()
  })
  const unlisten = [registry.onChange(() => manager.poke()), chain.onHead(() => manager.pass())]
  scope.defer(async () => {
    for (const end of unlisten) end()
  })
  return {
    routes: membership.withTick(routesOf(manager)),
    unready: () => {
      const { isGood, standing } = membership.keeper.state ?? { isGood: false, standing: 'unknown' }
      if (!isGood) return `it is ${standing} in its pool`
      return ((registry.member(id)?.roles ?? 0) & ROLE.manager) === 0
        ? 'the master has not made it a manager'
        : undefined
    },
    failed: new Promise<never>(() => undefined), // what fails is tried again at the next head
  }
}

const ID_BODY = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', maxLength: 42 }, since: { type: 'integer', minimum: 0 } },
} as const

function routesOf(manager: Manager): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/status',
      summary: 'Whom it manages, what it decided and why, what changed in silence.',
      handler: async () => ({ role: 'manager', ...(await manager.status()) }),
    },
    {
      method: 'POST',
      path: '/tick',
      summary: 'Looks, and tells whether anything is left to do at this block.',
      schema: { body: { type: 'object', required: ['block'], properties: { block: { type: 'integer', minimum: 0 } } } },
      handler: () => manager.tick(),
    },
    {
      method: 'POST',
      path: '/look',
      summary: 'Gives the roles and watchers that are missing.',
      handler: async () => {
        await manager.look()
        return { role: 'manager', ...(await manager.status()) }
      },
    },
    {
      method: 'POST',
      path: '/admit',
      summary: 'Takes an agent in without an invitation.',
      schema: { body: ID_BODY },
      handler: async ({ body }) => {
        const id = parseAddress((body as { readonly id: string }).id, 'id')
        await manager.admit(id)
        return { id }
      },
    },
    {
      method: 'POST',
      path: '/undo',
      summary: 'Puts back the standings that a delegate changed from then on.',
      schema: { body: ID_BODY },
      handler: async ({ body }) => {
        const { id, since = 0 } = body as { readonly id: string; readonly since?: number }
        return { undone: await manager.undo(parseAddress(id, 'id'), unixTime(since)) }
      },
    },
  ]
}

/** What an agent's daemon says in its handshake that it serves; undefined: it was not reached. */
async function askOffer(net: NetNode, member: MemberView): Promise<number | undefined> {
  const addresses = addressesOf(member)
  if (addresses.length === 0) return undefined
  try {
    const target = { id: member.id, addresses }
    const wire = await net.open(target, REPORT_PROTOCOL, { signal: AbortSignal.timeout(OFFER_MS) })
    wire.abort(new HoldfastError('INTERRUPTED'))
  } catch {
    // It need not serve that protocol, nor be there: the handshake before it is all that is asked for.
  }
  return net.peers().find(({ id }) => id === member.id)?.says
}

function managerOutbox(outbox: Outbox, { registry }: Doors): ManagerOutbox {
  return {
    intent: (id, act) =>
      outbox.intent({
        id,
        to: registry.address,
        kind: act.kind,
        urgency: act.kind === 'standing' ? 0 : 1,
        data: dataOf(act),
      }),
    kick: () => outbox.kick(),
    unfinished: () => outbox.unfinished(),
    onSettled: (listener) => outbox.onSettled((id, { ok }) => listener(id, ok)),
    onRefused: (listener) => outbox.onRefused(listener),
  }
}

/** One call, or several in one transaction: all or none. */
export function dataOf(act: RegistrarAct): Hex {
  if (act.kind === 'standing') return encodeSetStanding(act.id, act.standing, act.reason, fromHex(act.evidenceHash, 32))
  const { id, manager, roles, monitors, index } = act
  const calls = [
    ...(manager === undefined ? [] : [encodeAssignManager(id, manager)]),
    ...(roles === undefined ? [] : [encodeSetRoles(id, roles)]),
    ...(monitors === undefined ? [] : [encodeAssignMonitors(id, monitors)]),
    ...(index === undefined ? [] : [encodeAssignIndexes(id, [index])]),
  ]
  return calls.length === 1 ? (calls[0] as Hex) : encodeMulticall(calls)
}

/** Which fields an event of the registrar announces. */
const ANNOUNCES: Readonly<Record<string, readonly (Watched | 'dropped')[]>> = {
  Registered: ['key', 'endpoints', 'standing', 'level'],
  EndpointsChanged: ['endpoints'],
  Resigned: ['endpoints'],
  StandingChanged: ['standing'],
  LevelChanged: ['level'],
  Dropped: ['dropped'],
}

export function managerChain({ chain, registry, deployment, poolDomain }: Doors): ManagerChain {
  const { address, block } = deployment.contracts.registrar
  return {
    now: () => chain.time(),
    draw: () => fromHex(chain.latest().hash, 32),
    block: () => chain.latest().number,
    async invited() {
      const log = await readHistory(chain, { registrar: address, from: block, events: ['InvitationPresented'] })
      const presented = log.flatMap(({ id, invitation, time }) =>
        id === undefined || invitation === undefined ? [] : [{ member: id, bytes: invitation, at: time }],
      )
      return invitedMembers(presented, { domain: poolDomain, registry })
    },
    async announced(from) {
      const told = new Map<`0x${string}`, Set<Watched | 'dropped'>>()
      for (const { id, what } of await readHistory(chain, { registrar: address, from })) {
        if (id === undefined) continue
        const fields = told.get(id) ?? new Set()
        for (const field of ANNOUNCES[what] ?? []) fields.add(field)
        told.set(id, fields)
      }
      return told
    },
    async standingActs() {
      const log = await readHistory(chain, { registrar: address, from: block, events: ['StandingChanged'] })
      return log.flatMap(({ id, by, detail, evidence, time }) =>
        id === undefined || by === undefined || !(STANDINGS as readonly string[]).includes(detail)
          ? []
          : [{ id, by, standing: detail as Standing, evidenceHash: (evidence ?? '0x').slice(2), time }],
      )
    },
  }
}
