/**
 * `holdfast demo`: a file lives a year in a local market of real processes. One steward cheats, seven are killed, the file comes back, the
 * books balance. Every ✔ is computed, most of them from the chain alone.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { EXIT, HoldfastError } from '../../base/errors.ts'
import { DAY, formatGwei, formatHold, formatSize, MiB } from '../../base/units.ts'
import { openSource } from '../../store/source-file.ts'
import { openTarget } from '../../store/target-file.ts'
import { contentHashOf } from '../../uploader/source.ts'
import { bringUp, type Market, type Running } from '../bring-up.ts'
import { openMarketChain } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { type Acts, createActs } from '../demo/acts.ts'
import {
  type BountyStory,
  type ChainStory,
  earnedBy,
  gapsOf,
  isConserved,
  readBooks,
  readStory,
  rungsOf,
} from '../demo/chain-story.ts'
import { archiveOwnSource } from '../demo/own-archive.ts'
import { runHoldfast } from '../demo/run-holdfast.ts'
import { homeAt } from '../home.ts'
import { openLedgerView } from '../ledger-view.ts'
import { createProgress } from '../progress.ts'
import { listProcesses } from '../run-file.ts'
import { resolveSettings } from '../settings.ts'
import { plural } from '../words.ts'
import { advanceHome } from './devnet-advance.ts'
import { stopAll } from './down.ts'

/** The steward that keeps hash states instead of bytes, and its program. */
const CHEAT = 5
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Of the hostile cast; a copy without tests has no cheat, and the demo says nothing of one. */
const CHEAT_PROGRAM = join(ROOT, 'test', 'cast', 'midstate-steward.ts')
/** The default code: any 3 of 10. */
const [NEED, TOTAL] = [3, 10]
/** Due times lie on full hours, and a post takes its time. Days. */
const SLACK = 2 / 24
/** Gaps of the ladder and their play. Days. protocol.md §8. */
const LADDER = [1, 7, 14, 30] as const
const JITTER = 0.25
/** Of copying the file. Bytes. */
const STEP = 4 * MiB

export async function demo(original: Context, [file]: readonly string[], options: Options): Promise<number> {
  const stewards = countOf(options['stewards'], '--stewards', TOTAL, 40)
  const days = countOf(options['days'], '--days', 30, 3650)
  if (original.options.dryRun === true) {
    original.out.summary({
      command: 'demo',
      fields: { dryRun: true, stewards, days },
      lines: [
        `would start a chain, an index, a controller and ${stewards} stewards in a new directory, store ${file ?? 'this source tree'} and walk ${days} days`,
        'Nothing was started (dry run).',
      ],
    })
    return EXIT.done
  }
  // A directory or a device is refused by name before anything is started.
  if (file !== undefined) await (await openSource(file)).close()
  const context = await openDemoHome(original)
  const { out, clock, home, signal } = context
  const acts = createActs(out, clock)
  const isKept = options['keep'] === true
  const startedAt = clock.monotonic()
  try {
    const market = await startMarket(context, acts, stewards)
    const stored = await storeFile(context, acts, file)
    const cheat = market.stewards.find(({ number }) => number === CHEAT)
    await forget(acts, stored, cheat)
    await walk(context, acts, market, stored, cheat, days)
    const holders = market.stewards.filter(({ id }) => stored.stewards.includes(id))
    const killed = await kill(acts, holders, cheat)
    await fetchBack(context, acts, stored, holders.length - killed.length)
    await tellMoney(context, acts, market, cheat)
    signal.throwIfAborted()
  } finally {
    if (!isKept || signal.aborted) await tidy(context)
  }
  const failures = acts.failures()
  const seconds = (clock.monotonic() - startedAt) / 1000
  const next = isKept
    ? [
        `It still runs in ${home.root}:  holdfast status --home ${home.root}     stop it:  holdfast down --wipe --home ${home.root}`,
      ]
    : []
  out.summary({
    command: 'demo',
    fields: {
      claims: acts.checked(),
      failures,
      seconds: Number(seconds.toFixed(1)),
      ...(isKept ? { home: home.root } : {}),
    },
    lines: [
      `${acts.checked() - failures.length} of ${acts.checked()} claims hold, in ${Math.round(seconds)} s`,
      ...failures.map((text) => `✘ ${text}`),
      ...next,
      'Your own file: npm run demo -- FILE',
    ],
    result: failures.length === 0 ? 'ok' : 'failed',
  })
  return failures.length === 0 ? EXIT.done : EXIT.failed
}

