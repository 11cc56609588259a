/**
 * JSON for records that carry bytes and big integers, between processes of one owner: bytes as {"$b": hex}, bigints as {"$n": digits}.
 * Peers speak CBOR; people read amounts as decimals; this is neither.
 */
import { fromHex, toHex } from './bytes.ts'
import { HoldfastError } from './errors.ts'

/** A value with its bytes and bigints wrapped, ready for JSON. */
export function toTagged(value: unknown): unknown {
  if (typeof value === 'bigint') return { $n: value.toString() }
  if (value instanceof Uint8Array) return { $b: toHex(value) }
  if (Array.isArray(value)) return value.map(toTagged)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toTagged(item)]))
  return value
}

/** The inverse of `toTagged`. @throws `INPUT_FORMAT` for a malformed tag. */
export function fromTagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromTagged)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [first] = entries
  if (entries.length === 1 && first !== undefined) {
    const [key, item] = first
    if (key === '$n' && typeof item === 'string' && /^-?\d{1,80}$/.test(item)) return BigInt(item)
    if (key === '$b' && typeof item === 'string') return fromHex(item)
  }
  return Object.fromEntries(
    entries.map(([key, item]) => {
      if (key === '__proto__' || key.startsWith('$'))
        throw new HoldfastError('INPUT_FORMAT', { name: 'record', expected: 'plain keys', got: key })
      return [key, fromTagged(item)]
    }),
  )
}
