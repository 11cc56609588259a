import { expect } from 'chai'
import {
  BrowserProvider,
  Contract,
  ContractFactory,
  getBytes,
  type Interface,
  keccak256,
  SigningKey,
  toBeHex,
  Wallet,
} from 'ethers'
import hre from 'hardhat'
import { DEFAULT_POLICY_TERMS } from '../../chain/bindings/deployment-plan.ts'
import * as registrar from '../../chain/bindings/registrar.ts'

const DAY = 86_400
const PEOPLE = 7
const LEVEL = { none: 0n, agent: 1n, delegate: 2n, master: 3n }

/** A member as the log alone tells it. */
interface Replayed {
  pubkey: string
  secureAddr: string
  insecureAddr: string
  level: bigint
  roles: bigint
  standing: bigint
  manager: string
  monitors: readonly string[]
  indexes: readonly string[]
  registeredAt: bigint
  renewedAt: bigint
  period: bigint
}
const FIELDS = [
  'pubkey',
  'secureAddr',
  'insecureAddr',
  'level',
  'roles',
  'standing',
  'manager',
  'monitors',
  'indexes',
  'registeredAt',
  'renewedAt',
  'period',
] as const

const NOBODY = '0x0000000000000000000000000000000000000000'
const NOTHING = `0x${'0'.repeat(64)}`
const PERMIT = {
  Permit: [
    { name: 'parent', type: 'bytes32' },
    { name: 'holder', type: 'address' },
    { name: 'scopes', type: 'uint32' },
    { name: 'expires', type: 'uint32' },
    { name: 'id', type: 'bytes32' },
  ],
}
const NONE: Replayed = {
  pubkey: '0x',
  secureAddr: '',
  insecureAddr: '',
  level: 0n,
  roles: 0n,
  standing: 0n,
  manager: NOBODY,
  monitors: [],
  indexes: [],
  registeredAt: 0n,
  renewedAt: 0n,
  period: 0n,
}

/** The rules a reader of the log applies; nothing else is known to it. */
function replay(members: Map<string, Replayed>, name: string, args: Record<string, unknown>): void {
  const id = String(args['id'])
  const it = members.get(id) ?? NONE
  const set = (change: Partial<Replayed>) => members.set(id, { ...it, ...change })
  const { pubkey, secureAddr, insecureAddr, level, registeredAt, period, renewedAt } = args as unknown as Replayed
  if (name === 'Registered') {
    members.set(id, { ...NONE, pubkey, secureAddr, insecureAddr, level, registeredAt, renewedAt: registeredAt, period })
  } else if (name === 'Renewed') set({ renewedAt, period })
  else if (name === 'EndpointsChanged') set({ secureAddr, insecureAddr })
  else if (name === 'LevelChanged') set({ level, ...NO_WORK })
  else if (name === 'Resigned') set({ ...NO_WORK, secureAddr: '', insecureAddr: '' })
  else if (name === 'RolesChanged') set({ roles: args['roles'] as bigint })
  else if (name === 'StandingChanged') set({ standing: args['standing'] as bigint })
  else if (name === 'ManagerAssigned') set({ manager: String(args['manager']) })
  else if (name === 'MonitorsAssigned') set({ monitors: [...(args['monitors'] as Iterable<string>)] })
  else if (name === 'IndexesAssigned') set({ indexes: [...(args['indexes'] as Iterable<string>)] })
  else if (name === 'Dropped') members.delete(id)
  else
    expect(name).to.be.oneOf([
      'PeriodChanged',
      'PolicyBounded',
      'PolicyChanged',
      'PermitUsed',
      'PermitRevoked',
      'InvitationPresented',
    ])
}

/** What ends with a change of level, and with resigning. */
const NO_WORK = { roles: 0n, manager: NOBODY, monitors: [], indexes: [] } as const

/** Lists of the coder as lists. */
const plain = (value: unknown) =>
  typeof value === 'object' && value !== null ? [...(value as Iterable<string>)] : value

