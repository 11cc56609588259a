/**
 * A daemon's data directory: held by one process at a time (Level's lock), and marked with whom it belongs to, so that an empty
 * mount point or another one's volume is refused instead of being filled (reliability.md R10, R11).
 */
import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Rng } from '../base/ports.ts'
import { formatTime } from '../base/units.ts'
import { asStoreError } from './disk-errors.ts'
import { sweepTemporaries } from './durable-write.ts'
import { readJson, writeJson } from './json-file.ts'
import type { Owner } from './level-database.ts'
import { type LevelStore, openLevelStore, type StoreOptions } from './level-store.ts'

/** `volume.json`: whose volume this is. */
export interface Volume {
  readonly schema: 1
  /** controller, steward, manager, monitor … */
  readonly role: string
  /** Actor id of the owner. */
  readonly id: string
  /** 32 hex digits, drawn when the directory was made. */
  readonly volume: string
}

/** An opened data directory. `close` gives up the lock. */
export interface DataDir {
  readonly path: string
  readonly volume: Volume
  readonly store: LevelStore
  close(): Promise<void>
}

export interface DataDirOptions extends StoreOptions {
  readonly role: string
  readonly id: string
  readonly clock: Clock
  /** Name of the database below the directory: `db`, or `ledger` for the controller. */
  readonly database?: string
  /** Given: a directory without a marker is taken into possession. Left out: it is refused and nothing is created. */
  readonly create?: { readonly rng: Rng }
}

/**
 * Opens `path` for one owner.
 * @throws `STORE_FOREIGN` without a marker or with another's, `STORE_LOCKED` when another process has it, `STORE_UNUSABLE` when it cannot be written
 */
export async function openDataDir(path: string, options: DataDirOptions): Promise<DataDir> {
  const found = await readVolume(path)
  if (found === undefined && options.create === undefined)
    throw foreign(path, 'nobody (there is no volume.json)', options)
  if (found !== undefined && (found.id !== options.id || found.role !== options.role))
    throw foreign(path, `${found.role} ${found.id}`, options)

  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw asStoreError(path, cause)
  }
  const store = await openLevelStore(join(path, options.database ?? 'db'), options)
  try {
    await sweepTemporaries(path)
    const owner: Owner = { pid: process.pid, host: hostname(), since: formatTime(options.clock.now()) }
    await writeJson(join(path, 'owner.json'), owner)
    const volume = found ?? (await mark(path, options))
    return { path, volume, store, close: () => store.close() }
  } catch (cause) {
    await store.close()
    throw cause
  }
}

/** The marker of a directory, or undefined when there is none. @throws `STORE_UNUSABLE` when it is damaged. */
export async function readVolume(path: string): Promise<Volume | undefined> {
  const file = join(path, 'volume.json')
  let value: unknown
  try {
    value = await readJson(file, 4096)
  } catch (cause) {
    throw new HoldfastError(
      'STORE_UNUSABLE',
      { path: file, what: 'the marker of the volume cannot be read' },
      { cause },
    )
  }
  if (value === undefined) return undefined
  const { schema, role, id, volume } = (value ?? {}) as Partial<Volume>
  if (schema !== undefined && schema !== 1)
    throw new HoldfastError('STORE_VERSION', { path: file, got: String(schema), expected: 1 })
  if (schema === undefined || typeof role !== 'string' || typeof id !== 'string' || typeof volume !== 'string')
    throw new HoldfastError('STORE_UNUSABLE', { path: file, what: 'the marker of the volume is damaged' })
  return { schema, role, id, volume }
}

async function mark(path: string, options: DataDirOptions): Promise<Volume> {
  const rng = options.create?.rng
  if (rng === undefined) throw foreign(path, 'nobody', options)
  const volume: Volume = { schema: 1, role: options.role, id: options.id, volume: toHex(rng.bytes(16)) }
  await writeJson(join(path, 'volume.json'), volume)
  return volume
}

function foreign(path: string, got: string, { role, id }: DataDirOptions): HoldfastError {
  return new HoldfastError('STORE_FOREIGN', { path, got, expected: `${role} ${id}` })
}
