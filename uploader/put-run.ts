/** One run of a put, from the award to the finished object. What is written down, and when, is decided here. */
import { createHash } from 'node:crypto'
import { type Address, addressOf } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Rng } from '../base/ports.ts'
import { MiB } from '../base/units.ts'
import { capOf, locatorOf } from '../blob/cap.ts'
import { editorSecretOf } from '../blob/identity.ts'
import { type DirectManifest, encodeManifest, makeIndirect } from '../blob/manifest.ts'
import { copyKeyOf, repairKeyOf } from '../blob/object-keys.ts'
import { createBlobMemory } from './blob-memory.ts'
import { openLots } from './lots.ts'
import { createPlacing, type SendBlob, type SendPatience } from './place-blob.ts'
import type { Preparer } from './prepare.ts'
import type { Award, AwardLimits, BookedBlob, ObjectEntry, PutBook } from './put-book.ts'
import { placeCopies } from './put-copies.ts'
import type { PutJournal, PutRecords, PutState } from './put-journal.ts'
import type { ObjectShape, PutLayout } from './put-plan.ts'
import type { PutProgress } from './put-progress.ts'
import type { PlacedSegment } from './put-segment.ts'
import { type PutPart, putSegments } from './put-segments.ts'
import type { Source } from './source.ts'
import type { Vault } from './vault.ts'

/** Blobs prepared and not yet sent, at most. Bytes; six shares of a default segment: three are answered while three are sent. */
const IN_FLIGHT = 52 * MiB

/** Parts that a put works with. */
export interface PutDeps {
  readonly book: PutBook
  readonly send: SendBlob
  readonly rng: Rng
  readonly clock: Clock
  readonly journal: PutJournal
  /** Under `ledgerKey`: seals the journal and the cap. */
  readonly vault: Vault
  /** `root` for an object of the user's: gives the editor key (protocol.md §2.5). */
  readonly editorParent: Uint8Array
  readonly log: Log
  onProgress?(event: PutProgress): void
  /** Threads that prepare blobs; default 2. 0: none. */
  readonly threads?: number
  readonly patience?: SendPatience
  /** How long the book may be away (a controller that restarts) before the put gives up. Milliseconds; default a minute. */
  readonly bookPatienceMs?: number
  /** Where a steward listens now, when that is known better than from the award: it may have restarted on another port. */
  addressesOf?(steward: Address): readonly string[]
}

export interface PutOptions extends Omit<ObjectShape, 'size'> {
  readonly limits: AwardLimits
  /** How often lots that nobody took are offered, in all; default 1. */
  readonly rounds?: number
  readonly signal?: AbortSignal
}

/** A put whose journal is read and whose layout is known. Nothing was written, sent or spent. */
export interface OpenPut {
  readonly layout: PutLayout
  /** An earlier run was interrupted; this one goes on. */
  readonly resumed: boolean
  readonly state: PutState
}

export interface PutSummary {
  /** Locator: the object's id. */
  readonly id: Uint8Array
  readonly cap: Uint8Array
  readonly award: Award
  readonly bytes: number
  readonly segments: number
  /** Shares and copies that stewards have signed for, and how many there should be. */
  readonly blobs: { readonly held: number; readonly wanted: number }
  /** The worst segment: shares held of n. `PLACEMENT_SHORT` (exit 3) is the caller's word when below n. */
  readonly shares: { readonly need: number; readonly total: number; readonly held: number }
  readonly copies: number
  /** SHA-256 of the plaintext. */
  readonly contentHash: Uint8Array
  readonly resumed: boolean
}

export interface PutRun extends PutDeps, OpenPut {
  readonly source: Source
  readonly limits: AwardLimits
  readonly records: PutRecords
  readonly preparer: Preparer
  readonly signal: AbortSignal
  /** Stops everything else of the run. */
  onFailure(cause: unknown): void
}

/** The list of shares, stored as an object of its own. */
interface Inner {
  readonly cap: Uint8Array
  readonly entry: NonNullable<ObjectEntry['indirect']>
  readonly shares: readonly PlacedSegment[]
  readonly copies: number
}

