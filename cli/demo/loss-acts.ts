/** The acts in which parts are lost and made whole again: stewards die, a disk rots, newcomers join, the controller repairs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import { formatSize } from '../../base/units.ts'
import type { ShareStatus } from '../../controller/api-types.ts'
import { durableWrite } from '../../store/durable-write.ts'
import { bringUp, type Market, type Running } from '../bring-up.ts'
import type { Context } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { plural } from '../words.ts'
import type { Acts } from './acts.ts'
import { killAll } from './end-acts.ts'
import type { Stored } from './store-acts.ts'
import { passDays, readChain } from './year-act.ts'

/** Stewards that die, and stewards that join afterwards. */
const DEAD = 3
const NEWCOMERS = 4

/** What was lost. */
export interface Losses {
  readonly dead: readonly Running[]
  readonly damaged: Running
  /** Hex of the blob whose file is no longer what its name says. */
  readonly blobId: string
  /** Placements before it happened. */
  readonly before: readonly ShareStatus[]
  /** Who runs now, newcomers included. */
  readonly market: Market
  readonly newcomers: readonly Running[]
}

/** Three stewards are killed, a fourth one’s disk flips a bit without anybody noticing, four newcomers join. */
export async function lose(
  context: Context,
  acts: Acts,
  market: Market,
  stored: Stored,
  cheat: Running | undefined,
): Promise<Losses> {
  acts.begin('losses')
  const before = await sharesOf(context, stored)
  const honest = market.stewards.filter(({ id }) => id !== cheat?.id && stored.stewards.includes(id))
  const dead = honest.slice(0, DEAD)
  const damaged = honest[DEAD] as Running
  acts.check(
    `${DEAD} stewards killed with -9, for good: ${dead.map(({ number }) => number).join(', ')}`,
    await killAll(dead),
  )
  const blobId = before.find(({ type, steward }) => type === 'share' && steward === damaged.id)?.blobId ?? ''
  const bytes = await flipOneBit(join(damaged.dataDir, 'blobs', blobId.slice(0, 2), blobId))
  acts.check(
    `one bit of ${formatSize(bytes.length)} on steward ${damaged.number}’s disk is flipped: the file is no longer what its name says`,
    toHex(sha256(bytes)) !== blobId,
  )
  const grown = await bringUp(context, {
    stewards: market.stewards.length + NEWCOMERS,
    indexes: market.indexes.length,
    monitors: market.monitors.length,
    apiPort: 0,
    isLeftOut: (number) => dead.some((each) => each.number === number),
  })
  const newcomers = grown.stewards.filter(({ id }) => !market.stewards.some((known) => known.id === id))
  acts.say(
    `${plural(newcomers.length, 'newcomer')} registered and running: ${newcomers.map(({ number }) => number).join(', ')}`,
  )
  acts.end({ dead: dead.map(({ id }) => id), damaged: damaged.id, newcomers: newcomers.map(({ id }) => id) })
  return { dead, damaged, blobId, before, market: grown, newcomers }
}

async function flipOneBit(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await durableWrite(path, bytes)
  return bytes
}

/** Walks on until the market has noticed and repaired, and tells what it did. */
export async function mend(context: Context, acts: Acts, stored: Stored, losses: Losses, days: number): Promise<void> {
  acts.begin('repair')
  const { dead, damaged, blobId, before, newcomers } = losses
  const advanced = await passDays(context, stored, days)
  const { bounties } = await readChain(context)
  const released = bounties.filter(
    ({ steward, end, endedAt = 0, deadline, blobs }) =>
      steward === damaged.id && end === 'revoked' && endedAt <= deadline && blobs.includes(blobId),
  )
  const sound = before.filter(
    (line) =>
      line.steward === damaged.id &&
      line.blobId !== blobId &&
      released.some(({ blobs }) => blobs.includes(line.blobId)),
  )
  acts.check(
    `steward ${damaged.number} found the damage when it was asked, and gave the bounty back before its deadline${sound.length === 0 ? '' : `; ${plural(sound.length, 'sound blob')} on it asked for again and paid`}`,
    released.length > 0 &&
      sound.every(({ blobId: id }) =>
        bounties.some(
          ({ steward, end, postedAt, blobs }) =>
            steward === damaged.id &&
            end === 'swept' &&
            blobs.includes(id) &&
            released.every(({ endedAt = 0 }) => postedAt >= endedAt),
        ),
      ),
  )
  const history = await sharesOf(context, stored, true)
  const now = history.filter(({ state }) => state !== 'ended')
  const isHeld = ({ state }: ShareStatus) => state === 'held'
  const missed = dead.map(({ id }) => bounties.filter(({ steward, end }) => steward === id && end === 'revoked').length)
  const ofDead = history.filter(
    ({ blobId: id, steward }) =>
      dead.some((each) => each.id === steward) && before.some((line) => line.blobId === id && line.steward === steward),
  )
  acts.check(
    `the dead answered nothing: ${missed.reduce((sum, count) => sum + count, 0)} of their bounties revoked, each asked at least twice, their ${ofDead.length} blobs given up`,
    missed.every((count) => count >= 2) && ofDead.every(({ state }) => state !== 'held' && state !== 'suspect'),
  )
  const kept = before.filter(
    ({ steward, blobId: id, state }) => state === 'held' && id !== blobId && !dead.some((each) => each.id === steward),
  )
  const areWhole = await Promise.all(kept.map((line) => isWhole(losses.market, line)))
  acts.check(
    `${kept.length} blobs that were never lost stayed where they were: same holders, same ids, every byte on disk`,
    areWhole.every(Boolean) &&
      kept.every(({ blobId: id, steward }) =>
        now.some((line) => line.blobId === id && line.steward === steward && isHeld(line)),
      ),
  )
  const known = new Set(before.map(({ blobId: id }) => id))
  const made = now.filter((line) => !known.has(line.blobId))
  const shares = now.filter(({ type }) => type === 'share')
  const held = shares.filter(isHeld)
  acts.check(
    `${made.length} blobs made again under new salts and ids, no two with one steward: ${made.filter(({ type }) => type === 'share').length} shares and ${made.filter(({ type }) => type === 'copy').length} manifest copies, on ${plural(newcomers.filter(({ id }) => made.some(({ steward }) => steward === id)).length, 'newcomer')}; nobody read or decrypted the file for it`,
    made.length > 0 && made.every(isHeld) && new Set(held.map(({ steward }) => steward)).size === held.length,
  )
  const total = stored.stewards.length
  acts.check(
    `${held.length} of ${total} shares are held again${held.length < total ? '; one more may wait: repair begins at 8' : ''}`,
    held.length >= total - 1,
  )
  acts.end({ hops: advanced.hops, now: advanced.now, made: made.length, held: held.length })
}

/** Current placements of the object, shares and copies; with `withHistory` those that ended, too. */
export async function sharesOf(context: Context, stored: Stored, withHistory = false): Promise<readonly ShareStatus[]> {
  await using view = await openLedgerView(context)
  return view.shares(stored.id, withHistory)
}

/** Whether the file on the steward's disk is what its name says. */
async function isWhole({ stewards }: Market, { steward, blobId }: ShareStatus): Promise<boolean> {
  const dataDir = stewards.find(({ id }) => id === steward)?.dataDir ?? ''
  return toHex(sha256(await readFile(join(dataDir, 'blobs', blobId.slice(0, 2), blobId)))) === blobId
}
