/**
 * What the steward shows its owner: the disk reconciled with what is paid for, earnings by placement, bounties, alerts; and the routes of
 * the local API. Amounts are decimal strings of HOLD, times ISO-8601 of chain time.
 */
import { toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { TickAnswer } from '../base/ports.ts'
import { toTagged } from '../base/tagged-json.ts'
import { formatGwei, formatHold, formatTime } from '../base/units.ts'
import type { Route } from '../net/http-server.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import type { CheckOrder, CheckReport } from './check.ts'
import type { StewardConfig } from './config.ts'
import { lastPaymentOf, paidUntil } from './held-placement.ts'
import type { BountyRecord, Holding } from './records.ts'
import type { Granted, RightOrder } from './right.ts'
import type { Room } from './room.ts'

/** For the operator. */
export interface Alert {
  /** Chain time. */
  readonly at: number
  readonly code: string
  readonly about: string
}

/** Bytes on disk beside the blobs. */
export interface DiskUse {
  readonly database: number
  readonly quarantine: number
  readonly incoming: number
}

export interface ViewDeps {
  readonly steward: { readonly id: string; readonly book: Book; tick(block: number): Promise<TickAnswer> }
  readonly files: Pick<BlobFiles, 'list' | 'freeSpace'>
  readonly room: Room
  readonly alerts: readonly Alert[]
  readonly chainId: number
  config(): StewardConfig
  bytesServed(): number
  /** Blobs found lost since the start. */
  damageFound(): number
  block(): number
  now(): number
  /** Milliseconds. */
  monotonic(): number
  nextDue(): number | undefined
  standing(): string | undefined
  diskUse(): Promise<DiskUse | undefined>
  check(): CheckReport
  /** Begins one. @throws `PEER_BUSY` while another one runs */
  startCheck(order: CheckOrder): void
  setPaused(isPaused: boolean): Promise<void>
  setDraining(isDraining: boolean): Promise<void>
  /** The right to store; absent where it is not served. */
  readonly right?: ViewedRights | undefined
}

/** The right to store, as the operator sees it. */
export interface ViewedRights {
  /** Bytes stored elsewhere by grants that live, and bytes that prove more. */
  used(): number
  provable(): number
  /** Deposits of uploaders, for checking others. */
  deposits(): number
  order(wanted: RightOrder, signal?: AbortSignal): Promise<readonly Granted[]>
}

/** Every byte below the data directory, by why it is there. interface.md §12, row 46. */
export interface DiskView {
  /** Blobs that are paid for. */
  readonly paid: number
  /** Blobs kept though their time or their payment is over: notices running, hand-over. */
  readonly grace: number
  /** Files that no living placement keeps. */
  readonly garbage: number
  /** Database, quarantine and arrivals. */
  readonly overhead: number
  /** What living placements say is here, and is neither here nor known to be lost. */
  readonly missing: number
  readonly blobs: number
  readonly garbageBlobs: number
  readonly missingBlobs: number
}

/** Compares the book with a listing of the disk. */
export async function viewDisk(
  book: Book,
  files: Pick<BlobFiles, 'list'>,
  now: number,
  use?: DiskUse,
): Promise<DiskView> {
  const view = { paid: 0, grace: 0, garbage: 0, overhead: 0, missing: 0, blobs: 0, garbageBlobs: 0, missingBlobs: 0 }
  const seen = new Set<string>()
  for await (const { id, bytes } of files.list()) {
    const blob = toHex(id)
    const living = [...book.heldOf(blob)].filter(({ state }) => state !== 'pruned')
    if (living.length === 0) {
      view.garbage += bytes
      view.garbageBlobs++
      continue
    }
    seen.add(blob)
    view.blobs++
    if (living.some((held) => held.state === 'held' && now <= held.end)) view.paid += bytes
    else view.grace += bytes
  }
  for (const [blob] of book.byBlob) {
    if (seen.has(blob) || !book.isHeld(blob)) continue
    view.missingBlobs++
    for (const { length } of book.heldOf(blob)) {
      view.missing += length
      break
    }
  }
  if (use) view.overhead = use.database + use.quarantine + use.incoming
  return view
}

/** One placement, for `placements` and `earnings`. */
export function viewPlacement({ held, earned, sweeps, missed, locator, versions }: Holding) {
  return {
    id: held.id,
    blobId: held.blobId,
    kind: locator === undefined ? 'share' : 'copy',
    uploader: held.uploader,
    bytes: held.length,
    price: formatHold(held.price),
    state: held.state,
    version: versions.length,
    start: formatTime(held.start),
    end: formatTime(held.end),
    paidUntil: formatTime(paidUntil(held)),
    ...(lastPaymentOf(held).id === '' ? {} : { lastPayment: formatTime(lastPaymentOf(held).at) }),
    ...(held.lost === undefined ? {} : { lost: held.lost.why, lostAt: formatTime(held.lost.at) }),
    ...(held.notice === undefined ? {} : { pruneAfter: formatTime(held.notice.pruneAfter) }),
    earned: formatGwei(earned),
    sweeps,
    missed,
  }
}

/** Blobs shown by name in the status; the rest stands in `placements`. */
const SHOWN_LOST = 20

/** Blobs of living placements that are lost, and what was said of it; newest first. */
export function viewLost(book: Book) {
  const lost = [...book.holdings.values()]
    .flatMap(({ held }) => (held.lost && held.state !== 'pruned' ? [{ ...held, lost: held.lost }] : []))
    .sort((a, b) => b.lost.at - a.lost.at)
  return {
    placements: lost.length,
    bytes: [...new Map(lost.map(({ blobId, length }) => [blobId, length])).values()].reduce((sum, n) => sum + n, 0),
    blobs: lost.slice(0, SHOWN_LOST).map(({ blobId, uploader, lost: { at, why } }) => {
      return { blobId, uploader, since: formatTime(at), why }
    }),
    releases: [...book.releases.values()].map(({ bounty, poster, lost: gone, rest, deadline, signedAt, takenAt }) => ({
      bounty,
      poster,
      lost: gone.length,
      rest: rest.length,
      signed: formatTime(signedAt),
      deadline: formatTime(deadline),
      ...(takenAt === undefined ? {} : { taken: formatTime(takenAt) }),
    })),
  }
}

/** One bounty. */
export function viewBounty(bounty: BountyRecord) {
  const { id, poster, amount, deadline, phase, postedAt, sweptAt, placements, why } = bounty
  return {
    id,
    poster,
    amount: formatGwei(amount),
    phase,
    posted: formatTime(postedAt),
    deadline: formatTime(deadline),
    ...(sweptAt === undefined ? {} : { swept: formatTime(sweptAt) }),
    ...(placements === undefined ? {} : { blobs: placements.length }),
    ...(why === undefined ? {} : { why }),
  }
}

/** Sums over all bounties posted at or after `since`. */
export async function viewEarnings(book: Book, since: number) {
  let [swept, missed, lost] = [0n, 0n, 0n]
  let sweeps = 0
  let last = 0
  for await (const bounty of book.past(since)) {
    if (bounty.phase === 'swept') {
      swept += bounty.amount
      sweeps++
      last = Math.max(last, bounty.sweptAt ?? 0)
    } else if (bounty.phase === 'missed') missed += bounty.amount
    else if (bounty.phase === 'lost' || bounty.phase === 'released') lost += bounty.amount
  }
  let pending = 0n
  for (const { phase, amount } of book.bounties.values())
    if (phase === 'posted' || phase === 'claimed' || phase === 'swept') pending += amount
  return {
    since: formatTime(since),
    unit: 'HOLD',
    swept: formatGwei(swept),
    sweeps,
    pending: formatGwei(pending),
    missed: formatGwei(missed),
    lost: formatGwei(lost),
    ...(last === 0 ? {} : { lastSweep: formatTime(last) }),
    placements: [...book.holdings.values()]
      .filter(({ earned, held }) => earned > 0n || held.state !== 'pruned')
      .map(viewPlacement),
  }
}

const tickBody = {
  body: { type: 'object', required: ['block'], properties: { block: { type: 'integer', minimum: 0 } } },
}
const checkBody = {
  body: {
    type: 'object',
    properties: {
      subset: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      rebuild: { type: 'boolean' },
    },
    additionalProperties: false,
  },
}
const rightBody = {
  body: {
    type: 'object',
    required: ['name', 'bytes', 'want', 'to'],
    properties: {
      name: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      bytes: { type: 'integer', minimum: 1 },
      want: { type: 'integer', minimum: 1, maximum: 256 },
      to: { type: 'string', pattern: '^0x[0-9a-f]{40}$' },
    },
    additionalProperties: false,
  },
}
const sinceQuery = {
  query: {
    type: 'object',
    properties: { since: { type: 'string', pattern: '^[0-9]{1,10}$' } },
    additionalProperties: false,
  },
}

/** A listing of the disk serves so long: a dashboard may ask each second. Milliseconds. */
const DISK_MS = 2_000

/** The table of routes. */
export function stewardRoutes(deps: ViewDeps): Route[] {
  const { book } = deps.steward
  let listed: { readonly at: number; readonly disk: Promise<DiskView> } | undefined
  const disk = () => {
    const at = deps.monotonic()
    if (listed === undefined || at - listed.at > DISK_MS)
      listed = { at, disk: deps.diskUse().then((use) => viewDisk(book, deps.files, deps.now(), use)) }
    return listed.disk
  }
  /** What blobs it takes. */
  const stand = () => ({ isOpen: book.isOpen, isPaused: book.isPaused, isDraining: book.isDraining })
  const status = async () => {
    const { quota, reserve } = deps.config()
    const free = await deps.files.freeSpace()
    let earned = 0n
    let living = 0
    for (const holding of book.holdings.values()) {
      earned += holding.earned
      if (holding.held.state !== 'pruned') living++
    }
    const nextDue = deps.nextDue()
    const standing = deps.standing()
    return {
      role: 'steward',
      id: deps.steward.id,
      chain: { id: deps.chainId, block: deps.block(), time: formatTime(deps.now()) },
      ...stand(),
      quota,
      reserve,
      used: book.bytesHeld,
      promised: deps.room.promised(),
      ...(deps.right === undefined
        ? {}
        : {
            right: {
              used: deps.right.used(),
              provable: deps.right.provable(),
              free: book.bytesFree,
              deposits: deps.right.deposits(),
            },
          }),
      arriving: deps.room.arriving(),
      free,
      disk: await disk(),
      served: deps.bytesServed(),
      lost: { foundSinceStart: deps.damageFound(), ...viewLost(book) },
      placements: living,
      openBounties: book.bounties.size,
      earned: formatGwei(earned),
      ...(standing === undefined ? {} : { standing }),
      ...(nextDue === undefined ? {} : { nextDue: formatTime(nextDue) }),
      alerts: deps.alerts.slice(-20).map(({ at, code, about }) => `${formatTime(at)} ${code} ${about.slice(0, 16)}`),
    }
  }
  const pause = (isPaused: boolean) => async () => {
    await deps.setPaused(isPaused)
    return stand()
  }
  const drain = (isDraining: boolean) => async () => {
    await deps.setDraining(isDraining)
    return stand()
  }
  return [
    { method: 'GET', path: '/status', summary: 'Disk, money, and what comes next.', handler: status },
    {
      method: 'GET',
      path: '/placements',
      summary: 'All placements, living and past.',
      handler: () => [...book.holdings.values()].map(viewPlacement),
    },
    {
      method: 'GET',
      path: '/bounties',
      summary: 'Bounties on their way.',
      handler: () => [...book.bounties.values()].map(viewBounty),
    },
    {
      method: 'GET',
      path: '/earnings',
      summary: 'What was swept, missed and lost since a moment, and by placement.',
      schema: sinceQuery,
      handler: ({ query }) => viewEarnings(book, Number(query.since ?? '0')),
    },
    {
      method: 'POST',
      path: '/tick',
      summary: 'Catch up with a block; tells whether anything is left to do at this moment of chain time.',
      schema: tickBody,
      handler: ({ body }) => deps.steward.tick((body as { block: number }).block),
    },
    { method: 'GET', path: '/check', summary: 'How far the last check is, and what it found.', handler: deps.check },
    {
      method: 'POST',
      path: '/check',
      summary:
        'Compare blobs with their ids now: all, or a part of the bytes, those first that were not read for longest.',
      schema: checkBody,
      handler: ({ body }) => {
        const { subset = 1, rebuild = false } = (body ?? {}) as { subset?: number; rebuild?: boolean }
        deps.startCheck({ subset, isRebuild: rebuild })
        return deps.check()
      },
    },
    {
      method: 'POST',
      path: '/right',
      summary:
        'Rights to store with other stewards, for whom the order names. The same name again gets the same grants.',
      schema: rightBody,
      handler: async ({ body, signal }) => {
        if (deps.right === undefined) throw new HoldfastError('API_ROUTE', { what: 'POST /right' })
        return toTagged(await deps.right.order(body as RightOrder, signal))
      },
    },
    {
      method: 'POST',
      path: '/pause',
      summary: 'Take nothing new, also after a restart; what is held is kept, and renewed.',
      handler: pause(true),
    },
    { method: 'POST', path: '/resume', summary: 'Take new blobs again.', handler: pause(false) },
    {
      method: 'POST',
      path: '/drain',
      summary: 'Give notice wherever another term is asked for, take nothing new; what is held is kept to its end.',
      handler: drain(true),
    },
    { method: 'POST', path: '/stay', summary: 'No more notice; what was given stands.', handler: drain(false) },
  ]
}
