/**
 * Scrubbing: every blob is read and compared with its id at least once in a period (`steward.scrub`, 30 days), so that damage is found before
 * a deadline finds it. A reading for an answer that was paid counts. What is due waits for the next midnight of chain time, one blob at a
 * time and behind the answers; a start compares names and lengths with the book, which finds what vanished without reading anything.
 */
import { toHex } from '../base/bytes.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { DAY } from '../base/units.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import type { Damage, Finding } from './damage.ts'
import type { Step } from './step.ts'

/** Blobs of one commit. */
const SLICE = 64
/** A slice waits so long, at most, for answers that are being made; then it takes a blob all the same. Milliseconds. */
const YIELD_MS = 5_000

export interface ScrubDeps {
  readonly book: Book
  readonly files: Pick<BlobFiles, 'list'>
  readonly damage: Pick<Damage, 'confirm'>
  readonly clock: Clock
  readonly log: Log
  /** Chain time. */
  now(): number
  /** Longest time between two readings of a blob, up to the midnight after. Seconds. */
  period(): number
  /** Answers are being made: the disk is theirs. */
  isAnswering(): boolean
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  alert(code: 'blob-unreadable', about: string): void
  /** Something ended: whoever waits may look again. */
  notify(): void
}

export function createScrub(deps: ScrubDeps) {
  const { book, files, damage, clock, log } = deps
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  /** Blobs whose failure the operator knows. */
  const alerted = new Set<string>()

  /** The next midnight at which a blob is due; undefined while one slice runs, or with nothing to read. */
  function due(): number | undefined {
    const oldest = running ? undefined : book.checked.next()
    return oldest === undefined ? undefined : midnightAfter(oldest + deps.period())
  }

  /** Starts on what is due. Does not wait. */
  function run(): void {
    const next = due()
    if (next === undefined || next > deps.now() || stopping.signal.aborted) return
    const today = deps.now() - (deps.now() % DAY)
    const blobs = book.checked.dueAt(today - deps.period())
    start(() =>
      scrub(blobs).catch((cause: unknown) => {
        for (const blob of blobs) putOff(blob)
        throw cause
      }),
    )
  }

  /** Compares what is on disk with the book, by name and length. Does not wait. */
  function resume(): void {
    start(reconcile)
  }

  function start(job: () => Promise<void>): void {
    running = job()
      .catch((cause: unknown) => log.error('scrub.failed', { message: asHoldfastError(cause).message }))
      .finally(() => {
        running = undefined
        deps.notify()
      })
  }

  async function scrub(blobs: readonly string[]): Promise<void> {
    const began = clock.monotonic()
    let [bad, unread] = [0, 0]
    await compareAll(blobs, 'scrub', (blob, finding) => {
      if (finding.kind === 'lost') bad++
      if (finding.kind !== 'unread') return
      unread++
      onUnread(blob, finding.why)
    })
    log.info('scrub.done', { blobs: blobs.length, bad, unread, ms: Math.round(clock.monotonic() - began) })
  }

  /** One after another, behind the answers; what is whole is written down slice by slice. */
  async function compareAll(
    blobs: readonly string[],
    seen: string,
    onFinding: (blob: string, finding: Finding) => void,
  ): Promise<void> {
    for (let at = 0; at < blobs.length && !stopping.signal.aborted; at += SLICE) {
      const whole: string[] = []
      for (const blob of blobs.slice(at, at + SLICE)) {
        await untilFree()
        if (stopping.signal.aborted) break
        const finding = await damage.confirm(blob, seen)
        if (finding.kind === 'whole') whole.push(blob)
        onFinding(blob, finding)
      }
      await deps.step((step) => note(step, whole))
    }
  }

  function note(step: Step, whole: readonly string[]): void {
    for (const blob of whole) {
      alerted.delete(blob)
      for (const { id, state } of [...book.heldOf(blob)]) {
        const holding = step.holding(id)
        if (holding && state !== 'pruned') step.save({ ...holding, checkedAt: step.now })
      }
    }
  }

  function onUnread(blob: string, why: string): void {
    if (!alerted.has(blob)) deps.alert('blob-unreadable', blob)
    alerted.add(blob)
    log.error('blob.unreadable', { blob, why })
    putOff(blob)
  }

  /** Until tomorrow; forgotten at the next start. */
  function putOff(blob: string): void {
    if (book.isHeld(blob)) book.checked.set(blob, deps.now() + 1 - deps.period())
  }

  async function reconcile(): Promise<void> {
    const lengths = new Map<string, number>()
    for await (const { id, bytes } of files.list()) lengths.set(toHex(id), bytes)
    for (const blob of [...book.byBlob.keys()]) {
      if (stopping.signal.aborted) return
      if (!book.isHeld(blob)) continue
      const [held] = book.heldOf(blob)
      if (lengths.get(blob) !== held?.length) await damage.confirm(blob, 'start')
    }
  }

  async function untilFree(): Promise<void> {
    const until = clock.monotonic() + YIELD_MS
    while (deps.isAnswering() && clock.monotonic() < until)
      await clock.sleep(20, stopping.signal).catch(() => undefined) // stopping: the caller looks
  }

  return {
    due,
    run,
    resume,
    compareAll,
    isRunning: () => running !== undefined,
    async stop(): Promise<void> {
      stopping.abort()
      await running
    },
  }
}

/** The first multiple of a day at or after a moment of chain time. */
function midnightAfter(moment: number): number {
  return Math.ceil(moment / DAY) * DAY
}
