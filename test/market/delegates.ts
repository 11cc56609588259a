/** Other delegates of a market's pool, each with a home of its own, and members that speak for themselves: beside what `up` starts. */
import { cp, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fromHex } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../../base/curve.ts'
import { hasCode } from '../../base/errors.ts'
import { poolIdOf } from '../../base/typed-data.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import {
  encodeMulticall,
  encodeRegister,
  encodeSetLevel,
  encodeSetRoles,
  openRegistry,
  type Registry,
} from '../../chain/registry.ts'
import type { Member } from '../../chain/registry-members.ts'
import { type Chain, connectChain, type Hex } from '../../chain/rpc.ts'
import { writeActorSettings } from '../../cli/actor-settings.ts'
import { homeAt } from '../../cli/home.ts'
import { newSecret, readActorKey, writeActorKey } from '../../cli/keys.ts'
import { openDaemonApi } from '../../cli/local-api.ts'
import { readSecretFile } from '../../cli/passphrase.ts'
import { costOf } from '../../cli/pool-act.ts'
import { sendAll } from '../../cli/send-all.ts'
import { only } from '../../net/messages/fields.ts'
import {
  decodeReportMessage,
  encodeReportMessage,
  MAX_REPORT_BYTES,
  REPORT_PROTOCOL,
} from '../../net/messages/report.ts'
import { type NetNode, openNode } from '../../net/node.ts'
import { talk } from '../../net/talk.ts'
import type { Assignment } from '../../pool/assignment.ts'
import { createGate } from '../../pool/handshake.ts'
import { codeOf } from '../../pool/reasons.ts'
import { addressesOf } from '../../pool/registry-view.ts'
import { signVerdict } from '../../pool/report.ts'
import { sayTo } from '../../pool/report-call.ts'
import { DEV_COST } from '../../store/keystore.ts'
import { silent } from '../chain/ports.ts'
import { clock, rng } from '../net/nodes.ts'
import type { MarketHandle } from './market.ts'

const COIN = 10n ** 18n
/** Longest for one thing said. Milliseconds. */
const SAY_MS = 60_000

/** What anybody can see: the chain, and the registrar's log replayed. */
export interface Onlooker {
  readonly chain: Chain
  readonly registry: Registry
  readonly registrar: Address
  close(): void
}

export async function openOnlooker({ ready }: MarketHandle): Promise<Onlooker> {
  const chain = await connectChain([ready.rpc], { clock, log: silent, pollMs: 50 })
  const registrar = ready.contracts['registrar'] as Address
  const registry = await openRegistry(chain, registrar, { from: 0, log: silent })
  return {
    chain,
    registry,
    registrar,
    close: () => {
      registry.close()
      chain.close()
    },
  }
}

export interface Delegate {
  readonly id: Address
  readonly secret: Uint8Array
  readonly home: string
}

/** A key in a home of its own, registered, and appointed by the pool's master. */
export async function appoint(
  market: MarketHandle,
  { chain, registrar }: Onlooker,
  name: string,
  roles: number,
): Promise<Delegate> {
  const [own, theirs] = [homeAt(market.sandbox.path(name), {}), homeAt(market.home, {})]
  await mkdir(dirname(own.deployment), { recursive: true })
  for (const file of ['deployment', 'config', 'devPassphrase'] as const) await cp(theirs[file], own[file])
  const passphrase = await readSecretFile(theirs.devPassphrase)
  const secret = newSecret(rng)
  const id = addressOf(secret)
  await writeActorKey(own.manager.keystore, secret, { passphrase, rng, cost: DEV_COST })
  await writeActorSettings(own.manager.settings, { number: 1, listen: ['/ip4/127.0.0.1/tcp/0'] })
  const master = await readActorKey(theirs.pool.master, passphrase)
  const send = (from: Uint8Array, ...calls: Parameters<typeof sendAll>[1][number]['calls']) =>
    sendAll(chain, [{ secret: from, calls }], clock)
  await send(fromHex(DEV_SECRETS[0]), { to: id, value: COIN, what: `coin for ${name}` })
  const registration = encodeRegister(publicKeyOf(secret, false).subarray(1), '', '')
  await send(secret, { to: registrar, data: registration, what: `register ${name}` })
  await send(
    master.secret,
    { to: registrar, data: encodeSetLevel(id, 'delegate'), what: `raise ${name}` },
    { to: registrar, data: encodeSetRoles(id, roles), what: `give ${name} its roles` },
  )
  return { id, secret, home: market.sandbox.path(name) }
}

