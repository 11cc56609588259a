/** The manager's assignments with their journal: planned from the newest view, one transaction an agent, none twice while one is on its way. */
import { toHex, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { UnixTime } from '../base/units.ts'
import { type AssignAct, type AssignPlan, planAssignments } from './assign.ts'
import { type Assignment, signAssignment } from './assignment.ts'
import type { ManagerParts } from './manager-parts.ts'
import { KEYS, type KeptSaying, put, readRecord, readRecords } from './manager-records.ts'
import { type MemberView, ROLE } from './registry-view.ts'

export interface Assigning {
  /** Reads the journal. */
  open(): Promise<void>
  /** Gives what is missing. */
  plan(): Promise<void>
  /** Takes an agent in without an invitation: the operator's word. */
  admit(id: Address): Promise<void>
  /** What is said of an agent, signed: one thing under one number. @throws `POOL_UNREGISTERED` */
  say(agent: Address): Promise<Assignment>
  /** As of the last plan. */
  readonly last: Pick<AssignPlan, 'short' | 'uninvited' | 'waiting'>
  nextDue(): UnixTime | undefined
}

/** Daemons asked at the same time what they serve. */
const PROBES = 16

export function createAssigning(parts: ManagerParts): Assigning {
  const { me, secret, pool, registry, journal, outbox, chain, log } = parts
  /** Intent of each agent with an act on its way. */
  let acting = new Map<Address, string>()
  let admitted = new Set<Address>()
  /** What a daemon said it serves, as long as it listens where it did. */
  const offers = new Map<Address, { readonly at: string; readonly roles: number }>()
  /** Acts that the contract refused: not tried again before something about their agent changes. */
  const refused = new Map<Address, string>()
  const sent = new Map<string, string>()
  let last: AssignPlan = { acts: [], short: [], uninvited: [], waiting: [] }

  outbox.onSettled((intent) => {
    for (const [id, pending] of acting) {
      if (pending !== intent) continue
      acting.delete(id)
      return [put(KEYS.act(id), undefined)]
    }
    return undefined
  })
  outbox.onRefused(async (intent, why) => {
    const print = sent.get(intent)
    if (print === undefined) return
    refused.set(intent.split('/')[1] as Address, print)
    log.warn('manager.assign', { intent, code: why.code, why: why.message })
  })

  /** True of a manager that can still act: what one left without a role that cannot is asked like a newcomer. */
  function isManager(id: Address): boolean {
    const member = registry.member(id)
    return member?.level === 'delegate' && (member.roles & ROLE.manager) !== 0 && registry.inGoodStanding(id)
  }

  /** Asks daemons without a role what they serve. */
  async function probe(): Promise<void> {
    const asked = [...registry.members()].filter(
      ({ id, level, roles, secureAddr, standing, manager }) =>
        level === 'agent' &&
        roles === 0 &&
        (standing === 'compliant' || standing === 'probation') &&
        (manager === undefined || manager === me || !isManager(manager)) &&
        offers.get(id)?.at !== secureAddr,
    )
    for (let at = 0; at < asked.length; at += PROBES)
      await Promise.all(
        asked.slice(at, at + PROBES).map(async (member) => {
          const roles = await parts.offered(member)
          if (roles !== undefined) offers.set(member.id, { at: member.secureAddr, roles })
        }),
      )
  }

  async function send(act: AssignAct, member: MemberView): Promise<void> {
    const print = JSON.stringify([act, member.manager, member.roles, member.monitors, member.index])
    if (refused.get(act.id) === print) return
    refused.delete(act.id)
    const intent = `assign/${act.id}/${chain.now()}/${toHex(sha256(utf8(print)).subarray(0, 8))}`
    await journal.commit([put(KEYS.act(act.id), intent), ...outbox.intent(intent, { kind: 'assign', ...act })])
    acting.set(act.id, intent)
    sent.set(intent, print)
    outbox.kick()
    log.info('manager.assign', { ...act })
  }

  return {
    async open() {
      acting = (await readRecords<string>(journal, KEYS.acts)) as Map<Address, string>
      admitted = new Set((await readRecords<unknown>(journal, KEYS.admittedAll)).keys() as Iterable<Address>)
    },

    async plan() {
      await probe()
      const policy = parts.policy().assign
      const invited = policy.inviteOnly ? await chain.invited() : new Set<Address>()
      await registry.refresh()
      last = planAssignments({
        me,
        members: [...registry.members()],
        policy,
        invited: (id) => invited.has(id) || admitted.has(id),
        offered: (id) => offers.get(id)?.roles,
        draw: chain.draw(),
        now: chain.now(),
      })
      for (const act of last.acts) {
        const member = registry.member(act.id)
        if (member !== undefined && !acting.has(act.id)) await send(act, member)
      }
    },

    async admit(id) {
      await journal.commit([put(KEYS.admitted(id), { at: chain.now() })])
      admitted.add(id)
    },

    async say(agent) {
      await registry.refresh()
      const member = registry.member(agent)
      if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: agent })
      const { roles, monitors, index } = member
      const content = toHex(sha256(utf8(JSON.stringify([roles, monitors, index ?? ''])))) as string
      const before = await readRecord<KeptSaying>(journal, KEYS.said(agent))
      // Never below chain time: a journal that was lost must not make an honest manager say another thing under an old number.
      const serial = before?.content === content ? before.serial : Math.max((before?.serial ?? 0) + 1, chain.now())
      if (serial !== before?.serial) await journal.commit([put(KEYS.said(agent), { serial, content })])
      return signAssignment(secret, { pool, agent, serial, roles, monitors, ...(index === undefined ? {} : { index }) })
    },

    get last() {
      return last
    },
    nextDue: () => last.nextDue,
  }
}
