/**
 * Backups of the ledger (protocol.md §10): when one is due, and one at a time on its way: content, put, pointer. The controller makes them
 * alone: they are objects whose editor follows from its backup key, placed through its own put desk. What is being stored stands in the
 * ledger first, so that a crash at any point goes on with the same one. Formats and rules: docs/spec/backup.md.
 */
import { equalBytes, readU32 } from '../base/bytes.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { hkdf } from '../base/hash.ts'
import type { Change, Clock, Journal, Log, Rng } from '../base/ports.ts'
import { DAY, HOUR, MiB, seconds, unixTime } from '../base/units.ts'
import { openPointer, sealPointer } from '../blob/pointer.ts'
import type { SendBlob } from '../uploader/place-blob.ts'
import { putObject } from '../uploader/put.ts'
import type { ObjectEntry, PutBook } from '../uploader/put-book.ts'
import type { PutJournal } from '../uploader/put-journal.ts'
import type { Source } from '../uploader/source.ts'
import { createVault } from '../uploader/vault.ts'
import { collectBase, collectChanges, linkOf, packBase, packDelta } from './backup-snapshot.ts'
import type { Ledger } from './ledger.ts'
import { type BackupDraft, type BackupRecord, KEYS } from './records.ts'
import type { Step } from './step.ts'

export interface BackupDeps {
  readonly ledger: Ledger
  readonly journal: Journal
  readonly backupKey: Uint8Array
  readonly book: PutBook
  readonly send: SendBlob
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  /** Chain time. */
  now(): number
  step<Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result>
  exclusive<Result>(run: () => Promise<Result>): Promise<Result>
  /** Stewards that would be asked now. */
  stewards(): number
  /** An intent to write a pointer to the chain. */
  point(id: string, pointer: Uint8Array): readonly Change[]
  /** Whether all of the object with this id is in good order, as far as the ledger knows. */
  isSound(id: string): boolean
  /** How long an object may wait for its backup, when no post comes before. Seconds of chain time. */
  readonly patience: number
}

/** Shares of a backup: the default of a put, and fewer where there are fewer stewards. */
const SHARES = { need: 3, total: 10 } as const
const SEGMENT = 24 * MiB
const TERM = seconds(90 * DAY)
/** After a put, so that a burst of puts gets one backup: this long nothing more came, or it came for so long. Milliseconds. */
const QUIET_MS = 1_000
const BURST_MS = 30_000
/** Between two backups, in lengths of the last one; and at most so long. Milliseconds. */
const REST = 4
const MAX_REST_MS = 300_000
/** After one that failed (no bidder, no money); doubled each time, up to the second. Seconds of chain time. */
const TRY_AGAIN = [HOUR, 7 * DAY] as const
const LOOK_MS = 30_000

export class Backups {
  private readonly deps: BackupDeps
  private readonly vault: ReturnType<typeof createVault>
  private readonly stopping = new AbortController()
  private loop: Promise<void> | undefined
  private wake: (() => void) | undefined
  private making = false
  /** When what is unsaved was first noticed. Chain time; and, for bursts, monotonic milliseconds of first and last notice. */
  private since: { readonly at: number; readonly first: number } | undefined
  private lastNotice = 0
  private restUntil = 0
  private failedUntil = 0
  private failures = 0
  private isHurried = false
  /** Why the last try failed, for people. */
  failure: string | undefined

  constructor(deps: BackupDeps) {
    this.deps = deps
    this.vault = createVault(hkdf(deps.backupKey, 'seal'), deps.rng)
    deps.ledger.onUnsaved = () => this.notice()
  }

  start(): void {
    this.look()
    if (this.deps.ledger.unsaved.size > 0) this.notice()
    this.loop = this.run().catch((cause: unknown) => {
      if (this.stopping.signal.aborted) return
      this.failure = asHoldfastError(cause).message
      this.deps.log.error('backups stopped', { message: this.failure })
    })
  }

  async stop(): Promise<void> {
    this.stopping.abort(new HoldfastError('INTERRUPTED'))
    this.wake?.()
    await this.loop
  }

