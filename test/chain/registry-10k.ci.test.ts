/**
 * 10,000 members on a real chain: the registrar's own code and events, a local view kept by `openRegistry`. Keys are 64 drawn bytes and their owners
 * send by impersonation, which only a dev chain offers: the contract hashes a key and compares the sender, no signature is part of it.
 */
import { expect } from 'chai'
import { fromHex, toHex0x, u32 } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../../base/curve.ts'
import { keccak256, sha256 } from '../../base/hash.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { grantEther } from '../../chain/devnet-time.ts'
import {
  encodeAssignManager,
  encodeAssignMonitors,
  encodeMulticall,
  encodeRegister,
  encodeSetLevel,
  encodeSetRoles,
  encodeSetStanding,
  openRegistry,
  type Registry,
} from '../../chain/registry.ts'
import { readHistory } from '../../chain/registry-history.ts'
import { call, type Hex, resultOf } from '../../chain/rpc.ts'
import { membersWith, ROLE } from '../../pool/registry-view.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'
import { silent } from './ports.ts'

const MEMBERS = 10_000
const MONITORS = 30
/** Registrations of one batch of requests, and agents of one assigning transaction; anvil takes bodies of 2 MB. */
const BATCH = 500
const CHUNK = 100
const CHUNKS = 6

