/** What people and other programs are shown of the ledger: status, objects, shares, accounts. Pure over (ledger, now). */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { formatGwei, formatHold, formatTime, WEI_PER_GWEI } from '../base/units.ts'
import { docketAmount } from '../pricing/rates.ts'
import { differencesOf } from './accounts.ts'
import type { Accounts, ControllerStatus, ObjectDetail, ObjectSummary, ShareStatus } from './api-types.ts'
import { isWithheld } from './bounty-intents.ts'
import { confidenceOf, objectConfidence, outlookOf } from './confidence.ts'
import { explain, noteOf } from './explain.ts'
import type { Ledger } from './ledger.ts'
import { openPromises } from './offers.ts'
import { aroundOf, type Outlook } from './outlook.ts'
import { countedAs, type PlacementState, rowsLeft } from './placement-state.ts'
import type { BountyRecord, ObjectRecord } from './records.ts'
import { segmentHealth } from './segment-health.ts'
import { troubleOf, viewTroubles } from './view-troubles.ts'

/** Live placements of an object: those that count now. */
function currentOf({ ledger }: Outlook, object: ObjectRecord): PlacementState[] {
  return [...ledger.placementsOf(object.ref)].filter(
    ({ state, contract }) => state !== 'ended' && contract?.handover?.done === undefined,
  )
}

/** The one record an id or a unique prefix of at least 8 digits names. @throws `OBJECT_UNKNOWN`, `OBJECT_AMBIGUOUS` */
export function findObject({ ledger }: Outlook, id: string): ObjectRecord {
  const found = /^[0-9a-f]{8,64}$/.test(id) ? ledger.find(id) : 0
  if (typeof found !== 'number') return found
  throw new HoldfastError(found === 0 ? 'OBJECT_UNKNOWN' : 'OBJECT_AMBIGUOUS', {
    id,
    count: found,
    which: 'the list of objects names them',
  })
}

export function viewObject(outlook: Outlook, object: ObjectRecord): ObjectSummary {
  const { now, policy } = outlook
  const current = currentOf(outlook, object)
  const shares = current.filter(({ kind }) => kind === 'share')
  const copies = current.filter(({ kind }) => kind === 'copy')
  const segments = Map.groupBy(shares, ({ segment }) => segment)
  const count = object.segments + (object.indirect?.segments ?? 0)
  const groups = Array.from({ length: count }, (_, segment) => segments.get(segment) ?? [])
  const health = groups.map((group) => segmentHealth(group.map(countedAs), object.k, object.n))
  const outlooks = [
    ...groups.map((group) => ({ shares: group.map((placement) => outlookOf(placement, now, policy)), k: object.k })),
    { shares: copies.map((placement) => outlookOf(placement, now, policy)), k: 1 },
  ]
  const { confidence, nines } = objectConfidence(outlooks, policy)
  const nextCheck = least(current.map(({ nextDue }) => nextDue))
  const trouble = troubleOf(outlook, object)
  const expires = least(current.map(({ end }) => end))
  return {
    id: toHex(object.id),
    ...(object.name === undefined ? {} : { name: object.name }),
    size: object.size,
    k: object.k,
    n: object.n,
    segments: object.segments,
    shares: Math.min(...health.map(({ confirmed }) => confirmed)),
    suspect: shares.filter(({ state }) => state === 'suspect').length,
    confidence,
    nines,
    ...(nextCheck === undefined ? {} : { nextCheck: formatTime(nextCheck) }),
    ...(expires === undefined ? {} : { expires: formatTime(expires) }),
    createdAt: formatTime(object.createdAt),
    ...(trouble === undefined ? {} : { trouble: { states: trouble.states, next: trouble.next } }),
    ...(object.removedAt === undefined ? {} : { removed: formatTime(object.removedAt) }),
    ...(object.backup === undefined ? {} : { backup: object.backup }),
    ...(object.contentHash === undefined ? {} : { contentHash: toHex(object.contentHash) }),
  }
}

export function viewObjectDetail(outlook: Outlook, object: ObjectRecord): ObjectDetail {
  return { ...viewObject(outlook, object), sealedCap: toHex(object.sealedCap), segmentSize: object.segmentSize }
}

