/**
 * The keyed store of a daemon: one Level database, every commit one synced batch (reliability.md R4).
 * Commits that arrive while a batch is being synced share the next one, so a busy daemon pays one fsync for many and an idle one waits
 * for nothing. Level's own lock keeps a second process out and dies with the process (R10).
 */
import { dirname, join } from 'node:path'
import { Level } from 'level'
import { HoldfastError } from '../base/errors.ts'
import type { Change, Journal } from '../base/ports.ts'
import { readJson } from './json-file.ts'

/** A journal on disk. `close` waits for the commits under way; safe to call twice. */
export interface LevelStore extends Journal {
  close(): Promise<void>
}

/** Who holds a data directory; only feeds the message of `STORE_LOCKED`. */
export interface Owner {
  readonly pid: number
  readonly host: string
  /** ISO-8601 UTC. */
  readonly since: string
}

interface Waiting {
  readonly changes: readonly Change[]
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

type Database = Level<string, Uint8Array>

/**
 * Opens the database in `directory`, creating it when there is none.
 * @throws `STORE_LOCKED` when another process has it open (pid, host and since from `owner.json` beside it), `STORE_UNUSABLE` otherwise
 */
export async function openLevelStore(directory: string): Promise<LevelStore> {
  const database: Database = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'view' })
  try {
    await database.open()
  } catch (cause) {
    throw await openFailure(directory, cause)
  }
  return createStore(directory, database)
}

function createStore(directory: string, database: Database): LevelStore {
  let queue: Waiting[] = []
  let flushing: Promise<void> | undefined
  let broken: HoldfastError | undefined
  let isClosed = false

  const unreadable = (cause: unknown) =>
    new HoldfastError('STORE_UNUSABLE', { path: directory, what: `a read failed: ${describe(cause)}` }, { cause })
  // A failed sync leaves it unknown what is on disk. Level refuses all later writes too; only opening anew verifies the tail (R5).
  const unusable = (cause: unknown) =>
    new HoldfastError('STORE_UNUSABLE', { path: directory, what: 'a write failed; it must be opened anew' }, { cause })

  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const group = queue
      queue = []
      try {
        if (broken) throw broken
        await database.batch(
          group.flatMap((waiting) => waiting.changes.map(operation)),
          { sync: true },
        )
        for (const waiting of group) waiting.resolve()
      } catch (cause) {
        broken ??= unusable(cause)
        for (const waiting of group) waiting.reject(broken)
      }
    }
    flushing = undefined
  }

  return {
    async get(key) {
      try {
        return await database.get(key)
      } catch (cause) {
        throw unreadable(cause)
      }
    },
    async *list(prefix, options = {}) {
      const start =
        options.after === undefined ? { gte: prefix } : { gt: options.after < prefix ? prefix : options.after }
      let left = options.limit ?? Number.POSITIVE_INFINITY
      try {
        for await (const [key, value] of database.iterator(start)) {
          if (left-- <= 0 || !key.startsWith(prefix)) return
          yield [key, value] as const
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
      await database.close()
    },
  }
}

function operation({ key, value }: Change) {
  return value === undefined ? { type: 'del' as const, key } : { type: 'put' as const, key, value }
}

async function openFailure(directory: string, cause: unknown): Promise<HoldfastError> {
  const inner = (cause as { cause?: { code?: string; message?: string } }).cause
  if (inner?.code === 'LEVEL_LOCKED')
    return new HoldfastError('STORE_LOCKED', { path: directory, owner: await describeOwner(directory) }, { cause })
  return new HoldfastError('STORE_UNUSABLE', { path: directory, what: describe(inner ?? cause) }, { cause })
}

function describe(cause: unknown): string {
  return (cause as { message?: string }).message ?? String(cause)
}

/** " by process 4711 on host since …", or nothing when the note is missing: it is a help to people and proves nothing. */
async function describeOwner(directory: string): Promise<string> {
  const note = await readJson(join(dirname(directory), 'owner.json')).catch(() => undefined)
  const { pid, host, since } = (note ?? {}) as Partial<Owner>
  return pid === undefined ? '' : ` by process ${pid} on ${host} since ${since}`
}
