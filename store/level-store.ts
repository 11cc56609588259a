/**
 * The keyed store of a daemon: one Level database, every commit one synced batch (reliability.md R4).
 * Commits that arrive while a batch is being synced share the next one, so a busy daemon pays one fsync for many and an idle one waits
 * for nothing. Level's own lock keeps a second process out and dies with the process (R10). What was damaged on disk is found by the
 * checksums and the trail of commit-trail.ts.
 */
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Change, Journal, Log } from '../base/ports.ts'
import {
  describeHoles,
  FIRST_KEY,
  FORMAT,
  FORMAT_KEY,
  fillersOf,
  MARKER_RANGE,
  markersOf,
  openValue,
  readAnchor,
  readTrail,
  sealValue,
  writeAnchor,
} from './commit-trail.ts'
import { type Database, describe, isCorrupt, isReadable, openDatabase, repairDatabase } from './level-database.ts'

/** A journal on disk. `close` waits for the commits under way; safe to call twice. */
export interface LevelStore extends Journal {
  close(): Promise<void>
}

interface Waiting {
  readonly changes: readonly Change[]
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** What to do about damage that Level itself does not notice. */
export interface StoreOptions {
  readonly log?: Log
  /**
   * `refuse` (default): a store with commits missing is not opened, a record that was altered is an error.
   * `go-on`: both are told to `onDamage`, and what is left serves: for a store whose loss the market makes good.
   */
  readonly damage?: 'refuse' | 'go-on'
  /** Told once for each finding. */
  onDamage?(what: string): void
}

/** How often the anchor follows the commits, at most. Milliseconds. */
const ANCHOR_MS = 2_000

/**
 * Opens the database in `directory`, creating it when there is none. One that Level cannot read is repaired by Level first; files it
 * cannot use it moves to `lost/`.
 * @throws `STORE_LOCKED` when another process has it open (pid, host and since from `owner.json` beside it), `STORE_DAMAGED` when commits are
 * missing, `STORE_VERSION`, `STORE_UNUSABLE` otherwise
 */
export async function openLevelStore(directory: string, options: StoreOptions = {}): Promise<LevelStore> {
  const tell = (what: string) => {
    options.log?.error('store.damaged', { path: directory, what })
    options.onDamage?.(what)
  }
  const goesOn = options.damage === 'go-on'
  let database = await openDatabase(directory, options.log)
  try {
    // Level finds a damaged block only when it reads it: where we are to go on without it, that is now.
    if (goesOn && !(await isReadable(database))) {
      await database.close()
      tell('blocks of its tables cannot be read')
      database = await repairDatabase(directory)
    }
    await assertFormat(directory, database)
    const anchor = `${directory}.tail.json`
    const keys: string[] = []
    for await (const key of database.keys(MARKER_RANGE)) keys.push(key)
    const anchored = await readAnchor(anchor)
    const { last, holes } = readTrail(keys, anchored)
    if (holes.length > 0) {
      if (!goesOn) throw new HoldfastError('STORE_DAMAGED', { path: directory, what: describeHoles(holes) })
      tell(describeHoles(holes))
      await database.batch(fillersOf(holes).map(operation), { sync: true })
    }
    const warn = (what: string) => options.log?.warn('store.anchor', { path: directory, what })
    return createStore(directory, database, { last, anchored, anchor, warn, ...(goesOn ? { tell } : {}) })
  } catch (cause) {
    await database.close()
    if (cause instanceof HoldfastError) throw cause
    const code = isCorrupt(cause) ? 'STORE_DAMAGED' : 'STORE_UNUSABLE'
    throw new HoldfastError(code, { path: directory, what: describe(cause) }, { cause })
  }
}

async function assertFormat(path: string, database: Database): Promise<void> {
  const mark = await database.get(FORMAT_KEY)
  if (mark !== undefined) {
    const got = new TextDecoder().decode(openValue(FORMAT_KEY, mark) ?? new Uint8Array())
    if (got === String(FORMAT)) return
    throw new HoldfastError('STORE_VERSION', { path, got: got || 'unknown', expected: FORMAT })
  }
  for await (const key of database.keys({ limit: 1 }))
    throw new HoldfastError('STORE_VERSION', { path, got: `1 (it holds ${key} without a mark)`, expected: FORMAT })
  await database.put(FORMAT_KEY, sealValue(FORMAT_KEY, new TextEncoder().encode(String(FORMAT))), { sync: true })
}

interface OpenState {
  /** Number of the last commit. */
  readonly last: number
  /** What the anchor says; after a crash it is behind. */
  readonly anchored: number
  /** Path of the anchor. */
  readonly anchor: string
  /** For what is odd and harms nobody. */
  warn(what: string): void
  /** Given: an altered record is told here and passed over. */
  tell?(what: string): void
}

function createStore(
  directory: string,
  database: Database,
  { last, anchored: said, anchor, warn, tell }: OpenState,
): LevelStore {
  let queue: Waiting[] = []
  let flushing: Promise<void> | undefined
  let broken: HoldfastError | undefined
  let isClosed = false
  let commits = last
  let anchored = said
  let anchoring: Promise<void> | undefined
  let anchorTimer: NodeJS.Timeout | undefined

  const unreadable = (cause: unknown) =>
    cause instanceof HoldfastError
      ? cause
      : new HoldfastError('STORE_UNUSABLE', { path: directory, what: `a read failed: ${describe(cause)}` }, { cause })
  // A failed sync leaves it unknown what is on disk. Level refuses all later writes too; only opening anew verifies the tail (R5).
  const unusable = (cause: unknown) =>
    new HoldfastError('STORE_UNUSABLE', { path: directory, what: 'a write failed; it must be opened anew' }, { cause })

  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const group = queue
      queue = []
      try {
        if (broken) throw broken
        const number = commits + 1
        const changes = [...group.flatMap((waiting) => waiting.changes), ...markersOf(number)]
        await database.batch(changes.map(operation), { sync: true })
        commits = number
        for (const waiting of group) waiting.resolve()
        anchorTimer ??= setTimeout(() => void writeDown(), ANCHOR_MS).unref()
      } catch (cause) {
        broken ??= unusable(cause)
        for (const waiting of group) waiting.reject(broken)
      }
    }
    flushing = undefined
  }

  /** The anchor follows. It only ever tells of damage, so its own failure must not end anybody: the next one may succeed. */
  function writeDown(): Promise<void> {
    anchorTimer = undefined
    if (anchored === commits || broken) return anchoring ?? Promise.resolve()
    const told = commits
    anchoring = (anchoring ?? Promise.resolve())
      .then(() => writeAnchor(anchor, told))
      .then(
        () => {
          anchored = Math.max(anchored, told)
        },
        (cause: unknown) => warn(`it was not written: ${asHoldfastError(cause).message}`),
      )
    return anchoring
  }

  /** @throws `STORE_DAMAGED` unless it is told elsewhere */
  function read(key: string, sealed: Uint8Array): Uint8Array | undefined {
    const value = openValue(key, sealed)
    if (value !== undefined) return value
    const what = `the record ${key} is not what was written`
    if (tell === undefined) throw new HoldfastError('STORE_DAMAGED', { path: directory, what })
    tell(what)
    return undefined
  }

  return {
    async get(key) {
      try {
        const sealed = await database.get(key)
        return sealed === undefined ? undefined : read(key, sealed)
      } catch (cause) {
        throw unreadable(cause)
      }
    },
    async *list(prefix, options = {}) {
      const from = prefix < FIRST_KEY ? FIRST_KEY : prefix
      const start = options.after === undefined ? { gte: from } : { gt: options.after < from ? from : options.after }
      let left = options.limit ?? Number.POSITIVE_INFINITY
      try {
        for await (const [key, sealed] of database.iterator(start)) {
          if (left-- <= 0 || !key.startsWith(prefix)) return
          const value = read(key, sealed)
          if (value !== undefined) yield [key, value] as const
        }
      } catch (cause) {
        throw unreadable(cause)
      }
    },
    commit(changes) {
      if (broken) return Promise.reject(broken)
      if (isClosed)
        return Promise.reject(new HoldfastError('STORE_UNUSABLE', { path: directory, what: 'it was closed' }))
      if (changes.length === 0) return Promise.resolve()
      return new Promise((resolve, reject) => {
        queue.push({ changes, resolve, reject })
        // One turn later, so that everything committed in this turn of the event loop shares the batch.
        flushing ??= new Promise((next) => setImmediate(next)).then(flush)
      })
    },
    async close() {
      isClosed = true
      await flushing
      clearTimeout(anchorTimer)
      await writeDown()
      await database.close()
    },
  }
}

function operation({ key, value }: Change) {
  return value === undefined
    ? { type: 'del' as const, key }
    : { type: 'put' as const, key, value: sealValue(key, value) }
}
