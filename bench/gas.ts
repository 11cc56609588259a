/**
 * What the market's calls cost, measured on an in-process chain with fixed rules and a fixed clock: the same code gives the same
 * numbers every time. Ceilings: contracts.md; figures of others: performance.md 2.2. `node bench/gas.ts` prints the table.
 */
import {
  AbiCoder,
  BrowserProvider,
  Contract,
  ContractFactory,
  hexlify,
  keccak256,
  SigningKey,
  toUtf8Bytes,
  Wallet,
} from 'ethers'
import {
  DEFAULT_KAPPA,
  DEFAULT_MINIMUM_STAKE,
  DEFAULT_RENEWAL_PERIOD,
  DEPLOYMENT_PLAN,
  planArguments,
  TRIVIAL_TARGET,
} from '../chain/bindings/deployment-plan.ts'
import * as tokenBindings from '../chain/bindings/hold-token.ts'
import * as marketBindings from '../chain/bindings/market.ts'
import * as mineBindings from '../chain/bindings/mine.ts'

/** Gas per call, or per bounty where a call takes a hundred. */
export interface GasTable {
  /** One bounty in its call; the note holds a docket of one entry (68 bytes). */
  readonly postAlone: number
  /** Per bounty in a call of 100, same notes. */
  readonly postOf100: number
  /** One claim in its call, paid to an account that has a balance. */
  readonly sweepAlone: number
  /** Per claim in a call of 100. */
  readonly sweepOf100: number
  /** The first claim ever of an account: its balance was zero. */
  readonly sweepFirst: number
  /** One bounty revoked after its time. */
  readonly revokeAlone: number
  readonly deposit: number
  readonly withdraw: number
  readonly advertise: number
  /** Post and sweep of one docket, by its number of entries. Up to 8 entries the docket is in the note. */
  readonly docketCycle: Readonly<Record<string, number>>
}

/** Ceilings in gas, from contracts.md (Gas). */
export const CEILINGS = {
  postAlone: 60_000,
  postOf100: 32_000,
  sweepAlone: 37_500,
  sweepOf100: 10_600,
  docketCycle: 98_000,
  /** For each byte of the note over 68: 16 as calldata, 8 in the log. */
  noteByte: 24,
} as const

/** Bytes of a docket: a count and 64 bytes per entry. protocol.md 3. */
export function docketBytes(entries: number): number {
  return 4 + 64 * entries
}

/** The longest docket that goes into the note. protocol.md 4. */
export const NOTE_ENTRIES = 8

const HUNDRED = 100
const AMOUNT = 9_663n // gwei
/** Unix time, a constant: the chain's clock starts at 1,800,000,000 and runs on while we measure, and calldata must not vary with it. */
const DEADLINE = 1_800_273_600
const SWEEP = {
  Sweep: [
    { name: 'payee', type: 'address' },
    { name: 'deadline', type: 'uint32' },
  ],
}

/** Secrets and dockets of the measurement: hashes, so that they have as many zero bytes as real ones. */
function draw(name: string): string {
  return keccak256(toUtf8Bytes(`holdfast gas ${name}`))
}

function note(entries: number, name: string): string {
  const words = Array.from({ length: 2 * entries }, (_, i) => draw(`${name} word ${i}`).slice(2))
  return `0x${entries.toString(16).padStart(8, '0')}${words.join('')}`
}

/** Deploy by the plan on a fresh in-process chain and measure everything. */
export async function measureGas(): Promise<GasTable> {
  const { default: hre } = await import('hardhat')
  const connection = await hre.network.create({ network: 'gas' })
  try {
    return await measureOn(new BrowserProvider(connection.provider, undefined, { cacheTimeout: -1 }))
  } finally {
    await connection.close()
  }
}

