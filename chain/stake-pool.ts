/** The stake pool: what an account has in it, calls to send, cases against bonds. contracts.md, StakePool. Amounts in wei but for cases. */
import { fromHex } from '../base/bytes.ts'
import { type Address, ZERO_ADDRESS } from '../base/curve.ts'
import type { Placement } from '../base/typed-data.ts'
import { type Gwei, gwei, type UnixTime, unixTime, type Wei, wei } from '../base/units.ts'
import { addressTopic, asChainError, decodeLog, decodeResult, encodeCall, STAKE_POOL, topicOf } from './abi.ts'
import type { ChainLog, Hex, Topics } from './chain-data.ts'
import type { Chain } from './rpc.ts'

/** What an account has in the pool. */
export interface Holding {
  readonly staked: Wei
  readonly bonded: Wei
  /** Rewards, and repair costs awarded, to be claimed. Up to the last poke. */
  readonly pending: Wei
  /** On its way out. */
  readonly leaving: Wei
  /** Of its bonds, what open cases hold. */
  readonly held: Wei
}

/** Tokens on their way out. */
export interface Exit {
  readonly amount: Wei
  readonly ready: UnixTime
  /** Still answers for placements. */
  readonly bonded: boolean
}

/** An open proposal to take a bond. */
export interface BondCase {
  readonly agent: Address
  readonly manager: Address
  readonly uploader: Address
  readonly amount: Gwei
  readonly repairCost: Gwei
  readonly executableFrom: UnixTime
}

/** What the pool tells of stakes and cases. Ids are placement digests, 32 bytes. */
export type StakeEvent =
  | { readonly kind: 'staked' | 'bonded'; readonly account: Address; readonly amount: Wei }
  | {
      readonly kind: 'unstaking' | 'unbonding'
      readonly account: Address
      readonly amount: Wei
      readonly ready: UnixTime
    }
  | {
      readonly kind: 'withdrawn' | 'claimed'
      readonly account: Address
      readonly to: Address
      readonly amount: Wei
    }
  | {
      readonly kind: 'proposed'
      readonly id: Uint8Array
      readonly agent: Address
      readonly manager: Address
      readonly amount: Gwei
      readonly repairCost: Gwei
      readonly evidenceHash: Uint8Array
      readonly executableFrom: UnixTime
    }
  | { readonly kind: 'vetoed'; readonly id: Uint8Array; readonly by: Address }
  | {
      readonly kind: 'executed'
      readonly id: Uint8Array
      readonly uploader: Address
      readonly paid: Wei
      readonly burned: Wei
    }
  | { readonly kind: 'lapsed'; readonly id: Uint8Array }

/** Reads of one stake pool. Each asks the latest block. */
export interface StakePool {
  readonly address: Address
  holdingOf(account: Address): Promise<Holding>
  /** Oldest first, at most 16. */
  exitsOf(account: Address): Promise<readonly Exit[]>
  /** Undefined: none is open for this placement. @param id the placement's digest */
  caseOf(id: Uint8Array): Promise<BondCase | undefined>
  /** Whether this placement had its case. */
  wasOpened(id: Uint8Array): Promise<boolean>
  /** Stakes and bonds that earn, all bonds, and the least stake. */
  totals(): Promise<{ readonly earning: Wei; readonly bonds: Wei; readonly minimum: Wei }>
}

/** @throws (each read) `TX_REVERTED`, `CHAIN_ANSWER`, `CHAIN_UNREACHABLE` */
export function openStakePool(chain: Chain, address: Address): StakePool {
  async function read<Value>(name: string, values: readonly unknown[] = []): Promise<Value> {
    let data: Hex
    try {
      data = await chain.call(address, encodeCall(STAKE_POOL, name, values))
    } catch (cause) {
      throw asChainError(cause)
    }
    return decodeResult(STAKE_POOL, name, data)[0] as Value
  }
  return {
    address,
    async holdingOf(account) {
      const it = await read<Record<keyof Holding, bigint>>('holdingOf', [account])
      return {
        staked: wei(it.staked),
        bonded: wei(it.bonded),
        pending: wei(it.pending),
        leaving: wei(it.leaving),
        held: wei(it.held),
      }
    },
    async exitsOf(account) {
      const exits = await read<readonly { amount: bigint; ready: bigint; bonded: boolean }[]>('exitsOf', [account])
      return exits.map(({ amount, ready, bonded }) => ({
        amount: wei(amount),
        ready: unixTime(Number(ready)),
        bonded,
      }))
    },
    async caseOf(id) {
      const it = await read<Record<string, unknown>>('caseOf', [id])
      const addressOf = (name: string) => (it[name] as string).toLowerCase() as Address
      if (addressOf('agent') === ZERO_ADDRESS) return undefined
      return {
        agent: addressOf('agent'),
        manager: addressOf('manager'),
        uploader: addressOf('uploader'),
        amount: gwei(it['amount'] as bigint),
        repairCost: gwei(it['repairCost'] as bigint),
        executableFrom: unixTime(Number(it['executableFrom'])),
      }
    },
    wasOpened: (id) => read<boolean>('wasOpened', [id]),
    async totals() {
      const [earning, bonds, minimum] = await Promise.all([
        read<bigint>('totalEarning'),
        read<bigint>('totalBonds'),
        read<bigint>('minimumStake'),
      ])
      return { earning: wei(earning), bonds: wei(bonds), minimum: wei(minimum) }
    },
  }
}

