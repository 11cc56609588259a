/** Opening a Level database: whose lock is in the way, and what Level itself can repair. */
import { dirname, join } from 'node:path'
import { Level } from 'level'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { readJson } from './json-file.ts'

/** Who holds a data directory; only feeds the message of `STORE_LOCKED`. */
export interface Owner {
  readonly pid: number
  readonly host: string
  /** ISO-8601 UTC. */
  readonly since: string
}

export type Database = Level<string, Uint8Array>

/** Level's own repair; its types leave it out. */
const { repair } = Level as unknown as { repair(directory: string): Promise<void> }

const makeDatabase = (directory: string): Database =>
  new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'view' })

/**
 * @throws `STORE_LOCKED` when another process has it open (pid, host and since from `owner.json` beside it), `STORE_UNUSABLE`
 */
export async function openDatabase(directory: string, log?: Log): Promise<Database> {
  const database = makeDatabase(directory)
  try {
    await database.open()
    return database
  } catch (cause) {
    const failure = await openFailure(directory, cause)
    if (!isCorrupt(cause)) throw failure
    log?.warn('store.repair', { path: directory, what: failure.message })
    return repairDatabase(directory).catch((second: unknown) => {
      log?.warn('store.repair failed', { path: directory, what: describe(second) })
      throw failure
    })
  }
}

/** Everything Level can still read, in a new form; files it cannot use it moves to `lost/`. */
export async function repairDatabase(directory: string): Promise<Database> {
  await repair(directory)
  const database = makeDatabase(directory)
  await database.open()
  return database
}

export async function isReadable(database: Database): Promise<boolean> {
  try {
    for await (const _ of database.values());
    return true
  } catch {
    return false // told by the caller, in its own words
  }
}

/** Level's word for a file that is not what it wrote; a missing or foreign CURRENT is told as an invalid argument or an I/O error. */
export function isCorrupt(cause: unknown): boolean {
  const { code, message = '' } = ((cause as { cause?: unknown }).cause ?? cause) as { code?: string; message?: string }
  return code === 'LEVEL_CORRUPTION' || /corruption|CURRENT|MANIFEST|\.ldb|\.sst/i.test(message)
}

async function openFailure(directory: string, cause: unknown): Promise<HoldfastError> {
  const inner = (cause as { cause?: { code?: string; message?: string } }).cause
  if (inner?.code === 'LEVEL_LOCKED')
    return new HoldfastError('STORE_LOCKED', { path: directory, owner: await describeOwner(directory) }, { cause })
  return new HoldfastError('STORE_UNUSABLE', { path: directory, what: describe(inner ?? cause) }, { cause })
}

export function describe(cause: unknown): string {
  return (cause as { message?: string }).message ?? String(cause)
}

/** " by process 4711 on host since …", or nothing when the note is missing: it is a help to people and proves nothing. */
async function describeOwner(directory: string): Promise<string> {
  const note = await readJson(join(dirname(directory), 'owner.json')).catch(() => undefined)
  const { pid, host, since } = (note ?? {}) as Partial<Owner>
  return pid === undefined ? '' : ` by process ${pid} on ${host} since ${since}`
}
