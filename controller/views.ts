/** What people and other programs are shown of the ledger: status, objects, shares, plan, accounts. Pure over (ledger, now). */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { DAY, formatGwei, formatHold, formatTime, WEI_PER_GWEI } from '../base/units.ts'
import { docketAmount } from '../pricing/rates.ts'
import type { Accounts, ControllerStatus, ObjectDetail, ObjectSummary, PlannedAct, ShareStatus } from './api-types.ts'
import { confidenceOf, objectConfidence, outlookOf } from './confidence.ts'
import type { Ledger } from './ledger.ts'
import { openRoundOf, type PlacementState, rowsLeft } from './placement-state.ts'
import type { Policy } from './policy.ts'
import { mayRenew } from './progress.ts'
import type { BountyRecord, ObjectRecord } from './records.ts'
import { segmentHealth } from './segment-health.ts'

/** What a view is taken of. */
export interface Outlook {
  readonly ledger: Ledger
  readonly policy: Policy
  /** Chain time. */
  readonly now: number
}

/** Live placements of an object: those that count now. */
function currentOf({ ledger }: Outlook, object: ObjectRecord): PlacementState[] {
  return [...ledger.placementsOf(object.ref)].filter(({ state }) => state !== 'ended')
}

/** The one record an id or a unique prefix of at least 8 digits names. @throws `OBJECT_UNKNOWN`, `OBJECT_AMBIGUOUS` */
export function findObject({ ledger }: Outlook, id: string): ObjectRecord {
  const found = /^[0-9a-f]{8,64}$/.test(id) ? ledger.find(id) : 0
  if (typeof found !== 'number') return found
  throw new HoldfastError(found === 0 ? 'OBJECT_UNKNOWN' : 'OBJECT_AMBIGUOUS', { id, count: found })
}

export function viewObject(outlook: Outlook, object: ObjectRecord): ObjectSummary {
  const { now, policy } = outlook
  const current = currentOf(outlook, object)
  const shares = current.filter(({ kind }) => kind === 'share')
  const copies = current.filter(({ kind }) => kind === 'copy')
  const segments = Map.groupBy(shares, ({ segment }) => segment)
  const count = object.segments + (object.indirect?.segments ?? 0)
  const groups = Array.from({ length: count }, (_, segment) => segments.get(segment) ?? [])
  const health = groups.map((group) =>
    segmentHealth(
      group.map(({ state }) => state),
      object.k,
      object.n,
    ),
  )
  const outlooks = [
    ...groups.map((group) => ({ shares: group.map((placement) => outlookOf(placement, now, policy)), k: object.k })),
    { shares: copies.map((placement) => outlookOf(placement, now, policy)), k: 1 },
  ]
  const { confidence, nines } = objectConfidence(outlooks, policy)
  const nextCheck = least(current.map(({ nextDue }) => nextDue))
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
    ...(object.contentHash === undefined ? {} : { contentHash: toHex(object.contentHash) }),
  }
}

export function viewObjectDetail(outlook: Outlook, object: ObjectRecord): ObjectDetail {
  return { ...viewObject(outlook, object), sealedCap: toHex(object.sealedCap), segmentSize: object.segmentSize }
}

/** A line per placement; with `history` also those that ended. Ascending by kind, segment, share. */
export function viewShares(outlook: Outlook, object: ObjectRecord, history = false): ShareStatus[] {
  const { ledger, now, policy } = outlook
  return [...ledger.placementsOf(object.ref)]
    .filter(({ state }) => history || state !== 'ended')
    .sort((a, b) =>
      a.kind === b.kind ? a.segment - b.segment || a.share - b.share || a.start - b.start : a.kind === 'share' ? -1 : 1,
    )
    .map((placement) => {
      const note = noteOf(placement, now)
      return {
        type: placement.kind,
        object: toHex(object.id),
        segment: placement.segment,
        share: placement.share,
        blobId: placement.blobId,
        length: placement.length,
        steward: placement.steward,
        state: placement.state,
        confidence: confidenceOf(placement, now, policy),
        checksDone: placement.totals.checks,
        ...(placement.totals.lastProof > 0 ? { lastProof: formatTime(placement.totals.lastProof) } : {}),
        ...(placement.nextDue === undefined ? {} : { nextCheck: formatTime(placement.nextDue) }),
        end: formatTime(placement.end),
        version: placement.version,
        answersLeft: rowsLeft(placement),
        price: formatHold(placement.price),
        paid: formatGwei(
          docketAmount([{ price: placement.price, length: placement.length, seconds: placement.totals.paid }]),
        ),
        ...(note === undefined ? {} : { note }),
      }
    })
}

function noteOf(placement: PlacementState, now: number): string | undefined {
  const round = openRoundOf(placement)
  if (placement.state === 'mia') return 'two rounds missed: given up; to be repaired elsewhere'
  if (placement.state === 'suspect')
    return `missed on ${formatTime(placement.totals.lastMiss)}; ${round ? `a retry is open until ${formatTime(round.deadline)}` : 'a retry follows'}, then MIA`
  if (round)
    return `round ${round.n} is ${round.phase}, ${round.deadline > now ? `can be swept until ${formatTime(round.deadline)}` : 'its deadline is over'}`
  return undefined
}

