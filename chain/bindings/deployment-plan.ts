/**
 * Which contracts are created, in which order and from what. `up` and ignition/modules/Holdfast.ts both read this table;
 * test/contracts/bindings.test.ts checks that they end with the same code.
 */
import { HoldfastError } from '../../base/errors.ts'
import * as holdToken from './hold-token.ts'
import * as market from './market.ts'
import * as registrar from './registrar.ts'

/** What is chosen for a deployment. Everything else follows. */
export interface DeploymentTerms {
  /** Who mints the supply of a dev chain, once; the zero address everywhere but on chain id 31337. 20 bytes, hex with 0x. */
  readonly minter: string
  /** Least fee of an advert. Gwei of HOLD. */
  readonly advertFloor: bigint
  /** Public key of the pool's master: 64 bytes, uncompressed without 0x04, hex with 0x. */
  readonly masterKey: string
  /** Time within which a member renews its key. Seconds, 30 to 365 days. */
  readonly renewalPeriod: number
}

/** The names under which the contracts are found in deployment.json. */
export type ContractName = 'token' | 'market' | 'registrar'

/** A constructor argument: one of the terms, or the address of a contract made before. */
export type PlannedArgument = { readonly term: keyof DeploymentTerms } | { readonly contract: ContractName }

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

/** The constructor table, in the order of creation. */
export const DEPLOYMENT_PLAN: readonly DeploymentStep[] = [
  { name: 'token', artifact: 'HoldToken', bindings: holdToken, args: [{ term: 'minter' }] },
  { name: 'market', artifact: 'Market', bindings: market, args: [{ contract: 'token' }, { term: 'advertFloor' }] },
  { name: 'registrar', artifact: 'Registrar', bindings: registrar, args: [{ term: 'masterKey' }, { term: 'renewalPeriod' }] },
]

/** No minter: every chain but the dev chain. */
export const NO_MINTER = '0x0000000000000000000000000000000000000000'

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
  terms: Readonly<Record<keyof DeploymentTerms, Value>>,
  made: Readonly<Partial<Record<ContractName, Value>>>,
): readonly Value[] {
  return step.args.map((argument) => {
    if ('term' in argument) return terms[argument.term]
    const address = made[argument.contract]
    if (address === undefined) {
      throw new HoldfastError('INTERNAL', { what: `deployment plan: expected ${argument.contract} before ${step.name}` })
    }
    return address
  })
}
