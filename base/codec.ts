/**
 * Canonical CBOR as the protocol takes it: RFC 8949 §4.2.1 with text keys only, unsigned integers below 2⁶⁴, byte strings,
 * text, arrays and maps, and nothing else. Absent means absent: there is no null. Source: protocol.md, opening.
 */
import { decode as cborDecode, encode as cborEncode, rfc8949EncodeOptions } from 'cborg'
import { equalBytes } from './bytes.ts'
import { HoldfastError } from './errors.ts'

/** What a record may hold. Integers above 2⁵³ − 1 are bigints, all others numbers. */
export type CborValue =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue }

/** No record of the protocol nests deeper. */
const MAX_DEPTH = 16

/** The one encoding of a value. Keys whose value is undefined are left out. @throws `INPUT_FORMAT` for types the protocol has no place for. */
export function encodeCbor(value: CborValue): Uint8Array {
  return cborEncode(assertPlain(value, 0), rfc8949EncodeOptions)
}

/**
 * Reads one canonical value that fills `bytes` entirely.
 * @param maxBytes cap, checked first
 * @throws `NET_MALFORMED` when it is too large, not canonical, or of a type the protocol has no place for
 */
export function decodeCbor(bytes: Uint8Array, maxBytes: number): CborValue {
  if (bytes.length > maxBytes) throw new HoldfastError('NET_OVERSIZE', { limit: maxBytes, got: bytes.length })
  let value: CborValue
  try {
    value = cborDecode(bytes, DECODE_OPTIONS) as CborValue
    assertPlain(value, 0)
  } catch (cause) {
    throw new HoldfastError('NET_MALFORMED', { what: 'CBOR' }, { cause })
  }
  if (!equalBytes(encodeCbor(value), bytes))
    throw new HoldfastError('NET_MALFORMED', { what: 'CBOR that is not canonical' })
  return value
}

const DECODE_OPTIONS = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
  useMaps: false,
}

function assertPlain(value: unknown, depth: number): CborValue {
  if (depth > MAX_DEPTH) return refuse('nesting deeper than 16')
  if (typeof value === 'string') return value.isWellFormed() ? value : refuse('text with a lone surrogate')
  if (value instanceof Uint8Array) return value
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0) ? value : refuse(String(value))
  if (typeof value === 'bigint') return value >= 0n && value < 1n << 64n ? value : refuse(String(value))
  if (Array.isArray(value)) return value.map((item) => assertPlain(item, depth + 1))
  if (typeof value === 'object' && value !== null) {
    const prototype = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null)
      return refuse(`an object of class ${value.constructor?.name}`)
    const plain: Record<string, CborValue> = {}
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__') return refuse('a key __proto__')
      if (item !== undefined) plain[key] = assertPlain(item, depth + 1)
    }
    return plain
  }
  return refuse(value === null ? 'null' : typeof value)
}

function refuse(got: string): never {
  throw new HoldfastError('INPUT_FORMAT', {
    name: 'record',
    expected: 'unsigned integers, bytes, text, arrays and maps',
    got,
  })
}
