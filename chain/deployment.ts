/** Which contracts on which chain: `deployment.json`, made by `up` from the committed bindings and checked before anything is sent. */
import { Interface } from 'ethers/abi'
import { type Address, addressOfPublicKey, parseAddress } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { asChainError, decodeResult, encodeCall } from './abi.ts'
import { codeHash } from './bindings/code-hash.ts'
import {
  type ContractName,
  DEPLOYMENT_PLAN,
  DEPLOYMENT_WIRING,
  type DeploymentStep,
  type DeploymentTerms,
  planArguments,
} from './bindings/deployment-plan.ts'
import type { Hex } from './chain-data.ts'
import type { Chain } from './rpc.ts'
import { createSigner } from './signer.ts'

export type { ContractName, DeploymentTerms } from './bindings/deployment-plan.ts'

/** One contract of a deployment. */
export interface DeployedContract {
  readonly address: Address
  /** For scripts; this program uses its own bindings. */
  readonly abi: readonly object[]
  /** keccak256 of the code with its immutable values zeroed. */
  readonly codeHash: Hex
  /** Block of its creation: where reading its events begins. */
  readonly block: number
}

/** The content of deployment.json. interface.md §3. */
export interface Deployment {
  readonly schema: 1
  readonly chainId: number
  /** Where the deployment was made from; `--rpc` overrides it. */
  readonly rpc: string
  /** Hash of block 0: tells a chain from another one with its id. */
  readonly genesis: Hex
  readonly contracts: Readonly<Record<ContractName, DeployedContract>>
}

/** Longest wait for a creation to be mined. ms. */
const CREATION_DEADLINE = 120_000

/** A parsed deployment.json. @throws `CHAIN_NO_DEPLOYMENT` when it is not one. */
export function parseDeployment(value: unknown): Deployment {
  const wrong = (what: string) => new HoldfastError('CHAIN_NO_DEPLOYMENT', { what: `deployment.json: ${what}` })
  if (typeof value !== 'object' || value === null) throw wrong('it is no record')
  const { schema, chainId, rpc, genesis, contracts } = value as Partial<Deployment>
  if (schema !== 1) throw wrong(`schema ${String(schema)} is not known`)
  if (!Number.isSafeInteger(chainId)) throw wrong('chainId is missing')
  if (typeof rpc !== 'string') throw wrong('rpc is missing')
  if (!isHash(genesis)) throw wrong('genesis is missing')
  const parsed = DEPLOYMENT_PLAN.map(({ name }) => {
    const contract = contracts?.[name]
    if (typeof contract?.address !== 'string' || !isHash(contract.codeHash) || !Number.isSafeInteger(contract.block))
      throw wrong(`${name} is missing`)
    const abi = Array.isArray(contract.abi) ? contract.abi : []
    return [
      name,
      { address: parseAddress(contract.address, name), abi, codeHash: contract.codeHash, block: contract.block },
    ] as const
  })
  return {
    schema,
    chainId: chainId as number,
    rpc,
    genesis,
    contracts: Object.fromEntries(parsed) as unknown as Deployment['contracts'],
  }
}

/**
 * Checks that the connected chain carries exactly this deployment.
 * @throws `CHAIN_WRONG` when chain id, genesis or code differ (both values are in the message), `CHAIN_NO_DEPLOYMENT` when an address has no code
 */
export async function verifyDeployment(chain: Chain, deployment: Deployment): Promise<void> {
  const differs = (what: string, got: string | number, expected: string | number) =>
    new HoldfastError('CHAIN_WRONG', { what: `${what} is ${got}, deployment.json says ${expected}` })
  if (chain.chainId !== deployment.chainId) throw differs('the chain id', chain.chainId, deployment.chainId)
  const genesis = await genesisOf(chain)
  if (genesis !== deployment.genesis) throw differs('the genesis hash', genesis, deployment.genesis)
  await Promise.all(
    DEPLOYMENT_PLAN.map(async ({ name, bindings }) => {
      const { address, codeHash: expected } = deployment.contracts[name]
      const code = await chain.code(address)
      if (code === '0x')
        throw new HoldfastError('CHAIN_NO_DEPLOYMENT', { what: `there is no code at ${address} (${name})` })
      const found = codeHash(code, bindings.IMMUTABLE_RANGES)
      if (found !== expected) throw differs(`the code of ${name} at ${address}`, found, expected)
      if (found !== bindings.CODE_HASH)
        throw new HoldfastError('CHAIN_WRONG', {
          what: `${name} at ${address} is of another version (code ${found}, this program knows ${bindings.CODE_HASH})`,
        })
    }),
  )
  await assertWired(chain, deployment)
}

/** Each contract may be right and yet belong to others: a token whose minters are not this stake pool and this mine. @throws `CHAIN_WRONG` */
async function assertWired(chain: Chain, { contracts }: Pick<Deployment, 'contracts'>): Promise<void> {
  await Promise.all(
    DEPLOYMENT_WIRING.map(async ({ contract, read, names }) => {
      const found = await readAddress(chain, contract, contracts[contract].address, read)
      if (found !== contracts[names].address)
        throw new HoldfastError('CHAIN_WRONG', {
          what: `the ${read} of ${contract} is ${found}, deployment.json says ${contracts[names].address}`,
        })
    }),
  )
}