describe('chain/registry with 10,000 members', function () {
  this.timeout(600_000)
  let local: LocalMarket
  let registry: Registry
  const keys = Array.from({ length: MEMBERS }, (_, n) => {
    const half = sha256(u32(n))
    const key = new Uint8Array(64)
    key.set(half)
    key.set(sha256(half), 32)
    return { key, id: toHex0x(keccak256(key).subarray(12)) as Address }
  })
  const idOf = (n: number) => (keys[n] as { id: Address }).id
  const master = fromHex(DEV_SECRETS[1])
  const manager = new Uint8Array(32).fill(0x21)
  const figures: Record<string, number> = {}

  async function timed<Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> {
    const began = performance.now()
    const result = await work()
    figures[name] = Math.round(performance.now() - began)
    return result
  }

  /** Transactions of accounts whose keys nobody has, mined at once. */
  async function impersonate(
    all: readonly { readonly from: Address; readonly data: Hex; readonly gas: bigint }[],
    size: number,
  ) {
    const to = local.deployment.contracts.registrar.address
    for (let at = 0; at < all.length; at += size) {
      const some = all.slice(at, at + size)
      await local.chain.batch(some.map(({ from }) => call('hardhat_setBalance', from, '0x56bc75e2d63100000')))
      const answers = await local.chain.batch(
        some.map(({ from, data, gas }) =>
          call('eth_sendTransaction', { from, to, data, gas: `0x${gas.toString(16)}` }),
        ),
      )
      for (const answer of answers) expect(resultOf(answer)).to.match(/^0x/)
      await local.chain.request('evm_mine', [])
    }
  }

  before(async () => {
    local = await startLocalMarket()
    const { address, block } = local.deployment.contracts.registrar
    registry = await openRegistry(local.chain, address, { from: block, log: silent })
    await grantEther(local.chain, addressOf(manager), 10n ** 24n)
    await local.send(manager, address, encodeRegister(publicKeyOf(manager, false).slice(1), '', ''))
    const calls = [encodeSetLevel(addressOf(manager), 'delegate'), encodeSetRoles(addressOf(manager), 24)]
    await local.send(master, address, encodeMulticall(calls))
    await local.chain.request('anvil_autoImpersonateAccount', [true])
    await local.chain.request('evm_setAutomine', [false])
  })
  after(async () => {
    if (process.env['HOLDFAST_FIGURES'] === '1') console.log(figures) // milliseconds
    registry?.close()
    await local?.close()
  })

  it('registers and assigns all of them on chain', async () => {
    const registrations = keys.map(({ key, id }, n) => ({
      from: id,
      data: encodeRegister(key, `/ip4/10.${n >> 8}.${n & 255}.1/tcp/7490`, ''),
      gas: 400_000n,
    }))
    await timed('chain: register', () => impersonate(registrations, BATCH))
    const boss = addressOf(manager)
    const watchers = Array.from({ length: MONITORS }, (_, n) => idOf(n))
    const roles = keys.flatMap(({ id }, n) => [
      encodeAssignManager(id, boss),
      encodeSetRoles(id, n < MONITORS ? ROLE.monitor : ROLE.repository),
    ])
    const monitors = keys.map(({ id }, n) =>
      encodeAssignMonitors(
        id,
        [1, 8, 15].map((step) => watchers[(n + step) % MONITORS] as Address),
      ),
    )
    const chunks = (calls: readonly Hex[], size: number) =>
      Array.from({ length: Math.ceil(calls.length / size) }, (_, at) => ({
        from: boss,
        data: encodeMulticall(calls.slice(at * size, (at + 1) * size)),
        gas: 40_000_000n,
      }))
    await timed('chain: assign', async () => {
      await impersonate(chunks(roles, 2 * CHUNK), CHUNKS)
      await impersonate(chunks(monitors, CHUNK), CHUNKS)
    })
  })

  it('reads all of them into the local view, again from nothing, and from its checkpoint in a quarter of the time', async () => {
    await timed('view: catch up', () => registry.refresh())
    expect([...registry.members()]).to.have.length(MEMBERS + 2)
    const { address, block } = local.deployment.contracts.registrar
    let kept: Uint8Array | undefined
    const checkpoint = {
      read: async () => kept,
      write: async (bytes: Uint8Array) => {
        kept = bytes
      },
    }
    const start = (name: string) =>
      timed(name, () => openRegistry(local.chain, address, { from: block, log: silent, checkpoint }))
    for (const name of ['view: from nothing', 'view: from its checkpoint']) {
      const fresh = await start(name)
      expect([...fresh.members()], name).to.deep.equal([...registry.members()])
      fresh.close()
    }
    figures['checkpoint: bytes'] = kept?.length ?? 0
    expect(figures['view: from its checkpoint']).to.be.below((figures['view: from nothing'] as number) / 4)
  })

  it('answers 10,000 standing queries, lists all, lists a role, each in under a second', async () => {
    const good = await timed(
      'view: 10,000 standings',
      () => keys.filter(({ id }) => registry.inGoodStanding(id)).length,
    )
    expect(good).to.equal(MEMBERS)
    const listed = await timed('view: list all', () => [...registry.members()].filter(({ level }) => level === 'agent'))
    expect(listed).to.have.length(MEMBERS)
    for (const { id, monitors } of listed) expect(monitors.includes(id) ? 0 : monitors.length, id).to.equal(3)
    const stewards = await timed('view: list a role', () => [...membersWith(registry, ROLE.repository)])
    expect(stewards).to.have.length(MEMBERS - MONITORS)
    for (const name of ['view: 10,000 standings', 'view: list all', 'view: list a role'])
      expect(figures[name], name).to.be.below(1_000)
  })

  /** A second; on a busy machine a quarter of what reading everything takes there. Milliseconds. */
  const least = () => Math.max(1_000, (figures['view: from nothing'] as number) / 4)

  it('takes in one more registration, assignment and verdict, and tells one history, each in under a second', async () => {
    await local.chain.request('evm_setAutomine', [true])
    const registrar = local.deployment.contracts.registrar.address
    const secret = new Uint8Array(32).fill(0x71)
    const id = addressOf(secret)
    await grantEther(local.chain, id, 10n ** 18n)
    const seen = async (name: string, from: Uint8Array, data: Hex, holds: () => boolean) => {
      await local.send(from, registrar, data)
      await timed(name, () => registry.refresh())
      expect(holds(), name).to.equal(true)
      expect(figures[name], name).to.be.below(least())
    }
    const register = encodeRegister(publicKeyOf(secret, false).slice(1), '/ip4/10.0.0.1/tcp/1', '')
    await seen('one more: register', secret, register, () => registry.member(id) !== undefined)
    const calls = [
      encodeAssignManager(id, addressOf(manager)),
      encodeSetRoles(id, ROLE.repository),
      encodeAssignMonitors(id, [idOf(0), idOf(1), idOf(2)]),
    ]
    await seen('one more: assign', manager, encodeMulticall(calls), () => registry.member(id)?.monitors.length === 3)
    const evidence = new Uint8Array(32).fill(7)
    const ban = encodeSetStanding(id, 'banned', 3, evidence)
    await seen('one more: verdict', manager, ban, () => !registry.inGoodStanding(id))
    const { block } = local.deployment.contracts.registrar
    const history = await timed('one history', () =>
      readHistory(local.chain, { registrar, from: block, id: idOf(5_000) }),
    )
    expect(history.map(({ what }) => what)).to.deep.equal([
      'Registered',
      'ManagerAssigned',
      'RolesChanged',
      'MonitorsAssigned',
    ])
    expect(figures['one history']).to.be.below(least())
  })
})
