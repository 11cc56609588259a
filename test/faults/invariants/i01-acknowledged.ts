/** I1: no acknowledged blob is lost or altered while its placement lives; every stored object comes back bit for bit. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { hashFile, type ShareLine } from '../../market/market.ts'
import type { Ack } from '../ack-log.ts'
import type { World } from '../world.ts'

/** Reads each blob again from the directory of whoever acknowledged it, and hashes it. @returns how many */
export async function assertBlobsKept(acks: readonly Ack[], dirOf: (by: string) => string): Promise<number> {
  for (const { id, by } of acks) {
    const bytes = await readFile(join(dirOf(by), 'blobs', id.slice(0, 2), id)).catch((cause: Error) => cause)
    if (bytes instanceof Error) throw new Error(`I1: ${by} acknowledged blob ${id} and has lost it: ${bytes.message}`)
    expect(createHash('sha256').update(bytes).digest('hex'), `I1: a blob of ${by}`).to.equal(id)
  }
  return acks.length
}

/** Every line a daemon said about a blob, the placements over it, and the rounds of its steward, in their order. */
function historyOf({ daemons }: World, blob: string): string {
  const lines = daemons.flatMap(({ id, name, runs }) =>
    runs.flatMap((run) => run.lines.map((line) => ({ id, name, line }))),
  )
  const names = new Set([blob])
  const stewards = new Set<unknown>()
  for (const { id, line } of lines) {
    if (line['blob'] !== blob) continue
    stewards.add(id)
    if (typeof line['placement'] === 'string') names.add(line['placement'])
  }
  return lines
    .filter(({ id, line }) => {
      const isRound = /^(bounty|blob|round)/.test(String(line['msg'])) && stewards.has(id ?? line['steward'])
      const isAbout = [...names].some((wanted) => JSON.stringify(line).includes(wanted))
      return isAbout || (isRound && line['blob'] === undefined)
    })
    .sort((a, b) => String(a.line['time']).localeCompare(String(b.line['time'])))
    .map(({ name, line }) => `${name}: ${JSON.stringify(line)}`)
    .join('\n')
}

/** Each share and copy that the uploader's ledger counts on, by "steward/blob". */
async function bookedBlobs(world: World): Promise<ReadonlyMap<string, ShareLine>> {
  const booked = new Map<string, ShareLine>()
  for (const { id } of world.acks.acknowledged('object')) {
    const { lines } = await world.ok(['stat', id, '--shares'])
    for (const line of lines as readonly ShareLine[])
      if (line.type === 'share' || line.type === 'copy') booked.set(`${line.steward}/${line.blobId}`, line)
  }
  return booked
}

/**
 * A blob whose put was killed and whose lot was then given away anew has no uploader that pays: its steward may let it go once its notice and
 * its grace are over, and says so. Everything else that was signed for is there.
 */
function isLetGo({ daemons }: World, { id, by }: Ack): boolean {
  const steward = daemons.find((daemon) => daemon.id === by)
  return (steward?.runs ?? []).some(({ lines }) =>
    lines.some((line) => line['msg'] === 'blob.pruned' && line['blob'] === id && line['reason'] === 'unpaid'),
  )
}

export async function acknowledgedIsKept(world: World): Promise<string> {
  const { market, acks } = world
  const dirs = new Map(market.ready.stewards.map(({ id, dataDir }) => [id, dataDir]))
  const booked = await bookedBlobs(world)
  const all = acks.acknowledged('blob')
  const living = all.filter((ack) => booked.has(`${ack.by}/${ack.id}`) || !isLetGo(world, ack))
  const blobs = await assertBlobsKept(living, (by) => dirs.get(by) as string).catch((cause: Error) => {
    const lost = /blob ([0-9a-f]{64})/.exec(cause.message)?.[1] as string
    const line = [...booked.values()].find(({ blobId }) => blobId === lost)
    const known = line === undefined ? 'not in the ledger' : `in the ledger: ${JSON.stringify(line)}`
    throw new Error(`${cause.message}\n${known}\n${historyOf(world, lost)}`, { cause })
  })
  const objects = acks.acknowledged('object')
  const out = world.target('i01-fetched')
  for (const { id, sha256 } of objects) {
    await world.ok(['get', id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out), `I1: object ${id}`).to.equal(sha256)
  }
  const gone = all.length - living.length
  return `${blobs} blobs re-hashed, ${objects.length} objects fetched; ${gone} of abandoned puts were let go after notice`
}
