import { expect } from 'chai'
import fc from 'fast-check'
import { u32 } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { unixTime } from '../../base/units.ts'
import { ASSIGN_POLICY, type AssignInput, PATIENCE, planAssignments, TURN } from '../../pool/assign.ts'
import { type MemberView, ROLE } from '../../pool/registry-view.ts'
import { effort } from '../effort.ts'

const START = 1_800_000_000
const idOf = (n: number) => `0x${String(n).padStart(40, '0')}` as Address
const ME = idOf(1)

function aMember(n: number, change: Partial<MemberView> = {}): MemberView {
  return {
    id: idOf(n),
    publicKey: new Uint8Array(64),
    level: 'agent',
    roles: 0,
    standing: 'compliant',
    manager: undefined,
    monitors: [],
    index: undefined,
    secureAddr: `/ip4/10.0.${n % 200}.1/tcp/4001`,
    insecureAddr: '',
    registeredAt: START,
    renewedAt: START,
    period: 7_776_000,
    ...change,
  }
}
const manager = (n: number, roles: number = ROLE.manager) => aMember(n, { level: 'delegate', roles })
const monitor = (n: number, network = n) =>
  aMember(n, { roles: ROLE.monitor, manager: ME, secureAddr: `/ip4/10.1.${network}.1/tcp/4001` })

function anInput(members: readonly MemberView[], change: Partial<AssignInput> = {}): AssignInput {
  return {
    me: ME,
    members,
    policy: ASSIGN_POLICY,
    invited: () => false,
    offered: () => ROLE.repository,
    draw: sha256(u32(7)),
    now: unixTime(START),
    ...change,
  }
}

/** What the registrar holds after the plan. */
function carriedOut(input: AssignInput): readonly MemberView[] {
  const { acts } = planAssignments(input)
  return input.members.map((member) => ({ ...member, ...acts.find(({ id }) => id === member.id) }))
}

const pools = fc.record({
  monitors: fc.integer({ min: 0, max: 12 }),
  indexes: fc.integer({ min: 0, max: 3 }),
  agents: fc.integer({ min: 0, max: 25 }),
  networks: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(1_000_000),
})
type Pool = typeof pools extends fc.Arbitrary<infer Value> ? Value : never

function membersOf({ monitors, indexes, agents, networks }: Pool): readonly MemberView[] {
  const at = (n: number) => `/ip4/10.0.${n % networks}.1/tcp/4001`
  return [
    manager(1),
    ...Array.from({ length: monitors }, (_, n) =>
      aMember(100 + n, { roles: ROLE.monitor, manager: ME, secureAddr: at(n) }),
    ),
    ...Array.from({ length: indexes }, (_, n) =>
      aMember(200 + n, { roles: ROLE.index, manager: ME, secureAddr: at(n) }),
    ),
    ...Array.from({ length: agents }, (_, n) => aMember(300 + n, { secureAddr: at(n) })),
  ]
}

