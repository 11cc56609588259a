/** The manifest: what an object consists of, as canonical CBOR (protocol.md §2.5). Whoever holds it can read the object. */
import { assertBytes, equalBytes, fromHex, toHex0x } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { MiB } from '../base/units.ts'
import { assertCut, type Cut, countSegments, MAX_OBJECT_SHARES } from './segment.ts'

/** A larger manifest is put as an object of its own, and an indirect one stands in for it. Bytes. protocol.md §2.5. */
export const MAX_MANIFEST_BYTES = 1_048_576
/** Most bytes of a manifest that is an object of its own: 2²⁰ shares take at most 72 MiB. */
export const MAX_LARGE_MANIFEST_BYTES = 96 * MiB

/** What the small and the large manifest of an object have in common. */
export interface ManifestFields extends Cut {
  /** Address of the key that signs successor records. */
  readonly editor: Address
  /** Everything but the cap's own keys comes from it. 32 bytes. */
  readonly objectKey: Uint8Array
  /** Plaintext bytes. */
  readonly size: number
  readonly name?: string
  /** Media type. */
  readonly type?: string
}

/** The n shares of one segment, as they were at put. */
export interface SegmentShares {
  /** 16 bytes each. */
  readonly salts: readonly Uint8Array[]
  /** 32 bytes each. */
  readonly blobIds: readonly Uint8Array[]
}

/** A manifest that lists its shares. */
export interface DirectManifest extends ManifestFields {
  readonly segments: readonly SegmentShares[]
}

/** The small manifest of an object whose list of shares is an object itself. */
export interface IndirectManifest extends ManifestFields {
  /** Cap of the object whose plaintext is the large manifest. 32 bytes. */
  readonly indirect: Uint8Array
}

export type Manifest = DirectManifest | IndirectManifest

/** Whether the list of shares has to be fetched first. */
export function isIndirect(manifest: Manifest): manifest is IndirectManifest {
  return 'indirect' in manifest
}

/** The manifest's bytes. @throws `OBJECT_MANIFEST` when a field is not as protocol.md §2.5 wants it. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const fields: Record<string, CborValue> = {
    v: 1,
    editor: fromHex(manifest.editor),
    objectKey: manifest.objectKey,
    size: manifest.size,
    segmentSize: manifest.segmentSize,
    k: manifest.k,
    n: manifest.n,
  }
  if (isIndirect(manifest)) fields.indirect = manifest.indirect
  else fields.segments = manifest.segments.map(({ salts, blobIds }) => ({ salts, blobIds }))
  if (manifest.name !== undefined) fields.name = manifest.name
  if (manifest.type !== undefined) fields.type = manifest.type
  readManifest(fields)
  return encodeCbor(fields)
}

/**
 * The manifest in some bytes, every field checked.
 * @param maxBytes `MAX_MANIFEST_BYTES` for what came as a copy, `MAX_LARGE_MANIFEST_BYTES` for what came as an object
 * @throws `OBJECT_MANIFEST` naming the field that is wrong
 */
export function decodeManifest(bytes: Uint8Array, maxBytes = MAX_MANIFEST_BYTES): Manifest {
  let fields: CborValue
  try {
    fields = decodeCbor(bytes, maxBytes)
  } catch (cause) {
    throw new HoldfastError('OBJECT_MANIFEST', { what: cause instanceof Error ? cause.message : 'not CBOR' }, { cause })
  }
  return readManifest(fields)
}

/**
 * The large manifest of an indirect one.
 * @param small from a copy, checked against the cap
 * @param bytes plaintext of the object that `small.indirect` names
 * @throws `OBJECT_MANIFEST` when it is not a list of shares or a field that both have differs
 */
export function decodeLargeManifest(small: IndirectManifest, bytes: Uint8Array): DirectManifest {
  const large = decodeManifest(bytes, MAX_LARGE_MANIFEST_BYTES)
  if (isIndirect(large)) return refuse('the list of shares is indirect again')
  const same =
    equalBytes(small.objectKey, large.objectKey) &&
    (['editor', 'size', 'segmentSize', 'k', 'n', 'name', 'type'] as const).every(
      (field) => small[field] === large[field],
    )
  return same ? large : refuse('the list of shares belongs to another object')
}

