/**
 * Fields of messages: one small codec per kind of value, put together to records and variants. What a peer sent is checked to the
 * last field: unknown keys, missing keys, other types and other sizes are all `NET_MALFORMED`. A format change is a new protocol id.
 */
import { bytesToUint, fromHex, toHex0x, uintBytes } from '../../base/bytes.ts'
import type { CborValue } from '../../base/codec.ts'
import { type Address, parseAddress } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'

/** Between a value in memory and its CBOR form. `name` is the field's path, for the error. */
export interface Field<T> {
  encode(value: T): CborValue
  /** @throws `NET_MALFORMED` */
  decode(value: CborValue, name: string): T
}

/** The in-memory type of a field. */
export type Of<F> = F extends Field<infer T> ? T : never

interface Optional<T> extends Field<T> {
  readonly isOptional: true
}

function malformed(name: string, expected: string): HoldfastError {
  return new HoldfastError('NET_MALFORMED', { what: `${name} that is not ${expected}` })
}

/** Exactly `length` bytes; decoded ones are a copy, so that a small field does not hold a large frame. */
export function bytes(length: number): Field<Uint8Array> {
  return bytesUpTo(length, length)
}

/** From `min` to `max` bytes. */
export function bytesUpTo(max: number, min = 0): Field<Uint8Array> {
  return {
    encode: (value) => value,
    decode: (value, name) => {
      if (!(value instanceof Uint8Array) || value.length < min || value.length > max)
        throw malformed(name, min === max ? `${max} bytes` : `${min} to ${max} bytes`)
      return value.slice()
    },
  }
}

/** Text of at most `max` UTF-16 units. */
export function text(max: number): Field<string> {
  return {
    encode: (value) => value,
    decode: (value, name) => {
      if (typeof value !== 'string' || value.length > max) throw malformed(name, `text of at most ${max} characters`)
      return value
    },
  }
}

/** One of a few words, as text: a list that only grows. */
export function choice<const Name extends string>(names: readonly Name[]): Field<Name> {
  return {
    encode: (value) => value,
    decode: (value, name) => {
      const found = names.find((one) => one === value)
      if (found === undefined) throw malformed(name, `one of ${names.join(', ')}`)
      return found
    },
  }
}

/** A whole number from `min` to `max`, at most 2⁵³ − 1. */
export function uint(max: number = Number.MAX_SAFE_INTEGER, min = 0): Field<number> {
  return {
    encode: (value) => value,
    decode: (value, name) => {
      if (typeof value !== 'number' || value < min || value > max)
        throw malformed(name, `a whole number from ${min} to ${max}`)
      return value
    },
  }
}

/** A uint64 as a CBOR integer; a bigint in memory. Gwei. */
export const uint64: Field<bigint> = {
  encode: (value) => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value),
  decode: (value, name) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') throw malformed(name, 'a uint64')
    return BigInt(value)
  },
}

/** A uint128 as its big-endian bytes without leading zeros (zero: no bytes), as CBOR integers end at 2⁶⁴. Wei. */
export const uint128: Field<bigint> = {
  encode: (value) => uintBytes(value, Math.ceil(value.toString(16).length / 2) * (value === 0n ? 0 : 1)),
  decode: (value, name) => {
    if (!(value instanceof Uint8Array) || value.length > 16 || value[0] === 0)
      throw malformed(name, 'a uint128 in its shortest form')
    return bytesToUint(value)
  },
}

/** An address as its 20 bytes. */
export const address: Field<Address> = {
  encode: (value) => fromHex(parseAddress(value), 20),
  decode: (value, name) => {
    if (!(value instanceof Uint8Array) || value.length !== 20) throw malformed(name, '20 bytes')
    return toHex0x(value)
  },
}

/** From `min` to `max` items of one kind. */
export function list<T>(item: Field<T>, max: number, min = 0): Field<readonly T[]> {
  return {
    encode: (value) => value.map((one) => item.encode(one)),
    decode: (value, name) => {
      if (!Array.isArray(value) || value.length < min || value.length > max)
        throw malformed(name, `${min} to ${max} items`)
      return value.map((one: CborValue, i) => item.decode(one, `${name}[${i}]`))
    },
  }
}

/** A field that may be absent. */
export function optional<T>(field: Field<T>): Optional<T> {
  return { ...field, isOptional: true }
}

