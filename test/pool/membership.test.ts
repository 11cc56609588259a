import { expect } from 'chai'
import { addressOfPublicKey } from '../../base/curve.ts'
import { DAY, unixTime } from '../../base/units.ts'
import { createMembership, type MembershipAct, planMembership } from '../../pool/membership.ts'
import { addressesOf, ENDPOINT_LIMIT, endpointOf, type MemberView } from '../../pool/registry-view.ts'
import { aLog, anIdentity } from '../net/nodes.ts'
import { FakeRegistry } from './pool-nodes.ts'

const START = 1_800_000_000
const PERIOD = 100 * DAY
const HERE = '/ip4/127.0.0.7/tcp/4001'

function aMemberView(change: Partial<MemberView> = {}): MemberView {
  const { id } = anIdentity()
  return {
    id,
    publicKey: new Uint8Array(64),
    level: 'agent',
    roles: 1,
    manager: undefined,
    monitors: [],
    index: undefined,
    standing: 'compliant',
    secureAddr: HERE,
    insecureAddr: '',
    registeredAt: START,
    renewedAt: START,
    period: PERIOD,
    ...change,
  }
}

const at = (days: number) => unixTime(START + days * DAY)

describe('pool/membership', () => {
  it('plans registration, then nothing until half the period is over', () => {
    expect(planMembership(undefined, HERE, at(0))).to.deep.equal({ act: 'register' })
    expect(planMembership(aMemberView(), HERE, at(49))).to.deep.equal({ nextDue: at(50) })
  })

  it('plans renewal at half the period and warns at 50, 75 and 90 percent', () => {
    expect(planMembership(aMemberView(), HERE, at(50))).to.deep.equal({ act: 'renew', warning: 50, nextDue: at(75) })
    expect(planMembership(aMemberView(), HERE, at(75))).to.deep.equal({ act: 'renew', warning: 75, nextDue: at(90) })
    expect(planMembership(aMemberView(), HERE, at(399))).to.deep.equal({ act: 'renew', warning: 90 })
  })

  it('asks for no renewal that the registrar refuses: once the key may be dropped', () => {
    expect(planMembership(aMemberView(), HERE, at(400))).to.deep.equal({ warning: 90 })
  })

  it('treats a delegate like an agent: a manager that nobody dials renews and is warned', () => {
    const manager = aMemberView({ level: 'delegate', roles: 8, secureAddr: '' })
    expect(planMembership(manager, '', at(50))).to.deep.equal({ act: 'renew', warning: 50, nextDue: at(75) })
    expect(planMembership(manager, '', at(49))).to.deep.equal({ nextDue: at(50) })
  })

  it('plans a change of endpoint, but not to none', () => {
    expect(planMembership(aMemberView(), '/ip4/127.0.0.8/tcp/1', at(1)).act).to.equal('endpoints')
    expect(planMembership(aMemberView(), '', at(1)).act).to.equal(undefined)
  })

  it('registers the plain endpoint beside the secure one, and takes it back when it is closed', () => {
    const plain = '/ip4/127.0.0.7/tcp/4002'
    expect(planMembership(aMemberView(), HERE, at(1), plain).act).to.equal('endpoints')
    expect(planMembership(aMemberView({ insecureAddr: plain }), HERE, at(1), plain).act).to.equal(undefined)
    expect(planMembership(aMemberView({ insecureAddr: plain }), HERE, at(1)).act).to.equal('endpoints')
  })

  it('submits each act once, however often it is checked', async () => {
    const { secret, id } = anIdentity()
    const registry = new FakeRegistry()
    const acts: [string, MembershipAct][] = []
    const log = aLog()
    let now = at(0)
    let endpoint = HERE
    const membership = createMembership({
      secret,
      registry,
      time: () => now,
      endpoint: () => endpoint,
      submit: async (name, act) => void acts.push([name, act]),
      log,
    })
    for (let i = 0; i < 3; i++)
      expect(await membership.check()).to.deep.equal({ standing: 'unregistered', isGood: false })
    const register = acts[0]?.[1] as Extract<MembershipAct, { kind: 'register' }>
    expect(addressOfPublicKey(Uint8Array.from([4, ...register.publicKey]))).to.equal(id)

    registry.set(id, { secureAddr: HERE, registeredAt: START, renewedAt: START, period: PERIOD })
    expect((await membership.check()).isGood).to.equal(true)
    now = at(60)
    await membership.check()
    await membership.check()
    registry.set(id, { renewedAt: now })
    endpoint = '/ip4/127.0.0.8/tcp/2'
    await membership.check()
    await membership.check()
    registry.set(id, { secureAddr: endpoint, standing: 'violation' })
    expect((await membership.check()).standing).to.equal('violation')
    expect(acts.map(([, act]) => act.kind)).to.deep.equal(['register', 'renew', 'endpoints'])
    expect(new Set(acts.map(([name]) => name)).size).to.equal(3)
    expect(log.lines.filter((line) => line.level === 'warn').map((line) => line.event)).to.deep.equal([
      'pool.renewal',
      'pool.standing',
    ])
  })

  it('puts as many addresses into an endpoint as fit, without peer ids', () => {
    const addresses = Array.from({ length: 20 }, (_, i) => `/ip4/127.0.0.${i}/tcp/4001/p2p/16Uiu2HAm`)
    const endpoint = endpointOf([...addresses, ...addresses])
    expect(endpoint.length).to.be.at.most(ENDPOINT_LIMIT)
    expect(addressesOf(aMemberView({ secureAddr: endpoint }))).to.deep.equal(
      addresses
        .map((one) => one.replace(/\/p2p.*/, ''))
        .slice(0, addressesOf(aMemberView({ secureAddr: endpoint })).length),
    )
    expect(addressesOf(aMemberView({ secureAddr: '' }))).to.deep.equal([])
  })
})
