/** The mine: what a solution must answer, the search for one, and what it pays. contracts.md, Mine. */
import { assertBytes, concat, fromHex, uintBytes } from '../base/bytes.ts'
import { type Address, parseAddress } from '../base/curve.ts'
import { keccak256 } from '../base/hash.ts'
import { type Wei, wei } from '../base/units.ts'
import { asChainError, decodeLog, decodeResult, encodeCall, MINE } from './abi.ts'
import type { ChainLog, Hex } from './chain-data.ts'
import { type Chain, call, resultOf } from './rpc.ts'

/** What is to be solved now. The next reward changes the challenge. */
export interface Work {
  /** 32 bytes. */
  readonly challenge: Uint8Array
  /** A solution's hash, read as a number, is below it. */
  readonly target: bigint
  /** What the next solution pays. Wei of HOLD. */
  readonly reward: Wei
  /** What was paid so far. Wei of HOLD. */
  readonly mined: Wei
}

/** A reward that was paid. */
export interface Reward {
  readonly miner: Address
  readonly amount: Wei
}

/** @throws `TX_REVERTED`, `CHAIN_ANSWER`, `CHAIN_UNREACHABLE` */
export async function readWork(chain: Chain, mine: Address): Promise<Work> {
  const names = ['challenge', 'target', 'reward', 'mined'] as const
  const answers = await chain.batch(
    names.map((name) => call('eth_call', { to: mine, data: encodeCall(MINE, name, []) }, 'latest')),
  )
  try {
    const [challenge, target, reward, mined] = names.map(
      (name, at) => decodeResult(MINE, name, resultOf(answers[at]) as Hex)[0],
    )
    return {
      challenge: fromHex(challenge as string),
      target: target as bigint,
      reward: wei(reward as bigint),
      mined: wei(mined as bigint),
    }
  } catch (cause) {
    throw asChainError(cause)
  }
}

/** The hash of a solution: keccak256(abi.encode(challenge, miner, nonce)), as a number. */
export function workHash(challenge: Uint8Array, miner: Address, nonce: bigint): bigint {
  assertBytes(challenge, 32, 'challenge')
  const words = [new Uint8Array(12), fromHex(parseAddress(miner, 'miner'), 20), uintBytes(nonce, 32)]
  return BigInt(`0x${Buffer.from(keccak256(concat(challenge, ...words))).toString('hex')}`)
}

/**
 * Looks for a solution among `tries` numbers from `from` on. Some microseconds each, so callers that may be interrupted ask for few at a time.
 * @returns undefined: none of them
 */
export function findNonce(
  { challenge, target }: Pick<Work, 'challenge' | 'target'>,
  miner: Address,
  { from, tries }: { readonly from: bigint; readonly tries: number },
): bigint | undefined {
  for (let nonce = from; nonce < from + BigInt(tries); nonce++)
    if (workHash(challenge, miner, nonce) < target) return nonce
  return undefined
}

/** How many hashes a solution takes on average. */
export function expectedHashes(target: bigint): bigint {
  return (1n << 256n) / (target === 0n ? 1n : target)
}

/** Anyone may send it; the reward is the miner's. */
export const encodeSolve = (miner: Address, nonce: bigint): Hex => encodeCall(MINE, 'solve', [miner, nonce])

/** A log of the mine as a reward; undefined for what is none. */
export function decodeReward(log: Pick<ChainLog, 'topics' | 'data'>): Reward | undefined {
  const event = decodeLog(MINE, log)
  if (event?.name !== 'Mined') return undefined
  const { miner, reward } = event.values
  return { miner: (miner as string).toLowerCase() as Address, amount: wei(reward as bigint) }
}