export const encodeStake = (amount: Wei): Hex => encodeCall(STAKE_POOL, 'stake', [amount])
/** Makes part of a stake a bond. */
export const encodeBond = (amount: Wei): Hex => encodeCall(STAKE_POOL, 'bond', [amount])
export const encodeUnstake = (amount: Wei): Hex => encodeCall(STAKE_POOL, 'unstake', [amount])
export const encodeUnbond = (amount: Wei): Hex => encodeCall(STAKE_POOL, 'unbond', [amount])
/** Draws what has finished leaving. */
export const encodeWithdrawStake = (to: Address): Hex => encodeCall(STAKE_POOL, 'withdraw', [to])
/** Draws all rewards. */
export const encodeClaim = (to: Address): Hex => encodeCall(STAKE_POOL, 'claim', [to])

/** What a manager proposes against a steward of its own. */
export interface Proposal {
  readonly placement: Placement
  /** At most the placement's bond. */
  readonly amount: Gwei
  /** What making the blob again costs the uploader. */
  readonly repairCost: Gwei
  /** Placement, 65 bytes each. */
  readonly uploaderSignature: Uint8Array
  readonly stewardSignature: Uint8Array
  /** 32 bytes. */
  readonly evidenceHash: Uint8Array
}

export const encodePropose = (it: Proposal): Hex =>
  encodeCall(STAKE_POOL, 'propose', [
    it.placement,
    it.amount,
    it.repairCost,
    it.uploaderSignature,
    it.stewardSignature,
    it.evidenceHash,
  ])
export const encodeVeto = (id: Uint8Array): Hex => encodeCall(STAKE_POOL, 'veto', [id])
export const encodeExecute = (id: Uint8Array): Hex => encodeCall(STAKE_POOL, 'execute', [id])
/** Several calls of the pool in one transaction, all or none: stake and bond. */
export const encodeStakeMulticall = (calls: readonly Hex[]): Hex => encodeCall(STAKE_POOL, 'multicall', [calls])

/** What an uploader wants to know of its stewards' bonds: a bond that leaves makes its placements due (market.md). */
export function unbondingTopics(stewards: readonly Address[]): readonly Topics[] {
  return [[topicOf(STAKE_POOL, 'Unbonding'), stewards.map(addressTopic)]]
}

/** A log of the stake pool as an event; undefined for what is none of these. */
export function decodeStakeLog(log: Pick<ChainLog, 'topics' | 'data'>): StakeEvent | undefined {
  const event = decodeLog(STAKE_POOL, log)
  if (!event) return undefined
  const { values } = event
  const address = (name: string) => (values[name] as string).toLowerCase() as Address
  const tokens = (name: string) => wei(values[name] as bigint)
  const settled = (name: string) => gwei(values[name] as bigint)
  const time = (name: string) => unixTime(Number(values[name]))
  const bytes = (name: string) => fromHex(values[name] as string)
  switch (event.name) {
    case 'Staked':
    case 'Bonded':
      return {
        kind: event.name === 'Staked' ? 'staked' : 'bonded',
        account: address('account'),
        amount: tokens('amount'),
      }
    case 'Unstaking':
    case 'Unbonding':
      return {
        kind: event.name === 'Unstaking' ? 'unstaking' : 'unbonding',
        account: address('account'),
        amount: tokens('amount'),
        ready: time('ready'),
      }
    case 'Withdrawn':
    case 'Claimed':
      return {
        kind: event.name === 'Withdrawn' ? 'withdrawn' : 'claimed',
        account: address('account'),
        to: address('to'),
        amount: tokens('amount'),
      }
    case 'CaseProposed':
      return {
        kind: 'proposed',
        id: bytes('id'),
        agent: address('agent'),
        manager: address('manager'),
        amount: settled('amount'),
        repairCost: settled('repairCost'),
        evidenceHash: bytes('evidenceHash'),
        executableFrom: time('executableFrom'),
      }
    case 'CaseVetoed':
      return { kind: 'vetoed', id: bytes('id'), by: address('by') }
    case 'CaseExecuted':
      return {
        kind: 'executed',
        id: bytes('id'),
        uploader: address('uploader'),
        paid: tokens('paid'),
        burned: tokens('burned'),
      }
    case 'CaseLapsed':
      return { kind: 'lapsed', id: bytes('id') }
    default:
      return undefined
  }
}
