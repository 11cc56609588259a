/** Recognising deployed code: the same for every deployment of a contract, whatever its constructor was given. */
import { fromHex, toHex0x } from '../../base/bytes.ts'
import { keccak256 } from '../../base/hash.ts'

/** A stretch of deployed code that is filled in at creation. Bytes. */
export interface ImmutableRange {
  readonly start: number
  readonly length: number
}

/**
 * keccak256 of deployed code with its immutable values zeroed.
 * @param deployed what `eth_getCode` gives, hex with 0x
 * @param ranges IMMUTABLE_RANGES of the contract's bindings; one that lies outside the code is left out, and the hash differs
 * @returns 32 bytes, hex with 0x; compare with CODE_HASH of the bindings
 * @throws `INPUT_FORMAT` when `deployed` is not hex
 */
export function codeHash(deployed: string, ranges: readonly ImmutableRange[]): string {
  const code = fromHex(deployed)
  for (const { start, length } of ranges) code.fill(0, start, start + length)
  return toHex0x(keccak256(code))
}
