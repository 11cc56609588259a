/**
 * The pool of a local market, by ordinary transactions: the master appoints a manager, agents register, the manager gives roles; accounts
 * get test money. It looks first and sends only what is missing, so it may be run again at any time.
 */
import { fromHex } from '../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../base/curve.ts'
import type { Clock, Log } from '../base/ports.ts'
import { DAY, WEI_PER_HOLD, type Wei, wei } from '../base/units.ts'
import { decodeResult, encodeCall, REGISTRAR, TOKEN } from '../chain/abi.ts'
import { DEFAULT_RENEWAL_PERIOD, DEV_ADVERT_FLOOR } from '../chain/bindings/deployment-plan.ts'
import { type Deployment, deployAll, masterKeyOf } from '../chain/deployment.ts'
import { DEV_SECRETS } from '../chain/devnet.ts'
import {
  decodeMarketLog,
  encodeApprove,
  encodeDeposit,
  encodeMint,
  encodeTransfer,
  openMarket,
  uploaderTopics,
} from '../chain/market.ts'
import { type Chain, call, type Hex, resultOf } from '../chain/rpc.ts'
import type { DevActor, DevHome } from './dev-home.ts'
import type { ActorKey } from './keys.ts'
import { type Sequence, type SetupCall, sendAll } from './send-all.ts'

/** The supply of a dev chain, and what the controller's account gets of it. Wei of HOLD. */
const SUPPLY = wei(1_000_000n * WEI_PER_HOLD)
const DEPOSIT = wei(1_000n * WEI_PER_HOLD)
/** What an account gets for fees; topped up when it holds less than a tenth. Wei of the chain's coin. */
const COIN = 10n * 10n ** 18n
/** Role bits (protocol.md §7). */
const ROLES = { repository: 1, index: 2, delegate: 8 | 16 } as const
/** Levels of the registrar. */
const LEVEL = { none: 0, agent: 1, delegate: 2 } as const

/** Deploys token, market and registrar from the committed bindings. */
export function deployDevMarket(
  chain: Chain,
  { master }: Pick<DevHome, 'master'>,
  rpc: string,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Deployment> {
  const terms = {
    minter: addressOf(faucet()),
    advertFloor: DEV_ADVERT_FLOOR,
    masterKey: masterKeyOf(publicKeyOf(master.secret, false)),
    renewalPeriod: Math.max(DEFAULT_RENEWAL_PERIOD, 90 * DAY),
  }
  return deployAll(chain, { secret: faucet(), terms, rpc, ...deps })
}

/** Registers, appoints and funds whoever lacks it. */
export async function setUpDevPool(chain: Chain, deployment: Deployment, dev: DevHome, clock: Clock): Promise<void> {
  const registrar = deployment.contracts.registrar.address
  const agents = [
    ...dev.indexes.map((actor) => ({ actor, roles: ROLES.index, kind: 'index' })),
    ...dev.stewards.map((actor) => ({ actor, roles: ROLES.repository, kind: 'steward' })),
  ]
  const [members, coins, token] = await Promise.all([
    readMembers(chain, registrar, [dev.manager, ...agents.map(({ actor }) => actor)]),
    readCoins(chain, [dev.controller.account, dev.master.id, dev.manager.id, ...agents.map(({ actor }) => actor.id)]),
    planToken(chain, deployment, dev),
  ])
  const memberOf = (id: Address) => members.get(id) ?? NOBODY
  const register = (actor: ActorKey, address: string, what: string): SetupCall => ({
    to: registrar,
    data: encodeCall(REGISTRAR, 'register', [publicKeyOf(actor.secret, false).subarray(1), address, '']),
    what: `register ${what}`,
  })

  // Coin for fees and the tokens come first; then everyone registers; then the master appoints; then the manager gives roles.
  await sendAll(
    chain,
    [
      {
        secret: faucet(),
        calls: [...coins.map((to) => ({ to, value: COIN, what: `coin for ${to}` })), ...token.first],
      },
    ],
    clock,
  )
  const registrations: Sequence[] = agents
    .filter(({ actor }) => memberOf(actor.id).level === LEVEL.none)
    .map(({ actor, kind }) => ({
      secret: actor.secret,
      calls: [register(actor, actor.settings.listen[0] ?? '', `${kind} ${actor.settings.number}`)],
    }))
  if (memberOf(dev.manager.id).level === LEVEL.none)
    registrations.push({ secret: dev.manager.secret, calls: [register(dev.manager, '', 'the manager')] })
  await sendAll(chain, [...registrations, { secret: dev.controller.chainKey, calls: token.deposit }], clock)
  const appointments: Hex[] = []
  const { level, roles } = memberOf(dev.manager.id)
  if (level !== LEVEL.delegate) appointments.push(encodeCall(REGISTRAR, 'setLevel', [dev.manager.id, LEVEL.delegate]))
  if (roles !== ROLES.delegate) appointments.push(encodeCall(REGISTRAR, 'setRoles', [dev.manager.id, ROLES.delegate]))
  await sendAll(
    chain,
    [{ secret: dev.master.secret, calls: multicall(registrar, appointments, 'appoint the manager') }],
    clock,
  )
  const assignments = agents.flatMap(({ actor, roles }) => {
    const member = memberOf(actor.id)
    return [
      ...(member.manager === dev.manager.id
        ? []
        : [encodeCall(REGISTRAR, 'assignManager', [actor.id, dev.manager.id])]),
      ...(member.roles === roles ? [] : [encodeCall(REGISTRAR, 'setRoles', [actor.id, roles])]),
    ]
  })
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

/** What is still to do until the controller's deposit is in the market: mint once, hand out, deposit. */
async function planToken(
  chain: Chain,
  deployment: Deployment,
  { controller }: DevHome,
): Promise<{ readonly first: readonly SetupCall[]; readonly deposit: readonly SetupCall[] }> {
  const { market, token } = deployment.contracts
  const reads = openMarket(chain, { market: market.address, token: token.address })
  const [supply] = decodeResult(
    TOKEN,
    'totalSupply',
    await chain.call(token.address, encodeCall(TOKEN, 'totalSupply', [])),
  ) as [bigint]
  const head = await chain.head()
  const logs = await chain.logs(
    { address: market.address, topics: uploaderTopics(controller.account) },
    market.block,
    head,
  )
  if (logs.some((log) => decodeMarketLog(log, log.blockTime ?? head.timestamp)?.kind === 'deposited'))
    return { first: [], deposit: [] }
  const held: Wei = await reads.tokenBalance(controller.account)
  return {
    first: [
      ...(supply === 0n
        ? [{ to: token.address, data: encodeMint(addressOf(faucet()), SUPPLY), what: 'mint the test tokens' }]
        : []),
      ...(held >= DEPOSIT
        ? []
        : [
            { to: token.address, data: encodeTransfer(controller.account, DEPOSIT), what: 'tokens for the controller' },
          ]),
    ],
    deposit: [
      { to: token.address, data: encodeApprove(market.address, DEPOSIT), what: 'approve the deposit' },
      { to: market.address, data: encodeDeposit(DEPOSIT), what: 'deposit' },
    ],
  }
}