/** A directory of its own, and settings that nobody's environment or configuration reaches into. */
async function openDemoHome(context: Context): Promise<Context> {
  const root = context.home.root ?? (await mkdtemp(join(tmpdir(), 'holdfast-demo-')))
  if (context.home.root !== undefined && existsSync(root) && (await readdir(root)).length > 0)
    throw new HoldfastError('INPUT_EXISTS', { path: root })
  for (const name of Object.keys(process.env))
    if (name.startsWith('HOLDFAST_') && name !== 'HOLDFAST_RELAUNCHED') delete process.env[name]
  return {
    ...context,
    home: homeAt(root, process.env),
    settings: resolveSettings({}, {}, {}),
    environment: process.env,
  }
}

async function startMarket(context: Context, acts: Acts, stewards: number): Promise<Market> {
  acts.begin('chain')
  const hasCheat = existsSync(CHEAT_PROGRAM)
  return bringUp(context, {
    stewards,
    indexes: 1,
    apiPort: 0,
    programFor: (number) => (number === CHEAT && hasCheat ? CHEAT_PROGRAM : undefined),
    onStep: ({ part, chain, dev }) => {
      if (part === 'chain') {
        acts.say(`anvil 31337 at ${chain.url}, token, market and registrar deployed`)
        acts.end({ rpc: chain.url })
        acts.begin('pool')
      }
      if (part === 'pool')
        acts.say(`master, manager, index; ${dev.stewards.length} stewards registered, each on a network of its own`)
      if (part === 'pool' && !dev.hasNetworks)
        acts.say('(this system has only 127.0.0.1: one network for all, so the cluster rule is off)')
      if (part === 'daemons') {
        acts.say(
          `controller, index and ${dev.stewards.length} stewards run as processes; 1000 HOLD of test money deposited`,
        )
        if (hasCheat)
          acts.say(`steward ${CHEAT} cheats: of every blob it keeps the state of a hash instead of the bytes`)
        acts.end({ stewards: dev.stewards.length, cheat: hasCheat ? CHEAT : undefined })
      }
    },
  })
}

