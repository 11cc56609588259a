/**
 * Checking on order (`holdfast steward check`): blobs are compared with their ids now, those first that were not read for longest, so that
 * `--subset 5%` twenty times over reads everything. What is bad is put aside as in any other reading. `--rebuild` makes the book agree with
 * the disk in the other direction, too: a blob that was lost, and whose file is here again and whole, is held again (R2).
 */
import { toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import type { Damage, Finding } from './damage.ts'

export interface CheckOrder {
  /** Above 0, at most 1: this part of all bytes. */
  readonly subset: number
  readonly isRebuild: boolean
}

/** How far it is, and what was found. Ids in hex; each list has at most `LISTED` of them. */
export interface CheckReport {
  readonly isRunning: boolean
  /** To be read, and read so far. */
  readonly blobs: number
  readonly bytes: number
  readonly blobsDone: number
  readonly bytesDone: number
  readonly whole: number
  readonly lostCount: number
  readonly unreadCount: number
  readonly lost: readonly { readonly blobId: string; readonly why: string }[]
  readonly unread: readonly { readonly blobId: string; readonly why: string }[]
  /** Lost once, and here again and whole: taken back with `--rebuild`, else still to be. */
  readonly again: readonly string[]
  /** Files that no living placement keeps. */
  readonly strangers: number
  readonly strangerBytes: number
}

/** Findings of a kind that a report names. */
export const LISTED = 100

export interface CheckDeps {
  readonly book: Book
  readonly files: Pick<BlobFiles, 'list'>
  readonly damage: Pick<Damage, 'regain' | 'isWholeAgain'>
  /** Compares blobs one after another, noting when; tells each finding. Ends early when the daemon does. */
  compareAll(blobs: readonly string[], seen: string, onFinding: (blob: string, finding: Finding) => void): Promise<void>
}

export type Check = ReturnType<typeof createCheck>

export function createCheck({ book, files, damage, compareAll }: CheckDeps) {
  let report: CheckReport = emptyReport()

  let running: Promise<unknown> = Promise.resolve()

  /** Begins one; `report` tells how far it is. @throws `PEER_BUSY` while another one runs */
  function start(order: CheckOrder, onEnd: (failure?: unknown) => void): void {
    if (report.isRunning) throw new HoldfastError('PEER_BUSY', { what: 'a check is running already' })
    running = run(order).then(() => onEnd(), onEnd)
  }

  async function run({ subset, isRebuild }: CheckOrder): Promise<CheckReport> {
    report = { ...emptyReport(), isRunning: true }
    try {
      const { lost, strangers, strangerBytes } = await look()
      report = { ...report, strangers, strangerBytes }
      for (const blob of lost)
        if (await (isRebuild ? damage.regain(blob) : damage.isWholeAgain(blob)))
          report = { ...report, again: [...report.again, blob] }
      const blobs = select(subset)
      report = { ...report, blobs: blobs.length, bytes: blobs.reduce((sum, blob) => sum + book.lengthOf(blob), 0) }
      await compareAll(blobs, 'check', add)
    } finally {
      report = { ...report, isRunning: false }
    }
    return report
  }

  function add(blob: string, finding: Finding): void {
    const { blobsDone, bytesDone, whole, lost, unread, lostCount, unreadCount } = report
    report = { ...report, blobsDone: blobsDone + 1, bytesDone: bytesDone + book.lengthOf(blob) }
    if (finding.kind === 'whole') report = { ...report, whole: whole + 1 }
    else if (finding.kind === 'lost')
      report = { ...report, lostCount: lostCount + 1, lost: listed(lost, { blobId: blob, why: finding.why }) }
    else if (finding.kind === 'unread')
      report = { ...report, unreadCount: unreadCount + 1, unread: listed(unread, { blobId: blob, why: finding.why }) }
  }

  /** What lies on the disk though the book does not have it: lost blobs that are here, and files that are nobody's. */
  async function look(): Promise<{ lost: string[]; strangers: number; strangerBytes: number }> {
    const lost: string[] = []
    let [strangers, strangerBytes] = [0, 0]
    for await (const { id, bytes } of files.list()) {
      const blob = toHex(id)
      if (!book.isKept(blob)) {
        strangers++
        strangerBytes += bytes
      } else if (book.isLost(blob)) lost.push(blob)
    }
    return { lost, strangers, strangerBytes }
  }

  /** The least recently read first, until the part is full; at least one where there is one. */
  function select(subset: number): string[] {
    const held = [...book.byBlob.keys()].filter((blob) => book.isHeld(blob))
    if (subset >= 1) return held
    let left = subset * held.reduce((sum, blob) => sum + book.lengthOf(blob), 0)
    const oldest = held
      .map((blob) => ({ blob, at: book.checkedAt(blob) }))
      .sort((a, b) => a.at - b.at || (a.blob < b.blob ? -1 : 1))
    const chosen: string[] = []
    for (const { blob } of oldest) {
      if (left <= 0) break
      chosen.push(blob)
      left -= book.lengthOf(blob)
    }
    return chosen
  }

  return {
    run,
    start,
    report: () => report,
    /** Waits for the one that runs. */
    async stop(): Promise<void> {
      await running
    },
  }
}

function listed<Item>(items: readonly Item[], item: Item): readonly Item[] {
  return items.length < LISTED ? [...items, item] : items
}

function emptyReport(): CheckReport {
  return {
    isRunning: false,
    blobs: 0,
    bytes: 0,
    blobsDone: 0,
    bytesDone: 0,
    whole: 0,
    lostCount: 0,
    unreadCount: 0,
    lost: [],
    unread: [],
    again: [],
    strangers: 0,
    strangerBytes: 0,
  }
}
