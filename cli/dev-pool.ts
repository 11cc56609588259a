/**
 * The pool of a local market, by ordinary transactions: the master appoints a manager, agents register, the manager gives roles; test
 * money is mined, as on any chain. It looks first and sends only what is missing, so it may be run again at any time.
 */
import { fromHex } from '../base/bytes.ts'
import { type Address, publicKeyOf } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { DAY, WEI_PER_HOLD, wei } from '../base/units.ts'
import { decodeResult, encodeCall, REGISTRAR } from '../chain/abi.ts'
import {
  DEFAULT_KAPPA,
  DEFAULT_MINIMUM_STAKE,
  DEFAULT_RENEWAL_PERIOD,
  DEV_ADVERT_FLOOR,
  TRIVIAL_TARGET,
} from '../chain/bindings/deployment-plan.ts'
import { type Deployment, deployAll, masterKeyOf } from '../chain/deployment.ts'
import { DEV_SECRETS } from '../chain/devnet.ts'
import { decodeMarketLog, encodeApprove, encodeDeposit, openMarket, uploaderTopics } from '../chain/market.ts'
import { encodeSolve, findNonce, readWork } from '../chain/mine.ts'
import { type Chain, call, type Hex, resultOf } from '../chain/rpc.ts'
import type { DevActor, DevHome } from './dev-home.ts'
import type { ActorKey } from './keys.ts'
import { type Sequence, type SetupCall, sendAll } from './send-all.ts'

/** What the controller's account deposits. The first reward of the mine is more than that. Wei of HOLD. */
const DEPOSIT = wei(1_000n * WEI_PER_HOLD)
/** Numbers tried for one reward: a few seconds' worth, where one is the rule. */
const MINE_TRIES = 100_000
/** What an account gets for fees; topped up when it holds less than a tenth. Wei of the chain's coin. */
const COIN = 10n * 10n ** 18n
/** Role bits (protocol.md §7). */
const ROLES = { repository: 1, index: 2, monitor: 4, delegate: 8 | 16 } as const
/** Levels of the registrar. */
const LEVEL = { none: 0, agent: 1, delegate: 2 } as const