describe('pool/assign', () => {
  it('gives every agent a manager, a role, and monitors of other clusters, one of each, as many as there are up to three; again it gives nothing', () => {
    fc.assert(
      fc.property(pools, (pool) => {
        const input = anInput(membersOf(pool), { draw: sha256(u32(pool.seed)) })
        const after = carriedOut(input)
        for (const agent of after.filter(({ level }) => level === 'agent')) {
          const network = (id: Address) => after.find((one) => one.id === id)?.secureAddr
          const free = after.filter(
            ({ id, roles, secureAddr }) =>
              (roles & ROLE.monitor) !== 0 && id !== agent.id && secureAddr !== agent.secureAddr,
          )
          expect(agent.manager).to.equal(ME)
          expect(agent.roles).to.not.equal(0)
          const networks = new Set(free.map(({ secureAddr }) => secureAddr))
          expect(agent.monitors).to.have.length(Math.min(3, networks.size))
          expect(new Set(agent.monitors.map(network)).size, 'of one network one').to.equal(agent.monitors.length)
          for (const id of agent.monitors) expect(network(id)).to.not.equal(agent.secureAddr)
          if (pool.indexes > 1) expect(agent.index).to.be.a('string').that.is.not.equal(agent.id)
        }
        expect(planAssignments({ ...input, members: after }).acts).to.deep.equal([])
        expect(planAssignments({ ...input, members: [...input.members].reverse() }).acts).to.deep.equal(
          planAssignments(input).acts,
        )
      }),
      { numRuns: effort(100) },
    )
  })

  it('spreads the load: among monitors of networks of their own none has two agents more than another', () => {
    const members = [
      manager(1),
      ...Array.from({ length: 7 }, (_, n) => monitor(100 + n)),
      ...Array.from({ length: 40 }, (_, n) => aMember(300 + n)),
    ]
    const loads = new Map<Address, number>()
    for (const { monitors } of carriedOut(anInput(members)))
      for (const id of monitors) loads.set(id, (loads.get(id) ?? 0) + 1)
    expect(loads.size).to.equal(7)
    expect(Math.max(...loads.values()) - Math.min(...loads.values())).to.be.at.most(2)
  })

  it('SybilRing: fifty idle monitors on one network are one of three watchers, also where another manager gave an agent three of them', () => {
    const ring = Array.from({ length: 50 }, (_, n) => monitor(500 + n, 77))
    const isOfRing = (id: Address) => ring.some((one) => one.id === id)
    const honest = [100, 101, 102].map((n) => monitor(n))
    const captured = aMember(300, {
      manager: ME,
      roles: ROLE.repository,
      monitors: ring.slice(0, 3).map(({ id }) => id),
    })
    const after = carriedOut(anInput([manager(1), ...honest, ...ring, captured, aMember(301)]))
    for (const id of [idOf(300), idOf(301)]) {
      const { monitors } = after.find((one) => one.id === id) as MemberView
      expect(monitors).to.have.length(3)
      expect(monitors.filter(isOfRing)).to.have.length(1)
    }
  })

  it('replaces a monitor that fell, and leaves the others in place', () => {
    const members = [manager(1), ...[100, 101, 102, 103].map((n) => monitor(n)), aMember(300)]
    const before = carriedOut(anInput(members))
    const agent = before.find(({ id }) => id === idOf(300)) as MemberView
    const fallen = agent.monitors[0] as Address
    const later = before.map((one) => (one.id === fallen ? { ...one, standing: 'banned' } : one))
    const act = planAssignments(anInput(later)).acts.find(({ id }) => id === agent.id)
    expect(act?.monitors).to.include.members(agent.monitors.slice(1) as Address[])
    expect(act?.monitors).to.have.length(3).and.not.include(fallen)
  })

  it('gives index and monitor to daemons that say they serve them, and waits a while for one that does not answer', () => {
    const members = [manager(1), aMember(300)]
    const roles = (offered: number | undefined, now = START) =>
      planAssignments(anInput(members, { offered: () => offered, now: unixTime(now) })).acts[0]?.roles
    expect(roles(ROLE.index)).to.equal(ROLE.index)
    expect(roles(ROLE.repository | ROLE.monitor | ROLE.manager)).to.equal(ROLE.repository | ROLE.monitor)
    expect(roles(0)).to.equal(ROLE.repository)
    expect(roles(undefined)).to.equal(undefined)
    expect(roles(undefined, START + PATIENCE)).to.equal(ROLE.repository)
  })

  it('leaves an agent alone that left, until it gives an endpoint again', () => {
    const left = aMember(300, { hasLeft: true, secureAddr: '' })
    expect(planAssignments(anInput([manager(1), left])).acts).to.deep.equal([])
    const back = aMember(300, { hasLeft: false })
    expect(planAssignments(anInput([manager(1), back])).acts).to.have.length(1)
  })

  it('gives nothing to the uninvited of a pool for the invited', () => {
    const members = [manager(1), aMember(300), aMember(301)]
    const policy = { ...ASSIGN_POLICY, inviteOnly: true }
    const plan = planAssignments(anInput(members, { policy, invited: (id) => id === idOf(301) }))
    expect(plan.acts.map(({ id }) => id)).to.deep.equal([idOf(301)])
    expect(plan.uninvited).to.deep.equal([idOf(300)])
  })

  it('gives an agent to exactly one of several managers; another one takes it when that one is idle for its turn', () => {
    const members = [manager(1), manager(2), manager(3), aMember(300)]
    const takers = (now: number) =>
      [1, 2, 3].filter((n) => {
        const { acts } = planAssignments(anInput(members, { me: idOf(n), now: unixTime(now) }))
        return acts.length > 0
      })
    expect(takers(START)).to.have.length(1)
    expect(takers(START + TURN)).to.have.length(2)
    expect(takers(START + 2 * TURN)).to.have.length(3)
  })

  it('takes an agent from a manager that fell, with the registrar role only', () => {
    const members = (roles: number) => [
      manager(1, roles),
      { ...manager(2), standing: 'banned' },
      aMember(300, { manager: idOf(2), roles: 1 }),
    ]
    expect(planAssignments(anInput(members(ROLE.manager))).acts).to.deep.equal([])
    expect(planAssignments(anInput(members(ROLE.manager | ROLE.registrar))).acts[0]?.manager).to.equal(ME)
  })
})
