import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { HardhatArtifactResolver } from '@nomicfoundation/hardhat-ignition/helpers'
import { expect } from 'chai'
import { BrowserProvider, Contract, ContractFactory, getBytes, keccak256, SigningKey } from 'ethers'
import hre from 'hardhat'
import { codeHash } from '../../chain/bindings/code-hash.ts'
import {
  type ContractName,
  DEFAULT_KAPPA,
  DEFAULT_MINIMUM_STAKE,
  DEFAULT_RENEWAL_PERIOD,
  DEPLOYMENT_PLAN,
  DEPLOYMENT_WIRING,
  DEV_ADVERT_FLOOR,
  type DeploymentTerms,
  planArguments,
  TRIVIAL_TARGET,
} from '../../chain/bindings/deployment-plan.ts'
import Holdfast from '../../ignition/modules/Holdfast.ts'
import { generateBindings } from '../../scripts/generate-bindings.ts'

const MASTER_KEY = `0x${new SigningKey(keccak256('0x01')).publicKey.slice(4)}`
const TERMS: DeploymentTerms = {
  advertFloor: DEV_ADVERT_FLOOR,
  masterKey: MASTER_KEY,
  renewalPeriod: DEFAULT_RENEWAL_PERIOD,
  kappa: DEFAULT_KAPPA,
  minimumStake: DEFAULT_MINIMUM_STAKE,
  mineTarget: TRIVIAL_TARGET,
}

type Connection = Awaited<ReturnType<typeof hre.network.create>>

/** As much of Ignition's core as is used here. */
interface IgnitionCore {
  deploy(options: object): Promise<{ type: string; contracts?: Record<string, { address: string }> }>
}

describe('contracts: bindings and deployment', function () {
  this.timeout(180_000)
  let connection: Connection
  let provider: BrowserProvider

  before(async () => {
    connection = await hre.network.create({ network: 'gas' })
    provider = new BrowserProvider(connection.provider, undefined, { cacheTimeout: -1 })
  })
  after(async () => {
    provider?.destroy()
    await connection?.close()
  })

  it('the committed bindings are those of the contracts', async () => {
    for (const { path, text } of await generateBindings()) {
      expect(await readFile(new URL(`../../${path}`, import.meta.url), 'utf8'), path).to.equal(text)
    }
  })

  it('the plan makes code that its own hash recognises, and with other terms the same hash', async () => {
    const first = await deployByPlan(connection)
    const second = await deployByPlan(connection, {
      ...TERMS,
      advertFloor: 7n,
      renewalPeriod: 30 * 86_400,
      kappa: DEFAULT_KAPPA + 1n,
      minimumStake: 7n,
      mineTarget: 7n,
    })
    for (const { name, bindings } of DEPLOYMENT_PLAN) {
      for (const made of [first, second]) {
        const code = await provider.getCode(made[name])
        expect(codeHash(code, bindings.IMMUTABLE_RANGES), name).to.equal(bindings.CODE_HASH)
      }
    }
    // what is not masked counts: one flipped bit of the code is another contract
    const market = getBytes(await provider.getCode(first.market))
    market[0] = (market[0] as number) ^ 1
    const plan = DEPLOYMENT_PLAN.find(({ name }) => name === 'market')
    const tampered = `0x${Buffer.from(market).toString('hex')}`
    expect(codeHash(tampered, plan?.bindings.IMMUTABLE_RANGES ?? [])).not.to.equal(plan?.bindings.CODE_HASH)
  })

  it('Ignition and the plan end with the same code at the same addresses', async () => {
    // Each on a fresh chain, from the same account: then even the addresses inside the code agree.
    expect(await codesOnFreshChain(deployByIgnition)).to.deep.equal(await codesOnFreshChain(deployByPlan))
  })

  it('the deployed contracts are wired to each other and to the terms', async () => {
    const made = await deployByPlan(connection)
    const contractOf = (name: ContractName) => {
      const plan = DEPLOYMENT_PLAN.find((step) => step.name === name)
      return new Contract(made[name], plan?.bindings.ABI ?? [], provider)
    }
    for (const { contract, read, names } of DEPLOYMENT_WIRING)
      expect(await contractOf(contract).getFunction(read)(), `${contract}.${read}`).to.equal(made[names])
    expect(await contractOf('market').getFunction('advertFloor')()).to.equal(DEV_ADVERT_FLOOR)
    expect(await contractOf('stakePool').getFunction('kappa')()).to.equal(DEFAULT_KAPPA)
    expect(await contractOf('stakePool').getFunction('minimumStake')()).to.equal(DEFAULT_MINIMUM_STAKE)
    expect(await contractOf('mine').getFunction('target')()).to.equal(TRIVIAL_TARGET)
    expect(await contractOf('token').getFunction('totalSupply')()).to.equal(0n)
    const master = new SigningKey(keccak256('0x01'))
    const id = `0x${keccak256(`0x${master.publicKey.slice(4)}`).slice(26)}`
    expect(String(await contractOf('registrar').getFunction('master')()).toLowerCase()).to.equal(id)
  })
})

async function deployByPlan(connection: Connection, terms = TERMS): Promise<Record<ContractName, string>> {
  const provider = new BrowserProvider(connection.provider, undefined, { cacheTimeout: -1 })
  const deployer = await provider.getSigner(0)
  const made: Partial<Record<ContractName, string>> = {}
  for (const step of DEPLOYMENT_PLAN) {
    const factory = new ContractFactory(step.bindings.ABI, step.bindings.BYTECODE, deployer)
    made[step.name] = await (await factory.deploy(...planArguments<unknown>(step, terms, made))).getAddress()
  }
  provider.destroy()
  return made as Record<ContractName, string>
}

async function deployByIgnition(connection: Connection): Promise<Record<ContractName, string>> {
  // Ignition's core comes with its plugin for Hardhat and is found through it.
  const plugin = createRequire(import.meta.resolve('@nomicfoundation/hardhat-ignition'))
  const { deploy } = (await import(plugin.resolve('@nomicfoundation/ignition-core'))) as IgnitionCore
  const accounts = (await connection.provider.request({ method: 'eth_accounts', params: [] })) as string[]
  const result = await deploy({
    artifactResolver: new HardhatArtifactResolver(hre.artifacts),
    provider: connection.provider,
    ignitionModule: Holdfast,
    deploymentParameters: { Holdfast: { ...TERMS } },
    config: { requiredConfirmations: 1 },
    accounts,
    defaultSender: accounts[0],
  })
  expect(result.type, JSON.stringify(result)).to.equal('SUCCESSFUL_DEPLOYMENT')
  const made = Object.entries(result.contracts ?? {}).map(([id, { address }]) => {
    const step = DEPLOYMENT_PLAN.find(({ artifact }) => id === `Holdfast#${artifact}`)
    return [step?.name ?? id, address]
  })
  return Object.fromEntries(made)
}

/** @returns for each contract its address and its code */
async function codesOnFreshChain(
  deploy: (connection: Connection) => Promise<Record<ContractName, string>>,
): Promise<Record<string, { address: string; code: unknown }>> {
  const connection = await hre.network.create({ network: 'gas' })
  try {
    const codes: Record<string, { address: string; code: unknown }> = {}
    for (const [name, address] of Object.entries(await deploy(connection))) {
      const code = await connection.provider.request({ method: 'eth_getCode', params: [address, 'latest'] })
      codes[name] = { address: address.toLowerCase(), code }
    }
    expect(Object.keys(codes).sort()).to.deep.equal(['market', 'mine', 'registrar', 'stakePool', 'token'])
    return codes
  } finally {
    await connection.close()
  }
}
