/** A dev chain without memory, with all contracts on it and the whole supply with the first dev account. */
import { fromHex } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../../base/curve.ts'
import { wei } from '../../base/units.ts'
import { DEFAULT_RENEWAL_PERIOD, DEV_ADVERT_FLOOR } from '../../chain/bindings/deployment-plan.ts'
import { type Deployment, deployAll, masterKeyOf } from '../../chain/deployment.ts'
import { DEV_SECRETS, type Devnet, startAnvil } from '../../chain/devnet.ts'
import { encodeApprove, encodeDeposit, encodeMint, type Market, openMarket } from '../../chain/market.ts'
import { type Chain, connectChain, type Hex } from '../../chain/rpc.ts'
import { createSigner } from '../../chain/signer.ts'
import { clock, silent, until } from './ports.ts'

export interface LocalMarket {
  readonly devnet: Devnet
  readonly chain: Chain
  readonly deployment: Deployment
  readonly market: Market
  /** Holds the supply and a deposit of 1,000 HOLD. */
  readonly secret: Uint8Array
  readonly account: Address
  /** Sends from any secret, past every outbox, and waits until it is mined. */
  send(secret: Uint8Array, to: Address, data: Hex, value?: bigint): Promise<Hex>
  close(): Promise<void>
}

export const HOLD = 10n ** 18n

export async function startLocalMarket(
  options: { stateFile?: string; pollMs?: number; kind?: 'anvil' | 'hardhat' } = {},
): Promise<LocalMarket> {
  const devnet = await startAnvil({ log: silent, clock, ...options })
  const chain = await connectChain([devnet.url], { log: silent, clock, pollMs: options.pollMs ?? 20 })
  const secret = fromHex(DEV_SECRETS[0])
  const account = addressOf(secret)
  const terms = {
    minter: account,
    advertFloor: DEV_ADVERT_FLOOR,
    masterKey: masterKeyOf(publicKeyOf(fromHex(DEV_SECRETS[1]), false)),
    renewalPeriod: DEFAULT_RENEWAL_PERIOD,
  }
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
  await send(secret, market.token, encodeMint(account, wei(1_000_000n * HOLD)))
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
