/**
 * A ledger from its backups (protocol.md §10): the newest one, what it rests on down to its base, and the records of all of them, oldest
 * first. What has happened since is the chain's to tell: the controller that opens the result catches up like after any pause.
 */
import { equalBytes, toHex, utf8 } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Change } from '../base/ports.ts'
import { unixTime } from '../base/units.ts'
import { locatorOf } from '../blob/cap.ts'
import type { Pointer } from '../blob/pointer.ts'
import { type Backup, decodeBackup } from './backup-format.ts'
import { type BackupLink, type BackupRecord, decodeRecord, encodeRecord, KEYS, type ObjectRecord } from './records.ts'

/** More than a controller ever makes: a chain of backups that does not end is refused. */
const MAX_LINKS = 64

export interface Restored {
  /** All that goes into the store of the new ledger, in one batch. */
  readonly changes: readonly Change[]
  readonly version: number
  /** Chain time of what it says. */
  readonly at: number
  /** Backups fetched. */
  readonly links: number
}

/**
 * @param fetch the content of a backup's object
 * @throws `BACKUP_INVALID`, and what `fetch` throws
 */
export async function restoreLedger(
  pointer: Pointer,
  fetch: (cap: Uint8Array) => Promise<Uint8Array>,
): Promise<Restored> {
  const chain: { readonly cap: Uint8Array; readonly bytes: number; readonly backup: Backup }[] = []
  for (let cap: Uint8Array | undefined = pointer.cap; cap !== undefined; ) {
    const content = await fetch(cap)
    const backup = await decodeBackup(content)
    if (chain.length >= MAX_LINKS || chain.some((link) => equalBytes(link.cap, cap as Uint8Array)))
      throw new HoldfastError('BACKUP_INVALID', { what: 'its deltas never reach a base' })
    chain.unshift({ cap, bytes: content.length, backup })
    cap = backup.previous
  }
  const newest = chain.at(-1)?.backup
  if (newest === undefined) throw new HoldfastError('BACKUP_INVALID', { what: 'it is empty' })
  const records = new Map<string, Uint8Array>()
  for (const { backup } of chain)
    for (const [key, value] of backup.records)
      if (value === undefined) records.delete(key)
      else records.set(key, value)
  const links = chain.map(({ cap, bytes, backup }, at): BackupLink => {
    const id = toHex(locatorOf(cap))
    const object = records.get(KEYS.object(id))
    // the newest says nothing of itself; its number goes on from the pointer's
    const version = at === chain.length - 1 ? Math.max(pointer.version, backup.version) : backup.version
    return { version, cap, id, bytes, ref: object ? decodeRecord<ObjectRecord>(KEYS.object(id), object).ref : '' }
  })
  const last: BackupRecord = { links, at: unixTime(newest.at), tries: 0, pointed: true }
  return {
    changes: [
      ...[...records].map(([key, value]) => ({ key, value })),
      ...(newest.cursor === undefined ? [] : [{ key: KEYS.cursor, value: newest.cursor }]),
      { key: KEYS.backup, value: encodeRecord(last) },
      { key: KEYS.recovered, value: utf8('1') },
    ],
    version: pointer.version,
    at: newest.at,
    links: chain.length,
  }
}
