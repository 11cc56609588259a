/** Managers in memory: a registrar that is a map, a journal that outlives "restarts", and an outbox whose acts happen when the test mines them. */

import { utf8 } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { poolIdOf } from '../../base/typed-data.ts'
import { unixTime } from '../../base/units.ts'
import type { ReportMessage } from '../../net/messages/report.ts'
import { ASSIGN_POLICY } from '../../pool/assign.ts'
import { recheckOwnKinds } from '../../pool/check-verdict.ts'
import { createManager, type Manager } from '../../pool/manager.ts'
import type { ManagerParts, RegistrarAct } from '../../pool/manager-parts.ts'
import { codeOf, type REASONS } from '../../pool/reasons.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { signVerdict, type Verdict } from '../../pool/report.ts'
import { STANDING_POLICY } from '../../pool/standing-steps.ts'
import type { StandingAct } from '../../pool/undo-acts.ts'
import type { Announced } from '../../pool/watch-keys.ts'
import { type MemoryJournal, memoryJournal } from '../chain/memory-journal.ts'
import { clock, silent } from '../chain/ports.ts'
import { DOMAIN, FakeRegistry } from './pool-nodes.ts'

export const START = 1_800_000_000
export const POOL = poolIdOf(DOMAIN)
/** Serves for every secret of a stage. */
export const secretOf = (name: string): Uint8Array => sha256(utf8(name))
export const idOf = (name: string): Address => addressOf(secretOf(name))

export interface PoolStage {
  readonly registry: FakeRegistry
  /** The registrar's log of standings. */
  readonly acts: StandingAct[]
  announced: Announced
  /** What managers said to monitors; those that nobody reaches. */
  readonly told: { readonly to: Address; readonly message: ReportMessage }[]
  readonly deaf: Set<Address>
  /** What daemons say they serve (bits), where it is not that of a repository. */
  readonly offers: Map<Address, number>
  now: number
  add(name: string, change?: Parameters<FakeRegistry['set']>[1]): Address
  /** A manager on this journal: given again, it is the same one after a restart. */
  manager(name: string, journal?: MemoryJournal): Promise<StagedManager>
}

export interface StagedManager {
  readonly manager: Manager
  readonly journal: MemoryJournal
  /** What stands in the outbox. */
  waiting(): readonly RegistrarAct[]
  /** The chain takes all of it. @returns how many */
  mine(): Promise<number>
}

export function openPool(): PoolStage {
  const registry = new FakeRegistry()
  const acts: StandingAct[] = []
  const stage: PoolStage = {
    registry,
    acts,
    announced: new Map(),
    told: [],
    deaf: new Set(),
    offers: new Map(),
    now: START,
    add(name, change = {}) {
      const publicKey = publicKeyOf(secretOf(name), false).slice(1)
      registry.set(idOf(name), { publicKey, registeredAt: stage.now, renewedAt: stage.now, ...change })
      return idOf(name)
    },
    async manager(name, journal = memoryJournal()) {
      const me = idOf(name)
      let settled: ((
        id: string,
        isDone: boolean,
      ) => readonly { key: string; value: Uint8Array | undefined }[] | undefined)[] = []
      const parts: ManagerParts = {
        me,
        secret: secretOf(name),
        pool: POOL,
        registry,
        journal,
        outbox: {
          // the same id is the same act, also after it happened
          intent: (id, act) =>
            journal.content.has(`done/${id}`) ? [] : [{ key: `out/${id}`, value: utf8(JSON.stringify(act)) }],
          kick: () => undefined,
          unfinished: () => [...journal.content.keys()].filter((key) => key.startsWith('out/')).length,
          onSettled: (listener) => {
            settled = [...settled, listener]
          },
          onRefused: () => undefined,
        },
        chain: {
          now: () => unixTime(stage.now),
          draw: () => sha256(utf8('draw')),
          block: () => 1,
          invited: async () => new Set(),
          announced: async () => stage.announced,
          standingActs: async () => acts,
        },
        offered: async ({ id }) => stage.offers.get(id) ?? ROLE.repository,
        recheck: async (verdict) => ({ found: recheckOwnKinds(verdict, POOL) }),
        tell: async ({ id }, message) => {
          if (stage.deaf.has(id)) throw new HoldfastError('NET_UNREACHABLE', { peer: id })
          stage.told.push({ to: id, message })
        },
        policy: () => ({ assign: ASSIGN_POLICY, standing: STANDING_POLICY }),
        clock,
        log: silent,
      }
      const manager = createManager(parts)
      await manager.start()
      await manager.look()
      const waiting = () =>
        [...journal.content].flatMap(([key, value]) =>
          key.startsWith('out/')
            ? [[key.slice(4), JSON.parse(new TextDecoder().decode(value)) as RegistrarAct] as const]
            : [],
        )
      return {
        manager,
        journal,
        waiting: () => waiting().map(([, act]) => act),
        async mine() {
          const all = waiting()
          for (const [id, act] of all) {
            if (act.kind === 'standing') {
              registry.set(act.id, { standing: act.standing })
              const { standing, evidenceHash } = act
              acts.push({ id: act.id, by: me, standing, evidenceHash, time: unixTime(stage.now) })
            } else {
              const { kind: _, id: agent, ...change } = act
              registry.set(agent, change)
            }
            const more = settled.flatMap((listener) => listener(id, true) ?? [])
            await journal.commit([
              { key: `out/${id}`, value: undefined },
              { key: `done/${id}`, value: utf8('1') },
              ...more,
            ])
          }
          return all.length
        },
      }
    },
  }
  return stage
}

/** Two managers with all their roles, three monitors of networks of their own, and a steward that they watch. */
export async function aPool(): Promise<PoolStage & { readonly staged: StagedManager; readonly agent: Address }> {
  const stage = openPool()
  for (const name of ['manager', 'second']) stage.add(name, { level: 'delegate', roles: ROLE.manager | ROLE.registrar })
  for (const n of [1, 2, 3])
    stage.add(`monitor ${n}`, { roles: ROLE.monitor, manager: idOf('manager'), secureAddr: `/ip4/10.0.${n}.1/tcp/1` })
  const agent = stage.add('agent', { manager: idOf('manager'), secureAddr: '/ip4/10.1.1.1/tcp/1' })
  const staged = await stage.manager('manager')
  await staged.mine()
  return Object.assign(stage, { staged, agent })
}

/** A verdict of a monitor of the stage. */
export function aVerdict(
  monitor: string,
  accused: Address,
  finding: (typeof REASONS)[number]['name'],
  change: Partial<Pick<Verdict, 'class' | 'evidence' | 'at' | 'pool' | 'panel'>> = {},
): Verdict {
  return signVerdict(secretOf(monitor), {
    pool: POOL,
    accused,
    finding,
    reason: codeOf(finding),
    class: 'advice',
    at: START,
    evidence: utf8(`${monitor} saw ${finding}`),
    ...change,
  })
}
