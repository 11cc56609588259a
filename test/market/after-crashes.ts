/** What has to hold after any number of crashes (reliability.md I1, I3): read from the chain and from the stewards' disks. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { marketLogs } from './chain-log.ts'
import { hashFile, keptBlob, type MarketHandle } from './market.ts'

/** An object that a put reported stored. */
export interface Stored {
  readonly id: string
  readonly sha256: string
}

/** Pid of a daemon that runs now; daemons are started again and again here. */
export async function pidOf(market: MarketHandle, role: string, id?: string): Promise<number> {
  const name = id === undefined ? role : `${role}-${id}`
  return (JSON.parse(await readFile(join(market.home, 'run', `${name}.json`), 'utf8')) as { pid: number }).pid
}

/** No bounty, docket or row posted twice, none paid twice, none revoked, each paid, one advert an object. @returns the log */
export async function assertNothingTwice(market: MarketHandle, objects: number) {
  const log = await marketLogs(market)
  const { posted, swept, revoked, adverts } = log
  const unique = (items: readonly string[], what: string) => expect(new Set(items).size, what).to.equal(items.length)
  const ids = (bounties: readonly { readonly id: string }[]) => bounties.map(({ id }) => id)
  unique(ids(posted), 'bounties posted')
  unique(ids(swept), 'bounties swept')
  unique(
    posted.map(({ docketHash }) => docketHash),
    'dockets',
  )
  unique(
    posted.flatMap(({ challenges }) => challenges.map(({ blobId, nonce }) => `${blobId}/${nonce}`)),
    'rows',
  )
  unique(adverts, 'adverts')
  expect(adverts.length, 'one advert an object').to.equal(objects)
  expect(revoked, 'revoked').to.have.length(0)
  expect(new Set(ids(swept)), 'swept').to.deep.equal(new Set(ids(posted)))
  return log
}

/** Every blob of every object lies with its steward, whole; every object can be read. */
export async function assertKept(market: MarketHandle, stored: readonly Stored[], placements: number): Promise<void> {
  for (const { id, sha256 } of stored) {
    const lines = await market.shares(id)
    expect(lines).to.have.length(placements)
    for (const { blobId, steward, state } of lines) {
      expect(state).to.equal('held')
      const dataDir = market.ready.stewards.find((each) => each.id === steward)?.dataDir as string
      const bytes = await keptBlob(dataDir, blobId)
      expect(createHash('sha256').update(bytes).digest('hex')).to.equal(blobId)
    }
    const out = market.sandbox.path(`out-${id}`)
    await market.ok(['get', id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out)).to.equal(sha256)
  }
}
