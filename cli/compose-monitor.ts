/** The monitor daemon, put together: evidence on disk, a node with the monitor role, probes by peers that nobody knows, its own membership. */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { formatTime } from '../base/units.ts'
import { firstBlockFrom, readBounty, wasPaid } from '../chain/bounty-history.ts'
import type { Route } from '../net/http-server.ts'
import { DOCKET_PROTOCOL } from '../net/messages/docket.ts'
import { REPORT_PROTOCOL } from '../net/messages/report.ts'
import { openNode } from '../net/node.ts'
import { createGate } from '../pool/handshake.ts'
import { type Monitor, openMonitor } from '../pool/monitor.ts'
import type { MonitorChain } from '../pool/monitor-ports.ts'
import type { CaseRecord, VerdictRecord } from '../pool/monitor-records.ts'
import { PATTERN_POLICY } from '../pool/pattern-policy.ts'
import { deskPolicyOf, panelPolicyOf } from '../pool/pool-policy.ts'
import { type ProbeWish, probeOnce } from '../pool/probe.ts'
import { addressesOf, ROLE } from '../pool/registry-view.ts'
import { openDataDir } from '../store/data-dir.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'
import type { Doors } from './doors.ts'
import type { DaemonPaths } from './home.ts'
import { openMembership } from './member-keeper.ts'
import { openAgent } from './open-agent.ts'

/** Streams of one connection at the same time. */
const STREAMS = { report: 8, docket: 2 } as const

export async function composeMonitor(
  context: Context,
  paths: DaemonPaths,
  passphrase: string,
  log: Log,
  scope: AsyncDisposableStack,
): Promise<Daemon> {
  const { clock, rng } = context
  const openJournal = async (id: Address) => {
    const data = await openDataDir(paths.dir, { role: 'monitor', id, clock, create: { rng }, log })
    scope.defer(() => data.close())
    return data.store
  }
  const agent = await openAgent(context, { paths, passphrase, role: ROLE.monitor, openJournal, log, scope })
  const { secret, doors, journal, outbox, net } = agent
  const { chain, registry, poolDomain, marketDomain } = doors
  // a member that lost its standing and appealed is looked at, too
  const anyStanding = { ...registry, inGoodStanding: (id: Address) => registry.member(id) !== undefined }
  // a peer key of its own for every read: whoever is probed cannot tell it from a reader
  const stranger = () =>
    openNode({
      secret: undefined,
      listen: [],
      gate: createGate({ identity: undefined, roles: 0, registry: anyStanding, domain: poolDomain, clock, rng, log }),
      clock,
      log,
    })
  const probe = (holder: Address, wish: ProbeWish, signal: AbortSignal) => {
    const member = registry.member(holder)
    if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: holder })
    const target = { id: holder, addresses: addressesOf(member) }
    return probeOnce(stranger, target, wish, { monotonic: () => clock.monotonic(), signal })
  }
  const monitor = await openMonitor({
    secret,
    journal,
    registry,
    chain: monitorChain(doors),
    net,
    probe,
    market: marketDomain,
    pool: poolDomain,
    clock,
    rng,
    log,
    policy: {
      desk: () => deskPolicyOf(registry.policy()),
      panelAt: (block) => {
        const policy = registry.policyAt(block)
        return policy && panelPolicyOf(policy)
      },
      patterns: PATTERN_POLICY,
    },
  })
  const { keeper, withTick } = await openMembership({ ...agent, log, scope })
  await net.handle(REPORT_PROTOCOL, (wire, peer) => monitor.serve(wire, peer), { maxStreams: STREAMS.report })
  await net.handle(DOCKET_PROTOCOL, (wire) => monitor.serveDocket(wire), { maxStreams: STREAMS.docket })
  await monitor.start()
  scope.defer(() => monitor.stop())
  const routes = monitorRoutes(monitor, {
    standing: () => keeper.state?.standing,
    block: () => chain.latest().number,
    unfinished: () => outbox.unfinished(),
  })
  return {
    routes: withTick(routes),
    unready: () =>
      keeper.state?.isGood === true ? undefined : `it is ${keeper.state?.standing ?? 'unknown'} in its pool`,
    failed: new Promise<never>(() => undefined), // a case that fails is logged and tried again; no loop can end
  }
}

function monitorChain({ chain, deployment }: Doors): MonitorChain {
  const { market } = deployment.contracts
  return {
    now: () => chain.time(),
    bounty: async (id) => {
      const found = await readBounty(chain, market, id)
      if (found === undefined) return null
      const { poster, steward, claimKey, amount, deadline, docketHash, blockTime } = found.posted
      const facts = { poster, steward, claimKey, amount, deadline, docketHash, postedAt: blockTime }
      return found.end === undefined ? facts : { ...facts, end: found.end }
    },
    firstBlockFrom: async (time) => {
      const block = await firstBlockFrom(chain, time)
      return block && { number: block.number, hash: fromHex(block.hash, 32) }
    },
    isPaid: (uploader, steward, since) => wasPaid(chain, market, uploader, steward, since),
  }
}

/** A case, as people and scripts read it. */
export function viewCase({ takenAt, drawAt, ...rest }: CaseRecord) {
  return { ...rest, takenAt: formatTime(takenAt), ...(drawAt === undefined ? {} : { drawAt: formatTime(drawAt) }) }
}

/** A verdict likewise. */
export function viewVerdict({ verdict, takenAt, waits }: VerdictRecord) {
  const { accused, finding, reason, class: kind, at, panel, evidenceHash, monitor } = verdict
  return {
    monitor,
    accused,
    finding,
    reason,
    class: kind,
    at: formatTime(at),
    evidence: toHex(evidenceHash),
    ...(panel === undefined ? {} : { panel }),
    ...(takenAt === undefined ? {} : { told: formatTime(takenAt) }),
    ...(waits === undefined || takenAt !== undefined ? {} : { waits }),
  }
}

interface RouteParts {
  standing(): string | undefined
  block(): number
  /** Transactions on their way. */
  unfinished(): number
}

function monitorRoutes(monitor: Monitor, { standing, block, unfinished }: RouteParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/status',
      summary: 'What is known and under way, and how the pool sees this monitor.',
      handler: () => ({ role: 'monitor', ...monitor.view(), standing: standing(), block: block() }),
    },
    {
      method: 'GET',
      path: '/log',
      summary: 'All reports of the window with what became of them, and all verdicts.',
      handler: () => ({ reports: monitor.cases().map(viewCase), verdicts: monitor.verdicts().map(viewVerdict) }),
    },
    {
      method: 'GET',
      path: '/evidence/:hash',
      summary: 'The evidence file of a report or a verdict, in hex.',
      schema: { params: { type: 'object', properties: { hash: { type: 'string', pattern: '^[0-9a-f]{64}$' } } } },
      handler: async ({ params }) => {
        const hash = params['hash'] ?? ''
        const file = await monitor.evidence(hash)
        if (file === undefined) throw new HoldfastError('API_ROUTE', { what: `no evidence ${hash} is kept here` })
        return { hash, file: toHex(file) }
      },
    },
    {
      method: 'POST',
      path: '/tick',
      summary: 'Looks at what is due; tells whether anything is left to do at this moment of chain time.',
      schema: { body: { type: 'object', required: ['block'], properties: { block: { type: 'integer', minimum: 0 } } } },
      handler: () =>
        unfinished() > 0 ? { idle: false, busy: `${unfinished()} transactions on their way` } : monitor.tick(),
    },
  ]
}
