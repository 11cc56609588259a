/**
 * One repair, from its auction to the last receipt. It may be stopped at any instant and run again: who has which lot and under which salt
 * is on disk before a byte leaves, the offers are the same again, and what is booked is not placed twice (reliability.md, F80).
 */
import { fromHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { MiB } from '../base/units.ts'
import type { FetchBlob } from '../uploader/holders.ts'
import { openLots } from '../uploader/lots.ts'
import { type BlobTask, createPlacing, type Placed, type SendBlob } from '../uploader/place-blob.ts'
import type { MissingBlob, PutBook, Receipt, StewardTarget } from '../uploader/put-book.ts'
import { bookAll } from '../uploader/put-segment.ts'
import { copyTask, fetchCopy, type KnownBlob, rebuildSegment, shareTask } from '../uploader/repair.ts'
import type { Ledger } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'
import { lotsOf } from './plan-sizes.ts'
import type { RepairRecord } from './records.ts'
import { objectOf, volumeOf } from './repair-book.ts'
import { stillMissing } from './repair-plan.ts'
import type { Step } from './step.ts'

/** Missing blobs that are made and sent at the same time, at most. Bytes; all that can be missing of a default segment. */
const IN_FLIGHT = 128 * MiB

export interface RepairRunDeps {
  readonly ledger: Ledger
  readonly book: PutBook
  readonly fetch: FetchBlob
  readonly send: SendBlob
  readonly clock: Clock
  readonly log: Log
  /** Chain time. */
  now(): number
  /** Where a steward listens now; none when it is not registered, or gets no requests (P5). */
  addressesOf(steward: Address): readonly string[]
  step<Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result>
  /** One repair moves bytes at a time: a segment's shares in memory are enough. */
  alone<Result>(run: () => Promise<Result>): Promise<Result>
  /** In place of `IN_FLIGHT`. Bytes. */
  readonly inFlight?: number
  /** Called between any two durable steps. */
  fault?(site: 'repair'): void
}

/**
 * Does what can be done of a repair now.
 * @returns true when nothing of it is left
 * @throws what the auction throws (`FUNDS_LOW`, `AUCTION_NO_BIDS` …), and the signal's reason
 */
export async function runRepair(deps: RepairRunDeps, id: string, signal: AbortSignal): Promise<boolean> {
  const { ledger, book, clock, log } = deps
  const { plan, lots: before } = recordOf(ledger, id)
  if (missingOf(deps, id).length > 0) {
    deps.fault?.('repair')
    const award = await unlessAborted(book.award(plan, {}), signal)
    deps.fault?.('repair')
    const open = new Set(missingOf(deps, id).map(({ share }) => share))
    const lots = await openLots({
      book,
      award,
      n: plan.n,
      wanted: lotsOf(plan).filter((lot) => open.has(lot)),
      before,
      save: (states) => deps.step((step) => step.batch.repair({ ...recordOf(ledger, id), lots: states })),
      log,
    })
    const place = createPlacing({
      ref: id,
      domain: award.domain,
      rows: award.rows,
      book,
      send: deps.send,
      lots,
      clock,
      log,
      signal,
      addressesOf: deps.addressesOf,
    })
    const parts = Map.groupBy(missingOf(deps, id), ({ kind, segment }) => `${kind}/${segment}`)
    for (const blobs of parts.values()) {
      const taken = await Promise.all(blobs.map(async (blob) => ((await lots.holderOf(blob.share)) ? [blob] : [])))
      await deps.alone(() => mendPart(deps, recordOf(ledger, id), taken.flat(), place, signal))
    }
  }
  if (missingOf(deps, id).length > 0) return false
  await deps.step((step) => {
    step.batch.repair({ ...recordOf(ledger, id), stage: 'done' })
    const put = ledger.puts.get(id)
    if (put) step.batch.put({ ...put, stage: 'finished' })
  })
  return true
}

/** An auction waits for the chain; who stops does not wait for it. What it gives after that is recorded, or asked again. */
function unlessAborted<Result>(running: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    running.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

function recordOf(ledger: Ledger, id: string): RepairRecord {
  const record = ledger.repairs.get(id)
  if (record === undefined) throw new HoldfastError('LEDGER_CORRUPT', { key: `repair/${id}` })
  return record
}

/** What nothing fills yet: a steward that came back brings its own blob. */
function missingOf({ ledger }: RepairRunDeps, id: string): MissingBlob[] {
  const { plan } = recordOf(ledger, id)
  return stillMissing(plan, ledger.placementsOf(plan.mends?.ref ?? ''))
}

/** Makes and places the missing blobs of one segment, or the missing copies of one manifest, in groups, and books each. */
async function mendPart(
  deps: RepairRunDeps,
  record: RepairRecord,
  blobs: readonly MissingBlob[],
  place: (task: BlobTask) => Promise<Placed>,
  signal: AbortSignal,
): Promise<void> {
  const [first] = blobs
  if (first === undefined) return
  const make = await openPart(deps, record, first, signal).catch((cause: unknown) => {
    if (!hasCode(cause, 'OBJECT_UNAVAILABLE')) throw cause
    const { message } = cause
    deps.log.warn('repair.short', { repair: record.id, kind: first.kind, segment: first.segment, message })
  })
  if (make === undefined) return
  // each is there twice: as it was made, and as its steward gets it
  const size = Math.max(1, Math.floor((deps.inFlight ?? IN_FLIGHT) / (2 * first.length)))
  for (let at = 0; at < blobs.length; at += size)
    await placeGroup(deps, record, make(blobs.slice(at, at + size)), place)
}

async function placeGroup(
  deps: RepairRunDeps,
  record: RepairRecord,
  tasks: readonly BlobTask[],
  place: (task: BlobTask) => Promise<Placed>,
): Promise<void> {
  const [first] = tasks as [BlobTask]
  deps.fault?.('repair')
  const results = await Promise.allSettled(tasks.map((task) => place(task)))
  const receipts = results.flatMap((result): Receipt[] =>
    result.status === 'fulfilled' && result.value.receipt ? [result.value.receipt] : [],
  )
  deps.fault?.('repair')
  // what stewards have signed for is booked, also when something else failed
  await bookAll(deps.book, receipts)
  deps.fault?.('repair')
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) throw asHoldfastError(failed.reason)
  deps.log.info('repaired', { repair: record.id, kind: first.kind, segment: first.segment, blobs: receipts.length })
}

/** Fetches what missing blobs of this part are made from. @returns makes tasks of some of them */
async function openPart(
  deps: RepairRunDeps,
  { plan, seed }: RepairRecord,
  { kind, segment, length }: MissingBlob,
  signal: AbortSignal,
): Promise<(blobs: readonly MissingBlob[]) => BlobTask[]> {
  const { fetch, clock, log } = deps
  const object = objectOf(deps.ledger, plan.mends?.ref ?? '')
  const volume = volumeOf(object, { kind, segment })
  const there = [...deps.ledger.placementsOf(object.ref)].filter(
    (placement) =>
      placement.kind === kind &&
      placement.segment === segment &&
      (placement.state === 'held' || placement.state === 'suspect') &&
      placement.outcast === undefined,
  )
  const sources = await knownBlobs(deps, there)
  const reading = { fetch, clock, log, signal }
  const slotOf = ({ share }: MissingBlob) => ({ kind, segment, share })
  if (kind === 'copy') {
    const { result: copy, proved } = await fetchCopy(reading, { copyKey: volume.copyKey, length, sources })
    await tellReads(deps, there, proved)
    return (blobs) => blobs.map((blob) => copyTask(volume, slotOf(blob), copy, seed))
  }
  const { k, n } = object
  const { repairKey } = volume
  const index = segment - volume.from
  const { result: makeShares, proved } = await rebuildSegment(reading, { index, k, n, length, repairKey, sources })
  await tellReads(deps, there, proved)
  return (blobs) => {
    const shares = makeShares(blobs.map(({ share }) => share))
    return blobs.map((blob, at) => shareTask({ index, repairKey }, slotOf(blob), shares[at] as Uint8Array, seed))
  }
}

/** With their salts and addresses; those that proved themselves last come first, suspects after all others. */
export async function knownBlobs(
  { ledger, addressesOf }: Pick<RepairRunDeps, 'ledger' | 'addressesOf'>,
  placements: readonly PlacementState[],
): Promise<KnownBlob[]> {
  const inOrder = [...placements].sort(
    (a, b) => Number(a.state !== 'held') - Number(b.state !== 'held') || b.totals.lastProof - a.totals.lastProof,
  )
  const known: KnownBlob[] = []
  for (const { id, share, blobId, steward } of inOrder) {
    const receipt = await ledger.receipt(id)
    const addresses = addressesOf(steward)
    if (!receipt || addresses.length === 0) continue
    const holder: StewardTarget = { id: steward, addresses }
    known.push({ share, blobId: fromHex(blobId, 32), salt: receipt.salt, holder })
  }
  return known
}

/** A verified read of the whole blob is a proof. protocol.md §8. */
export async function tellReads(
  deps: Pick<RepairRunDeps, 'now' | 'step'>,
  placements: readonly PlacementState[],
  proved: readonly KnownBlob[],
): Promise<void> {
  if (proved.length === 0) return
  await deps.step((step) => {
    for (const { share, holder } of proved)
      for (const { id, share: own, steward } of placements)
        if (own === share && steward === holder.id) step.tell(id, { kind: 'read-verified', at: deps.now() })
  })
}
