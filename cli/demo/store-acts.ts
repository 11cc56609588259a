/** The acts in which a file is stored and the local copy forgotten. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { formatSize, MiB } from '../../base/units.ts'
import { openSource } from '../../store/source-file.ts'
import { openTarget } from '../../store/target-file.ts'
import { contentHashOf } from '../../uploader/source.ts'
import type { Running } from '../bring-up.ts'
import { openMarketChain } from '../chain-access.ts'
import type { Context } from '../context.ts'
import { plural } from '../words.ts'
import type { Acts } from './acts.ts'
import { CHEAT } from './cast.ts'
import { archiveOwnSource } from './own-archive.ts'
import { runHoldfast } from './run-holdfast.ts'

/** Of copying the file. Bytes. */
const STEP = 4 * MiB

/** What was stored, and where. */
export interface Stored {
  readonly id: string
  readonly name: string
  /** The demo's own copy; the user's file is never touched. */
  readonly copy: string
  readonly bytes: number
  readonly sha256: string
  /** Holders of the shares. */
  readonly stewards: readonly Address[]
  /** Chain time. Seconds. */
  readonly at: number
}

/** Stores the file, or this source tree, in a process of its own. */
export async function storeFile(context: Context, acts: Acts, file: string | undefined): Promise<Stored> {
  const { home, signal } = context
  acts.begin('store')
  const place = join(home.root ?? '', 'demo')
  await mkdir(place, { recursive: true })
  const copy = join(place, file === undefined ? 'holdfast.tar' : basename(resolve(file)))
  if (file === undefined) archiveOwnSource(copy)
  else await copyOf(file, copy)
  const { bytes, sha256 } = await hashOf(copy)
  const put = (await runHoldfast(['put', copy, '--yes', '--home', home.root ?? ''], signal)) as unknown as PutLine
  const { auction, cost, blobs, shares } = put
  const bids = auction.scores.map(({ bid }) => Number(bid))
  acts.say(
    `${basename(copy)} ${formatSize(bytes)} → ${blobs} blobs on ${plural(put.stewards.length, 'steward')}: ${shares.total} shares a segment, any ${shares.need} suffice, and ${put.copies} manifest copies`,
  )
  acts.say(
    `auction: ${auction.bids} sealed bids of ${Math.min(...bids).toFixed(4)} to ${Math.max(...bids).toFixed(4)} HOLD per GiB-month, one price for all: ${Number(put.price).toFixed(4)}${auction.thin ? ' (as many bids as shares: the reserve)' : ''}`,
  )
  acts.say(
    `rent ${cost.rent} HOLD for 90 days, advert fee ${cost.advert}, chain fees about ${Number(cost.fees).toFixed(4)} ETH a year (a bounty this small costs more gas than it pays; a dev chain posts it all the same)`,
  )
  acts.check(
    `every share has a receipt signed by both sides: ${shares.receipts} of ${shares.total}`,
    shares.receipts === shares.total && put.complete,
  )
  acts.end({ id: put.id, bytes, blobs, cost })
  const { chain } = await openMarketChain(context)
  const { timestamp } = await chain.head()
  chain.close()
  return {
    id: put.id,
    name: basename(copy),
    copy,
    bytes,
    sha256,
    stewards: put.stewards.map(({ steward }) => steward),
    at: timestamp,
  }
}

/** @throws `INPUT_FILE` for a directory, a device, or nothing at all */
async function copyOf(path: string, target: string): Promise<void> {
  const source = await openSource(path)
  const copy = await openTarget(target, { overwrite: 'never' })
  try {
    for (let at = 0; at < source.size; at += STEP)
      await copy.write(await source.read(at, Math.min(STEP, source.size - at)))
    await copy.commit()
  } finally {
    await copy.abort()
    await source.close()
  }
}

/** The summary line of `put --json`. */
interface PutLine {
  readonly id: string
  readonly blobs: number
  readonly copies: number
  readonly complete: boolean
  readonly price: string
  readonly cost: { readonly rent: string; readonly advert: string; readonly fees: string }
  readonly shares: { readonly need: number; readonly total: number; readonly receipts: number }
  readonly auction: {
    readonly bids: number
    readonly thin: boolean
    readonly scores: readonly { readonly bid: string }[]
  }
  readonly stewards: readonly { readonly steward: Address }[]
}

/** Deletes the copy, and looks at what the cheat kept. */
export async function forget(acts: Acts, stored: Stored, cheat: Running | undefined): Promise<void> {
  acts.begin('forget')
  await rm(stored.copy)
  acts.check('the local copy is deleted; only keys and prepared answers remain', !existsSync(stored.copy))
  if (cheat !== undefined) {
    const kept = await bytesBelow(join(cheat.dataDir, 'remains'))
    const blobs = await bytesBelow(join(cheat.dataDir, 'blobs'))
    acts.check(
      `steward ${CHEAT} signed for its share, too, and keeps ${kept} bytes of hash states, ${blobs} bytes of blobs`,
      kept > 0 && blobs === 0,
    )
  }
  acts.end()
}

/** Size and SHA-256 of a file. */
export async function hashOf(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const source = await openSource(path)
  try {
    return { bytes: source.size, sha256: toHex(await contentHashOf(source)) }
  } finally {
    await source.close()
  }
}

async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
