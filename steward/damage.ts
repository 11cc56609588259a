/**
 * Damage: what becomes of a blob whose file is gone, or is not what its id says. Nothing is lost on one reading's word: the file is read
 * again, alone; then it is put aside with the reason, and every placement over it learns of it in one step. A file that cannot be read, and
 * a volume that is not there, are our own trouble and pass (PR10): they lose nothing here.
 */
import { fromHex } from '../base/bytes.ts'
import { asHoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import type { Locked } from './room.ts'
import type { Step } from './step.ts'

/** `whole`: the bytes are those of the id. `lost`: they are gone or wrong. `unread`: nobody can say now. `free`: nobody pays for it. */
export type Finding = { readonly kind: 'whole' | 'free' } | { readonly kind: 'lost' | 'unread'; readonly why: string }

/** Looks under way have so long when the daemon stops. Milliseconds. */
const STOP_MS = 3_000

export interface DamageDeps {
  readonly book: Book
  readonly files: Pick<BlobFiles, 'verify' | 'size' | 'quarantine'>
  readonly locked: Locked
  readonly clock: Clock
  readonly log: Log
  /** False: the volume with our files is not there, so that a file that is missing says nothing. */
  isMounted(): Promise<boolean>
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  alert(code: 'blob-lost', about: string): void
}

export type Damage = ReturnType<typeof createDamage>

export function createDamage(deps: DamageDeps) {
  const { book, files, locked, log } = deps
  const running = new Map<string, Promise<Finding>>()
  let found = 0

  /** Looks at a blob again, and loses it if it is not whole. One look at a time for each blob. @param blob hex */
  function confirm(blob: string, seen: string): Promise<Finding> {
    return alone(blob, async () => {
      const finding = await lookAt(blob)
      if (finding.kind === 'lost') await lose(blob, finding.why, seen)
      return finding
    })
  }

  /** Loses a blob that could not be read for so long that its bounty would be missed. @param why the last failure */
  function giveUp(blob: string, why: string): Promise<Finding> {
    return alone(blob, async () => {
      const finding = await lookAt(blob)
      if (finding.kind === 'lost' || finding.kind === 'unread') await lose(blob, why, 'answer')
      return finding.kind === 'unread' ? { kind: 'lost', why } : finding
    })
  }

  /** A blob that was lost is held again if its file is here and whole. @returns true: it is */
  async function regain(blob: string): Promise<boolean> {
    return locked(blob, async () => {
      if (!book.isLost(blob)) return false
      const { kind } = await compare(blob)
      if (kind === 'whole') await deps.step((step) => find(step, blob))
      return kind === 'whole'
    })
  }

  /** True when the file of a lost blob is here again and whole. */
  async function isWholeAgain(blob: string): Promise<boolean> {
    return book.isLost(blob) && (await compare(blob)).kind === 'whole'
  }

  /** The bytes came again: every placement over the blob is served from them. */
  function find(step: Step, blob: string): void {
    for (const { id, lost, state } of [...book.heldOf(blob)]) {
      if (!lost || state === 'pruned') continue
      step.tell(id, { kind: 'found' })
      log.info('blob.found', { blob, placement: id })
    }
  }

  function alone(blob: string, run: () => Promise<Finding>): Promise<Finding> {
    const under = running.get(blob)
    if (under) return under
    const look = locked(blob, run).finally(() => running.delete(blob))
    running.set(blob, look)
    return look
  }

  async function lookAt(blob: string): Promise<Finding> {
    if (!book.isKept(blob)) return { kind: 'free' }
    if (book.isLost(blob)) return { kind: 'lost', why: 'it was lost before' }
    return compare(blob)
  }

  async function compare(blob: string): Promise<Finding> {
    const id = fromHex(blob, 32)
    try {
      const [bytes, length] = [await files.size(id), book.lengthOf(blob)]
      if (bytes !== undefined && bytes !== length)
        return { kind: 'lost', why: `its file has ${bytes} bytes, the blob ${length}` }
      if (await files.verify(id)) return { kind: 'whole' }
      return { kind: 'lost', why: 'its bytes are not those of its id' }
    } catch (cause) {
      const { message } = asHoldfastError(cause)
      if (!hasCode(cause, 'BLOB_UNKNOWN')) return { kind: 'unread', why: message }
      if (await deps.isMounted()) return { kind: 'lost', why: 'its file is gone' }
      return { kind: 'unread', why: 'the volume with its file is not there' }
    }
  }

  /** Aside first: after a crash in between the file is missing, and is found to be so again. */
  async function lose(blob: string, why: string, seen: string): Promise<void> {
    if (book.isLost(blob)) return
    try {
      await files.quarantine(fromHex(blob, 32), why)
    } catch (cause) {
      log.error('blob.not-quarantined', { blob, message: asHoldfastError(cause).message })
    }
    await deps.step((step) => {
      for (const { id, state } of [...book.heldOf(blob)])
        if (state !== 'pruned') step.tell(id, { kind: 'lost', why: `${why} (${seen})` })
    })
    found++
    log.error('blob.lost', { blob, why, seen })
    deps.alert('blob-lost', blob)
  }

  return {
    confirm,
    giveUp,
    regain,
    isWholeAgain,
    find,
    /** Blobs lost since the start. */
    count: () => found,
    running: () => running.size,
    /** A disk that hangs must not keep the daemon from ending. */
    async stop(): Promise<void> {
      const over = new AbortController()
      const late = deps.clock.sleep(STOP_MS, over.signal).catch(() => undefined) // over: the looks have ended
      await Promise.race([Promise.allSettled(running.values()), late])
      over.abort()
    },
  }
}
