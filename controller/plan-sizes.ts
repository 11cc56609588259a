/**
 * What a plan comes to: its lots, their bytes, the length of each blob. A put gives out n equal lots (share i of every segment and a copy of
 * each manifest); a repair gives out the lots of what is missing, and only that. Pure.
 */
import type { BlobSlot, PutPlan } from '../uploader/put-book.ts'

/** Lots to give out, ascending. */
export function lotsOf({ n, mends }: PutPlan): number[] {
  if (mends === undefined) return Array.from({ length: n }, (_, lot) => lot)
  return [...new Set(mends.blobs.map(({ share }) => share))].sort((a, b) => a - b)
}

/** Bytes and blobs of one lot. An advert names one size for all its lots: of a repair's, which may differ, the largest. */
export function lotSize(plan: PutPlan): { readonly bytes: number; readonly blobs: number } {
  const { mends, shareLengths, copyLength, indirectCopyLength } = plan
  if (mends === undefined)
    return {
      bytes: shareLengths.reduce((sum, length) => sum + length, copyLength + (indirectCopyLength ?? 0)),
      blobs: shareLengths.length + (indirectCopyLength === undefined ? 1 : 2),
    }
  const sizes = lotsOf(plan).map((lot) => mends.blobs.filter(({ share }) => share === lot))
  return {
    bytes: Math.max(...sizes.map((blobs) => blobs.reduce((sum, { length }) => sum + length, 0))),
    blobs: Math.max(...sizes.map((blobs) => blobs.length)),
  }
}

/** Bytes of one lot, at most. */
export function lotBytes(plan: PutPlan): number {
  return lotSize(plan).bytes
}

/** Bytes of all blobs. */
export function totalBytes(plan: PutPlan): number {
  return plan.mends === undefined
    ? plan.n * lotBytes(plan)
    : plan.mends.blobs.reduce((sum, { length }) => sum + length, 0)
}

/** Bytes of one blob; undefined when the plan has no such blob. */
export function blobLengthOf(plan: PutPlan, { kind, segment, share }: BlobSlot): number | undefined {
  if (plan.mends !== undefined)
    return plan.mends.blobs.find((blob) => blob.kind === kind && blob.segment === segment && blob.share === share)
      ?.length
  return (kind === 'copy' ? [plan.copyLength, plan.indirectCopyLength] : plan.shareLengths)[segment]
}
