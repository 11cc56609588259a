/** The segments of one object, in order: at most one is being sent while the next is read, encrypted and begun. */

import type { Hash } from 'node:crypto'
import { equalBytes } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { readKeyOf, repairKeyOf } from '../blob/object-keys.ts'
import { type ObjectPlan, TAG_BYTES } from '../blob/segment.ts'
import type { BookedBlob } from './put-book.ts'
import type { PutRecords } from './put-journal.ts'
import { type PlacedSegment, placeSegment, type SegmentDeps } from './put-segment.ts'
import { sealSegment } from './seal-segment.ts'

/** Segments that may be in the making at once. */
const OPEN = 2

/** An object of a put: the user's, or the list of its shares. */
export interface PutPart {
  readonly plan: ObjectPlan
  readonly objectKey: Uint8Array
  /** Place of its first segment among all of the put. */
  readonly firstSlot: number
  /** For messages. */
  readonly path: string
  /** Plaintext bytes; asked for once and in order. */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  /** After each segment. @throws `INPUT_CHANGED` */
  assertUnchanged?(): Promise<void>
  /** Gets all plaintext. */
  readonly whole?: Hash
}

export interface SegmentsDeps extends SegmentDeps {
  readonly records: PutRecords
  onPlaced?(slot: number, held: number): void
}

/** Places all segments. @throws `INPUT_CHANGED` when one is not what the journal says it was */
export async function putSegments(
  deps: SegmentsDeps,
  part: PutPart,
  booked: ReadonlyMap<number, readonly BookedBlob[]>,
): Promise<PlacedSegment[]> {
  const { signal, records, n } = deps
  const readKey = readKeyOf(part.objectKey)
  const repairKey = repairKeyOf(part.objectKey)
  const buffers = createSealedBuffers(part.plan)
  const results: PlacedSegment[] = []
  const open: Promise<void>[] = []
  try {
    for (const { index, offset, length, shareLength } of part.plan.segments) {
      signal.throwIfAborted()
      if (open.length >= OPEN) await open.shift()
      const slot = part.firstSlot + index
      const known = booked.get(slot) ?? []
      const isBooked = known.length === n
      const sealed = isBooked ? undefined : buffers(length)
      const hash = await sealSegment({
        readKey,
        segment: index,
        offset,
        length,
        read: (from, count, into) => part.read(from, count, into),
        ...(sealed === undefined ? {} : { target: sealed }),
        ...(part.whole === undefined ? {} : { whole: part.whole }),
      })
      await part.assertUnchanged?.()
      const recorded = await records.hashOf(slot)
      if (recorded !== undefined && !equalBytes(recorded, hash))
        throw new HoldfastError('INPUT_CHANGED', { path: part.path })
      if (sealed === undefined) {
        results[index] = ofBooked(known, n)
        deps.onPlaced?.(slot, n)
        continue
      }
      if (recorded === undefined) await records.writeHash(slot, hash)
      const job = { slot, index, sealed, shareLength, objectKey: part.objectKey, repairKey }
      const task = placeSegment(deps, job, known).then((placed) => {
        results[index] = placed
        deps.onPlaced?.(slot, placed.held)
      })
      task.catch(deps.onFailure)
      open.push(task)
    }
    await Promise.all(open)
    return results
  } catch (cause) {
    deps.onFailure(cause)
    await Promise.allSettled(open)
    throw cause
  }
}

/** Memory for ciphertext that threads can read: one buffer for each segment in the making, in turn. */
function createSealedBuffers(plan: ObjectPlan): (length: number) => Uint8Array {
  const buffers: SharedArrayBuffer[] = []
  let turn = 0
  return (length) => {
    const place = turn++ % OPEN
    buffers[place] ??= new SharedArrayBuffer(Math.min(plan.size, plan.segmentSize) + TAG_BYTES)
    return new Uint8Array(buffers[place], 0, length + TAG_BYTES)
  }
}

function ofBooked(known: readonly BookedBlob[], n: number): PlacedSegment {
  const inOrder = [...known].sort((a, b) => a.share - b.share)
  return { salts: inOrder.map(({ salt }) => salt), blobIds: inOrder.map(({ blobId }) => blobId), held: n }
}
