import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { addressOf, publicKeyOf, ZERO_ADDRESS } from '../../base/curve.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { grantEther } from '../../chain/devnet-time.ts'
import {
  encodeAssignManager,
  encodeRegister,
  encodeRenew,
  encodeSetEndpoints,
  encodeSetLevel,
  encodeSetRoles,
  encodeSetStanding,
  openRegistry,
  type Registry,
} from '../../chain/registry.ts'
import { connectChain } from '../../chain/rpc.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'
import { clock, silent, until } from './ports.ts'
import { startRpcProxy } from './rpc-proxy.ts'

const MANAGER = 8
const REPOSITORY = 1

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
    await send(manager, encodeSetStanding(addressOf(agent), 'probation', 7, new Uint8Array(32)))
    await registry.refresh()
    expect(registry.inGoodStanding(addressOf(agent))).to.equal(true)
    await send(manager, encodeSetStanding(addressOf(agent), 'banned', 7, new Uint8Array(32)))
    await registry.refresh()
    expect(registry.inGoodStanding(addressOf(agent))).to.equal(false)
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
