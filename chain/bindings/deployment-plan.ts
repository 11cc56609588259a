/**
 * Which contracts are created, in which order and from what. `up` and ignition/modules/Holdfast.ts both read this table;
 * test/contracts/bindings.test.ts checks that they end with the same code.
 */
import { HoldfastError } from '../../base/errors.ts'
import * as holdToken from './hold-token.ts'
import * as market from './market.ts'
import * as mine from './mine.ts'
import * as registrar from './registrar.ts'
import * as stakePool from './stake-pool.ts'

/** What is chosen for a deployment. Everything else follows. */
export interface DeploymentTerms {
  /** Least fee of an advert. Gwei of HOLD. */
  readonly advertFloor: bigint
  /** Public key of the pool's master: 64 bytes, uncompressed without 0x04, hex with 0x. */
  readonly masterKey: string
  /** Time within which a member renews its key. Seconds, 30 to 365 days. */
  readonly renewalPeriod: number
  /** How fast the supply grows while somebody stakes: e^kappa a year. 10⁻¹⁸, ln 1.05 to ln 1.30. */
  readonly kappa: bigint
  /** What a stake has at least. Wei of HOLD. */
  readonly minimumStake: bigint
  /** What the hash of the first solutions of the mine must be below. 256 bits; at most 2²²⁴ − 1 but on chain id 31337. */
  readonly mineTarget: bigint
  /** What the pool asks of its members, and the bounds of that for ever; left out: `DEFAULT_POLICY_TERMS`. */
  readonly policy?: PolicyTerms
}

/** IRegistrar.Policy. Shares in basis points. */
export interface Policy {
  /** Of the rent, that members owe the pool. */
  readonly feeShare: number
  /** Of the space a repository offers, that it may store elsewhere. */
  readonly rightShare: number
  /** Of an accuser's reports: when more are dismissed, it is heard no more. */
  readonly muteShare: number
  /** Monitors drawn to judge; of these, how many convict; below how many independent ones a panel only advises. */
  readonly panelSeats: number
  readonly panelVotes: number
  readonly panelLeast: number
  /** Managers give roles to the invited only. */
  readonly inviteOnly: boolean
}

/** IRegistrar.PolicyTerms. */
export interface PolicyTerms {
  readonly initial: Policy
  readonly least: Policy
  readonly most: Policy
}

/** pool.md: a quarter for the right to store, 30 % dismissed reports, 31 seats, 21 votes, 7 at least; a master may ask 5 % of the rent at most. */
export const DEFAULT_POLICY_TERMS: PolicyTerms = {
  initial: { feeShare: 0, rightShare: 2_500, muteShare: 3_000, panelSeats: 31, panelVotes: 21, panelLeast: 7, inviteOnly: false },
  least: { feeShare: 0, rightShare: 0, muteShare: 1_000, panelSeats: 7, panelVotes: 4, panelLeast: 7, inviteOnly: false },
  most: { feeShare: 500, rightShare: 10_000, muteShare: 9_000, panelSeats: 101, panelVotes: 101, panelLeast: 31, inviteOnly: true },
}

/** The names under which the contracts are found in deployment.json. */
export type ContractName = 'token' | 'registrar' | 'stakePool' | 'market' | 'mine'

/** A constructor argument: one of the terms, or the address of a contract made before. */
export type PlannedArgument =
  /** `initial` stands when the term is left out. */
  | { readonly term: keyof DeploymentTerms; readonly initial?: unknown }
  | { readonly contract: ContractName }

/** One creation. */
export interface DeploymentStep {
  readonly name: ContractName
  /** Name in contracts/. */
  readonly artifact: string
  readonly bindings: {
    readonly ABI: readonly object[]
    readonly BYTECODE: string
    readonly CODE_HASH: string
    readonly IMMUTABLE_RANGES: readonly { readonly start: number; readonly length: number }[]
  }
  readonly args: readonly PlannedArgument[]
}

