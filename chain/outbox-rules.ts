/** The outbox's rules without its I/O: what a node's refusal means, what a transaction offers, who goes first. */
import type { RpcRefusal } from './json-rpc.ts'
import type { Entry, Variant } from './outbox-record.ts'
import type { Fees } from './rpc.ts'

/** Most transactions of one key on their way. Nodes drop longer queues, and a mining-at-once dev chain stalls on them (stack.md §4). */
export const MAX_IN_FLIGHT = 64
/** Most raises of one fee; then somebody must look. reliability.md R7. */
export const MAX_BUMPS = 5
/** A replacement must offer an eighth more, or nodes ignore it. */
const BUMP_NUMERATOR = 9n
const BUMP_DENOMINATOR = 8n

/**
 * What a node means by refusing a signed transaction.
 * `known`: it has it already. `used`: the nonce is taken, perhaps by this very transaction. `fee`: it offers too little.
 * `funds`: the account cannot pay. `never`: no node will take these bytes. `other`: asked again later.
 */
export type Refused = 'known' | 'used' | 'fee' | 'funds' | 'never' | 'other'

/** Nodes agree on the meanings and not on the words. */
export function classifyRefusal({ message }: RpcRefusal): Refused {
  if (/already (known|imported|exists)|known transaction|already in (the )?(mem)?pool/i.test(message)) return 'known'
  if (/nonce (is )?too low|nonce has already been used|old nonce/i.test(message)) return 'used'
  if (/insufficient (funds|balance)|doesn't have enough funds|sender balance/i.test(message)) return 'funds'
  if (/underpriced|fee too low|(less|lower) than (the )?(block|current|next) base fee|max fee per gas/i.test(message))
    return 'fee'
  if (
    /intrinsic gas|exceeds (block|the block|transaction) gas|gas limit (is )?too (high|low)|oversized|invalid chain ?id|exceeds max (init ?code|transaction)/i.test(
      message,
    )
  )
    return 'never'
  return 'other'
}

/** What a first attempt offers: it survives six full blocks, whose base fee rises by an eighth each. Wei per gas. */
export function firstOffer({ base, tip }: Fees): { maxFee: bigint; tip: bigint } {
  return { maxFee: 2n * base + tip, tip }
}

/** What a replacement offers: an eighth more than before in both parts, or what is asked now when that is more. Wei per gas. */
export function raisedOffer(before: Pick<Variant, 'maxFee' | 'tip'>, now: Fees): { maxFee: bigint; tip: bigint } {
  const raise = (value: bigint) => (value * BUMP_NUMERATOR) / BUMP_DENOMINATOR + 1n
  const first = firstOffer(now)
  const tip = larger(raise(before.tip), first.tip)
  return { maxFee: larger(larger(raise(before.maxFee), first.maxFee), tip), tip }
}

/** Gas to allow: a quarter over the estimate, because the state may have moved by the time it runs, and what the intent asks for at least. */
export function gasLimit(estimate: bigint, least = 0): bigint {
  return larger((estimate * 5n) / 4n, BigInt(least))
}

/** Who goes first: by urgency, then in the order of intents. */
export function byUrgency(a: Entry, b: Entry): number {
  return (a.intent.urgency ?? 1) - (b.intent.urgency ?? 1) || (a.order < b.order ? -1 : 1)
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