/** What a refused call returned. The chain tells it in one of two places. */
function revertDataOf(cause: unknown): string {
  const { data, info } = cause as { data?: string; info?: { error?: { data?: { data?: string } } } }
  return data ?? info?.error?.data?.data ?? '0x'
}

/** Draws from a seed: the same play every time. */
function createDraw(seed: string): (below: number) => number {
  let state = keccak256(Buffer.from(seed))
  return (below) => {
    state = keccak256(state)
    return Number(BigInt(state) % BigInt(below))
  }
}

describe('contracts: the registrar log', function () {
  this.timeout(300_000)
  let connection: Awaited<ReturnType<typeof hre.network.create>>
  before(async () => {
    connection = await hre.network.create({ network: 'gas', override: { accounts: accounts() } })
  })
  after(async () => await connection?.close())

  const keys = Array.from({ length: PEOPLE }, (_, i) => new SigningKey(keccak256(toBeHex(i + 1))))
  const pubkeys = keys.map(({ publicKey }) => `0x${publicKey.slice(4)}`)
  const accounts = () => keys.map(({ privateKey }) => ({ privateKey, balance: 10n ** 24n }))

  it('alone gives the whole list of members, after any play', async () => {
    const provider = new BrowserProvider(connection.provider, undefined, { cacheTimeout: -1 })
    const people = await Promise.all(keys.map((_, i) => provider.getSigner(i)))
    const [master] = people
    const made = await new ContractFactory(registrar.ABI, registrar.BYTECODE, master).deploy(
      pubkeys[0],
      30 * DAY,
      DEFAULT_POLICY_TERMS,
    )
    const pool = new Contract(await made.getAddress(), registrar.ABI, master)
    const draw = createDraw('registrar log 1')
    const who = () => people[draw(PEOPLE)]?.address ?? NOBODY
    const done: Record<string, number> = {}
    const evidence = keccak256('0x02')

    async function act(caller: number, method: string, ...args: readonly unknown[]): Promise<void> {
      const call = (pool.connect(people[caller] ?? null) as Contract).getFunction(method)
      try {
        await call.staticCall(...args)
      } catch (cause) {
        // many random calls are refused, by a rule of the contract and by nothing else
        const refusal = (pool.interface as Interface).parseError(revertDataOf(cause))
        expect(refusal?.name, `${method}: ${(cause as Error).message}`).to.match(/^Registrar/)
        return
      }
      await (await call(...args, { gasLimit: 3_000_000 })).wait()
      done[method] = (done[method] ?? 0) + 1
    }

    /** The master's permit for everything, used by `caller`. */
    async function actUnderPermit(caller: number, [method, ...args]: readonly [string, ...unknown[]]): Promise<void> {
      const permit = {
        parent: NOTHING,
        holder: people[caller]?.address ?? NOBODY,
        scopes: 15,
        expires: 2 ** 32 - 1,
        id: keccak256(toBeHex(1_000_000 + caller)),
      }
      const domain = {
        name: 'Holdfast Pool',
        version: '1',
        chainId: 31_337,
        verifyingContract: await pool.getAddress(),
      }
      const signature = await new Wallet(keys[0]?.privateKey ?? '').signTypedData(domain, PERMIT, permit)
      await act(caller, 'underPermit', [permit], [signature], pool.interface.encodeFunctionData(method, args))
    }

    for (let i = 1; i < PEOPLE; i++) await act(i, 'register', pubkeys[i], `a${i}`, '')
    for (const i of [1, 2]) {
      await act(0, 'setLevel', people[i]?.address, LEVEL.delegate)
      await act(0, 'setRoles', people[i]?.address, 24)
    }
    let watcher = NOBODY // who was last given the roles of one
    for (let step = 0; step < 1_000; step++) {
      const agent = who()
      const manager = (await pool.getFunction('member')(agent)).manager
      const boss = people.findIndex(({ address }) => address === manager) // -1: it has none
      const caller = boss >= 0 && draw(4) > 0 ? boss : draw(PEOPLE)
      const self = draw(PEOPLE)
      const acts = [
        () => act(caller, 'setRoles', agent, draw(8)),
        () => {
          watcher = agent
          return act(caller, 'setRoles', agent, 6)
        },
        () => act(1 + draw(2), 'assignManager', agent, people[1 + draw(2)]?.address),
        () => act(caller, 'assignMonitors', agent, draw(4) === 0 ? [] : [watcher]),
        () => act(caller, 'assignIndexes', agent, draw(4) === 0 ? [] : [watcher]),
        () => (draw(8) === 0 ? act(self, 'resign') : act(self, 'presentInvitation', '0x0102')),
        () =>
          act(draw(3), 'setPolicy', {
            ...DEFAULT_POLICY_TERMS.initial,
            feeShare: draw(600),
            inviteOnly: draw(2) === 0,
          }),
        () => act(0, 'revokePermit', keccak256(toBeHex(step))),
        () => actUnderPermit(self, ['setStanding', agent, draw(3) === 0 ? draw(6) : 0, 1 + draw(9), evidence]),
        () =>
          draw(6) === 0 ? actUnderPermit(self, ['setLevel', agent, 1 + draw(2)]) : act(0, 'revokePermit', NOTHING),
        () =>
          act(
            1 + draw(2),
            'setStanding',
            agent,
            draw(3) === 0 ? draw(6) : 0,
            draw(9),
            draw(9) === 0 ? NOTHING : evidence,
          ),
        () => act(1 + draw(2), 'setPeriod', (30 + draw(30)) * DAY),
        () => act(0, 'setLevel', draw(4) === 0 ? agent : NOBODY, 1 + draw(2)),
        () => act(0, 'setRoles', people[1 + draw(2)]?.address, 24),
        () => act(0, 'setLevel', people[1 + draw(2)]?.address, LEVEL.delegate),
        () => act(self, 'setEndpoints', `s${step}`, `i${step}`),
        () => act(self, 'renew', people[self]?.address),
        () => act(self, 'register', pubkeys[self], `again ${step}`, ''),
        () => act(self, 'abandon', agent),
        () => act(self, 'drop', agent),
        () => provider.send('evm_increaseTime', [draw(20 * DAY)]),
      ]
      await acts[draw(acts.length)]?.()
    }

    const members = new Map<string, Replayed>()
    let standings = 0
    for (const log of await provider.getLogs({ address: await pool.getAddress(), fromBlock: 0 })) {
      const event = (pool.interface as Interface).parseLog(log)
      if (event) replay(members, event.name, event.args.toObject())
      if (event?.name !== 'StandingChanged') continue
      // a reason and evidence, or nobody's decision: the renewal lapsed
      standings++
      const { standing, reason, evidenceHash } = event.args.toObject()
      if (reason === 0n) expect([standing, evidenceHash]).to.deep.equal([4n, NOTHING])
      else expect(evidenceHash).not.to.equal(NOTHING)
    }
    expect(standings, 'changes of standing').to.be.above(10)
    for (const { address } of people) {
      const member = await pool.getFunction('member')(address)
      const told = members.get(address) ?? NONE
      for (const field of FIELDS) expect(plain(told[field]), `${address} ${field}`).to.deep.equal(plain(member[field]))
      if (told !== NONE)
        expect(keccak256(getBytes(told.pubkey)).slice(26), 'id').to.equal(address.slice(2).toLowerCase())
    }
    // the play was one: every kind of act happened
    expect(Object.keys(done).sort()).to.deep.equal([
      'abandon',
      'assignIndexes',
      'assignManager',
      'assignMonitors',
      'drop',
      'presentInvitation',
      'register',
      'renew',
      'resign',
      'revokePermit',
      'setEndpoints',
      'setLevel',
      'setPeriod',
      'setPolicy',
      'setRoles',
      'setStanding',
      'underPermit',
    ])
    expect(done['register'], 'somebody came back').to.be.above(PEOPLE - 1)
    provider.destroy()
  })
})
