/** Bytes: joining, comparing, fixed-width big-endian integers, hex. Every multi-byte integer of the protocol is big-endian. */
import { HoldfastError } from './errors.ts'

const encoder = new TextEncoder()

/** UTF-8 bytes of a text; the protocol's domain tags are ASCII. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** All parts in order, in one new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Two bytes, big-endian. @throws `INPUT_RANGE` unless 0 ≤ value < 2¹⁶. */
export function u16(value: number): Uint8Array {
  assertUint(value, 0xffff, 'u16')
  return Uint8Array.of(value >>> 8, value & 255)
}

/** Four bytes, big-endian. @throws `INPUT_RANGE` unless 0 ≤ value < 2³². */
export function u32(value: number): Uint8Array {
  assertUint(value, 0xffffffff, 'u32')
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** Eight bytes, big-endian, of a safe integer or a bigint. @throws `INPUT_RANGE` unless 0 ≤ value < 2⁶⁴. */
export function u64(value: number | bigint): Uint8Array {
  if (typeof value === 'number') assertUint(value, Number.MAX_SAFE_INTEGER, 'u64')
  const big = BigInt(value)
  if (big < 0n || big >= 1n << 64n)
    throw new HoldfastError('INPUT_RANGE', { name: 'u64', expected: 'below 2^64', got: String(big) })
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, big)
  return bytes
}

/** The four bytes at `offset` as a number. @throws `INPUT_RANGE` when they are not all there. */
export function readU32(bytes: Uint8Array, offset: number): number {
  if (offset < 0 || offset + 4 > bytes.length)
    throw new HoldfastError('INPUT_RANGE', { name: 'offset', expected: `at most ${bytes.length - 4}`, got: offset })
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset)
}

/** A big integer of exactly `length` bytes, big-endian. @throws `INPUT_RANGE` when it does not fit. */
export function uintBytes(value: bigint, length: number): Uint8Array {
  if (value < 0n || value >= 1n << BigInt(8 * length))
    throw new HoldfastError('INPUT_RANGE', { name: 'integer', expected: `${length} bytes`, got: String(value) })
  const bytes = new Uint8Array(length)
  for (let i = length - 1, rest = value; i >= 0 && rest > 0n; i--, rest >>= 8n) bytes[i] = Number(rest & 255n)
  return bytes
}

/** OS2IP: the bytes as one big-endian integer. */
export function bytesToUint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`)
}

/** Lower-case hex without 0x: the form of blob and object ids. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** Lower-case hex with 0x: the form of addresses and of everything that goes to the chain. */
export function toHex0x(bytes: Uint8Array): `0x${string}` {
  return `0x${toHex(bytes)}`
}

/** Bytes of hex digits, with or without 0x. @throws `INPUT_FORMAT` for anything else, also for a wrong length when one is given. */
export function fromHex(text: string, length?: number): Uint8Array {
  const digits = text.startsWith('0x') ? text.slice(2) : text
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'hex',
      expected: 'an even number of hex digits',
      got: text.slice(0, 80),
    })
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  if (length !== undefined) assertBytes(bytes, length, 'hex')
  return bytes
}

/** Equal in length and content. Not constant-time: never for secrets an attacker can probe byte by byte. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0
}

/** Order of bytes as unsigned numbers, a prefix before its extensions; negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** @throws `INPUT_FORMAT` "name: expected 32 bytes, got 31". */
export function assertBytes(value: unknown, length: number, name: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array))
    throw new HoldfastError('INPUT_FORMAT', { name, expected: `${length} bytes`, got: typeof value })
  if (value.length !== length)
    throw new HoldfastError('INPUT_FORMAT', { name, expected: `${length} bytes`, got: `${value.length} bytes` })
}

function assertUint(value: number, max: number, name: string): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new HoldfastError('INPUT_RANGE', { name, expected: `an integer from 0 to ${max}`, got: value })
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