/** @throws as `putObject`; the first failure is told to `onFailure` */
export async function performPut(run: PutRun): Promise<PutSummary> {
  const { book, records, layout, resumed, source, onProgress } = run
  const { ref, k, n } = layout.plan

  // the keys are on disk before the fee is paid for them
  if (!resumed) await records.clear()
  await records.save(run.state)
  const placing = await openPlacing(run)
  const { award, state, placeObject, placeManifest } = placing

  const whole = createHash('sha256')
  const shares = await placeObject(0, {
    firstSlot: 0,
    plan: layout.object,
    objectKey: state.objectKey,
    path: source.path,
    read: (offset, length, into) => source.read(offset, length, into),
    assertUnchanged: () => source.assertUnchanged(),
    whole,
  })

  onProgress?.({ kind: 'phase', phase: 'manifest' })
  const editorSecret = editorSecretOf(run.editorParent, state.objectKey)
  const direct: DirectManifest = {
    editor: addressOf(editorSecret),
    objectKey: state.objectKey,
    size: state.size,
    segmentSize: state.segmentSize,
    k,
    n,
    segments: shares,
    ...(state.name === undefined ? {} : { name: state.name }),
    ...(state.type === undefined ? {} : { type: state.type }),
  }
  const list = encodeManifest(direct)
  const inner = layout.indirect === undefined ? undefined : await placeList(run, placing, list)
  const manifest = inner === undefined ? list : encodeManifest(makeIndirect(direct, inner.cap))
  const copies = await placeManifest(0, manifest)

  const least = [...shares, ...(inner?.shares ?? [])].reduce((held, segment) => Math.min(held, segment.held), n)
  const leastCopies = Math.min(copies, inner?.copies ?? n)
  if (least < k || leastCopies === 0)
    throw new HoldfastError('PLACEMENT_SHORT', { have: Math.min(least, leastCopies), need: n })

  onProgress?.({ kind: 'phase', phase: 'finishing' })
  const cap = capOf(manifest)
  const id = locatorOf(cap)
  const contentHash = whole.digest()
  await book.finish({
    ref,
    id,
    sealedCap: run.vault.seal(cap),
    repairKey: repairKeyOf(state.objectKey),
    copyKey: copyKeyOf(cap),
    editorSecret,
    k,
    n,
    size: state.size,
    segmentSize: state.segmentSize,
    segments: layout.object.segments.length,
    ...(inner === undefined ? {} : { indirect: inner.entry }),
    ...(state.name === undefined ? {} : { name: state.name }),
    contentHash,
  })
  // a journal that stays lets the same command place later what nobody took now
  if (least === n && leastCopies === n) await records.clear()
  const held = [...shares, ...(inner?.shares ?? [])].reduce(
    (sum, segment) => sum + segment.held,
    copies + (inner?.copies ?? 0),
  )
  return {
    id,
    cap,
    award,
    bytes: state.size,
    segments: layout.object.segments.length,
    blobs: { held, wanted: n * blobsPerLot(layout) },
    shares: { need: k, total: n, held: least },
    copies: leastCopies,
    contentHash,
    resumed,
  }
}

interface OpenPlacing {
  readonly award: PutSummary['award']
  readonly state: PutState
  /** Places the shares of an object and fixes the attempts that its manifest will name. @param phase 0 the object, 1 its list of shares */
  placeObject(phase: number, part: PutPart): Promise<PlacedSegment[]>
  /** Places the copies of a manifest; how many are held. @param slot 0 the object's, 1 that of its list of shares */
  placeManifest(slot: number, manifest: Uint8Array): Promise<number>
}

