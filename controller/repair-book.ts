/** What booking a repaired blob changes beside its own placement, in the same batch: the old placements end, the successor record gets a version. */
import { toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { BlobSlot } from '../uploader/put-book.ts'
import type { Ledger } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'
import type { ObjectRecord } from './records.ts'
import type { Step } from './step.ts'

/** An object with keys of its own: the user's, or the list of its shares. */
export interface Volume {
  /** Locator, hex. */
  readonly id: string
  readonly locator: Uint8Array
  readonly repairKey: Uint8Array
  readonly copyKey: Uint8Array
  readonly editorSecret: Uint8Array
  /** Its segments within the put: `from` up to, not including, `to`; and the slot of its copies. */
  readonly from: number
  readonly to: number
  readonly copySlot: number
}

/** The object, and the list of its shares if that is an object of its own. */
export function volumesOf(object: ObjectRecord): Volume[] {
  const { id, repairKey, copyKey, editorSecret, segments, indirect } = object
  const outer = { id: toHex(id), locator: id, repairKey, copyKey, editorSecret, from: 0, to: segments, copySlot: 0 }
  if (indirect === undefined) return [outer]
  const { id: locator, segments: count, ...keys } = indirect
  const own = { repairKey: keys.repairKey, copyKey: keys.copyKey, editorSecret: keys.editorSecret }
  return [outer, { id: toHex(locator), locator, ...own, from: segments, to: segments + count, copySlot: 1 }]
}

/** Whose keys a blob is made with. @throws `LEDGER_CORRUPT` for a slot the object does not have */
export function volumeOf(object: ObjectRecord, { kind, segment }: Pick<BlobSlot, 'kind' | 'segment'>): Volume {
  const found = volumesOf(object).find(({ from, to, copySlot }) =>
    kind === 'copy' ? copySlot === segment : segment >= from && segment < to,
  )
  if (found === undefined) throw new HoldfastError('LEDGER_CORRUPT', { key: `object/${toHex(object.id)}` })
  return found
}

/** The object of a put. @throws `OBJECT_UNKNOWN` */
export function objectOf(ledger: Ledger, ref: string): ObjectRecord {
  const object = ledger.objects.get(ledger.objectOfRef.get(ref) ?? '')
  if (object === undefined) throw new HoldfastError('OBJECT_UNKNOWN', { id: `of put ${ref.slice(0, 16)}` })
  return object
}

/** @param mended placements that are new in this step, all of them a repair's */
export function noteMended(ledger: Ledger, step: Step, mended: readonly PlacementState[]): void {
  const renewed = new Map<string, { readonly ref: string; readonly id: string }>()
  for (const fresh of mended) {
    for (const { id } of ledger.placementsOf(fresh.ref)) {
      const old = step.placement(id)
      if (old && id !== fresh.id && isSameSlot(old, fresh) && old.replacedAt === undefined)
        step.tell(id, { kind: 'replaced' })
    }
    const volume = volumeOf(objectOf(ledger, fresh.ref), fresh)
    if (fresh.kind === 'share') renewed.set(volume.id, { ref: fresh.ref, id: volume.id })
  }
  for (const { id, ref } of renewed.values()) {
    const { version = 0, handed = {} } = ledger.successors.get(id) ?? {}
    // not below the time: a ledger that was restored from a backup must outdo what it has forgotten
    step.batch.successor({ id, ref, version: Math.max(version + 1, step.now), handed })
  }
}

function isSameSlot(a: BlobSlot, b: BlobSlot): boolean {
  return a.kind === b.kind && a.segment === b.segment && a.share === b.share
}
