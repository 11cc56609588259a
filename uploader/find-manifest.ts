/** From a cap to a manifest: any copy that opens, and the newest successor record among at least three sources (protocol.md §2.6, §2.7). */
import { toHex } from '../base/bytes.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { locatorOf } from '../blob/cap.ts'
import { MAX_COPY_BYTES, openCopy } from '../blob/copy.ts'
import type { Manifest } from '../blob/manifest.ts'
import { copyKeyOf, copyTokenOf, repairKeyOf } from '../blob/object-keys.ts'
import { MAX_SUCCESSOR_BYTES, newestSuccessor, openSuccessor, type SignedSuccessor } from '../blob/successor.ts'
import type { HolderTrouble } from './fetch-segment.ts'
import type { CopyHolder, FetchBlob, FetchedBlob, Finder, SpeedBoard } from './holders.ts'
import { type RaceLimits, race } from './race.ts'

/** Sources asked for the successor record, where there are so many. protocol.md §2.7. */
const SOURCES = 3
/** How long the others are waited for once one copy is there. Milliseconds. */
const GRACE_MS = 1_500

export interface FindManifestDeps {
  readonly finder: Finder
  readonly fetch: FetchBlob
  readonly board: SpeedBoard
  readonly clock: Clock
  readonly log: Log
  readonly limits: RaceLimits
  /** Longest time without a copy. Milliseconds. */
  readonly patienceMs: number
  readonly signal: AbortSignal
  onTrouble?(trouble: HolderTrouble): void
}

export interface FoundManifest {
  readonly manifest: Manifest
  /** The newest there is; undefined when nothing was repaired. */
  readonly successor: SignedSuccessor | undefined
}

/**
 * Finds and opens the manifest.
 * @throws `OBJECT_UNKNOWN` when nobody knows a copy, `OBJECT_UNAVAILABLE` when none could be had, `OBJECT_MANIFEST` when those that came do not open
 */
export async function findManifest(deps: FindManifestDeps, cap: Uint8Array): Promise<FoundManifest> {
  const { clock, signal, finder } = deps
  const locator = locatorOf(cap)
  const id = toHex(locator)
  const useless = new Set<string>()
  const startedAt = clock.monotonic()
  let known = 0
  let broken: unknown
  for (let round = 0; ; round++) {
    const holders = await finder.copies(locator, { widely: round > 0, signal })
    known = Math.max(known, holders.length)
    const sources = await fetchCopies(
      deps,
      cap,
      holders.filter((holder) => !useless.has(nameOf(holder))),
      useless,
    )
    const opened = sources.flatMap(({ holder, fetched }) => {
      try {
        return [{ fetched, manifest: openCopy(cap, fetched.bytes).manifest }]
      } catch (cause) {
        broken = cause
        useless.add(nameOf(holder))
        deps.board.failed(holder.id, true)
        deps.onTrouble?.({ holder: holder.id, kind: 'bad', code: 'OBJECT_MANIFEST' })
        return []
      }
    })
    const [first] = opened
    if (first !== undefined)
      return {
        manifest: first.manifest,
        successor: newestOf(
          deps,
          locator,
          first.manifest,
          opened.map(({ fetched }) => fetched),
        ),
      }
    if (clock.monotonic() - startedAt >= deps.patienceMs) {
      if (broken !== undefined) throw broken
      if (known === 0) throw new HoldfastError('OBJECT_UNKNOWN', { id })
      throw new HoldfastError('OBJECT_UNAVAILABLE', { segment: 'manifest', have: 0, need: 1, id })
    }
    await clock.sleep(Math.min(500 * (round + 1), 5_000), signal)
  }
}

interface Source {
  readonly holder: CopyHolder
  readonly fetched: FetchedBlob
}

const nameOf = ({ id, blobId }: CopyHolder) => `${toHex(blobId)} ${id}`

/** Copies from three holders, or from as many as there are. */
async function fetchCopies(
  deps: FindManifestDeps,
  cap: Uint8Array,
  holders: readonly CopyHolder[],
  useless: Set<string>,
): Promise<Source[]> {
  const { board, clock } = deps
  const copyKey = copyKeyOf(cap)
  const sources: Source[] = []
  let firstAt = Number.POSITIVE_INFINITY
  const left = [...holders].sort((a, b) => board.expected(a.id, 1) - board.expected(b.id, 1))
  await race<CopyHolder, FetchedBlob>({
    clock,
    limits: deps.limits,
    signal: deps.signal,
    needed: () => (clock.monotonic() - firstAt > GRACE_MS ? 0 : SOURCES - sources.length),
    next: () => left.shift(),
    fetch: (holder, signal, moved) =>
      deps.fetch(holder, {
        blobId: holder.blobId,
        token: copyTokenOf(copyKey, holder.blobId),
        maxLength: Math.max(MAX_COPY_BYTES, MAX_SUCCESSOR_BYTES),
        signal,
        onBytes: moved,
      }),
    onResult: (holder, fetched, ms) => {
      board.finished(holder.id, fetched.bytes.length, ms)
      firstAt = Math.min(firstAt, clock.monotonic())
      sources.push({ holder, fetched })
    },
    onFailure: (holder, why) => {
      const bad = hasCode(why, 'BLOB_CORRUPT', 'NET_MALFORMED', 'NET_OVERSIZE', 'NET_PROTOCOL')
      if (bad || hasCode(why, 'BLOB_UNKNOWN', 'GRANT_WRONG')) useless.add(nameOf(holder))
      if (!hasCode(why, 'BLOB_UNKNOWN')) board.failed(holder.id, bad)
      deps.log.debug('get.copy', { holder: holder.id, code: why.code, what: why.message })
      deps.onTrouble?.({ holder: holder.id, kind: bad ? 'bad' : 'failed', code: why.code })
    },
    onSlow: ({ id }) => {
      board.slow(id)
      deps.onTrouble?.({ holder: id, kind: 'slow' })
    },
  })
  return sources
}

/** Records that do not open or are not the editor's are left out: their steward could not have known better, and others have been asked. */
function newestOf(
  { log }: FindManifestDeps,
  locator: Uint8Array,
  manifest: Manifest,
  copies: readonly FetchedBlob[],
): SignedSuccessor | undefined {
  const repairKey = repairKeyOf(manifest.objectKey)
  const records = copies.flatMap(({ successor }) => {
    if (successor === undefined) return []
    try {
      return [openSuccessor(repairKey, successor, { locator, editor: manifest.editor })]
    } catch (cause) {
      log.warn('get.successor', { cause: cause instanceof Error ? cause.message : String(cause) })
      return []
    }
  })
  return newestSuccessor(records)
}