/** Deploys all contracts from the committed bindings. */
export function deployDevMarket(
  chain: Chain,
  { master }: Pick<DevHome, 'master'>,
  rpc: string,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Deployment> {
  const terms = {
    advertFloor: DEV_ADVERT_FLOOR,
    masterKey: masterKeyOf(publicKeyOf(master.secret, false)),
    renewalPeriod: Math.max(DEFAULT_RENEWAL_PERIOD, 90 * DAY),
    kappa: DEFAULT_KAPPA,
    minimumStake: DEFAULT_MINIMUM_STAKE,
    mineTarget: TRIVIAL_TARGET,
  }
  return deployAll(chain, { secret: faucet(), terms, rpc, ...deps })
}

/** Registers, appoints and funds whoever lacks it. @param managerRuns then its daemon gives the roles, and its key is left alone */
export async function setUpDevPool(
  chain: Chain,
  deployment: Deployment,
  dev: DevHome,
  clock: Clock,
  managerRuns = false,
): Promise<void> {
  const registrar = deployment.contracts.registrar.address
  const agents = [
    ...dev.indexes.map((actor) => ({ actor, roles: ROLES.index, kind: 'index' })),
    ...dev.monitors.map((actor) => ({ actor, roles: ROLES.monitor, kind: 'monitor' })),
    ...dev.stewards.map((actor) => ({ actor, roles: ROLES.repository, kind: 'steward' })),
  ]
  const [members, coins, deposit] = await Promise.all([
    readMembers(chain, registrar, [dev.manager, ...agents.map(({ actor }) => actor)]),
    readCoins(chain, [dev.controller.account, dev.master.id, dev.manager.id, ...agents.map(({ actor }) => actor.id)]),
    planDeposit(chain, deployment, dev, clock),
  ])
  const memberOf = (id: Address) => members.get(id) ?? NOBODY
  const register = (actor: ActorKey, address: string, plain: string, what: string): SetupCall => ({
    to: registrar,
    data: encodeCall(REGISTRAR, 'register', [publicKeyOf(actor.secret, false).subarray(1), address, plain]),
    what: `register ${what}`,
  })

  // Coin for fees comes first; then everyone registers; then the master appoints; then the manager gives roles.
  await sendAll(
    chain,
    [
      {
        secret: faucet(),
        calls: coins.map((to) => ({ to, value: COIN, what: `coin for ${to}` })),
      },
    ],
    clock,
  )
  const registrations: Sequence[] = agents
    .filter(({ actor }) => memberOf(actor.id).level === LEVEL.none)
    .map(({ actor, kind }) => ({
      secret: actor.secret,
      calls: [
        register(
          actor,
          actor.settings.listen[0] ?? '',
          actor.settings.listenPlain?.[0] ?? '',
          `${kind} ${actor.settings.number}`,
        ),
      ],
    }))
  if (memberOf(dev.manager.id).level === LEVEL.none)
    registrations.push({ secret: dev.manager.secret, calls: [register(dev.manager, '', '', 'the manager')] })
  await sendAll(chain, [...registrations, { secret: dev.controller.chainKey, calls: deposit }], clock)
  const appointments: Hex[] = []
  const { level, roles } = memberOf(dev.manager.id)
  if (level !== LEVEL.delegate) appointments.push(encodeCall(REGISTRAR, 'setLevel', [dev.manager.id, LEVEL.delegate]))
  if (roles !== ROLES.delegate) appointments.push(encodeCall(REGISTRAR, 'setRoles', [dev.manager.id, ROLES.delegate]))
  await sendAll(
    chain,
    [{ secret: dev.master.secret, calls: multicall(registrar, appointments, 'appoint the manager') }],
    clock,
  )
  if (managerRuns) return
  const assignments = agents.flatMap(({ actor, roles }) =>
    roleCalls(dev.manager.id, actor.id, memberOf(actor.id), roles),
  )
  await sendAll(
    chain,
    [
      {
        secret: dev.manager.secret,
        calls: chunks(assignments, 20).flatMap((some) => multicall(registrar, some, 'give roles')),
      },
    ],
    clock,
  )
}

/** Longest wait for a running manager to give roles. Milliseconds. */
const ROLES_MS = 60_000

/** Returns when every daemon of the home has a role. @throws `TIMED_OUT` */
export async function awaitRoles(chain: Chain, deployment: Deployment, dev: DevHome, clock: Clock): Promise<void> {
  const actors = [...dev.indexes, ...dev.stewards]
  const until = clock.monotonic() + ROLES_MS
  for (;;) {
    const members = await readMembers(chain, deployment.contracts.registrar.address, actors)
    const idle = actors.filter(({ id }) => (members.get(id)?.roles ?? 0) === 0)
    if (idle.length === 0) return
    if (clock.monotonic() >= until)
      throw new HoldfastError('TIMED_OUT', { what: `the manager's roles for ${idle.length} agents`, limit: '60 s' })
    await clock.sleep(LOOK_MS)
  }
}

/** How often a registration is looked for. Milliseconds. */
const LOOK_MS = 250

/**
 * Takes a steward of another home into the pool: coin for fees, then, once its daemon has registered it, a manager and the repository role.
 * @throws `TIMED_OUT` when it does not register
 */
export async function admitSteward(
  chain: Chain,
  deployment: Deployment,
  manager: ActorKey,
  id: Address,
  {
    clock,
    signal,
    limitMs,
    admit,
  }: {
    readonly clock: Clock
    readonly signal: AbortSignal
    readonly limitMs: number
    /** Tells a running manager, which then gives the role itself. */
    admit?(): Promise<void>
  },
): Promise<void> {
  const registrar = deployment.contracts.registrar.address
  const coins = await readCoins(chain, [id])
  const gifts = coins.map((to) => ({ to, value: COIN, what: `coin for ${to}` }))
  await sendAll(chain, [{ secret: faucet(), calls: gifts }], clock)
  const until = clock.monotonic() + limitMs
  for (;;) {
    const member = (await readMembers(chain, registrar, [{ id }])).get(id) ?? NOBODY
    if (admit !== undefined && member.level !== LEVEL.none) {
      if (member.roles !== 0) return
      await admit()
    } else if (member.level !== LEVEL.none) {
      const calls = multicall(registrar, roleCalls(manager.id, id, member, ROLES.repository), 'give the role')
      return sendAll(chain, [{ secret: manager.secret, calls }], clock)
    }
    if (clock.monotonic() >= until)
      throw new HoldfastError('TIMED_OUT', {
        what: `the registration of ${id}, which its daemon sends (holdfast steward start),`,
        limit: `${limitMs / 1000} s`,
      })
    await clock.sleep(LOOK_MS, signal)
  }
}

/** What makes a member one of a manager's, with these roles. */
function roleCalls(manager: Address, id: Address, member: MemberView, roles: number): readonly Hex[] {
  return [
    ...(member.manager === manager ? [] : [encodeCall(REGISTRAR, 'assignManager', [id, manager])]),
    ...(member.roles === roles ? [] : [encodeCall(REGISTRAR, 'setRoles', [id, roles])]),
  ]
}

/** The account that pays for everything on a dev chain. */
function faucet(): Uint8Array {
  return fromHex(DEV_SECRETS[0])
}

function multicall(to: Address, calls: readonly Hex[], what: string): readonly SetupCall[] {
  return calls.length === 0 ? [] : [{ to, data: encodeCall(REGISTRAR, 'multicall', [calls]), what }]
}

function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
}

