/** `holdfast pool create NAME`: a pool of one's own: master key, contracts, a manager, an invitation. Interrupted, the same command goes on. */
import { existsSync } from 'node:fs'
import { addressOf, publicKeyOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, parseDuration } from '../../base/units.ts'
import {
  DEFAULT_KAPPA,
  DEFAULT_MINIMUM_STAKE,
  DEFAULT_POLICY_TERMS,
  DEV_ADVERT_FLOOR,
  EASIEST_START,
  TRIVIAL_TARGET,
} from '../../chain/bindings/deployment-plan.ts'
import {
  type Deployment,
  type DeploymentTerms,
  deployAll,
  masterKeyOf,
  registrarGas,
  verifyDeployment,
} from '../../chain/deployment.ts'
import { encodeRegister, encodeSetLevel, encodeSetRoles, openRegistry, type Registry } from '../../chain/registry.ts'
import { type Chain, connectChain, DEV_CHAIN_ID } from '../../chain/rpc.ts'
import { formatInvitation } from '../../pool/invitation.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { writeJson } from '../../store/json-file.ts'
import { STRONG_COST } from '../../store/keystore.ts'
import { detailLog, rpcUrls } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { readDeploymentFile } from '../deployment-file.ts'
import { writeDevConfig } from '../dev-home.ts'
import { type ActorKey, newSecret, readActorKey, writeActorKey } from '../keys.ts'
import { obtainNewPassphrase } from '../passphrase.ts'
import { pasteable } from '../pasteable.ts'
import { ensureCoin, formatCoin, performAct } from '../pool-act.ts'
import { directoryOf, masterKeystore, masterOptions, readPoolRecord, writePoolRecord } from '../pool-home.ts'
import { invite, parseInviteOptions } from './pool-invite.ts'

/** Gas of what follows the creation of the registrar: the manager registers; the master appoints it. Measured 0.24 M and 0.12 M. */
const APPOINT_GAS = 500_000n
/** Gas of the other contracts: token, stake pool, market, mine. They need each other, so no estimate is to be had before. */
const OTHERS_GAS = 12_000_000n
/** A placeholder for the estimate, before the master's key is made. */
const NOBODY = new Uint8Array(32).fill(1)
const DELEGATE_ROLES = ROLE.manager | ROLE.registrar

interface Plan {
  readonly name: string
  readonly period: number
  readonly isInviteOnly: boolean
}

export async function poolCreate(
  context: Context,
  [name = '']: readonly string[],
  options: Options,
): Promise<undefined> {
  const { home, out, clock } = context
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u.test(name))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'name',
      expected: '1 to 40 letters, digits, spaces, . _ -',
      got: name.slice(0, 80),
    })
  const period = parsePeriod(String(options['period']))
  const asked = parseInviteOptions(options)
  const before = await readPoolRecord(context)
  if (before !== undefined && (before.isReady || before.name !== name))
    throw new HoldfastError('CONFIG_EXISTS', { path: home.pool.record })
  if (existsSync(home.deployment) && before === undefined)
    throw new HoldfastError('CONFIG_EXISTS', { path: home.deployment })
  const urls = rpcUrls(context, undefined)
  const chain = await connectChain(urls, { log: detailLog(context), clock })
  try {
    const plan: Plan = { name, period, isInviteOnly: options['inviteOnly'] === true }
    const cost = await costOf(chain, plan)
    out.note(`a pool and its market on chain ${chain.chainId}: fees at most ${formatCoin(cost)} ETH`)
    if (context.options.dryRun === true) {
      out.summary({
        command: 'pool',
        fields: { dryRun: true, name, chainId: chain.chainId, fees: formatCoin(cost), feeUnit: 'ETH' },
        lines: [
          `would make the master's key in ${directoryOf(masterKeystore(context, options))}, a manager's key and the contracts: registrar, token, stake pool, market, mine`,
          'Nothing was made or sent (dry run).',
        ],
      })
      return
    }
    const { master, manager } = await makeKeys(context, options)
    await writePoolRecord(context, {
      name,
      chainId: chain.chainId,
      master: master.id,
      manager: manager.id,
      isReady: false,
    })
    await ensureCoin(context, chain, master.id, cost)
    await ensureCoin(context, chain, manager.id, await smallFee(chain))
    const deployment = await ensureContracts(context, chain, plan, master, urls[0] as string)
    const { address, block } = deployment.contracts.registrar
    const registry = await openRegistry(chain, address, { from: block, log: detailLog(context) })
    try {
      await appoint(context, chain, registry, master, manager)
      if (!existsSync(home.config)) await writeDevConfig(home, urls[0] as string)
      await writePoolRecord(context, {
        name,
        chainId: chain.chainId,
        registrar: address,
        master: master.id,
        manager: manager.id,
        isReady: true,
      })
      const code = formatInvitation(invite(context, chain, deployment, manager, asked))
      out.summary({
        command: 'pool',
        fields: {
          name,
          registrar: address,
          chainId: chain.chainId,
          master: master.id,
          manager: manager.id,
          masterKeystore: masterKeystore(context, options),
          inviteOnly: registry.policy().inviteOnly,
          period: registry.period(),
          invitation: code,
          uses: asked.uses,
        },
        lines: [
          `pool       ${name}, registrar ${address} on chain ${chain.chainId}`,
          `master     ${master.id}; its key lies in ${directoryOf(masterKeystore(context, options))}: carry that directory away, it is needed rarely`,
          `manager    ${manager.id}, also registrar`,
          `invitation ${code}`,
          `Who has it joins: holdfast pool join CODE. Another: ${pasteable(context.options, 'pool invite')}`,
        ],
        result: code,
      })
    } finally {
      registry.close()
    }
  } finally {
    chain.close()
  }
  return
}