/** The key of a daemon of the market's home. */
export async function keyOf(
  market: MarketHandle,
  role: 'manager' | 'monitor' | 'steward',
  id?: Address,
): Promise<{ readonly secret: Uint8Array; readonly id: Address }> {
  const home = homeAt(market.home, {})
  const { keystore } = role === 'manager' ? home.manager : home[role](id as Address)
  return readActorKey(keystore, await readSecretFile(home.devPassphrase))
}

/** What a daemon of the trust core tells its operator. */
export async function daemonSays<Answer>(
  market: MarketHandle,
  role: 'manager' | 'monitor',
  path: string,
  id?: Address,
): Promise<Answer> {
  const home = homeAt(market.home, {})
  const api = await openDaemonApi(id === undefined ? home.manager : home.monitor(id), role)
  try {
    return (await api.get(path)) as Answer
  } finally {
    api.close()
  }
}

type Key = Pick<Delegate, 'secret'>

/** Several calls of the registrar, in one transaction. */
export function actAs({ chain, registrar }: Onlooker, { secret }: Key, ...calls: readonly Hex[]): Promise<void> {
  const call = { to: registrar, data: encodeMulticall(calls), what: 'an act of a delegate' }
  return sendAll(chain, [{ secret, calls: [call] }], clock)
}

/** What the registrar would say to it. */
export async function answerTo({ chain, registrar }: Onlooker, from: Address, data: Hex): Promise<'taken' | 'refused'> {
  try {
    await costOf(chain, from, { registrar, calls: [data], what: 'try' })
    return 'taken'
  } catch (cause) {
    if (hasCode(cause, 'POOL_NO_POWER', 'POOL_ROLE')) return 'refused'
    throw cause
  }
}

/** Speaks as a member from this process. */
async function speaking<Result>(
  look: Onlooker,
  { secret }: Key,
  say: (node: NetNode) => Promise<Result>,
): Promise<Result> {
  const { chain, registry, registrar } = look
  const domain = { chainId: chain.chainId, contract: registrar }
  const gate = createGate({ identity: { secret }, roles: 0, registry, domain, clock, rng, log: silent })
  const node = await openNode({ secret, listen: [], gate, clock, log: silent })
  try {
    return await say(node)
  } finally {
    await node.stop()
  }
}

/** What a manager says to a member about an agent, signed. */
export function askAbout(look: Onlooker, manager: Address, agent: Address, as: Key): Promise<Assignment> {
  return speaking(look, as, (node) => {
    const addresses = addressesOf(look.registry.member(manager) as Member)
    return talk(node, { id: manager, addresses }, REPORT_PROTOCOL, AbortSignal.timeout(SAY_MS), async (wire) => {
      await wire.send(encodeReportMessage({ kind: 'ask', agent }))
      return only(decodeReportMessage(await wire.receive(MAX_REPORT_BYTES)), 'assigned').assignment
    })
  })
}

/** A monitor's verdict that anybody can check, brought to a manager. */
export function bringVerdict(
  look: Onlooker,
  manager: Address,
  monitor: Key,
  { finding, ...about }: { readonly accused: Address; readonly finding: 'two-faced'; readonly evidence: Uint8Array },
): Promise<void> {
  const { chain, registrar, registry } = look
  const pool = poolIdOf({ chainId: chain.chainId, contract: registrar })
  const terms = { ...about, pool, finding, reason: codeOf(finding), class: 'self-verifying', at: chain.time() } as const
  const verdict = signVerdict(monitor.secret, terms)
  return speaking(look, monitor, (node) =>
    sayTo(node, registry.member(manager) as Member, { kind: 'verdict', verdict }, AbortSignal.timeout(SAY_MS)),
  )
}
