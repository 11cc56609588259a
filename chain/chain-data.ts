/** Blocks, logs and receipts as JSON-RPC gives them, checked field by field: an endpoint is a stranger. */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { type UnixTime, unixTime } from '../base/units.ts'

/** Hex digits with 0x. */
export type Hex = `0x${string}`

/** What is used of a block's header. */
export interface Block {
  readonly number: number
  readonly hash: Hex
  readonly parentHash: Hex
  readonly timestamp: UnixTime
  /** Wei per gas; undefined where the chain has none. */
  readonly baseFee: bigint | undefined
}

/** One event as the chain keeps it. */
export interface ChainLog {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly blockNumber: number
  readonly blockHash: Hex
  /** Undefined where the endpoint does not say; the feed fills it in. */
  readonly blockTime: UnixTime | undefined
  readonly txHash: Hex
  /** Place in the block: with the block's hash, the event's identity. */
  readonly logIndex: number
}

/** What became of a transaction. */
export interface Receipt {
  readonly txHash: Hex
  /** Who sent it, and paid for it. */
  readonly from: Address
  readonly ok: boolean
  readonly blockNumber: number
  readonly blockHash: Hex
  readonly contractAddress: Address | undefined
  readonly gasUsed: bigint
  /** Wei per gas. */
  readonly gasPrice: bigint
}

/** One alternative of a filter: by position a topic, several, or anything. */
export type Topics = readonly (Hex | readonly Hex[] | null)[]

/** Which logs: of these contracts, and matching one of the alternatives. None given: all. */
export interface LogFilter {
  /** Absent: of every contract. */
  readonly address?: Address | readonly Address[]
  readonly topics: readonly Topics[]
}

export function parseBlock(value: unknown): Block {
  const block = record(value, 'block')
  return {
    number: hexNumber(block.number, 'block number'),
    hash: hexOf(block.hash, 32, 'block hash'),
    parentHash: hexOf(block.parentHash, 32, 'parent hash'),
    timestamp: unixTime(hexNumber(block.timestamp, 'timestamp')),
    baseFee:
      block.baseFeePerGas === undefined || block.baseFeePerGas === null
        ? undefined
        : hexBig(block.baseFeePerGas, 'base fee'),
  }
}

export function parseLog(value: unknown): ChainLog {
  const log = record(value, 'log')
  if (!Array.isArray(log.topics) || log.topics.length > 4) throw wrong('topics')
  return {
    address: hexOf(log.address, 20, 'log address'),
    topics: log.topics.map((topic) => hexOf(topic, 32, 'topic')),
    data: hexOf(log.data, undefined, 'log data'),
    blockNumber: hexNumber(log.blockNumber, 'log block number'),
    blockHash: hexOf(log.blockHash, 32, 'log block hash'),
    blockTime:
      log.blockTimestamp === undefined || log.blockTimestamp === null
        ? undefined
        : unixTime(hexNumber(log.blockTimestamp, 'log time')),
    txHash: hexOf(log.transactionHash, 32, 'transaction hash'),
    logIndex: hexNumber(log.logIndex, 'log index'),
  }
}

export function parseReceipt(value: unknown): Receipt {
  const receipt = record(value, 'receipt')
  return {
    txHash: hexOf(receipt.transactionHash, 32, 'transaction hash'),
    from: hexOf(receipt.from, 20, 'sender'),
    ok: hexNumber(receipt.status, 'status') === 1,
    blockNumber: hexNumber(receipt.blockNumber, 'receipt block number'),
    blockHash: hexOf(receipt.blockHash, 32, 'receipt block hash'),
    contractAddress:
      typeof receipt.contractAddress === 'string' ? hexOf(receipt.contractAddress, 20, 'contract address') : undefined,
    gasUsed: hexBig(receipt.gasUsed, 'gas used'),
    gasPrice: receipt.effectiveGasPrice === undefined ? 0n : hexBig(receipt.effectiveGasPrice, 'gas price'),
  }
}

/** A quantity as a number. @throws `CHAIN_ANSWER`. */
export function hexNumber(value: unknown, what: string): number {
  const number = Number(hexBig(value, what))
  if (!Number.isSafeInteger(number)) throw wrong(what)
  return number
}

/** A quantity as a bigint. @throws `CHAIN_ANSWER`. */
export function hexBig(value: unknown, what: string): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) throw wrong(what)
  return BigInt(value)
}

function hexOf(value: unknown, length: number | undefined, what: string): Hex {
  const isHex = typeof value === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(value)
  if (!isHex || (length !== undefined && value.length !== 2 + 2 * length)) throw wrong(what)
  return value.toLowerCase() as Hex
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw wrong(what)
  return value as Record<string, unknown>
}

function wrong(what: string): HoldfastError {
  return new HoldfastError('CHAIN_ANSWER', { what: `${what} is not valid` })
}
