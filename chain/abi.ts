/** Calls, events and reverts of our contracts, from the generated bindings. The one place that holds ethers' coder. */
import { type EventFragment, Interface } from 'ethers/abi'
import { HoldfastError } from '../base/errors.ts'
import * as token from './bindings/hold-token.ts'
import * as market from './bindings/market.ts'
import * as mine from './bindings/mine.ts'
import * as registrar from './bindings/registrar.ts'
import * as stakePool from './bindings/stake-pool.ts'
import type { ChainLog, Hex } from './chain-data.ts'
import { RpcRefusal } from './json-rpc.ts'

export const MARKET = new Interface(market.ABI)
export const TOKEN = new Interface(token.ABI)
export const REGISTRAR = new Interface(registrar.ABI)
export const STAKE_POOL = new Interface(stakePool.ABI)
export const MINE = new Interface(mine.ABI)

/** Calldata of one function. Bytes go in as Uint8Array, integers as number or bigint. @throws `INPUT_FORMAT` when the values do not fit. */
export function encodeCall(contract: Interface, name: string, values: readonly unknown[]): Hex {
  try {
    return contract.encodeFunctionData(name, [...values]) as Hex
  } catch (cause) {
    throw new HoldfastError(
      'INPUT_FORMAT',
      { name, expected: 'values of its types', got: (cause as Error).message.slice(0, 200) },
      { cause },
    )
  }
}

/** What a read returned, in order. @throws `CHAIN_ANSWER` when it does not decode. */
export function decodeResult(contract: Interface, name: string, data: Hex): readonly unknown[] {
  try {
    return contract.decodeFunctionResult(name, data).toArray()
  } catch (cause) {
    throw new HoldfastError('CHAIN_ANSWER', { what: `${name} returned ${data.slice(0, 66)}` }, { cause })
  }
}

/** A log as its event's name and values; undefined when it is none of this contract's. */
export function decodeLog(
  contract: Interface,
  log: Pick<ChainLog, 'topics' | 'data'>,
): { name: string; values: Record<string, unknown> } | undefined {
  const event = log.topics[0] === undefined ? undefined : eventsOf(contract).get(log.topics[0])
  if (!event) return undefined
  try {
    return { name: event.name, values: contract.decodeEventLog(event, log.data, log.topics).toObject() }
  } catch {
    return undefined // the first topic fits and the rest does not: an event of another contract that happens to share it
  }
}

/** The coder hashes the names of all events anew for each log it is asked about; a registrar of 10,000 members has 40,000 logs. */
const EVENTS = new WeakMap<Interface, ReadonlyMap<string, EventFragment>>()

function eventsOf(contract: Interface): ReadonlyMap<string, EventFragment> {
  const known = EVENTS.get(contract)
  if (known !== undefined) return known
  const events = new Map<string, EventFragment>()
  contract.forEachEvent((event) => events.set(event.topicHash, event))
  EVENTS.set(contract, events)
  return events
}

/** The first topic of an event. */
export function topicOf(contract: Interface, event: string): Hex {
  const fragment = contract.getEvent(event)
  if (!fragment) throw new HoldfastError('INTERNAL', { what: `no event ${event} in the bindings` })
  return fragment.topicHash as Hex
}

/** An address as a topic. */
export function addressTopic(address: Hex): Hex {
  return `0x${'0'.repeat(24)}${address.slice(2).toLowerCase()}`
}

/** Revert data as "BountyAlreadyOpen(0x…)"; its selector when it is of no contract of ours. */
export function describeRevert(data: string | undefined): string {
  if (data === undefined || data === '0x') return 'no reason given'
  for (const contract of [MARKET, REGISTRAR, TOKEN, STAKE_POOL, MINE]) {
    const parsed = tryParse(contract, data)
    if (parsed) return parsed
  }
  return `an error of another contract (${data.slice(0, 10)})`
}

function tryParse(contract: Interface, data: string): string | undefined {
  try {
    const parsed = contract.parseError(data)
    return parsed ? `${parsed.name}(${parsed.args.map(String).join(', ')})` : undefined
  } catch {
    return undefined // the selector fits and the rest does not: not this contract's error
  }
}

/** True when the endpoint's refusal is a revert: the chain's word, which asking again does not change. */
export function isRevert(refusal: RpcRefusal): boolean {
  return (
    refusal.rpcCode === 3 ||
    (refusal.data !== undefined && refusal.data.length >= 10) ||
    /revert/i.test(refusal.message)
  )
}

/** An endpoint's refusal in the vocabulary: `TX_REVERTED` with the contract's own error, else `CHAIN_ANSWER`. */
export function asChainError(cause: unknown): unknown {
  if (!(cause instanceof RpcRefusal)) return cause
  if (isRevert(cause)) return new HoldfastError('TX_REVERTED', { what: revertReason(cause) }, { cause })
  return new HoldfastError('CHAIN_ANSWER', { what: cause.message }, { cause })
}

/** Why a call reverted, in words. */
export function revertReason(refusal: RpcRefusal): string {
  return refusal.data === undefined ? refusal.message : describeRevert(refusal.data)
}