  /** Something is not in any backup. */
  private notice(): void {
    const { clock } = this.deps
    this.lastNotice = clock.monotonic()
    this.since ??= { at: this.deps.now(), first: this.lastNotice }
    this.wake?.()
  }

  /** A post goes out anyway, so a pointer may go with it (protocol.md §4). */
  onPost(): void {
    if (!this.deps.ledger.unsaved.has('soon')) return
    this.since = { at: -this.deps.patience, first: this.since?.first ?? this.deps.clock.monotonic() }
    this.wake?.()
  }

  /** Placements of these puts changed: a share or copy of a backup may be missing, or over. */
  onMoved(refs: ReadonlySet<string>): void {
    if (this.deps.ledger.backup?.links.some(({ ref }) => refs.has(ref))) this.look()
  }

  /** When too much of a backup is missing another takes its place: at once, unless the last one is young, and its market so poor. */
  private look(): void {
    const { ledger, isSound, now } = this.deps
    const { backup, unsaved } = ledger
    // what a ledger was restored from is not in it
    const known = backup?.links.filter(({ id }) => ledger.objects.has(id)) ?? []
    if (backup === undefined || known.every(({ id }) => isSound(id))) return
    const urgency = now() - backup.at < DAY ? 'daily' : 'soon'
    if (unsaved.has(urgency)) return
    unsaved.add(urgency)
    this.notice()
  }

  /** The owner wants one now, also over a newer one that this ledger does not come from. */
  async order(): Promise<void> {
    const { ledger, step } = this.deps
    if (ledger.isBackupHeld) await step((each) => each.batch.backupsAllowed())
    ledger.unsaved.add('soon')
    this.failedUntil = 0
    this.restUntil = 0
    this.since = { at: -this.deps.patience, first: this.since?.first ?? this.deps.clock.monotonic() }
    this.hurry()
  }

  /** Whoever moves a dev chain's time does not wait for quiet. */
  hurry(): void {
    this.isHurried = true
    this.wake?.()
  }

  /** Chain time at which the next one is to be made; undefined while everything is saved. */
  nextDue(): number | undefined {
    const { ledger, patience } = this.deps
    if (ledger.isBackupHeld) return undefined
    if (ledger.backupDraft !== undefined) return Math.max(0, this.failedUntil)
    if (this.since === undefined || ledger.unsaved.size === 0) return undefined
    const wait = ledger.unsaved.has('soon') ? patience : ledger.unsaved.has('daily') ? DAY : 7 * DAY
    return Math.max(0, this.since.at + wait, this.failedUntil)
  }

  isDue(): boolean {
    const due = this.nextDue()
    return due !== undefined && due <= this.deps.now()
  }

  /** One is being made, or should be. */
  isBusy(): boolean {
    return this.making || this.isDue()
  }

  /** Something that only this machine knows, or a pointer that is not final yet. */
  isPending(): boolean {
    const { unsaved, backup } = this.deps.ledger
    return this.making || unsaved.has('soon') || (backup !== undefined && !backup.pointed)
  }

  /** The chain shows a pointer of ours, or has taken it back. Versions repeat after a recovery from an older backup; a cap is one object's. */
  onPointer(
    step: Step,
    { pointer, block }: { readonly pointer: Uint8Array; readonly block: number },
    isThere: boolean,
  ): void {
    const backup = step.batch.pendingBackup ?? this.deps.ledger.backup
    const last = backup?.links.at(-1)
    if (backup === undefined || last === undefined) return
    try {
      const { version, cap } = openPointer(this.deps.backupKey, pointer)
      if (version !== last.version || !equalBytes(cap, last.cap)) return
      const { shownAt: _, ...rest } = backup
      step.batch.backup({ ...rest, pointed: false, ...(isThere ? { shownAt: block } : {}) })
    } catch (cause) {
      this.deps.log.warn('a pointer that is none', { message: asHoldfastError(cause).message })
    }
  }

  /** Everything up to `finalHead` stands: so does a pointer in it. */
  onFinal(step: Step, finalHead: number): void {
    const backup = step.batch.pendingBackup ?? this.deps.ledger.backup
    if (backup?.shownAt === undefined || backup.pointed || backup.shownAt > finalHead) return
    step.batch.backup({ ...backup, pointed: true })
  }