async function measureOn(provider: BrowserProvider): Promise<GasTable> {
  const [uploader, steward] = [await provider.getSigner(0), await provider.getSigner(1)]
  const chainId = (await provider.getNetwork()).chainId
  const made: Record<string, string> = {}
  const terms = {
    advertFloor: 100_000n,
    masterKey: `0x${new SigningKey(draw('master')).publicKey.slice(4)}`,
    renewalPeriod: DEFAULT_RENEWAL_PERIOD,
    kappa: DEFAULT_KAPPA,
    minimumStake: DEFAULT_MINIMUM_STAKE,
    mineTarget: TRIVIAL_TARGET,
  }
  for (const step of DEPLOYMENT_PLAN) {
    const { ABI, BYTECODE } = step.bindings
    const deployed = await new ContractFactory(ABI, BYTECODE, uploader).deploy(
      ...planArguments<unknown>(step, terms, made),
    )
    made[step.name] = await deployed.getAddress()
  }
  const token = new Contract(made['token'] as string, tokenBindings.ABI, uploader)
  const market = new Contract(made['market'] as string, marketBindings.ABI, uploader)

  async function gasOf(contract: Contract, method: string, ...args: readonly unknown[]): Promise<number> {
    const sent = await contract.getFunction(method)(...args)
    return Number((await sent.wait()).gasUsed)
  }

  const post = (name: string, entries: number) => {
    const docket = note(entries, name)
    const claimKey = new Wallet(draw(name)).address
    return { claimKey, amount: AMOUNT, docketHash: keccak256(docket), note: entries > NOTE_ENTRIES ? '0x' : docket }
  }
  const domain = { name: 'Holdfast Market', version: '1', chainId, verifyingContract: made['market'] as string }
  const claim = async (name: string) => {
    const text = await new Wallet(draw(name)).signTypedData(domain, SWEEP, {
      payee: steward.address,
      deadline: DEADLINE,
    })
    const [r, s, v] = [text.slice(0, 66), BigInt(`0x${text.slice(66, 130)}`), Number.parseInt(text.slice(130), 16)]
    return { r, vs: AbiCoder.defaultAbiCoder().encode(['uint256'], [s | (BigInt(v - 27) << 255n)]) }
  }
  const group = async (names: readonly string[]) => [
    { poster: uploader.address, deadline: DEADLINE, open: false, claims: await Promise.all(names.map(claim)) },
  ]

  const mine = new Contract(made['mine'] as string, mineBindings.ABI, uploader)
  for (let rewards = 0; rewards < 3; rewards++) await gasOf(mine, 'solve', uploader.address, 0)
  await gasOf(token, 'approve', made['market'], 2n ** 256n - 1n)
  await gasOf(market, 'deposit', 10n ** 21n)
  const deposit = await gasOf(market, 'deposit', 10n ** 21n)

  const hundred = Array.from({ length: HUNDRED }, (_, i) => `of a hundred ${i}`)
  await gasOf(market, 'post', steward.address, DEADLINE, [post('first', 1)])
  const sweepFirst = await gasOf(market, 'sweep', steward.address, await group(['first']))
  const postAlone = await gasOf(market, 'post', steward.address, DEADLINE, [post('alone', 1)])
  const sweepAlone = await gasOf(market, 'sweep', steward.address, await group(['alone']))
  const posts = hundred.map((name) => post(name, 1))
  const postOf100 = (await gasOf(market, 'post', steward.address, DEADLINE, posts)) / HUNDRED
  const sweepOf100 = (await gasOf(market, 'sweep', steward.address, await group(hundred))) / HUNDRED

  const docketCycle: Record<string, number> = {}
  for (const entries of [1, NOTE_ENTRIES, 1_000, 100_000]) {
    // only the hash and the note go on chain: a large docket's bytes are not needed to know what it costs
    const of =
      entries > NOTE_ENTRIES ? { ...post(`docket ${entries}`, 1), note: '0x' } : post(`docket ${entries}`, entries)
    const posted = await gasOf(market, 'post', steward.address, DEADLINE, [of])
    docketCycle[entries] = posted + (await gasOf(market, 'sweep', steward.address, await group([`docket ${entries}`])))
  }

  const advertise = await gasOf(market, 'advertise', draw('advert'), 12_345_678n)
  const withdraw = await gasOf(market, 'withdraw', 10n ** 18n, uploader.address)
  await gasOf(market, 'post', steward.address, DEADLINE, [post('revoked', 1)])
  const id = await market.getFunction('bountyId')(
    uploader.address,
    new Wallet(draw('revoked')).address,
    steward.address,
  )
  await provider.send('evm_setNextBlockTimestamp', [DEADLINE + 3600])
  const revokeAlone = await gasOf(market, 'revoke', [hexlify(id)])

  return {
    postAlone,
    postOf100,
    sweepAlone,
    sweepOf100,
    sweepFirst,
    revokeAlone,
    deposit,
    withdraw,
    advertise,
    docketCycle,
  }
}

if (import.meta.main) console.log(JSON.stringify(await measureGas(), undefined, 2))