/**
 * The constructor table, in the order of creation. Stake pool and mine take their places in the token, and the market its place in the stake
 * pool, when they are created: a deployment that is complete is wired right, and no key had a say in between.
 */
export const DEPLOYMENT_PLAN: readonly DeploymentStep[] = [
  { name: 'token', artifact: 'HoldToken', bindings: holdToken, args: [] },
  {
    name: 'registrar',
    artifact: 'Registrar',
    bindings: registrar,
    args: [{ term: 'masterKey' }, { term: 'renewalPeriod' }, { term: 'policy', initial: DEFAULT_POLICY_TERMS }],
  },
  {
    name: 'stakePool',
    artifact: 'StakePool',
    bindings: stakePool,
    args: [{ contract: 'token' }, { contract: 'registrar' }, { term: 'kappa' }, { term: 'minimumStake' }],
  },
  {
    name: 'market',
    artifact: 'Market',
    bindings: market,
    args: [{ contract: 'token' }, { contract: 'stakePool' }, { term: 'advertFloor' }],
  },
  {
    name: 'mine',
    artifact: 'Mine',
    bindings: mine,
    args: [{ contract: 'token' }, { contract: 'stakePool' }, { term: 'mineTarget' }],
  },
]

/** Where one contract names another, and how: what makes a deployment one. `contract.read()` must be the address of `names`. */
export const DEPLOYMENT_WIRING: readonly {
  readonly contract: ContractName
  readonly read: string
  readonly names: ContractName
}[] = [
  { contract: 'token', read: 'stakePool', names: 'stakePool' },
  { contract: 'token', read: 'mine', names: 'mine' },
  { contract: 'stakePool', read: 'token', names: 'token' },
  { contract: 'stakePool', read: 'registrar', names: 'registrar' },
  { contract: 'stakePool', read: 'market', names: 'market' },
  { contract: 'market', read: 'token', names: 'token' },
  { contract: 'market', read: 'stakePool', names: 'stakePool' },
  { contract: 'mine', read: 'token', names: 'token' },
  { contract: 'mine', read: 'stakePool', names: 'stakePool' },
]

/** ln 1.15: the supply grows by 15 % a year, as storage gets cheaper (Kryder). 10⁻¹⁸. market.md, Token economy. */
export const DEFAULT_KAPPA = 139_761_942_375_158_697n

/** Least stake when none is chosen: 1 HOLD. Wei. */
export const DEFAULT_MINIMUM_STAKE = 10n ** 18n

/** Every hash is a solution: for chains that nobody else mines on. */
export const TRIVIAL_TARGET = (1n << 256n) - 1n

/** The easiest start elsewhere: four billion hashes for the first reward. */
export const EASIEST_START = (1n << 224n) - 1n

/** Least advert fee of a dev chain: 100 µHOLD. Gwei. contracts.md, Market. */
export const DEV_ADVERT_FLOOR = 100_000n

/** Renewal period when none is chosen: 90 days. Seconds. */
export const DEFAULT_RENEWAL_PERIOD = 90 * 86_400

/**
 * The constructor arguments of a step.
 * @param made addresses of the contracts of earlier steps
 * @throws `INTERNAL` when a step names a contract that was not made yet: the table is in the wrong order
 */
export function planArguments<Value>(
  step: DeploymentStep,
  terms: Readonly<Partial<Record<keyof DeploymentTerms, Value>>>,
  made: Readonly<Partial<Record<ContractName, Value>>>,
): readonly Value[] {
  return step.args.map((argument) => {
    if ('term' in argument) {
      const value = terms[argument.term] ?? (argument.initial as Value | undefined)
      if (value === undefined) throw new HoldfastError('INTERNAL', { what: `deployment plan: no ${argument.term}` })
      return value
    }
    const address = made[argument.contract]
    if (address === undefined) {
      throw new HoldfastError('INTERNAL', { what: `deployment plan: expected ${argument.contract} before ${step.name}` })
    }
    return address
  })
}
