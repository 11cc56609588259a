/** The segments of one object, in order: at most one is being sent while the next is read, encrypted and begun. */

import { readKeyOf, repairKeyOf } from '../blob/object-keys.ts'
import { encryptSegment, guardSegment, type ObjectPlan, type SegmentPlan, TAG_BYTES } from '../blob/segment.ts'
import type { BookedBlob } from './put-book.ts'
import type { PutRecords } from './put-journal.ts'
import { type PlacedSegment, placeSegment, type SegmentDeps } from './put-segment.ts'

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
  /** The plaintext of a segment; called once for each, in order. */
  read(segment: SegmentPlan): Promise<Uint8Array>
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
  const seal = createSealer(readKey, part.plan)
  const results: PlacedSegment[] = []
  const open: Promise<void>[] = []
  try {
    for (const segment of part.plan.segments) {
      signal.throwIfAborted()
      if (open.length >= OPEN) await open.shift()
      const slot = part.firstSlot + segment.index
      const plaintext = await part.read(segment)
      const recorded = await records.hashOf(slot)
      const hash = guardSegment(recorded, plaintext, part.path)
      const known = booked.get(slot) ?? []
      if (known.length === n) {
        results[segment.index] = ofBooked(known, n)
        deps.onPlaced?.(slot, n)
        continue
      }
      if (recorded === undefined) await records.writeHash(slot, hash)
      const job = {
        slot,
        index: segment.index,
        sealed: seal(segment.index, plaintext),
        shareLength: segment.shareLength,
        objectKey: part.objectKey,
        repairKey,
      }
      const task = placeSegment(deps, job, known).then((placed) => {
        results[segment.index] = placed
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

/** Encrypts into memory that threads can read without a copy; two buffers in turn, one for each segment in the making. */
function createSealer(readKey: Uint8Array, plan: ObjectPlan): (segment: number, plaintext: Uint8Array) => Uint8Array {
  const buffers: SharedArrayBuffer[] = []
  let turn = 0
  return (segment, plaintext) => {
    const sealed = encryptSegment(readKey, segment, plaintext)
    const place = turn++ % OPEN
    buffers[place] ??= new SharedArrayBuffer(Math.min(plan.size, plan.segmentSize) + TAG_BYTES)
    const shared = new Uint8Array(buffers[place], 0, sealed.length)
    shared.set(sealed)
    return shared
  }
}

function ofBooked(known: readonly BookedBlob[], n: number): PlacedSegment {
  const inOrder = [...known].sort((a, b) => a.share - b.share)
  return { salts: inOrder.map(({ salt }) => salt), blobIds: inOrder.map(({ blobId }) => blobId), held: n }
}