type Shape = { readonly [key: string]: Field<never> }
type OptionalKeys<S> = { [K in keyof S]: S[K] extends { readonly isOptional: true } ? K : never }[keyof S]
/** The in-memory type of a record. */
export type RecordOf<S> = { readonly [K in Exclude<keyof S, OptionalKeys<S>>]: Of<S[K]> } & {
  readonly [K in OptionalKeys<S>]?: Of<S[K]> | undefined
}

/** A map with exactly these keys. */
export function record<S extends { readonly [key: string]: unknown }>(shape: S): Field<RecordOf<S>> {
  const fields = Object.entries(shape as unknown as Shape) as [
    string,
    Field<unknown> & { readonly isOptional?: true },
  ][]
  const known = new Set(fields.map(([key]) => key))
  return {
    encode: (value) => {
      const map: Record<string, CborValue> = {}
      for (const [key, field] of fields) {
        const item = (value as Record<string, unknown>)[key]
        if (item === undefined && field.isOptional === true) continue
        if (item === undefined)
          throw new HoldfastError('INPUT_FORMAT', { name: key, expected: 'a value', got: 'nothing' })
        map[key] = field.encode(item)
      }
      return map
    },
    decode: (value, name) => {
      const map = mapOf(value, name)
      for (const key of Object.keys(map))
        if (!known.has(key)) throw malformed(`${name}.${key.slice(0, 40)}`, 'part of this message')
      const result: Record<string, unknown> = {}
      for (const [key, field] of fields) {
        const item = map[key]
        if (item !== undefined) result[key] = field.decode(item, `${name}.${key}`)
        else if (field.isOptional !== true) throw malformed(`${name}.${key}`, 'absent')
      }
      return result as RecordOf<S>
    },
  }
}

/** A fixed row of fields as an array: for long lists, where keys would be most of the bytes. */
export function row<S extends { readonly [key: string]: unknown }>(shape: S): Field<RecordOf<S>> {
  const fields = Object.entries(shape as unknown as Shape) as unknown as [string, Field<unknown>][]
  return {
    encode: (value) => fields.map(([key, field]) => field.encode((value as Record<string, unknown>)[key])),
    decode: (value, name) => {
      if (!Array.isArray(value) || value.length !== fields.length) throw malformed(name, `${fields.length} items`)
      return Object.fromEntries(
        fields.map(([key, field], i) => [key, field.decode(value[i] as CborValue, `${name}.${key}`)]),
      ) as RecordOf<S>
    },
  }
}

/** One of several messages: on the wire a map with the kind as its only key, in memory the fields with `kind`. */
export function variants<V extends { readonly [kind: string]: Field<object> }>(
  name: string,
  kinds: V,
): Field<{ [K in keyof V & string]: { readonly kind: K } & Of<V[K]> }[keyof V & string]> {
  type Message = { [K in keyof V & string]: { readonly kind: K } & Of<V[K]> }[keyof V & string]
  return {
    encode: (value) => ({ [value.kind]: (kinds[value.kind] as Field<object>).encode(value) }),
    decode: (value) => {
      const keys = Object.keys(mapOf(value, name))
      const kind = keys[0] as string
      if (keys.length !== 1 || !Object.hasOwn(kinds, kind))
        throw malformed(`${name} message`, Object.keys(kinds).join(', '))
      const body = (kinds[kind] as Field<object>).decode(
        (value as { readonly [key: string]: CborValue })[kind] as CborValue,
        `${name} ${kind}`,
      )
      return { kind, ...body } as unknown as Message
    },
  }
}

/** The message, when it is of the expected kind. @throws `NET_PROTOCOL` */
export function only<M extends { readonly kind: string }, K extends M['kind']>(
  message: M,
  ...kinds: readonly K[]
): Extract<M, { readonly kind: K }> {
  if (!(kinds as readonly string[]).includes(message.kind))
    throw new HoldfastError('NET_PROTOCOL', { what: `${message.kind} in place of ${kinds.join(' or ')}` })
  return message as Extract<M, { readonly kind: K }>
}

function mapOf(value: CborValue, name: string): { readonly [key: string]: CborValue } {
  if (typeof value !== 'object' || value instanceof Uint8Array || Array.isArray(value)) throw malformed(name, 'a map')
  return value as { readonly [key: string]: CborValue }
}