  /** The chain refused the pointer: it is asked again, under an id of its own. */
  async onRefused(reason: Error): Promise<void> {
    this.deps.log.warn('pointer refused', { message: reason.message })
    await this.deps.step((step) => {
      const { backup } = this.deps.ledger
      if (backup !== undefined && !backup.pointed && backup.shownAt === undefined)
        this.point(step, { ...backup, tries: backup.tries + 1 })
    })
  }

  private async run(): Promise<void> {
    const { clock } = this.deps
    const { signal } = this.stopping
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve
      })
      const pause = this.isDue() ? this.pause() : LOOK_MS
      if (pause > 0) await Promise.race([woken, clock.sleep(pause, signal).catch(() => undefined)]) // aborted: the loop ends
      if (signal.aborted || !this.isDue() || this.pause() > 0) continue
      await this.make()
    }
  }

  /** Real time to wait although one is due. Milliseconds. */
  private pause(): number {
    if (this.isHurried) return 0
    const now = this.deps.clock.monotonic()
    const burstEnds = (this.since?.first ?? now) + BURST_MS
    return Math.max(Math.min(this.lastNotice + QUIET_MS, burstEnds) - now, this.restUntil - now, 0)
  }

  private async make(): Promise<void> {
    const { clock, log } = this.deps
    const startedAt = clock.monotonic()
    this.making = true
    this.isHurried = false
    try {
      const draft = this.deps.ledger.backupDraft ?? (await this.draft())
      await this.store(draft)
      this.failure = undefined
      this.failures = 0
      const took = clock.monotonic() - startedAt
      this.restUntil = clock.monotonic() + Math.min(REST * took, MAX_REST_MS)
    } catch (cause) {
      if (this.stopping.signal.aborted) return
      const { code, message } = asHoldfastError(cause)
      this.failure = message
      this.failedUntil = this.deps.now() + Math.min(TRY_AGAIN[0] * 2 ** this.failures++, TRY_AGAIN[1])
      log.warn('no backup', { code, message })
      await this.discard()
    } finally {
      this.making = false
    }
  }

  /**
   * Writes down what the next backup says. From the first commit on changes belong to the one after it; what was read until then is packed
   * while steps go on. A draft without its content (a crash on the way) is thrown away.
   */
  private async draft(): Promise<BackupDraft> {
    const { deps } = this
    const { ledger, journal } = deps
    const n = Math.max(1, Math.min(SHARES.total, deps.stewards()))
    const k = Math.max(1, Math.floor((SHARES.need * n) / SHARES.total))
    const [begun, collected] = await deps.exclusive(async () => {
      const version = ledger.generation
      const at = unixTime(deps.now())
      const collected = await collectChanges(ledger, { version, at }, deps.isSound)
      const draft: BackupDraft = { version, links: collected.links, at, k, n }
      await journal.commit([...(await this.journalKeys()), KEYS.backupContent].map(gone))
      const batch = ledger.batch()
      batch.backupDraft(draft)
      await ledger.commit(batch)
      ledger.unsaved.clear()
      this.since = undefined
      return [draft, collected] as const
    })
    const { content, links } =
      (await packDelta(collected)) ?? (await packBase(await deps.exclusive(() => collectBase(ledger, begun))))
    const draft: BackupDraft = { ...begun, links }
    await deps.exclusive(async () => {
      const batch = ledger.batch()
      batch.also([{ key: KEYS.backupContent, value: content }])
      batch.backupDraft(draft)
      await ledger.commit(batch)
    })
    return draft
  }

  private async store(draft: BackupDraft): Promise<void> {
    const { journal, book, send, rng, clock, log, backupKey } = this.deps
    const content = await journal.get(KEYS.backupContent)
    if (content === undefined) return this.discard()
    const { k, n } = draft
    const { blobs } = await putObject(
      {
        book: {
          ...book,
          award: (plan, limits) => book.award({ ...plan, backup: true }, limits),
          finish: async (object) => {
            await book.finish({ ...object, backup: draft.version })
            await this.complete(draft, object)
          },
        },
        send,
        rng,
        clock,
        journal: this.putJournal(),
        vault: this.vault,
        editorParent: backupKey,
        log,
      },
      sourceOf(content),
      { segmentSize: SEGMENT, k, n, term: TERM, limits: {}, signal: this.stopping.signal },
    )
    log.info('backup stored', {
      version: draft.version,
      bytes: content.length,
      isBase: draft.links.length === 0,
      ...blobs,
    })
  }

  /** The object is there: it is the newest backup, its pointer goes to the chain, and what it supersedes runs out. */
  private async complete(draft: BackupDraft, object: ObjectEntry): Promise<void> {
    const { ledger, step } = this.deps
    if (ledger.backupDraft?.version !== draft.version) return // told again after a crash
    const marks: string[] = []
    for await (const [key] of ledger.marks((generation) => generation <= draft.version)) marks.push(KEYS.changed(key))
    const journalKeys = await this.journalKeys()
    const cap = this.vault.open(object.sealedCap, 'the cap of a backup')
    await step(async (step) => {
      const links = [...draft.links, linkOf(draft.version, object, cap)]
      const needed = new Set(links.map(({ ref }) => ref))
      for (const link of ledger.backup?.links ?? []) {
        if (needed.has(link.ref)) continue
        for (const { id, end } of ledger.placementsOf(link.ref)) step.tell(id, { kind: 'terminated', at: end })
      }
      // Marks that were renewed meanwhile belong to the next one.
      for (const mark of marks) if (await this.isMarkOf(mark, draft.version)) step.batch.also([gone(mark)])
      step.batch.also([...journalKeys, KEYS.backupContent].map(gone))
      step.batch.backupDraft(undefined)
      this.point(step, { links, at: draft.at, tries: 0, pointed: false })
    })
  }

  private async isMarkOf(mark: string, version: number): Promise<boolean> {
    const value = await this.deps.journal.get(mark)
    return value !== undefined && readU32(value, 0) <= version
  }

  private point(step: Step, backup: BackupRecord): void {
    const { backupKey, rng, point } = this.deps
    const last = backup.links.at(-1)
    if (last === undefined) return
    const { version, cap } = last
    step.batch.backup(backup)
    step.batch.also(point(`point/${version}/${backup.tries}`, sealPointer(backupKey, { version, cap }, rng.bytes(12))))
  }

  /** What was stored of it is not paid any longer than to the next docket; the next try begins anew. */
  private async discard(): Promise<void> {
    const { ledger, step } = this.deps
    const draft = ledger.backupDraft
    if (draft === undefined) return
    const keys = [...(await this.journalKeys()), KEYS.backupContent]
    await step((step) => {
      step.batch.also(keys.map(gone))
      step.batch.backupDraft(undefined)
      const known = new Set([...(ledger.backup?.links ?? []), ...draft.links].map(({ ref }) => ref))
      for (const { ref, plan } of ledger.puts.values())
        if (plan.backup === true && !known.has(ref))
          for (const { id, end } of ledger.placementsOf(ref)) step.tell(id, { kind: 'terminated', at: end })
    })
    ledger.unsaved.add('soon')
    this.notice()
  }

  private putJournal(): PutJournal {
    const { journal } = this.deps
    return {
      read: (name) => journal.get(KEYS.backupJournal(name)),
      write: (name, value) => journal.commit([{ key: KEYS.backupJournal(name), value }]),
      clear: async () => journal.commit((await this.journalKeys()).map(gone)),
    }
  }

  private async journalKeys(): Promise<string[]> {
    const keys: string[] = []
    for await (const [key] of this.deps.journal.list(KEYS.backupJournal(''))) keys.push(key)
    return keys
  }
}

const gone = (key: string): Change => ({ key, value: undefined })

/** Bytes in memory as the source of a put. */
function sourceOf(content: Uint8Array): Source {
  return {
    size: content.length,
    path: 'the ledger’s backup',
    read: async (offset, length) => content.subarray(offset, offset + length),
    assertUnchanged: async () => undefined,
  }
}