/** The auction, and all that is needed to place blobs after it. */
async function openPlacing(run: PutRun): Promise<OpenPlacing> {
  const { book, records, layout, onProgress } = run
  const { ref, k, n } = layout.plan
  let state = run.state
  const save = async (change: Partial<PutState>) => {
    state = { ...state, ...change }
    await records.save(state)
  }
  onProgress?.({ kind: 'phase', phase: 'auction' })
  const award = await book.award(layout.plan, run.limits)
  onProgress?.({ kind: 'award', award })
  const booked = bySlot(await book.progress(ref))
  const lots = await openLots({
    book,
    award,
    n,
    before: state.lots,
    save: (states) => save({ lots: states }),
    onReplaced: (change) => onProgress?.({ kind: 'replaced', ...change }),
    log: run.log,
  })
  onProgress?.({ kind: 'phase', phase: 'sending' })
  const place = createPlacing({
    ...run,
    ref,
    domain: award.domain,
    rows: award.rows,
    lots,
    onBytes: countBytes(run, booked),
    onRetry: (trouble) => onProgress?.({ kind: 'retry', ...trouble }),
  })
  const memory = createBlobMemory({
    bytes: IN_FLIGHT,
    longest: layout.plan.shareLengths.reduce((most, length) => Math.max(most, length), 1),
  })
  return {
    award,
    state,
    placeObject: async (phase, part) => {
      const frozen = state.frozen[phase]
      const onPlaced = (segment: number, held: number) => onProgress?.({ kind: 'segment', segment, held, of: n })
      const deps = { ...run, k, n, memory, place, attemptOf: lots.attemptOf, frozen, onPlaced }
      const placed = await putSegments(deps, part, booked.share)
      if (frozen === undefined)
        await save({ frozen: [...state.frozen, Array.from({ length: n }, (_, lot) => lots.attemptOf(lot))] })
      return placed
    },
    placeManifest: (slot, manifest) =>
      placeCopies(
        { n, book, place, copySeed: state.copySeed, onFailure: run.onFailure },
        slot,
        manifest,
        booked.copy.get(slot) ?? [],
      ),
  }
}

/** The list of shares is too large for a copy: it is put as an object, and the small manifest names that (protocol.md §2.5). */
async function placeList(
  run: PutRun,
  { state, placeObject, placeManifest }: OpenPlacing,
  list: Uint8Array,
): Promise<Inner> {
  const { k, n } = state
  const objectKey = state.indirectKey
  const shares = await placeObject(1, {
    firstSlot: run.layout.object.segments.length,
    plan: run.layout.indirect as NonNullable<PutLayout['indirect']>,
    objectKey,
    path: 'the list of shares',
    read: async (offset, length) => list.subarray(offset, offset + length),
  })
  const editorSecret = editorSecretOf(run.editorParent, objectKey)
  const manifest = encodeManifest({
    editor: addressOf(editorSecret),
    objectKey,
    size: list.length,
    segmentSize: state.segmentSize,
    k,
    n,
    segments: shares,
  })
  const cap = capOf(manifest)
  return {
    cap,
    entry: {
      id: locatorOf(cap),
      repairKey: repairKeyOf(objectKey),
      copyKey: copyKeyOf(cap),
      editorSecret,
      size: list.length,
      segments: shares.length,
    },
    shares,
    copies: await placeManifest(1, manifest),
  }
}

interface Booked {
  readonly share: ReadonlyMap<number, readonly BookedBlob[]>
  readonly copy: ReadonlyMap<number, readonly BookedBlob[]>
}

function bySlot(blobs: readonly BookedBlob[]): Booked {
  const found = { share: new Map<number, BookedBlob[]>(), copy: new Map<number, BookedBlob[]>() }
  for (const blob of blobs) {
    const group = found[blob.kind].get(blob.segment) ?? []
    group.push(blob)
    found[blob.kind].set(blob.segment, group)
  }
  return found
}

/** Blobs of one lot: a share of every segment and a copy of every manifest. */
function blobsPerLot({ plan, indirect }: PutLayout): number {
  return plan.shareLengths.length + (indirect === undefined ? 1 : 2)
}

/** Counts what goes out on top of what was booked before; a blob that has to be sent twice does not count beyond the whole. */
function countBytes({ layout, onProgress }: PutRun, booked: Booked): (count: number) => void {
  const { n, shareLengths, copyLength, indirectCopyLength = 0 } = layout.plan
  const total = n * (shareLengths.reduce((sum, length) => sum + length, 0) + copyLength + indirectCopyLength)
  let sent = 0
  for (const [slot, blobs] of booked.share) sent += blobs.length * (shareLengths[slot] as number)
  for (const [slot, blobs] of booked.copy) sent += blobs.length * (slot === 0 ? copyLength : indirectCopyLength)
  return (count) => {
    sent = Math.min(total, sent + count)
    onProgress?.({ kind: 'bytes', sent, total })
  }
}
