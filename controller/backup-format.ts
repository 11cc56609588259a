/**
 * The bytes of a backup of the ledger: a head, and the ledger's own records, packed. Exact layout: docs/spec/backup.md.
 * A base has all records; a delta those that changed since the backup before it, whose cap it names.
 */
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { concat, equalBytes, readU32, u16, u32, utf8 } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import { HoldfastError } from '../base/errors.ts'
import { GiB, KiB, MiB } from '../base/units.ts'
import { isBackedUp } from './records.ts'

const pack = promisify(gzip)
const unpack = promisify(gunzip)

const MAGIC = utf8('holdfast/backup/1')
/** The cursor carries the newest blocks that were seen, with their logs. Bytes. */
const MAX_HEAD_BYTES = 4 * MiB
/** Of the unpacked records. Bytes. */
const MAX_UNPACKED_BYTES = GiB
/** In place of a length: the record is gone. */
const GONE = 0xffff_ffff

export interface BackupHead {
  /** From 1, one more each time. */
  readonly version: number
  /** Chain time of what it says. Seconds. */
  readonly at: number
  /** Of the backup before it; absent: a base. */
  readonly previous?: Uint8Array
  /** How far the chain was read; absent before the first block. */
  readonly cursor?: Uint8Array
}

/** A key of the ledger and what stands under it now; undefined: nothing any more. */
export type BackupEntry = readonly [key: string, value: Uint8Array | undefined]

export interface Backup extends BackupHead {
  readonly records: readonly BackupEntry[]
}

export async function encodeBackup(head: BackupHead, records: readonly BackupEntry[]): Promise<Uint8Array> {
  const { version, at, previous, cursor } = head
  const body = concat(
    ...records.flatMap(([key, value]) => {
      const name = utf8(key)
      return [u16(name.length), name, u32(value?.length ?? GONE), value ?? new Uint8Array()]
    }),
  )
  if (body.length > MAX_UNPACKED_BYTES)
    throw new HoldfastError('BACKUP_INVALID', {
      what: `the ledger has ${body.length} bytes, a backup at most ${MAX_UNPACKED_BYTES}`,
    })
  const fields = encodeCbor({
    v: 1,
    version,
    at,
    size: body.length,
    ...(previous === undefined ? {} : { previous }),
    ...(cursor === undefined ? {} : { cursor }),
  })
  return concat(MAGIC, u32(fields.length), fields, await pack(body))
}

/** @throws `BACKUP_INVALID` */
export async function decodeBackup(bytes: Uint8Array): Promise<Backup> {
  const wrong = (what: string, cause?: unknown) => new HoldfastError('BACKUP_INVALID', { what }, { cause })
  if (bytes.length < MAGIC.length + 4 || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC))
    throw wrong('it is not one of this format')
  const length = readU32(bytes, MAGIC.length)
  const from = MAGIC.length + 4
  if (length > MAX_HEAD_BYTES || from + length > bytes.length) throw wrong('its head is cut off')
  const { size, ...head } = readHead(bytes.subarray(from, from + length), wrong)
  let body: Uint8Array
  try {
    body = await unpack(bytes.subarray(from + length), { maxOutputLength: Math.max(size, 64 * KiB) })
  } catch (cause) {
    throw wrong('its records do not unpack', cause)
  }
  if (body.length !== size) throw wrong(`${body.length} bytes of records, its head says ${size}`)
  return { ...head, records: readRecords(body, wrong) }
}

type Wrong = (what: string, cause?: unknown) => HoldfastError

function readHead(bytes: Uint8Array, wrong: Wrong): BackupHead & { readonly size: number } {
  let fields: Readonly<Record<string, CborValue>>
  try {
    fields = decodeCbor(bytes, MAX_HEAD_BYTES) as typeof fields
  } catch (cause) {
    throw wrong('its head is no CBOR of this protocol', cause)
  }
  const { v, version, at, size, previous, cursor } = fields
  if (v !== 1) throw wrong(`version ${String(v)} of the format, this program knows 1`)
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value)
  if (!isCount(version) || !isCount(at) || !isCount(size) || size > MAX_UNPACKED_BYTES) throw wrong('its head')
  if (previous !== undefined && !(previous instanceof Uint8Array && previous.length === 32)) throw wrong('its link')
  if (cursor !== undefined && !(cursor instanceof Uint8Array)) throw wrong('its cursor')
  return { version, at, size, ...(previous ? { previous } : {}), ...(cursor ? { cursor } : {}) }
}

function readRecords(body: Uint8Array, wrong: Wrong): BackupEntry[] {
  const records: BackupEntry[] = []
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  const text = new TextDecoder('utf8', { fatal: true })
  try {
    for (let at = 0; at < body.length; ) {
      const keyLength = view.getUint16(at)
      const length = view.getUint32(at + 2 + keyLength)
      const key = text.decode(body.subarray(at + 2, at + 2 + keyLength))
      if (!isBackedUp(key)) throw wrong(`a record ${key.slice(0, 40)}, which backups do not carry`)
      at += 6 + keyLength
      if (length === GONE) {
        records.push([key, undefined])
        continue
      }
      if (at + length > body.length) throw wrong('a record is cut off')
      records.push([key, body.slice(at, at + length)])
      at += length
    }
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw wrong('a record is cut off', cause)
  }
  return records
}