/** True while no segment of it needs repair, and copies of its manifest are there. */
export function isSound(outlook: Outlook, id: string): boolean {
  const object = outlook.ledger.objects.get(id)
  if (object === undefined) return false
  const { k, n } = object
  const copies = currentOf(outlook, object).flatMap((placement) =>
    placement.kind === 'copy' ? [countedAs(placement)] : [],
  )
  const threshold = Math.min(n - 1, segmentHealth(copies, k, n).threshold)
  return viewObject(outlook, object).shares > threshold && segmentHealth(copies, 1, n).confirmed >= k
}

function stateOfBackups(
  { backup, isBackupHeld }: Outlook['ledger'],
  backups: { isPending(): boolean } | undefined,
): NonNullable<ControllerStatus['backup']>['state'] {
  if (backups === undefined) return 'off'
  if (isBackupHeld) return 'held'
  if (backups.isPending()) return 'pending'
  return backup === undefined ? 'none' : 'done'
}

/** What of the ledger is safe from the loss of this machine. @param backups absent: it is not backed up */
export function viewBackup(
  { ledger }: Outlook,
  backups: { readonly failure: string | undefined; isPending(): boolean } | undefined,
): ControllerStatus['backup'] {
  const { backup } = ledger
  const last = backup?.links.at(-1)
  return {
    state: stateOfBackups(ledger, backups),
    ...(last === undefined || backup === undefined ? {} : { version: last.version, at: formatTime(backup.at) }),
    ...(backups?.failure === undefined ? {} : { failure: backups.failure }),
  }
}

/** A line per placement; with `history` also those that ended. Ascending by kind, segment, share. */
export function viewShares(outlook: Outlook, object: ObjectRecord, history = false): ShareStatus[] {
  const { ledger, now, policy } = outlook
  const around = aroundOf(outlook, object)
  return [...ledger.placementsOf(object.ref)]
    .filter(({ state }) => history || state !== 'ended')
    .sort((a, b) =>
      a.kind === b.kind ? a.segment - b.segment || a.share - b.share || a.start - b.start : a.kind === 'share' ? -1 : 1,
    )
    .map((placement) => {
      const explained = explain(placement, around(placement))
      const { why, next } = explained
      const note = noteOf(explained)
      return {
        type: placement.kind,
        object: toHex(object.id),
        segment: placement.segment,
        share: placement.share,
        blobId: placement.blobId,
        length: placement.length,
        steward: placement.steward,
        state: placement.state,
        ...(placement.outcast === undefined ? {} : { standing: placement.outcast.standing }),
        confidence: confidenceOf(placement, now, policy),
        checksDone: placement.totals.checks,
        ...(placement.totals.lastProof > 0 ? { lastProof: formatTime(placement.totals.lastProof) } : {}),
        ...(placement.nextDue === undefined ? {} : { nextCheck: formatTime(placement.nextDue) }),
        start: formatTime(placement.start),
        end: formatTime(placement.end),
        version: placement.version,
        answersLeft: rowsLeft(placement),
        price: formatHold(placement.price),
        paid: formatGwei(paidFor(placement)),
        ...(why === undefined ? {} : { why }),
        ...(next === undefined ? {} : { next }),
        ...(note === undefined ? {} : { note }),
      }
    })
}

/** Gwei of HOLD that its swept rounds come to, rounded up. */
function paidFor({ price, length, totals }: PlacementState): bigint {
  const { earned, paid } = totals
  return docketAmount([earned === undefined ? { price, length, seconds: paid } : { price: earned, length, seconds: 1 }])
}

