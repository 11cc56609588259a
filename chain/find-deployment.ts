/**
 * The contracts of a market from its address alone: token and stake pool are the market's own, the registrar is the stake pool's, the mine is
 * the token's. The code of each is checked like that of any deployment. docs/spec/backup.md, "Finding the contracts".
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { codeHash } from './bindings/code-hash.ts'
import { type ContractName, DEPLOYMENT_PLAN } from './bindings/deployment-plan.ts'
import type { Hex } from './chain-data.ts'
import { type DeployedContract, type Deployment, readAddress } from './deployment.ts'
import type { Chain } from './rpc.ts'

export interface KnownContracts {
  readonly market: Address
  /** What the registrar must be, when it is known. */
  readonly registrar?: Address
  /** Goes into the deployment. */
  readonly rpc: string
  /** Block to look from, for endpoints without old state. */
  readonly from?: number
}

/** @throws `CHAIN_NO_DEPLOYMENT` when there is no market; `CHAIN_WRONG` for other code, or another registrar than the one that was named */
export async function findDeployment(chain: Chain, known: KnownContracts): Promise<Deployment> {
  const at = (name: ContractName, address: Address) => contractAt(chain, name, address, known.from)
  const market = await at('market', known.market)
  const token = await at('token', await readAddress(chain, 'market', market.address, 'token'))
  const stakePool = await at('stakePool', await readAddress(chain, 'market', market.address, 'stakePool'))
  const registrar = await at('registrar', await readAddress(chain, 'stakePool', stakePool.address, 'registrar'))
  if (known.registrar !== undefined && known.registrar !== registrar.address)
    throw new HoldfastError('CHAIN_WRONG', {
      what: `the registrar of the market's stake pool is ${registrar.address}, not ${known.registrar}`,
    })
  const mine = await at('mine', await readAddress(chain, 'token', token.address, 'mine'))
  const genesis = await chain.block(0)
  if (genesis === undefined) throw new HoldfastError('CHAIN_ANSWER', { what: 'there is no block 0' })
  return {
    schema: 1,
    chainId: chain.chainId,
    rpc: known.rpc,
    genesis: genesis.hash,
    contracts: { market, token, stakePool, registrar, mine },
  }
}

async function contractAt(
  chain: Chain,
  name: ContractName,
  address: Address,
  from: number | undefined,
): Promise<DeployedContract> {
  const code = await chain.code(address)
  if (code === '0x')
    throw new HoldfastError('CHAIN_NO_DEPLOYMENT', { what: `there is no code at ${address} (${name})` })
  const bindings = bindingsOf(name)
  const found = codeHash(code, bindings.IMMUTABLE_RANGES) as Hex
  if (found !== bindings.CODE_HASH)
    throw new HoldfastError('CHAIN_WRONG', {
      what: `what stands at ${address} is no ${name} of this version (code ${found}, expected ${bindings.CODE_HASH})`,
    })
  return { address, abi: bindings.ABI, codeHash: found, block: from ?? (await creationOf(chain, address)) }
}

function bindingsOf(name: ContractName) {
  const step = DEPLOYMENT_PLAN.find((each) => each.name === name)
  if (step === undefined) throw new HoldfastError('INTERNAL', { what: `no ${name} in the deployment plan` })
  return step.bindings
}

/** The block in which code appeared, by halving; 0 where the endpoint has no old state, which only makes reading slower. */
async function creationOf(chain: Chain, address: Address): Promise<number> {
  const hasCode = async (block: number) =>
    (await chain.request('eth_getCode', [address, `0x${block.toString(16)}`])) !== '0x'
  try {
    let [before, there] = [-1, (await chain.head()).number]
    while (there - before > 1) {
      const middle = Math.floor((before + there) / 2)
      if (await hasCode(middle)) there = middle
      else before = middle
    }
    return there
  } catch {
    return 0 // "missing trie node", "state is not available", and what else endpoints say
  }
}
