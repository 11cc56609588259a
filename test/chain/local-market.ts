/** A dev chain without memory, with all contracts on it and mined tokens with the first dev account. */
import { fromHex } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../../base/curve.ts'
import { wei } from '../../base/units.ts'
import {
  DEFAULT_KAPPA,
  DEFAULT_MINIMUM_STAKE,
  DEFAULT_RENEWAL_PERIOD,
  DEV_ADVERT_FLOOR,
  type DeploymentTerms,
  TRIVIAL_TARGET,
} from '../../chain/bindings/deployment-plan.ts'
import { type Deployment, deployAll, masterKeyOf } from '../../chain/deployment.ts'
import { DEV_SECRETS, type Devnet, startAnvil } from '../../chain/devnet.ts'
import { encodeApprove, encodeDeposit, type Market, openMarket } from '../../chain/market.ts'
import { encodeSolve, findNonce, readWork } from '../../chain/mine.ts'
import { type Chain, connectChain, type Hex } from '../../chain/rpc.ts'
import { createSigner } from '../../chain/signer.ts'
import { clock, silent, until } from './ports.ts'

export interface LocalMarket {
  readonly devnet: Devnet
  readonly chain: Chain
  readonly deployment: Deployment
  readonly market: Market
  /** Holds some 3,000 HOLD and a deposit of 1,000 HOLD. */
  readonly secret: Uint8Array
  readonly account: Address
  /** Sends from any secret, past every outbox, and waits until it is mined. */
  send(secret: Uint8Array, to: Address, data: Hex, value?: bigint): Promise<Hex>
  close(): Promise<void>
}

export const HOLD = 10n ** 18n

/** Terms of a market of tests. @param master secret of the pool's master */
export function termsOf(master: Uint8Array): DeploymentTerms {
  return {
    advertFloor: DEV_ADVERT_FLOOR,
    masterKey: masterKeyOf(publicKeyOf(master, false)),
    renewalPeriod: DEFAULT_RENEWAL_PERIOD,
    kappa: DEFAULT_KAPPA,
    minimumStake: DEFAULT_MINIMUM_STAKE,
    mineTarget: TRIVIAL_TARGET,
  }
}

/** One reward of a mine, about 1,024 HOLD. */
export async function mineFor(local: Pick<LocalMarket, 'chain' | 'secret' | 'send'>, mine: Address, miner: Address) {
  const nonce = findNonce(await readWork(local.chain, mine), miner, { from: 0n, tries: 1_000 })
  await local.send(local.secret, mine, encodeSolve(miner, nonce as bigint))
}

export async function startLocalMarket(
  options: { stateFile?: string; pollMs?: number; kind?: 'anvil' | 'hardhat' } = {},
): Promise<LocalMarket> {
  const devnet = await startAnvil({ log: silent, clock, ...options })
  const chain = await connectChain([devnet.url], { log: silent, clock, pollMs: options.pollMs ?? 20 })
  const secret = fromHex(DEV_SECRETS[0])
  const account = addressOf(secret)
  const terms = termsOf(fromHex(DEV_SECRETS[1]))
  const deployment = await deployAll(chain, { secret, terms, rpc: devnet.url, clock, log: silent })
  const market = openMarket(chain, {
    market: deployment.contracts.market.address,
    token: deployment.contracts.token.address,
  })
  async function send(from: Uint8Array, to: Address, data: Hex, value = 0n): Promise<Hex> {
    const signer = createSigner(from)
    const nonce = Number(await chain.request('eth_getTransactionCount', [signer.address, 'latest']))
    const { base, tip } = await chain.fees()
    const { raw } = signer.sign({
      chainId: chain.chainId,
      nonce,
      to,
      data,
      value,
      gas: 5_000_000n,
      maxFee: 2n * base + tip,
      tip,
    })
    const hash = await chain.broadcast(raw)
    await until(async () => (await chain.receipt(hash)) !== undefined, 'the transaction is mined')
    return hash
  }
  for (let rewards = 0; rewards < 4; rewards++)
    await mineFor({ chain, secret, send }, deployment.contracts.mine.address, account)
  await send(secret, market.token, encodeApprove(market.market, wei(1_000_000n * HOLD)))
  await send(secret, market.market, encodeDeposit(wei(1_000n * HOLD)))
  return {
    devnet,
    chain,
    deployment,
    market,
    secret,
    account,
    send,
    async close() {
      chain.close()
      await devnet.stop()
    },
  }
}