/** The small manifest that stands in for a large one. @param cap of the object that the large one was put as */
export function makeIndirect(large: DirectManifest, cap: Uint8Array): IndirectManifest {
  assertBytes(cap, 32, 'cap')
  const { segments: _, ...fields } = large
  return { ...fields, indirect: cap }
}

const REQUIRED = ['v', 'editor', 'objectKey', 'size', 'segmentSize', 'k', 'n'] as const
const OPTIONAL = ['name', 'type', 'segments', 'indirect'] as const

function readManifest(value: CborValue): Manifest {
  const map = asMap(value, 'it', REQUIRED, OPTIONAL)
  if (map.v !== 1) return refuse('its version is not 1')
  const cut = { segmentSize: asNumber(map, 'segmentSize'), k: asNumber(map, 'k'), n: asNumber(map, 'n') }
  const size = asNumber(map, 'size')
  try {
    assertCut(cut)
  } catch (cause) {
    throw new HoldfastError('OBJECT_MANIFEST', { what: (cause as Error).message }, { cause })
  }
  const name = asText(map, 'name')
  const type = asText(map, 'type')
  const fields: ManifestFields = {
    editor: toHex0x(asBytes(map.editor, 20, 'editor')),
    objectKey: asBytes(map.objectKey, 32, 'objectKey'),
    size,
    ...cut,
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
  }
  if ('segments' in map === 'indirect' in map) return refuse('it needs either segments or indirect')
  if ('indirect' in map) return { ...fields, indirect: asBytes(map.indirect, 32, 'indirect') }
  return { ...fields, segments: readSegments(map.segments, size, cut) }
}

function readSegments(value: CborValue | undefined, size: number, { segmentSize, n }: Cut): SegmentShares[] {
  const count = countSegments(size, segmentSize)
  if (count * n > MAX_OBJECT_SHARES) return refuse(`${count} segments of ${n} shares are too many`)
  if (!Array.isArray(value) || value.length !== count) return refuse(`segments is not a list of ${count}`)
  return value.map((segment: CborValue, s) => {
    const map = asMap(segment, `segment ${s}`, ['salts', 'blobIds'], [])
    return {
      salts: asBytesList(map.salts, n, 16, `salts of segment ${s}`),
      blobIds: asBytesList(map.blobIds, n, 32, `blobIds of segment ${s}`),
    }
  })
}

type CborMap = { readonly [key: string]: CborValue }

function asMap(value: CborValue, what: string, required: readonly string[], optional: readonly string[]): CborMap {
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array)
    return refuse(`${what} is not a map`)
  const missing = required.find((key) => !(key in value))
  if (missing !== undefined) return refuse(`${what} has no ${missing}`)
  const unknown = Object.keys(value).find((key) => !required.includes(key) && !optional.includes(key))
  if (unknown !== undefined) return refuse(`${what} has an unknown field ${JSON.stringify(unknown.slice(0, 40))}`)
  return value as CborMap
}

function asNumber(map: CborMap, key: string): number {
  const value = map[key]
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(`${key} is not a whole number below 2^53`)
}

function asText(map: CborMap, key: string): string | undefined {
  const value = map[key]
  return value === undefined || typeof value === 'string' ? value : refuse(`${key} is not text`)
}

function asBytes(value: CborValue | undefined, length: number, what: string): Uint8Array {
  return value instanceof Uint8Array && value.length === length ? value : refuse(`${what} is not ${length} bytes`)
}

function asBytesList(value: CborValue | undefined, count: number, length: number, what: string): Uint8Array[] {
  if (!Array.isArray(value) || value.length !== count) return refuse(`${what} is not a list of ${count}`)
  return value.map((item: CborValue) => asBytes(item, length, `an entry of ${what}`))
}

function refuse(what: string): never {
  throw new HoldfastError('OBJECT_MANIFEST', { what })
}