/** What a contract of a deployment calls by a name: another contract. @throws `TX_REVERTED`, `CHAIN_ANSWER`, `CHAIN_UNREACHABLE` */
export async function readAddress(chain: Chain, name: ContractName, at: Address, read: string): Promise<Address> {
  const step = DEPLOYMENT_PLAN.find((each) => each.name === name)
  if (step === undefined) throw new HoldfastError('INTERNAL', { what: `no ${name} in the deployment plan` })
  const abi = new Interface([...(step.bindings.ABI as ConstructorParameters<typeof Interface>[0] & readonly object[])])
  try {
    const [found] = decodeResult(abi, read, await chain.call(at, encodeCall(abi, read, [])))
    return (found as string).toLowerCase() as Address
  } catch (cause) {
    throw asChainError(cause)
  }
}

export interface DeployOptions {
  /** 32 bytes; its account pays. */
  readonly secret: Uint8Array
  readonly terms: DeploymentTerms
  /** Goes into deployment.json. */
  readonly rpc: string
  readonly clock: Clock
  readonly log: Log
}

/** Gas of creating a registrar now. @throws `TX_REVERTED` when the terms do not fit */
export async function registrarGas(chain: Chain, from: Address, terms: DeploymentTerms): Promise<bigint> {
  const step = DEPLOYMENT_PLAN.find(({ name }) => name === 'registrar') as DeploymentStep
  try {
    return BigInt(String(await chain.request('eth_estimateGas', [{ from, data: creationCode(step, terms, {}) }])))
  } catch (cause) {
    throw asChainError(cause)
  }
}

/** Creates all contracts in the order of the plan. On a dev chain about 20 ms. @throws `TX_REVERTED`, `CHAIN_ANSWER`, `CHAIN_UNREACHABLE`, `TIMED_OUT`. */
export async function deployAll(chain: Chain, options: DeployOptions): Promise<Deployment> {
  const signer = createSigner(options.secret)
  let nonce = Number(await chain.request('eth_getTransactionCount', [signer.address, 'latest']))
  const made: Partial<Record<ContractName, Address>> = {}
  const contracts: Partial<Record<ContractName, DeployedContract>> = {}
  for (const step of DEPLOYMENT_PLAN) {
    const data = creationCode(step, options.terms, made)
    const { base, tip } = await chain.fees()
    try {
      const gas = (BigInt(String(await chain.request('eth_estimateGas', [{ from: signer.address, data }]))) * 5n) / 4n
      const { raw } = signer.sign({
        chainId: chain.chainId,
        nonce: nonce++,
        to: undefined,
        data,
        value: 0n,
        gas,
        maxFee: 2n * base + tip,
        tip,
      })
      const created = await waitForCreation(chain, await chain.broadcast(raw), step.name, options.clock)
      const code = await chain.code(created.address)
      contracts[step.name] = {
        ...created,
        abi: step.bindings.ABI,
        codeHash: codeHash(code, step.bindings.IMMUTABLE_RANGES) as Hex,
      }
      made[step.name] = created.address
      options.log.info('chain.deployed', { contract: step.name, address: created.address, block: created.block })
    } catch (cause) {
      throw asChainError(cause)
    }
  }
  const genesis = await genesisOf(chain)
  return {
    schema: 1,
    chainId: chain.chainId,
    rpc: options.rpc,
    genesis,
    contracts: contracts as Deployment['contracts'],
  }
}

/** The master's key of a compressed or uncompressed public key, as the registrar's constructor takes it: 64 bytes. */
export function masterKeyOf(uncompressed: Uint8Array): string {
  addressOfPublicKey(uncompressed) // refuses what is no point of the curve
  return `0x${Buffer.from(uncompressed.subarray(1)).toString('hex')}`
}

function creationCode(step: DeploymentStep, terms: DeploymentTerms, made: Partial<Record<ContractName, Address>>): Hex {
  const values = planArguments<unknown>(step, terms as unknown as Record<keyof DeploymentTerms, unknown>, made)
  return `${step.bindings.BYTECODE}${new Interface(step.bindings.ABI).encodeDeploy([...values]).slice(2)}` as Hex
}

async function waitForCreation(
  chain: Chain,
  hash: Hex,
  name: string,
  clock: Clock,
): Promise<{ address: Address; block: number }> {
  const until = clock.monotonic() + CREATION_DEADLINE
  for (let wait = 2; clock.monotonic() < until; wait = Math.min(wait * 2, 1_000)) {
    const receipt = await chain.receipt(hash)
    if (receipt && !receipt.ok) throw new HoldfastError('TX_REVERTED', { what: `creating ${name}` })
    if (receipt?.contractAddress) return { address: receipt.contractAddress, block: receipt.blockNumber }
    await clock.sleep(wait)
  }
  throw new HoldfastError('TIMED_OUT', { what: `creating ${name}`, limit: `${CREATION_DEADLINE / 1000} s` })
}

async function genesisOf(chain: Chain): Promise<Hex> {
  const block = await chain.block(0)
  if (!block) throw new HoldfastError('CHAIN_ANSWER', { what: 'there is no block 0' })
  return block.hash
}

function isHash(value: unknown): value is Hex {
  return typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value)
}
