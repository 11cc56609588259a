/**
 * Who does what, and who watches whom (P7): every agent has one manager, a role, an index, and at least three monitors, none of its own cluster
 * and no two of one: a ring on one network is one voice among three. Pure and deterministic from (members, policy, draw); what stands and is right is left alone, so planning again after the plan
 * was carried out gives nothing. pool.md.
 */
import { concat, fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import { HOUR, MINUTE, type UnixTime, unixTime } from '../base/units.ts'
import { clustersOf } from '../pricing/clusters.ts'
import { addressesOf, type MemberView, ROLE } from './registry-view.ts'

/** What an agent's daemon may do by its manager's word. */
const AGENT_ROLES = ROLE.repository | ROLE.index | ROLE.monitor
/** The contract takes no more. contracts/Registrar.sol. */
const WATCHERS_LIMIT = 8
/** Standings that need no watchers: nobody deals with them, and they come back as others or not at all. */
const OUT = new Set(['banned', 'abandoned', 'compromised'])

export interface AssignPolicy {
  /** Monitors of each agent. 3 to 8; pool.md says at least three. */
  readonly monitorsEach: number
  /** Roles are given to the invited only. */
  readonly inviteOnly: boolean
}

export const ASSIGN_POLICY: AssignPolicy = { monitorsEach: 3, inviteOnly: false }

export interface AssignInput {
  /** The manager that plans. */
  readonly me: Address
  readonly members: readonly MemberView[]
  readonly policy: AssignPolicy
  /** Came with an invitation, or was admitted by hand. */
  invited(id: Address): boolean
  /** Roles (bits) its daemon says it serves; undefined: it was not reached. */
  offered(id: Address): number | undefined
  /** Decides between equals; nobody could know it when it registered: the hash of a block. */
  readonly draw: Uint8Array
  /** Chain time. */
  readonly now: UnixTime
}

/** What the registrar is to be told of one agent; what is left out stays. */
export interface AssignAct {
  readonly id: Address
  readonly manager?: Address
  readonly roles?: number
  readonly monitors?: readonly Address[]
  readonly index?: Address
}

export interface AssignPlan {
  readonly acts: readonly AssignAct[]
  /** Agents that have fewer monitors than they should, for lack of monitors of different clusters. */
  readonly short: readonly { readonly id: Address; readonly have: number; readonly need: number }[]
  /** Agents that wait for an invitation. */
  readonly uninvited: readonly Address[]
  /** Agents whose daemons were not reached yet: they get their roles when they are, or after `PATIENCE`. */
  readonly waiting: readonly Address[]
  /** When an agent that another manager leaves alone becomes this one's. Chain time. */
  readonly nextDue?: UnixTime
}

/** A manager that does not take an agent within this leaves it to the next one. Seconds. */
export const TURN = HOUR
/** A newcomer that is not reached within this stores, as every agent does. Seconds since its registration. */
export const PATIENCE = 10 * MINUTE

export function planAssignments(input: AssignInput): AssignPlan {
  const { me, members, policy, now } = input
  const byId = new Map(members.map((member) => [member.id, member]))
  const agents = members.filter(({ level }) => level === 'agent').sort(byIdOf)
  const clusters = clustersOf(members.map((member) => ({ id: member.id, addresses: addressesOf(member) })))
  const voiceOf = (id: Address) => (clusters.isMeaningful ? clusters.of.get(id) : undefined) ?? id
  const has = (id: Address, role: number) => {
    const member = byId.get(id)
    return member !== undefined && (member.roles & role) !== 0 && isGood(member)
  }
  const managers = members.filter(
    ({ id, level, roles, standing }) =>
      level === 'delegate' && (roles & ROLE.manager) !== 0 && isGood({ standing }) && byId.has(id),
  )
  const monitors = members.filter(({ id }) => has(id, ROLE.monitor)).map(({ id }) => id)
  const indexes = members.filter(({ id }) => has(id, ROLE.index)).map(({ id }) => id)
  const load = {
    manager: countOf(agents, ({ manager }) => (manager === undefined ? [] : [manager])),
    monitor: countOf(agents, (agent) => (OUT.has(agent.standing) ? [] : agent.monitors)),
    index: countOf(agents, (agent) => (OUT.has(agent.standing) || agent.index === undefined ? [] : [agent.index])),
  }
  const acts: AssignAct[] = []
  const short: { id: Address; have: number; need: number }[] = []
  const uninvited: Address[] = []
  const waiting: Address[] = []
  const dues: number[] = []
  for (const agent of agents) {
    if (OUT.has(agent.standing) || agent.hasLeft === true) continue
    const isManaged = agent.manager !== undefined && managers.some(({ id }) => id === agent.manager)
    if (policy.inviteOnly && agent.roles === 0 && !input.invited(agent.id)) {
      if (!isManaged || agent.manager === me) uninvited.push(agent.id)
      continue
    }
    if (!isManaged) {
      const order = leastLoaded(managers, load.manager, new Uint8Array(0), agent.id)
      const turn = order.indexOf(me)
      if (order[0] !== undefined) add(load.manager, order[0])
      if (turn < 0 || (agent.manager !== undefined && !canTakeOver(byId.get(me)))) continue
      const from = Math.max(agent.registeredAt, agent.renewedAt) + turn * TURN
      if (from > now) {
        dues.push(from)
        continue
      }
    } else if (agent.manager !== me) continue
    const offered = input.offered(agent.id)
    const patient = Math.max(agent.registeredAt, agent.renewedAt) + PATIENCE
    const isWaiting = agent.roles === 0 && offered === undefined && now < patient
    if (isWaiting) {
      waiting.push(agent.id)
      dues.push(patient)
    }
    const roles = isWaiting ? 0 : rolesOf(agent, offered)
    const watching = chooseMonitors(agent, {
      valid: (id) => has(id, ROLE.monitor) && voiceOf(id) !== voiceOf(agent.id),
      voiceOf,
      candidates: monitors,
      load: load.monitor,
      input,
    })
    if (watching.length < policy.monitorsEach)
      short.push({ id: agent.id, have: watching.length, need: policy.monitorsEach })
    const index = chooseIndex(agent, {
      isValid: (id) => has(id, ROLE.index),
      candidates: indexes,
      load: load.index,
      input,
    })
    const act: AssignAct = {
      id: agent.id,
      ...(isManaged ? {} : { manager: me }),
      ...(roles === agent.roles ? {} : { roles }),
      ...(sameMembers(watching, agent.monitors) ? {} : { monitors: watching }),
      ...(index === undefined || index === agent.index ? {} : { index }),
    }
    if (Object.keys(act).length > 1) acts.push(act)
  }
  return {
    acts,
    short,
    uninvited,
    waiting,
    ...(dues.length === 0 ? {} : { nextDue: unixTime(Math.min(...dues)) }),
  }
}

/** Every agent stores, unless its daemon says that it serves something else; what it has is never taken away here. */
function rolesOf({ roles }: MemberView, offered: number | undefined): number {
  if (offered === undefined) return roles === 0 ? ROLE.repository : roles
  const served = offered & AGENT_ROLES
  return roles | (served === 0 && roles === 0 ? ROLE.repository : served)
}

/** The contract lets a delegate with the registrar's role take an agent from another manager. contracts/Registrar.sol. */
function canTakeOver(me: MemberView | undefined): boolean {
  return me !== undefined && (me.roles & ROLE.registrar) !== 0
}

interface Choice {
  readonly candidates: readonly Address[]
  readonly load: Map<Address, number>
  readonly input: AssignInput
}

/** Those that may stay stay; the rest are the least busy ones, equals as the draw says; of one cluster never two. */
function chooseMonitors(
  agent: MemberView,
  { valid, voiceOf, candidates, load, input }: Choice & { valid(id: Address): boolean; voiceOf(id: Address): string },
): readonly Address[] {
  const voices = new Set<string>()
  const isNewVoice = (id: Address) => voices.size < voices.add(voiceOf(id)).size
  const kept = agent.monitors.filter((id) => valid(id) && isNewVoice(id)).slice(0, WATCHERS_LIMIT)
  for (const gone of agent.monitors) if (!kept.includes(gone)) add(load, gone, -1)
  const chosen = [...kept]
  const need = Math.min(WATCHERS_LIMIT, input.policy.monitorsEach)
  const ids = candidates.filter((id) => valid(id) && !voices.has(voiceOf(id))).map((id) => ({ id }))
  for (const id of leastLoaded(ids, load, input.draw, agent.id)) {
    if (chosen.length >= need) break
    if (!isNewVoice(id)) continue
    chosen.push(id)
    add(load, id)
  }
  return chosen
}

function chooseIndex(
  agent: MemberView,
  { isValid, candidates, load, input }: Choice & { isValid(id: Address): boolean },
): Address | undefined {
  if (agent.index !== undefined && isValid(agent.index)) return agent.index
  if (agent.index !== undefined) add(load, agent.index, -1)
  const others = candidates.filter((id) => id !== agent.id).map((id) => ({ id }))
  const [index] = leastLoaded(others, load, input.draw, agent.id)
  if (index !== undefined) add(load, index)
  return index
}

/** By load, then as the draw says for this agent. */
function leastLoaded(
  candidates: readonly { readonly id: Address }[],
  load: ReadonlyMap<Address, number>,
  draw: Uint8Array,
  agent: Address,
): readonly Address[] {
  return candidates
    .map(({ id }) => ({
      id,
      load: load.get(id) ?? 0,
      lot: toHex(sha256(concat(draw, fromHex(agent, 20), fromHex(id, 20)))),
    }))
    .sort((a, b) => a.load - b.load || (a.lot < b.lot ? -1 : 1))
    .map(({ id }) => id)
}

function countOf(agents: readonly MemberView[], of: (agent: MemberView) => readonly Address[]): Map<Address, number> {
  const counts = new Map<Address, number>()
  for (const agent of agents) for (const id of of(agent)) add(counts, id)
  return counts
}

function add(counts: Map<Address, number>, id: Address, by = 1): void {
  counts.set(id, (counts.get(id) ?? 0) + by)
}

function isGood({ standing }: Pick<MemberView, 'standing'>): boolean {
  return standing === 'compliant' || standing === 'probation'
}

function sameMembers(a: readonly Address[], b: readonly Address[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id))
}

function byIdOf(a: MemberView, b: MemberView): number {
  return a.id < b.id ? -1 : 1
}
