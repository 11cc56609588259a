/** One act in a pool: what it costs, whether it may be done, then the transaction, then its receipt. Refusals of the registrar in our words. */
import { fromHex } from '../base/bytes.ts'
import { type Address, addressOf } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { formatTime } from '../base/units.ts'
import { asChainError } from '../chain/abi.ts'
import { DEV_SECRETS } from '../chain/devnet.ts'
import { encodeMulticall } from '../chain/registry.ts'
import { type Chain, DEV_CHAIN_ID, type Hex } from '../chain/rpc.ts'
import { createSigner } from '../chain/signer.ts'
import type { Context } from './context.ts'
import { sendAll } from './send-all.ts'
import { shortHold } from './words.ts'

/** What an account of a dev chain is given for fees. Wei of its coin. */
const DEV_COIN = 10n ** 18n
/** Longest wait for a transaction of a command. Milliseconds. */
const LIMIT_MS = 120_000

/** One transaction. */
export interface PoolAct {
  readonly registrar: Address
  /** Several are sent as one. */
  readonly calls: readonly Hex[]
  /** For people: "give 0x… the role repository". */
  readonly what: string
}

export interface ActCost {
  readonly gas: bigint
  /** Most that it costs. Wei of the chain's coin. */
  readonly most: bigint
}

/** What it would cost now. @throws what the registrar would say to it, in our words */
export async function costOf(chain: Chain, from: Address, { registrar, calls }: PoolAct): Promise<ActCost> {
  const { base, tip } = await chain.fees()
  try {
    const estimate = await chain.request('eth_estimateGas', [{ from, to: registrar, data: dataOf(calls) }])
    const gas = (BigInt(String(estimate)) * 5n) / 4n
    return { gas, most: gas * (2n * base + tip) }
  } catch (cause) {
    throw asPoolError(asChainError(cause), from)
  }
}

/**
 * Says the cost, then sends and waits; in a dry run only says it.
 * @throws `FUNDS_FEES`, `TX_REVERTED`, `TIMED_OUT` (it may still come in), `POOL_…` for what the registrar refuses
 */
export async function performAct(
  context: Context,
  chain: Chain,
  secret: Uint8Array,
  act: PoolAct,
): Promise<{ readonly txHash?: Hex; readonly fee: string }> {
  const { out, clock, signal } = context
  const signer = createSigner(secret)
  const cost = await costOf(chain, signer.address, act)
  const fee = formatCoin(cost.most)
  out.note(`${act.what}: fee at most ${fee} ETH`)
  if (context.options.dryRun === true) return { fee }
  await ensureCoin(context, chain, signer.address, cost.most)
  const { base, tip } = await chain.fees()
  const nonce = Number(await chain.request('eth_getTransactionCount', [signer.address, 'latest']))
  const { raw } = signer.sign({
    chainId: chain.chainId,
    nonce,
    to: act.registrar,
    data: dataOf(act.calls),
    value: 0n,
    gas: cost.gas,
    maxFee: 2n * base + tip,
    tip,
  })
  let txHash: Hex
  try {
    txHash = await chain.broadcast(raw)
  } catch (cause) {
    throw asPoolError(asChainError(cause), signer.address)
  }
  const until = clock.monotonic() + LIMIT_MS
  for (let wait = 5; clock.monotonic() < until; wait = Math.min(2 * wait, 1_000)) {
    const receipt = await chain.receipt(txHash)
    if (receipt?.ok === false) throw new HoldfastError('TX_REVERTED', { what: act.what })
    if (receipt !== undefined) return { txHash, fee: formatCoin(receipt.gasUsed * receipt.gasPrice) }
    await clock.sleep(wait, signal)
  }
  throw new HoldfastError('TIMED_OUT', { what: act.what, limit: `${LIMIT_MS / 1000} s` })
}

/** On a dev chain an account gets what it lacks. @throws `FUNDS_FEES` elsewhere */
export async function ensureCoin(context: Context, chain: Chain, account: Address, need: bigint): Promise<void> {
  const have = await chain.balance(account)
  if (have >= need) return
  const faucet = fromHex(DEV_SECRETS[0])
  if (chain.chainId !== DEV_CHAIN_ID || (await chain.balance(addressOf(faucet))) < 2n * DEV_COIN)
    throw new HoldfastError('FUNDS_FEES', { account, have: formatCoin(have), need: formatCoin(need) })
  const calls = [{ to: account, value: DEV_COIN, what: `coin for ${account}` }]
  await sendAll(chain, [{ secret: faucet, calls }], context.clock)
}

/** Wei of the chain's coin, for people: rounded up. */
export function formatCoin(wei: bigint): string {
  return shortHold(wei, 'up')
}

function dataOf(calls: readonly Hex[]): Hex {
  return calls.length === 1 ? (calls[0] as Hex) : encodeMulticall(calls)
}

/** What the registrar says when it refuses, as our codes. Others pass unchanged. */
export function asPoolError(cause: unknown, who: Address): HoldfastError {
  const error = asHoldfastError(cause)
  const [, name = '', text = ''] = /(Registrar\w+)\(([^)]*)\)/.exec(error.message) ?? []
  const args = text.split(', ')
  const at = (place: number) => (args[place] ?? '').toLowerCase()
  const moment = (place: number) => formatTime(Number(args[place] ?? 0))
  const no = (code: 'POOL_NO_POWER' | 'POOL_PERMIT' | 'POOL_RENEWAL' | 'POOL_LAPSE' | 'POOL_ROLE', what: string) =>
    new HoldfastError(code, { who, peer: who, what }, { cause })
  switch (name) {
    case 'RegistrarNotMaster':
      return no('POOL_NO_POWER', `only the master, ${at(0)}, does that`)
    case 'RegistrarNotDelegate':
      return no('POOL_NO_POWER', `${at(0)} is no delegate in good standing`)
    case 'RegistrarLacksRole':
      return no('POOL_NO_POWER', `${at(0)} has not the role for it`)
    case 'RegistrarNotManagerOf':
      return no('POOL_NO_POWER', `the manager of ${at(0)} is ${/^0x0+$/.test(at(1)) ? 'nobody' : at(1)}`)
    case 'RegistrarOwnStanding':
      return no('POOL_NO_POWER', 'nobody changes its own standing')
    case 'RegistrarStandingKept':
      return no('POOL_NO_POWER', `the standing of ${at(0)} is kept as it is`)
    case 'RegistrarPermitForSelf':
      return no('POOL_NO_POWER', 'a permit raises nobody that holds it')
    case 'RegistrarRolesOfOtherLevel':
    case 'RegistrarLevelUnfit':
    case 'RegistrarLevelNotGivable':
      return no('POOL_ROLE', `that does not go with this level (${name})`)
    case 'RegistrarNotMember':
      return new HoldfastError('POOL_UNREGISTERED', { peer: at(0) }, { cause })
    case 'RegistrarRenewalEarly':
      return no('POOL_RENEWAL', `not before ${moment(0)}`)
    case 'RegistrarRenewalLate':
      return no('POOL_RENEWAL', `it was to be renewed before ${moment(0)}`)
    case 'RegistrarNotYet':
      return no('POOL_LAPSE', `not before ${moment(0)}`)
    default:
      return name.startsWith('RegistrarPermit') || name === 'RegistrarStandingLost'
        ? no('POOL_PERMIT', `${name.replace('Registrar', '')}(${text})`)
        : error
  }
}