/** What was stored, and where. */
interface Stored {
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

async function storeFile(context: Context, acts: Acts, file: string | undefined): Promise<Stored> {
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

async function forget(acts: Acts, stored: Stored, cheat: Running | undefined): Promise<void> {
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

async function walk(
  context: Context,
  acts: Acts,
  market: Market,
  stored: Stored,
  cheat: Running | undefined,
  days: number,
): Promise<void> {
  const { clock, out } = context
  acts.begin(days === 365 ? 'a year' : `${days} days`)
  const progress = createProgress(out, 'demo', clock)
  progress.phase('walking')
  const { advanced } = await advanceHome(context, days * DAY, ({ time }) =>
    progress.remark(`day ${Math.floor((time - stored.at) / DAY)} of ${days}`),
  )
  progress.end()
  const { bounties } = await readChain(context)
  const honest = market.stewards
    .filter(({ id }) => id !== cheat?.id && stored.stewards.includes(id))
    .map(({ id }) => id)
  const ours = bounties.filter(({ steward }) => honest.includes(steward))
  const counts = countEnds(ours)
  acts.say(
    `${days} days in ${advanced.hops} hops, block ${advanced.block}; each bounty asks for a hash over every byte of a share, with a nonce nobody knew before`,
  )
  acts.check(
    `honest stewards: ${counts.posted} bounties posted, ${counts.swept} swept, ${counts.revoked} revoked, ${counts.open} still open`,
    counts.posted > 0 && counts.revoked === 0 && counts.swept + counts.open === counts.posted,
  )
  const rungs = rungsOf(gapsOf(ours, honest, stored.at)).filter(({ count }) => count > honest.length / 2)
  acts.check(
    `checks back off, day by day between two: ${rungs.slice(0, 6).map(formatRung).join(' → ')}`,
    isLadder(rungs),
  )
  if (cheat !== undefined)
    tellCheat(
      acts,
      bounties.filter(({ steward }) => steward === cheat.id),
    )
  await tellObject(context, acts, stored, honest, cheat)
  acts.end({ hops: advanced.hops, now: advanced.now, ...counts })
}

function tellCheat(acts: Acts, bounties: readonly BountyStory[]): void {
  const { posted, swept, revoked } = countEnds(bounties)
  acts.check(
    `steward ${CHEAT} had ${posted} bounties and swept ${swept}: ${revoked} revoked, the money went back; then it was asked no more (MIA)`,
    posted > 0 && swept === 0 && revoked === posted,
  )
}

async function tellObject(
  context: Context,
  acts: Acts,
  stored: Stored,
  honest: readonly Address[],
  cheat: Running | undefined,
): Promise<void> {
  await using view = await openLedgerView(context)
  const shares = (await view.shares(stored.id, true)).filter(({ type }) => type === 'share')
  const good = shares.filter(({ steward }) => honest.includes(steward))
  const renewals = Math.min(...good.map(({ version }) => version)) - 1
  acts.check(
    `placements renewed ${renewals} times by themselves: same bytes, same ids; all ${good.length} honest shares are held`,
    good.length > 0 && good.every(({ state, version }) => state === 'held' && version > 1),
  )
  if (cheat !== undefined) {
    // Given up after two missed rounds, its placement was not renewed and has ended by now.
    const bad = shares.filter(({ steward }) => steward === cheat.id)
    const isGivenUp =
      bad.length > 0 &&
      bad.every(
        ({ state, checksDone, version }) => (state === 'mia' || state === 'ended') && checksDone === 0 && version === 1,
      )
    acts.check(
      `the cheat's share was given up and not renewed; ${honest.length} of ${TOTAL} are left, so repair can wait`,
      isGivenUp,
    )
  }
}

/** Jitter is never on the first gap; a docket takes along what is due within a quarter of its gap. */
function isLadder(rungs: readonly { readonly least: number; readonly most: number }[]): boolean {
  const longest = LADDER.at(-1) ?? 0
  return (
    rungs.length >= LADDER.length &&
    rungs.every(({ least, most }, rung) => {
      const gap = LADDER[Math.min(rung, LADDER.length - 1)] ?? longest
      const play = rung === 0 ? 0 : JITTER
      return least >= gap * (1 - play) * (1 - JITTER) - SLACK && most <= Math.min(gap * (1 + play), longest) + SLACK
    })
  )
}

function formatRung({ least, most }: { readonly least: number; readonly most: number }): string {
  const [low, high] = [least.toFixed(0), most.toFixed(0)]
  return low === high ? low : `${low}–${high}`
}

async function kill(acts: Acts, holders: readonly Running[], cheat: Running | undefined): Promise<readonly Running[]> {
  acts.begin('disaster')
  const honest = holders.filter(({ id }) => id !== cheat?.id)
  const survivors = honest.slice(-NEED)
  const killed = holders.filter((each) => !survivors.includes(each))
  for (const { pid } of killed) process.kill(pid, 'SIGKILL')
  const dead = await Promise.all(killed.map(({ pid }) => isGone(pid)))
  acts.check(
    `${killed.length} of ${holders.length} stewards killed with -9: ${killed.map(({ number }) => number).join(', ')}; ${survivors.map(({ number }) => number).join(', ')} are left`,
    dead.every((gone) => gone),
  )
  acts.end({ killed: killed.map(({ id, pid }) => ({ id, pid })) })
  return killed
}

async function isGone(pid: number): Promise<boolean> {
  for (let look = 0; look < 100; look++) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    await new Promise((done) => setTimeout(done, 20))
  }
  return false
}

async function fetchBack(context: Context, acts: Acts, stored: Stored, left: number): Promise<void> {
  const { home, signal } = context
  acts.begin('fetch')
  const target = join(home.root ?? '', 'demo', `back-${stored.name}`)
  const got = await runHoldfast(['get', stored.id, '-o', target, '--home', home.root ?? ''], signal)
  const { bytes, sha256 } = await hashOf(target)
  acts.check(
    `${stored.name} from ${left} stewards in ${Number(got['seconds']).toFixed(1)} s: ${formatSize(bytes)}   sha256 ${sha256.slice(0, 4)}…${sha256.slice(-4)} = ${stored.sha256.slice(0, 4)}…${stored.sha256.slice(-4)}`,
    sha256 === stored.sha256 && bytes === stored.bytes,
  )
  acts.end({ bytes, sha256, seconds: got['seconds'] })
}

async function tellMoney(context: Context, acts: Acts, market: Market, cheat: Running | undefined): Promise<void> {
  acts.begin('books')
  const { chain, deployment } = await openMarketChain(context)
  try {
    const story = await readStory(chain, deployment)
    const earned = market.stewards.map(({ id, number }) => ({
      steward: id,
      number,
      gwei: earnedBy(story.bounties, id),
    }))
    acts.say(`earned: ${earned.map(({ number, gwei }) => `steward ${number} ${formatMicro(gwei)}`).join(', ')} µHOLD`)
    if (cheat !== undefined)
      acts.check(
        `the cheat earned ${formatGwei(earned.find(({ number }) => number === CHEAT)?.gwei ?? 0n)}, every honest holder something`,
        earned.every(
          ({ number, gwei }) => (number === CHEAT ? gwei === 0n : gwei > 0n) || market.stewards.length > TOTAL,
        ),
      )
    const books = await readBooks(chain, deployment, story)
    acts.check(
      `deposits ${formatHold(books.deposits)} − withdrawals ${formatHold(books.withdrawals)} − advert fees ${formatHold(books.advertFees)} = balances ${formatHold(books.balances)} + open bounties ${formatHold(books.open)}`,
      isConserved(books),
    )
    acts.check(
      `no bounty was paid twice: ${story.bounties.length} bounties, ${story.bounties.filter(({ end }) => end === 'swept').length} swept once, ${story.bounties.filter(({ end }) => end === 'revoked').length} revoked once`,
      isPaidOnce(story),
    )
    acts.end({
      earned: earned.map(({ steward, gwei }) => ({ steward, earned: formatGwei(gwei) })),
      books: Object.fromEntries(Object.entries(books).map(([name, amount]) => [name, formatHold(amount)])),
    })
  } finally {
    chain.close()
  }
}

/** As many ends as posts that ended, and never a payment without a post. */
function isPaidOnce({ events, bounties }: ChainStory): boolean {
  const count = (kind: string) => events.filter((event) => event.kind === kind).length
  const ended = bounties.filter(({ end }) => end !== undefined).length
  return count('posted') === bounties.length && count('swept') + count('revoked') === ended
}

/** Gwei of HOLD in millionths of a HOLD, for people. */
function formatMicro(gwei: bigint): string {
  return (Number(gwei) / 1000).toFixed(1)
}

function countEnds(bounties: readonly BountyStory[]) {
  const count = (end: BountyStory['end']) => bounties.filter((bounty) => bounty.end === end).length
  return { posted: bounties.length, swept: count('swept'), revoked: count('revoked'), open: count(undefined) }
}

async function readChain(context: Context): Promise<ChainStory> {
  const { chain, deployment } = await openMarketChain(context)
  try {
    return await readStory(chain, deployment)
  } finally {
    chain.close()
  }
}

async function hashOf(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
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

async function tidy(context: Context): Promise<void> {
  const { home } = context
  await stopAll(context, (await listProcesses(home.run)).live)
  if (home.root !== undefined) await rm(home.root, { recursive: true, force: true, maxRetries: 5 })
}

function countOf(value: unknown, name: string, least: number, most: number): number {
  const count = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN
  if (!(count >= least && count <= most))
    throw new HoldfastError('INPUT_RANGE', {
      name,
      expected: `a whole number from ${least} to ${most}`,
      got: String(value),
    })
  return count
}
