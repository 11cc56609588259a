/**
 * What a put will send, from sizes alone: segments, share lengths, the exact length of a manifest copy. Nothing is read
 * and nothing is random here but the keys handed in, so the same put plans the same again.
 */
import { toHex } from '../base/bytes.ts'
import { encodeCbor } from '../base/codec.ts'
import { ZERO_ADDRESS } from '../base/curve.ts'
import { hkdf } from '../base/hash.ts'
import type { Seconds } from '../base/units.ts'
import { encodeManifest, MAX_MANIFEST_BYTES, type ManifestFields } from '../blob/manifest.ts'
import { type Cut, type ObjectPlan, planObject } from '../blob/segment.ts'
import type { PutPlan } from './put-book.ts'

/** Salt in front of a copy and tag at its end. Bytes. protocol.md §2.6. */
const COPY_OVERHEAD = 32

/** What is to be stored and how. */
export interface ObjectShape extends Cut {
  /** Plaintext bytes. */
  readonly size: number
  readonly term: Seconds
  readonly name?: string
  /** Media type. */
  readonly type?: string
  /** A manifest over this becomes an object of its own. Bytes; default (and most) 1 MiB. */
  readonly maxManifestBytes?: number
}

/** A put's layout: the segments of the object and, when its manifest is too large for a copy, those of the manifest. */
export interface PutLayout {
  readonly object: ObjectPlan
  readonly indirect?: ObjectPlan
  /** What the controller needs to know of it. */
  readonly plan: PutPlan
}

/** The put's name in the ledger: 64 hex digits that say nothing about the object key. */
export function refOf(objectKey: Uint8Array): string {
  return toHex(hkdf(objectKey, 'ref'))
}

/** The layout of a put. @throws `INPUT_RANGE` for a size or cut that cannot be coded */
export function planPut(objectKey: Uint8Array, shape: ObjectShape): PutLayout {
  const { size, segmentSize, k, n, term, name } = shape
  const object = planObject(size, shape)
  const fields = fieldsOf(shape)
  const direct = manifestLengthOf(fields, object.segments.length)
  const indirect =
    direct > Math.min(shape.maxManifestBytes ?? MAX_MANIFEST_BYTES, MAX_MANIFEST_BYTES)
      ? planObject(direct, { segmentSize, k, n })
      : undefined
  const copyLength = COPY_OVERHEAD + (indirect === undefined ? direct : indirectLengthOf(fields))
  const segments = [...object.segments, ...(indirect?.segments ?? [])]
  return {
    object,
    ...(indirect === undefined ? {} : { indirect }),
    plan: {
      ref: refOf(objectKey),
      k,
      n,
      bytes: size,
      shareLengths: segments.map((segment) => segment.shareLength),
      copyLength,
      ...(indirect === undefined
        ? {}
        : {
            indirectCopyLength:
              COPY_OVERHEAD + manifestLengthOf(fieldsOf({ segmentSize, k, n, size: direct }), indirect.segments.length),
          }),
      term,
      ...(name === undefined ? {} : { name }),
    },
  }
}

/** Manifest fields of a shape with zeros for what is not known yet; only lengths count. */
function fieldsOf({ size, segmentSize, k, n, name, type }: Omit<ObjectShape, 'term'>): ManifestFields {
  return {
    editor: ZERO_ADDRESS,
    objectKey: new Uint8Array(32),
    size,
    segmentSize,
    k,
    n,
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
  }
}

function indirectLengthOf(fields: ManifestFields): number {
  return encodeManifest({ ...fields, indirect: new Uint8Array(32) }).length
}

/**
 * Bytes of a direct manifest with `count` segments, without encoding a million of them: the keys `indirect` and `segments` are
 * equally long, so the two forms differ by their values only.
 */
function manifestLengthOf(fields: ManifestFields, count: number): number {
  const salts = Array.from({ length: fields.n }, () => new Uint8Array(16))
  const blobIds = Array.from({ length: fields.n }, () => new Uint8Array(32))
  const segment = encodeCbor({ salts, blobIds }).length
  const capValue = encodeCbor(new Uint8Array(32)).length
  return indirectLengthOf(fields) - capValue + encodeCbor(count).length + count * segment
}