/** What setup needs to know of a member. */
interface MemberView {
  readonly level: number
  readonly roles: number
  readonly manager: Address
}

const NOBODY: MemberView = { level: LEVEL.none, roles: 0, manager: '0x0000000000000000000000000000000000000000' }

async function readMembers(
  chain: Chain,
  registrar: Address,
  actors: readonly Pick<DevActor, 'id'>[],
): Promise<ReadonlyMap<Address, MemberView>> {
  const answers = await chain.batch(
    actors.map(({ id }) => call('eth_call', { to: registrar, data: encodeCall(REGISTRAR, 'member', [id]) }, 'latest')),
  )
  return new Map(
    actors.map(({ id }, at) => {
      const [member] = decodeResult(REGISTRAR, 'member', resultOf(answers[at]) as Hex) as [
        { level: bigint; roles: bigint; manager: string },
      ]
      return [
        id,
        { level: Number(member.level), roles: Number(member.roles), manager: member.manager.toLowerCase() as Address },
      ] as const
    }),
  )
}

/** Who has too little for fees. */
async function readCoins(chain: Chain, accounts: readonly Address[]): Promise<readonly Address[]> {
  const answers = await chain.batch(accounts.map((account) => call('eth_getBalance', account, 'latest')))
  return accounts.filter((_, at) => BigInt(String(resultOf(answers[at]))) < COIN / 10n)
}

/** Mines what the controller's account lacks for its deposit. @returns what is left to do: nothing when it deposited before */
async function planDeposit(
  chain: Chain,
  deployment: Deployment,
  { controller }: DevHome,
  clock: Clock,
): Promise<readonly SetupCall[]> {
  const { market, token } = deployment.contracts
  const head = await chain.head()
  const logs = await chain.logs(
    { address: market.address, topics: uploaderTopics(controller.account) },
    market.block,
    head,
  )
  if (logs.some((log) => decodeMarketLog(log, log.blockTime ?? head.timestamp)?.kind === 'deposited')) return []
  const reads = openMarket(chain, { market: market.address, token: token.address })
  while ((await reads.tokenBalance(controller.account)) < DEPOSIT)
    await mineOne(chain, deployment, controller.account, clock)
  return [
    { to: token.address, data: encodeApprove(market.address, DEPOSIT), what: 'approve the deposit' },
    { to: market.address, data: encodeDeposit(DEPOSIT), what: 'deposit' },
  ]
}

/** One reward of the mine for an account. On a dev chain every number is a solution, or nearly; the faucet pays the fee. */
async function mineOne(
  chain: Chain,
  { contracts: { mine } }: Pick<Deployment, 'contracts'>,
  miner: Address,
  clock: Clock,
): Promise<void> {
  const nonce = findNonce(await readWork(chain, mine.address), miner, { from: 0n, tries: MINE_TRIES })
  if (nonce === undefined)
    throw new HoldfastError('CHAIN_WRONG', { what: `the mine at ${mine.address} is too hard for a dev chain` })
  const call = { to: mine.address, data: encodeSolve(miner, nonce), what: `mine for ${miner}` }
  await sendAll(chain, [{ secret: faucet(), calls: [call] }], clock)
}