/** Money by counter-party. `balance`: wei of HOLD in the market. */
export function viewAccounts({ ledger }: Outlook, balance: bigint): Accounts {
  const bySteward = Map.groupBy(ledger.bounties.values(), ({ steward }) => steward)
  const live = Map.groupBy(
    [...ledger.placements.values()].filter(({ state }) => state !== 'ended'),
    ({ steward }) => steward,
  )
  const stewards = [...new Set<Address>([...bySteward.keys(), ...live.keys()])].sort()
  const { deposited, withdrawn, advertFees } = ledger.money
  return {
    deposited: formatHold(deposited),
    withdrawn: formatHold(withdrawn),
    advertFees: formatGwei(advertFees),
    balance: formatHold(balance),
    open: formatGwei(sumOf([...ledger.bounties.values()], 'posted')),
    promised: formatGwei(openPromises(ledger)),
    differences: differencesOf(ledger, balance).map(({ account, books, shown }) => ({
      account,
      books: formatSigned(books),
      shown: formatSigned(shown),
    })),
    stewards: stewards.map((steward) => {
      const bounties = bySteward.get(steward) ?? []
      const placements = live.get(steward) ?? []
      const swept = sumOf(bounties, 'swept')
      const revoked = sumOf(bounties, 'revoked')
      const open = sumOf(bounties, 'posted')
      const { cumulative = 0n, redeemed = 0n } = ledger.promises.get(steward) ?? {}
      return {
        steward,
        placements: placements.length,
        bytes: placements.reduce((sum, { length }) => sum + length, 0),
        posted: formatGwei(swept + revoked + open),
        swept: formatGwei(swept),
        revoked: formatGwei(revoked),
        open: formatGwei(open),
        rent: formatGwei(swept + cumulative),
        vouched: formatGwei(cumulative),
        redeemed: formatGwei(redeemed),
        onTheWay: formatGwei(sumOf(bounties, 'intended') + sumOf(bounties, 'offered')),
        bounties: bounties.filter(({ phase }) => phase === 'posted' || phase === 'swept' || phase === 'revoked').length,
        missed: bounties.filter((one) => one.phase === 'revoked' && !one.release && !isWithheld(one)).length,
        released: bounties.filter(({ release }) => release !== undefined).length,
      }
    }),
  }
}

/** Numbers of the status line. */
export function viewTotals(
  outlook: Outlook,
  balance: bigint,
): Pick<ControllerStatus, 'objects' | 'placements' | 'bounties' | 'runwaySeconds' | 'troubles'> {
  const { ledger } = outlook
  const own = [...ledger.objects.values()].filter(
    ({ backup, removedAt }) => backup === undefined && removedAt === undefined,
  )
  const objects = own.map((object) => ({
    size: object.size,
    view: viewObject(outlook, object),
  }))
  const atRisk = objects.filter(({ view }) => view.shares <= view.k)
  const isWeak = ({ view }: (typeof objects)[number]) =>
    view.suspect > 0 || view.shares <= view.n - Math.ceil((view.n - view.k) / 4)
  const suspect = objects.filter((object) => object.view.shares > object.view.k && isWeak(object))
  const states: Record<string, number> = {}
  let perSecond = 0n
  for (const { state, price, length, rides } of ledger.placements.values()) {
    if (!rides) states[state] = (states[state] ?? 0) + 1
    if (state === 'held' || state === 'suspect') perSecond += price * BigInt(length)
  }
  const phases = [...ledger.bounties.values()].map(({ phase }) => phase)
  const count = (...wanted: readonly BountyRecord['phase'][]) => phases.filter((phase) => wanted.includes(phase)).length
  const spendable = balance - openPromises(ledger) * WEI_PER_GWEI
  const runway =
    perSecond === 0n ? undefined : Number(((spendable < 0n ? 0n : spendable) * 2n ** 30n * 2_592_000n) / perSecond)
  return {
    objects: {
      count: objects.length,
      bytes: objects.reduce((sum, { size }) => sum + size, 0),
      healthy: objects.length - atRisk.length - suspect.length,
      suspect: suspect.length,
      atRisk: atRisk.length,
    },
    placements: states,
    troubles: viewTroubles(outlook),
    bounties: {
      open: count('posted'),
      posted: count('posted', 'swept', 'revoked'),
      swept: count('swept'),
      revoked: count('revoked'),
    },
    ...(runway === undefined ? {} : { runwaySeconds: runway }),
  }
}

/** Wei of HOLD with its sign: books that do not balance may say less than nothing. */
function formatSigned(amount: bigint): string {
  return amount < 0n ? `-${formatHold(-amount)}` : formatHold(amount)
}

/** Gwei in bounties of one phase. */
function sumOf(bounties: readonly BountyRecord[], phase: BountyRecord['phase']): bigint {
  return bounties.reduce((sum, bounty) => (bounty.phase === phase ? sum + bounty.amount : sum), 0n)
}

/** Wei of HOLD in open bounties. */
export function openAmount(ledger: Ledger): bigint {
  return sumOf([...ledger.bounties.values()], 'posted') * WEI_PER_GWEI
}

function least(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