/** What will be done in the next `days`, as far as it is known now: nothing after the outcome of a round is guessed. */
export function viewPlan({ ledger, policy, now }: Outlook, days: number): PlannedAct[] {
  const until = now + days * DAY
  const acts: (PlannedAct & { readonly at: number })[] = []
  const act = (at: number, rest: Omit<PlannedAct, 'when'>) => {
    if (at <= until) acts.push({ at, when: formatTime(at), ...rest })
  }
  const due = Map.groupBy(
    [...ledger.placements.values()].filter(({ nextDue, state }) => nextDue !== undefined && state !== 'ended'),
    ({ steward, nextDue, state }) => `${steward}/${nextDue}/${state}`,
  )
  for (const group of due.values()) {
    const [first] = group
    if (first?.nextDue === undefined) continue
    const at = first.nextDue
    const amount = docketAmount(
      group.map((p) => ({
        price: p.price,
        length: p.length,
        seconds: Math.max(0, Math.min(at, p.end) - p.totals.cut),
      })),
    )
    const gap = Math.round(first.gap / DAY)
    const why =
      first.state === 'suspect'
        ? 'retry after a miss, bound like the first; then MIA'
        : `${gap} d after the last one; check ${first.totals.streak + 1} in a row`
    act(at, { what: 'bounty', steward: first.steward, placements: group.length, amount: formatGwei(amount), why })
  }
  for (const bounty of ledger.bounties.values())
    if (bounty.phase === 'posted')
      act(bounty.deadline + 3600, {
        what: 'revoke',
        steward: bounty.steward,
        placements: bounty.placements.length,
        amount: formatGwei(bounty.amount),
        why: 'if it is not swept until an hour before',
      })
  const renewals = Map.groupBy(
    [...ledger.placements.values()].filter((p) => mayRenew(p, policy, now)),
    (p) => `${p.steward}/${p.end}`,
  )
  for (const group of renewals.values()) {
    const [first] = group
    if (first)
      act(Math.max(now, first.end - policy.renewFrom), {
        what: 'renewal',
        steward: first.steward,
        placements: group.length,
        why: `the term ends ${formatTime(first.end)}`,
      })
  }
  return acts.sort((a, b) => a.at - b.at).map(({ at: _, ...rest }) => rest)
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
    stewards: stewards.map((steward) => {
      const bounties = bySteward.get(steward) ?? []
      const placements = live.get(steward) ?? []
      const swept = sumOf(bounties, 'swept')
      const revoked = sumOf(bounties, 'revoked')
      const open = sumOf(bounties, 'posted')
      return {
        steward,
        placements: placements.length,
        bytes: placements.reduce((sum, { length }) => sum + length, 0),
        posted: formatGwei(swept + revoked + open),
        swept: formatGwei(swept),
        revoked: formatGwei(revoked),
        open: formatGwei(open),
        bounties: bounties.filter(({ phase }) => phase !== 'intended' && phase !== 'failed').length,
        missed: bounties.filter(({ phase }) => phase === 'revoked').length,
      }
    }),
  }
}

/** Numbers of the status line. */
export function viewTotals(
  outlook: Outlook,
  balance: bigint,
): Pick<ControllerStatus, 'objects' | 'placements' | 'bounties' | 'runwaySeconds'> {
  const { ledger } = outlook
  const objects = [...ledger.objects.values()].map((object) => ({
    size: object.size,
    view: viewObject(outlook, object),
  }))
  const atRisk = objects.filter(({ view }) => view.shares <= view.k)
  const isWeak = ({ view }: (typeof objects)[number]) =>
    view.suspect > 0 || view.shares <= view.n - Math.ceil((view.n - view.k) / 4)
  const suspect = objects.filter((object) => object.view.shares > object.view.k && isWeak(object))
  const states: Record<string, number> = {}
  let perSecond = 0n
  for (const { state, price, length } of ledger.placements.values()) {
    states[state] = (states[state] ?? 0) + 1
    if (state === 'held' || state === 'suspect') perSecond += price * BigInt(length)
  }
  const phases = [...ledger.bounties.values()].map(({ phase }) => phase)
  const count = (...wanted: readonly BountyRecord['phase'][]) => phases.filter((phase) => wanted.includes(phase)).length
  const runway = perSecond === 0n ? undefined : Number((balance * 2n ** 30n * 2_592_000n) / perSecond)
  return {
    objects: {
      count: objects.length,
      bytes: objects.reduce((sum, { size }) => sum + size, 0),
      healthy: objects.length - atRisk.length - suspect.length,
      suspect: suspect.length,
      atRisk: atRisk.length,
    },
    placements: states,
    bounties: {
      open: count('posted'),
      posted: count('posted', 'swept', 'revoked'),
      swept: count('swept'),
      revoked: count('revoked'),
    },
    ...(runway === undefined ? {} : { runwaySeconds: runway }),
  }
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