/** Seconds. @throws `INPUT_RANGE` outside of 30 to 365 days */
export function parsePeriod(text: string): number {
  const period = parseDuration(text)
  if (period < 30 * DAY || period > 365 * DAY)
    throw new HoldfastError('INPUT_RANGE', { name: '--period', expected: '30d to 365d', got: text })
  return period
}

function termsOf(plan: Plan, master: Uint8Array, chainId: number): DeploymentTerms {
  const { initial, least, most } = DEFAULT_POLICY_TERMS
  return {
    advertFloor: DEV_ADVERT_FLOOR,
    masterKey: masterKeyOf(publicKeyOf(master, false)),
    renewalPeriod: plan.period,
    kappa: DEFAULT_KAPPA,
    minimumStake: DEFAULT_MINIMUM_STAKE,
    mineTarget: chainId === DEV_CHAIN_ID ? TRIVIAL_TARGET : EASIEST_START,
    policy: { initial: { ...initial, inviteOnly: plan.isInviteOnly }, least, most },
  }
}

async function costOf(chain: Chain, plan: Plan): Promise<bigint> {
  const registrar = await registrarGas(chain, addressOf(NOBODY), termsOf(plan, NOBODY, chain.chainId))
  const gas = registrar + APPOINT_GAS + OTHERS_GAS
  const { base, tip } = await chain.fees()
  return ((gas * 5n) / 4n) * (2n * base + tip)
}

/** Most that registering may cost. */
async function smallFee(chain: Chain): Promise<bigint> {
  const { base, tip } = await chain.fees()
  return APPOINT_GAS * (2n * base + tip)
}

async function makeKeys(
  context: Context,
  options: Options,
): Promise<{ readonly master: ActorKey; readonly manager: ActorKey }> {
  const { home, rng } = context
  const open = async (path: string, own: Options, what: string): Promise<ActorKey> => {
    const passphrase = await obtainNewPassphrase(context, own, what)
    if (!existsSync(path)) await writeActorKey(path, newSecret(rng), { passphrase, rng, cost: STRONG_COST })
    return readActorKey(path, passphrase)
  }
  const manager = await open(home.pool.manager, options, 'the manager')
  const master = await open(masterKeystore(context, options), masterOptions(options), 'the master')
  return { master, manager }
}

/** deployment.json is written as soon as the contracts are there: a second attempt makes no others. */
async function ensureContracts(
  context: Context,
  chain: Chain,
  plan: Plan,
  master: ActorKey,
  rpc: string,
): Promise<Deployment> {
  const { home, clock } = context
  if (existsSync(home.deployment)) {
    const deployment = await readDeploymentFile(home.deployment)
    await verifyDeployment(chain, deployment)
    return deployment
  }
  const terms = termsOf(plan, master.secret, chain.chainId)
  const options = { secret: master.secret, terms, rpc, clock, log: detailLog(context) }
  const deployment = await deployAll(chain, options)
  await writeJson(home.deployment, deployment)
  return deployment
}

/** Registers the manager and makes it a delegate, as far as that is not so yet. */
async function appoint(
  context: Context,
  chain: Chain,
  registry: Registry,
  master: ActorKey,
  manager: ActorKey,
): Promise<void> {
  const registrar = registry.address
  if (registry.member(manager.id) === undefined) {
    const calls = [encodeRegister(publicKeyOf(manager.secret, false).subarray(1), '', '')]
    await performAct(context, chain, manager.secret, { registrar, calls, what: 'register the manager' })
    await registry.refresh()
  }
  const member = registry.member(manager.id)
  const calls = [
    ...(member?.level === 'delegate' ? [] : [encodeSetLevel(manager.id, 'delegate')]),
    ...(member?.roles === DELEGATE_ROLES ? [] : [encodeSetRoles(manager.id, DELEGATE_ROLES)]),
  ]
  if (calls.length > 0)
    await performAct(context, chain, master.secret, { registrar, calls, what: 'appoint the manager' })
  await registry.refresh()
}
