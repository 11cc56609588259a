/** What goes into the next backup: all of the ledger, or what changed, read between two steps. */
import { toHex } from '../base/bytes.ts'
import { type BackupEntry, type BackupHead, encodeBackup } from './backup-format.ts'
import type { Ledger } from './ledger.ts'
import { type BackupLink, type BountyRecord, decodeRecord, encodeRecord, KEYS } from './records.ts'

/** More links would make a recovery fetch more objects than it needs. */
const MAX_LINKS = 16

/** Records as they stood at one moment, not packed yet. */
export interface Collected {
  readonly head: BackupHead
  readonly records: readonly BackupEntry[]
  /** The links before it; none: a base. */
  readonly links: readonly BackupLink[]
}

export interface Snapshot {
  readonly content: Uint8Array
  /** The links before it; none: a base. */
  readonly links: readonly BackupLink[]
}

type Moment = Pick<BackupHead, 'version' | 'at'>

/**
 * What changed since the last backup, when every link is in good order and there are not too many; else all there is. Between two steps.
 * @param isSound whether all of the object with this id is in good order, as far as the ledger knows
 */
export async function collectChanges(
  ledger: Ledger,
  moment: Moment,
  isSound: (id: string) => boolean,
): Promise<Collected> {
  const links = ledger.backup?.links ?? []
  const last = links.at(-1)
  if (last === undefined || links.length >= MAX_LINKS || !links.every(({ id }) => isSound(id)))
    return collectBase(ledger, moment)
  const head = { ...(await headOf(ledger, moment)), previous: last.cap }
  return { head, records: await collect(ledger, last.version + 1), links }
}

/** All there is. Between two steps. */
export async function collectBase(ledger: Ledger, moment: Moment): Promise<Collected> {
  return { head: await headOf(ledger, moment), records: await collect(ledger), links: [] }
}

/** Undefined when deltas would exceed half of their base: then a new base is due. */
export async function packDelta({ head, records, links }: Collected): Promise<Snapshot | undefined> {
  const content = await encodeBackup(head, records)
  const [base, ...deltas] = links
  const grown = deltas.reduce((sum, { bytes }) => sum + bytes, content.length)
  return base !== undefined && 2 * grown > base.bytes ? undefined : { content, links }
}

export async function packBase({ head, records }: Collected): Promise<Snapshot> {
  return { content: await encodeBackup(head, records), links: [] }
}

async function headOf(ledger: Ledger, { version, at }: Moment): Promise<BackupHead> {
  const cursor = await ledger.cursor()
  return { version, at, ...(cursor === undefined ? {} : { cursor }) }
}

/** Without what belongs to backups that have run out, and without the placements of bounties whose end is final. */
async function collect(ledger: Ledger, since?: number): Promise<BackupEntry[]> {
  const gone = goneRefs(ledger)
  const isGone = (key: string): boolean => {
    const [kind, id = ''] = key.split('/')
    if (kind === 'put') return gone.has(id)
    if (kind === 'object') return gone.has(ledger.objects.get(id)?.ref ?? '')
    return gone.has(ledger.placements.get(id)?.ref ?? '')
  }
  const records: BackupEntry[] = []
  for await (const [key, value] of ledger.backedUp(since)) {
    if (value === undefined || isGone(key)) {
      if (since !== undefined) records.push([key, undefined])
    } else records.push([key, key.startsWith(KEYS.bounty('')) ? slim(key, value) : value])
  }
  return records
}

function goneRefs(ledger: Ledger): ReadonlySet<string> {
  const needed = new Set(ledger.backup?.links.map(({ ref }) => ref))
  const gone = new Set<string>()
  for (const { ref, plan } of ledger.puts.values()) {
    if (plan.backup !== true || needed.has(ref)) continue
    if ([...ledger.placementsOf(ref)].every(({ state }) => state === 'ended')) gone.add(ref)
  }
  return gone
}

/** Sums and history are needed of a closed bounty, not the blobs it was for: of a large docket they are most of a backup. */
function slim(key: string, value: Uint8Array): Uint8Array {
  const bounty = decodeRecord<BountyRecord>(key, value)
  const isClosed = bounty.final && ['swept', 'revoked', 'vouched'].includes(bounty.phase)
  return isClosed ? encodeRecord({ ...bounty, placements: [] }) : value
}

/** Hex of an object's id, as links name it. */
export function linkOf(
  version: number,
  object: { readonly id: Uint8Array; readonly ref: string; readonly size: number },
  cap: Uint8Array,
): BackupLink {
  return { version, cap, ref: object.ref, id: toHex(object.id), bytes: object.size }
}
