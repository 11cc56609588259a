import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { addressOf, publicKeyOf, ZERO_ADDRESS } from '../../base/curve.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { grantEther } from '../../chain/devnet-time.ts'
import {
  encodeAssignIndexes,
  encodeAssignManager,
  encodeAssignMonitors,
  encodeMulticall,
  encodeRegister,
  encodeRenew,
  encodeResign,
  encodeSetEndpoints,
  encodeSetLevel,
  encodeSetPolicy,
  encodeSetRoles,
  encodeSetStanding,
  openRegistry,
  type Registry,
} from '../../chain/registry.ts'
import { readHistory } from '../../chain/registry-history.ts'
import { connectChain } from '../../chain/rpc.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'
import { clock, silent, until } from './ports.ts'
import { startRpcProxy } from './rpc-proxy.ts'

const MANAGER = 8
const REPOSITORY = 1
const EVIDENCE = new Uint8Array(32).fill(0xee)

describe('chain/registry', () => {
  let local: LocalMarket
  let registry: Registry
  const master = fromHex(DEV_SECRETS[1])
  const manager = new Uint8Array(32).fill(0x21)
  const agent = new Uint8Array(32).fill(0x22)
  const keyOf = (secret: Uint8Array) => publicKeyOf(secret, false).slice(1)
  before(async () => {
    local = await startLocalMarket()
    const { address, block } = local.deployment.contracts.registrar
    registry = await openRegistry(local.chain, address, { from: block, log: silent })
    for (const secret of [manager, agent]) await grantEther(local.chain, addressOf(secret), 10n ** 18n)
  })
  after(async () => {
    registry?.close()
    await local?.close()
  })
  const send = (secret: Uint8Array, data: `0x${string}`) => local.send(secret, registry.address, data)

  it('knows the master from the first block, and nobody else', () => {
    expect([...registry.members()]).to.have.length(1)
    expect(registry.member(addressOf(master))).to.include({
      level: 'master',
      standing: 'compliant',
      roles: 0,
      manager: undefined,
    })
    expect(registry.inGoodStanding(ZERO_ADDRESS)).to.equal(false)
  })

  it('follows registration, levels, roles, managers, endpoints, renewal and standing by itself', async () => {
    let changes = 0
    const off = registry.onChange(() => changes++)
    await send(manager, encodeRegister(keyOf(manager), '', ''))
    await send(master, encodeSetLevel(addressOf(manager), 'delegate'))
    await send(master, encodeSetRoles(addressOf(manager), MANAGER))
    await send(agent, encodeRegister(keyOf(agent), '/ip4/127.0.0.1/tcp/1', ''))
    await send(manager, encodeAssignManager(addressOf(agent), addressOf(manager)))
    await send(manager, encodeSetRoles(addressOf(agent), REPOSITORY))
    await send(agent, encodeSetEndpoints('/ip4/127.0.0.1/tcp/2', ''))
    await local.chain.request('evm_increaseTime', [30 * 86_400]) // a renewal is refused before a quarter of the period
    await send(agent, encodeRenew(addressOf(agent)))
    await until(() => registry.member(addressOf(agent))?.secureAddr === '/ip4/127.0.0.1/tcp/2', 'the view follows')
    await registry.refresh()
    const member = registry.member(addressOf(agent))
    expect(member).to.include({
      level: 'agent',
      roles: REPOSITORY,
      manager: addressOf(manager),
      standing: 'compliant',
      period: 90 * 86_400,
    })
    expect(member?.publicKey).to.deep.equal(keyOf(agent))
    expect(member?.renewedAt).to.be.at.least(member?.registeredAt ?? Number.POSITIVE_INFINITY)
    expect(changes).to.be.greaterThan(0)
    off()
    await send(manager, encodeSetStanding(addressOf(agent), 'probation', 7, EVIDENCE))
    await registry.refresh()
    expect(registry.inGoodStanding(addressOf(agent))).to.equal(true)
    await send(manager, encodeSetStanding(addressOf(agent), 'banned', 7, EVIDENCE))
    await registry.refresh()
    expect(registry.inGoodStanding(addressOf(agent))).to.equal(false)
  })

  it('tells what happened to a member: who did it, why, on what evidence, when', async () => {
    const { address, block } = local.deployment.contracts.registrar
    const log = await readHistory(local.chain, { registrar: address, from: block, id: addressOf(agent) })
    expect(log.map(({ what }) => what)).to.deep.equal([
      'Registered',
      'ManagerAssigned',
      'RolesChanged',
      'EndpointsChanged',
      'Renewed',
      'StandingChanged',
      'StandingChanged',
    ])
    const last = log.at(-1)
    expect(last).to.include({ id: addressOf(agent), by: addressOf(manager), detail: 'banned', reason: 7 })
    expect(last?.evidence).to.equal(`0x${'ee'.repeat(32)}`)
    expect(last?.time).to.be.above(log[0]?.time ?? Number.POSITIVE_INFINITY)
    expect(last?.block).to.be.above(log[0]?.block ?? Number.POSITIVE_INFINITY)
    const all = await readHistory(local.chain, { registrar: address, from: block })
    expect(all.map(({ what }) => what)).to.include.members([
      'PolicyBounded',
      'PolicyChanged',
      'PeriodChanged',
      'LevelChanged',
    ])
    const levels = await readHistory(local.chain, { registrar: address, from: block, events: ['LevelChanged'] })
    expect(levels.map(({ id, by }) => [id, by])).to.deep.equal([[addressOf(manager), addressOf(master)]])
  })

  it('knows watchers, policy and period, and who left until it gives an endpoint again', async () => {
    const watcher = new Uint8Array(32).fill(0x24)
    const id = addressOf(watcher)
    await grantEther(local.chain, id, 10n ** 18n)
    await send(watcher, encodeRegister(keyOf(watcher), '/ip4/127.0.0.1/tcp/9', ''))
    const calls = [encodeAssignManager(id, addressOf(manager)), encodeSetRoles(id, 6)]
    await send(manager, encodeMulticall(calls))
    await send(manager, encodeAssignMonitors(addressOf(agent), [id]))
    await send(manager, encodeAssignIndexes(addressOf(agent), [id]))
    const before = (await local.chain.head()).number
    await send(master, encodeSetPolicy({ ...registry.policy(), feeShare: 250, inviteOnly: true }))
    await registry.refresh()
    expect(registry.policyAt(before)).to.include({ feeShare: 0, inviteOnly: false })
    expect(registry.policyAt(before + 1)).to.include({ feeShare: 250 })
    expect(registry.policyAt(before + 2), 'not read yet').to.equal(undefined)
    expect(registry.policyAt(0), 'before the pool').to.equal(undefined)
    expect(registry.member(id)?.changedIn, 'its roles').to.be.below(before)
    expect(registry.member(addressOf(agent))).to.deep.include({ monitors: [id], indexes: [id], index: id })
    expect(registry.policy()).to.include({ feeShare: 250, inviteOnly: true, rightShare: 2_500 })
    expect(registry.period()).to.equal(90 * 86_400)
    await send(watcher, encodeResign())
    await registry.refresh()
    expect(registry.member(id)?.changedIn).to.equal(before + 2)
    expect(registry.member(id)).to.include({
      hasLeft: true,
      roles: 0,
      manager: undefined,
      secureAddr: '',
      level: 'agent',
    })
    await send(watcher, encodeSetEndpoints('/ip4/127.0.0.1/tcp/9', ''))
    await registry.refresh()
    expect(registry.member(id)).to.include({ hasLeft: false, secureAddr: '/ip4/127.0.0.1/tcp/9' })
  })

  it('agrees with the contract after a change of level, which ends roles and manager', async () => {
    await send(master, encodeSetLevel(addressOf(agent), 'delegate'))
    await registry.refresh()
    expect(registry.member(addressOf(agent))).to.include({
      level: 'delegate',
      roles: 0,
      manager: undefined,
      standing: 'banned',
    })
  })

  it('forgets what a reorganisation took back, also when the first attempt to read anew fails', async () => {
    const front = await startRpcProxy(local.devnet.url)
    const chain = await connectChain([front.url], { log: silent, clock, pollMs: 20 })
    const { address, block } = local.deployment.contracts.registrar
    const other = await openRegistry(chain, address, { from: block, log: silent })
    try {
      const late = new Uint8Array(32).fill(0x23)
      await grantEther(local.chain, addressOf(late), 10n ** 18n)
      await send(late, encodeRegister(keyOf(late), '', ''))
      await until(() => other.member(addressOf(late)) !== undefined, 'it is registered')
      let refusals = 2
      front.rewrite = (call, answer) => {
        if (call.method !== 'eth_getLogs' || refusals-- <= 0) return
        answer.result = undefined
        answer.error = { code: -32000, message: 'not now' }
      }
      await local.chain.request('anvil_reorg', [1, []])
      await until(() => refusals <= 0, 'reading was refused')
      await local.chain.request('evm_mine', [])
      await until(() => other.member(addressOf(late)) === undefined, 'it is gone')
      expect(other.member(addressOf(agent))?.standing).to.equal('banned')
    } finally {
      other.close()
      chain.close()
      await front.close()
    }
  })
})
