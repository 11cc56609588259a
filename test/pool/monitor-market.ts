/** Monitors, stewards and readers as real nodes of one pool in memory; the chain is a few numbers that the test moves. */
import { toHex, utf8 } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { DEFAULT_POLICY_TERMS, type Policy } from '../../chain/bindings/deployment-plan.ts'
import { createMemoryJournal } from '../../cli/memory-journal.ts'
import { DOCKET_PROTOCOL } from '../../net/messages/docket.ts'
import { FETCH_PROTOCOL } from '../../net/messages/fetch.ts'
import { only } from '../../net/messages/fields.ts'
import {
  decodeReportMessage,
  encodeReportMessage,
  MAX_REPORT_BYTES,
  REPORT_PROTOCOL,
  type ReportMessage,
  type Verdict,
} from '../../net/messages/report.ts'
import type { BountyOnChain } from '../../pool/evidence.ts'
import { serveFetch } from '../../pool/fetch-blob.ts'
import { type Monitor, openMonitor } from '../../pool/monitor.ts'
import type { MonitorDeps } from '../../pool/monitor-ports.ts'
import { PATTERN_POLICY } from '../../pool/pattern-policy.ts'
import { deskPolicyOf, panelPolicyOf } from '../../pool/pool-policy.ts'
import { probeOnce } from '../../pool/probe.ts'
import { addressesOf, ROLE } from '../../pool/registry-view.ts'
import type { Report } from '../../pool/report.ts'
import { aLog, clock, rng } from '../net/nodes.ts'
import { aMember, DOMAIN, FakeRegistry, type PoolNode } from './pool-nodes.ts'
import { MARKET, NOW } from './report-builder.ts'

/** How a steward serves. */
export type Serving = 'honest' | 'refuses' | 'wrong-bytes'

export interface MonitorNode extends PoolNode {
  readonly monitor: Monitor
  readonly journal: ReturnType<typeof createMemoryJournal>
}

export class MonitorMarket {
  readonly registry = new FakeRegistry()
  now = NOW
  readonly bounties = new Map<string, BountyOnChain>()
  isPaid = true
  /** Of the pool, at every block. */
  policy: Policy = DEFAULT_POLICY_TERMS.initial
  readonly verdicts: Verdict[] = []
  private readonly scope: (() => Promise<void>)[] = []

  async end(): Promise<void> {
    for (const stop of this.scope.reverse()) await stop()
  }

  async member(options: Parameters<typeof aMember>[1] = {}): Promise<PoolNode> {
    const made = await aMember(this.registry, options)
    this.scope.push(() => made.node.stop())
    return made
  }

  /** A steward that holds one blob. */
  async steward(secret: Uint8Array, blob: Uint8Array, token: Uint8Array, serving: () => Serving): Promise<PoolNode> {
    const made = await this.member({ secret, roles: ROLE.repository })
    await made.node.handle(
      FETCH_PROTOCOL,
      (wire, peer) =>
        serveFetch(wire, peer, {
          find: async () => {
            if (serving() === 'refuses')
              throw new HoldfastError('PEER_REFUSED', { peer: made.id, what: 'a ransom first' })
            return { length: blob.length, tokenHashes: [sha256(token)] }
          },
          read: async function* () {
            yield serving() === 'wrong-bytes' ? blob.map((byte) => byte ^ 1) : blob
          },
        }),
      { maxStreams: 8 },
    )
    return made
  }

  /** A manager that writes down what it is told. */
  async manager(): Promise<PoolNode> {
    const made = await this.member({ roles: ROLE.manager })
    await made.node.handle(
      REPORT_PROTOCOL,
      async (wire) => {
        const { verdict } = only(decodeReportMessage(await wire.receive(MAX_REPORT_BYTES)), 'verdict')
        this.verdicts.push(verdict)
        await wire.send(encodeReportMessage({ kind: 'taken', hash: verdict.evidenceHash }))
      },
      { maxStreams: 8 },
    )
    return made
  }

  /** @param change of what it is made of: a liar's probe */
  async monitor(
    change: (honest: MonitorDeps) => Partial<MonitorDeps> = () => ({}),
    journal = createMemoryJournal(),
    secret?: Uint8Array,
  ): Promise<MonitorNode> {
    const made = await this.member({ roles: ROLE.monitor, ...(secret === undefined ? {} : { secret }) })
    const { registry } = this
    const honest: MonitorDeps = {
      secret: made.secret,
      journal,
      registry,
      chain: {
        now: () => this.now,
        bounty: async (id) => this.bounties.get(toHex(id)) ?? null,
        firstBlockFrom: async (time) =>
          time > this.now ? undefined : { number: time, hash: sha256(utf8(`block at ${time}`)) },
        isPaid: async () => this.isPaid,
      },
      net: made.node,
      probe: async (holder, wish, signal) => {
        const member = registry.member(holder)
        if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: holder })
        const anyStanding = {
          member: registry.member.bind(registry),
          members: () => registry.members(),
          inGoodStanding: () => true,
        }
        const stranger = async () =>
          (await aMember(registry, { anonymous: true, gate: { registry: anyStanding } })).node
        return probeOnce(stranger, { id: holder, addresses: addressesOf(member) }, wish, {
          monotonic: () => clock.monotonic(),
          signal,
        })
      },
      market: MARKET,
      pool: DOMAIN,
      clock,
      rng,
      log: made.log ?? aLog(),
      policy: {
        desk: () => deskPolicyOf(this.policy),
        panelAt: () => panelPolicyOf(this.policy),
        patterns: PATTERN_POLICY,
      },
    }
    const monitor = await openMonitor({ ...honest, ...change(honest) })
    await made.node.handle(REPORT_PROTOCOL, (wire, peer) => monitor.serve(wire, peer), { maxStreams: 8 })
    await made.node.handle(DOCKET_PROTOCOL, (wire) => monitor.serveDocket(wire), { maxStreams: 8 })
    await monitor.start()
    this.scope.push(() => monitor.stop())
    return { ...made, monitor, journal }
  }

  /** Says something to a monitor; the answer. */
  async say(by: PoolNode, to: PoolNode, message: ReportMessage): Promise<ReportMessage> {
    const target = { id: to.id, addresses: addressesOf(this.registry.member(to.id) as never) }
    const wire = await by.node.open(target, REPORT_PROTOCOL)
    try {
      await wire.send(encodeReportMessage(message))
      return decodeReportMessage(await wire.receive(MAX_REPORT_BYTES))
    } finally {
      await wire.close().catch(() => undefined) // refused: the other side has ended it
    }
  }

  report(by: PoolNode, to: PoolNode, report: Report): Promise<ReportMessage> {
    return this.say(by, to, { kind: 'report', report })
  }

  /** Until all monitors have nothing to do at this moment. */
  async settle(...monitors: readonly MonitorNode[]): Promise<void> {
    for (;;) {
      const answers = await Promise.all(monitors.map(({ monitor }) => monitor.tick()))
      if (answers.every(({ idle }) => idle)) return
    }
  }
}
