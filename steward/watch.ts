/**
 * Watching: what the chain says of bounties that are bound to us, turned into changes of a step. A bounty counts when its docket is known and
 * names only blobs that we hold for its poster; all others are left alone, since answering a stranger would be work on demand.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { HOUR } from '../base/units.ts'
import { type Challenge, decodeDocket, docketHashOf } from '../blob/docket.ts'
import type { Book } from './book.ts'
import type { HeldPlacement } from './held-placement.ts'
import { leastOwed, settledUntil } from './owed.ts'
import type { EndedFact, MarketFact, MissedFact, PostedFact } from './ports.ts'
import type { BountyRecord, Holding } from './records.ts'
import type { Step } from './step.ts'

/** The poster may revoke so long after the deadline: until then a sweep that was in time may still show up. protocol.md §4. */
export const REVOKE_DELAY = HOUR

/** A sweep that came to nothing though the outbox is through with it is made again after this time. Seconds of chain time. */
const CLAIM_AGAIN = HOUR

/** Sweeps of one bounty that come to nothing, after which it is left to its deadline. */
export const MAX_ATTEMPTS = 5

/** Underpaid bounties a placement remembers: enough to know one that a killed dev chain brings again. */
const REMEMBERED_SHORT = 4

export interface WatchDeps {
  readonly book: Book
  readonly steward: Address
  readonly log: Log
  alert(code: 'bounty-underpaid' | 'blob-lost', about: string): void
}

export type Watch = ReturnType<typeof createWatch>

export function createWatch({ book, steward, log, alert }: WatchDeps) {
  function apply(step: Step, fact: MarketFact): void {
    if (fact.kind === 'posted') onPosted(step, fact)
    else if (fact.kind === 'missed') onMissed(step, fact)
    else onEnded(step, fact)
  }

  function onPosted(step: Step, fact: PostedFact): void {
    if (fact.steward !== steward) return
    const known = step.bounty(fact.id)
    if (known && known.phase !== 'gone') return // told again
    // seen too late: after a long sleep, or from the first block on. Whether we swept it is in the payments; else it was missed
    if (fact.deadline < step.now) {
      onSeenLate(step, fact)
      return
    }
    if (known?.intent !== undefined) {
      // its sweep is in the outbox, which sends it again; should it have come to nothing, the timer finds out
      step.saveBounty({ ...known, phase: 'claimed', block: fact.block, postedAt: fact.blockTime, claimedAt: step.now })
      for (const id of known.placements ?? [])
        step.tell(id, { kind: 'asked', bounty: known.id, deadline: known.deadline })
      return
    }
    const docketHash = toHex(fact.docketHash)
    const bounty: BountyRecord = {
      id: fact.id,
      poster: fact.poster,
      claimKey: fact.claimKey,
      amount: fact.amount,
      deadline: fact.deadline,
      docketHash,
      phase: 'posted',
      block: fact.block,
      postedAt: fact.blockTime,
      attempt: known ? known.attempt + 1 : 0,
    }
    if (fact.note.length > 0) onDocket(step, bounty, fact.note, true)
    else step.saveBounty(bounty)
    log.info('bounty.posted', {
      bounty: fact.id,
      poster: fact.poster,
      amount: String(fact.amount),
      deadline: fact.deadline,
    })
  }

  /** Over what is on the docket, or, without one, whatever the poster may have asked for: rather too much forfeited than honest pay refused. */
  function onSeenLate(step: Step, fact: PostedFact): void {
    let blobs: ReadonlySet<string> | undefined
    try {
      if (fact.note.length > 0) blobs = new Set(decodeDocket(fact.note).map(({ blobId }) => toHex(blobId)))
    } catch (cause) {
      log.debug('bounty.late', { bounty: fact.id, why: asHoldfastError(cause).message })
      return
    }
    for (const { held, short } of [...livingFor(fact.poster)])
      if (!short?.includes(fact.id) && (!blobs || blobs.has(held.blobId))) forfeit(step, held.id, cutOf(fact.blockTime))
  }

  function* livingFor(poster: Address): Iterable<Holding> {
    for (const holding of book.holdings.values())
      if (holding.held.uploader === poster && holding.held.state !== 'pruned') yield holding
  }

  /** The interval of a missed round is not owed any more; the next docket pays from its cut. docs/spec/schedule.md, What a round pays. */
  function forfeitAll(step: Step, bounty: BountyRecord): void {
    const ids = bounty.placements ?? [...livingFor(bounty.poster)].map(({ held }) => held.id)
    for (const id of ids) forfeit(step, id, cutOf(bounty.postedAt))
  }

  function forfeit(step: Step, id: string, cut: number): void {
    const holding = step.holding(id)
    if (!holding || cut <= settledUntil(holding)) return
    step.save({ ...holding, forfeited: Math.min(cut, holding.held.end) })
  }

  /** The docket of a bounty is here, from its note or from its poster. `isNote`: it is kept with the record. */
  function onDocket(step: Step, bounty: BountyRecord, docket: Uint8Array, isNote: boolean): void {
    let placements: readonly string[]
    let gone: string | undefined
    try {
      ;({ placements, gone } = placementsOf(bounty, docket))
    } catch (cause) {
      const why = asHoldfastError(cause).message
      log.warn('bounty.bogus', { bounty: bounty.id, poster: bounty.poster, why })
      step.closeBounty({ ...bounty, phase: 'bogus', why })
      return
    }
    if (gone !== undefined) {
      // its poster was right to ask: a miss to come, not a lie
      const why = `blob ${gone} is held no longer`
      log.error('blob.lost', { blob: gone, bounty: bounty.id, why })
      alert('blob-lost', gone)
      step.saveBounty({ ...bounty, placements, phase: 'lost', why })
      return
    }
    step.saveBounty({ ...bounty, placements, ...(isNote ? { docket } : {}) })
    if (!isNote) step.batch.docket(bounty.docketHash, docket)
    for (const id of placements) step.tell(id, { kind: 'asked', bounty: bounty.id, deadline: bounty.deadline })
  }

  /** The placements a docket is about, and a blob among them that was held once and is pruned. @throws what is wrong with it */
  function placementsOf(bounty: BountyRecord, docket: Uint8Array): { placements: string[]; gone: string | undefined } {
    if (toHex(docketHashOf(docket)) !== bounty.docketHash)
      throw new HoldfastError('BOUNTY_INVALID', { what: 'the docket is not the one of its hash' })
    let gone: string | undefined
    const placements = decodeDocket(docket).map(({ blobId }) => {
      const blob = toHex(blobId)
      const living = book.livingOf(blob, bounty.poster)
      if (living) return living.held.id
      const last = [...book.heldOf(blob)].filter(({ uploader }) => uploader === bounty.poster).at(-1)
      if (!last) throw new HoldfastError('BOUNTY_INVALID', { what: `blob ${blob} is not held for ${bounty.poster}` })
      gone ??= blob
      return last.id
    })
    return { placements, gone }
  }

  function onEnded(step: Step, fact: EndedFact): void {
    const bounty = step.bounty(fact.id)
    if (!bounty || bounty.phase === fact.kind) return
    step.saveBounty({
      ...bounty,
      phase: fact.kind,
      block: fact.block,
      ...(fact.kind === 'swept' ? { sweptAt: fact.blockTime } : {}),
    })
  }

  /** Our sweep came while the bounty was not there: before its block was mined again, or too late. If it is open, it is answered anew. */
  function onMissed(step: Step, { claimKey }: MissedFact): void {
    for (const bounty of step.allBounties()) {
      if (bounty.claimKey !== claimKey || bounty.attempt + 1 >= MAX_ATTEMPTS) continue
      if (bounty.phase === 'claimed') unclaim(step, bounty)
      if (bounty.phase === 'gone') {
        const { intent: _, claimedAt: __, ...rest } = bounty
        step.saveBounty(rest)
      }
    }
  }

  /** A block is gone. */
  function undo(step: Step, fact: MarketFact): void {
    if (fact.kind === 'missed') return
    const bounty = step.bounty(fact.id)
    if (!bounty) return
    if (fact.kind === 'posted') {
      step.saveBounty({ ...bounty, phase: 'gone' })
      unask(step, bounty)
      return
    }
    if (bounty.phase !== fact.kind) return
    const { sweptAt: _, ...rest } = bounty
    step.saveBounty({ ...rest, phase: bounty.intent === undefined ? 'posted' : 'claimed' })
  }

  function unask(step: Step, bounty: BountyRecord): void {
    for (const id of bounty.placements ?? []) step.tell(id, { kind: 'unasked', bounty: bounty.id })
  }

  /** Everything up to `finalHead` can be acted on: placements whose sweep is final are paid. */
  function settle(step: Step, finalHead: number): void {
    // in the order of their posts: each pays from where the one before it ended
    const inOrder = [...step.allBounties()].sort((a, b) => a.postedAt - b.postedAt)
    for (const bounty of inOrder) {
      if (bounty.block > finalHead) continue
      if (bounty.phase === 'swept') pay(step, bounty)
      if (bounty.phase === 'revoked') {
        forfeitAll(step, bounty)
        unask(step, bounty)
        step.closeBounty(bounty)
      }
    }
  }

  /** Bounties to be answered now: their dockets are known and their blocks will not be undone. */
  function answerable(finalHead: number): string[] {
    const ids: string[] = []
    for (const bounty of book.bounties.values())
      if (bounty.phase === 'posted' && bounty.placements !== undefined && bounty.block <= finalHead) ids.push(bounty.id)
    return ids
  }

  function pay(step: Step, bounty: BountyRecord): void {
    const at = bounty.sweptAt ?? bounty.postedAt
    const cut = cutOf(bounty.postedAt)
    const parts = partsOf(step, bounty, cut)
    const least = leastOf(step, bounty, cut)
    const isShort = bounty.amount < least
    for (const [id, earned] of parts) {
      const before = step.holding(id)
      step.tell(id, isShort ? { kind: 'unasked', bounty: bounty.id } : { kind: 'paid', bounty: bounty.id, at, cut })
      const after = step.holding(id)
      // a dev chain that was killed brings final blocks again: what is known as paid is not earned twice
      if (!before || !after || isPaid(before.held, bounty.id) || before.short?.includes(bounty.id)) continue
      const short = isShort ? { short: [...(after.short ?? []), bounty.id].slice(-REMEMBERED_SHORT) } : {}
      step.save({ ...after, ...short, earned: after.earned + earned, sweeps: after.sweeps + 1 })
    }
    if (isShort) {
      const owed = String(least)
      step.closeBounty({ ...bounty, why: `it paid ${bounty.amount} gwei, at least ${owed} were owed` })
      log.warn('bounty.underpaid', { bounty: bounty.id, poster: bounty.poster, amount: String(bounty.amount), owed })
      alert('bounty-underpaid', bounty.id)
      return
    }
    step.closeBounty(bounty)
    log.info('bounty.paid', { bounty: bounty.id, amount: String(bounty.amount), placements: parts.size })
  }

  /** What the bounty must pay to count. Rounds posted before it that are still open are taken for settled: when in doubt, it is enough. */
  function leastOf(step: Step, bounty: BountyRecord, cut: number): bigint {
    const settled = new Map<string, number>()
    for (const other of step.allBounties()) {
      if (other.id === bounty.id || other.phase === 'gone' || other.postedAt > bounty.postedAt) continue
      const about = other.placements ?? (other.poster === bounty.poster ? (bounty.placements ?? []) : [])
      for (const id of about) settled.set(id, Math.max(settled.get(id) ?? 0, cutOf(other.postedAt)))
    }
    const holdings = (bounty.placements ?? []).flatMap((id) => step.holding(id) ?? [])
    if (holdings.some(({ held }) => isPaid(held, bounty.id))) return 0n // told again
    return leastOwed(holdings, cut, settled)
  }

  /** The amount shared out by what each placement was owed up to the cut: a statement; the money is one sum. Rounded down, the rest to the first. */
  function partsOf(step: Step, bounty: BountyRecord, cut: number): Map<string, bigint> {
    const weights = (bounty.placements ?? []).flatMap((id) => {
      const holding = step.holding(id)
      if (!holding) return []
      const { held } = holding
      const owed = Math.max(0, Math.min(cut, held.end) - settledUntil(holding))
      return [{ id, weight: held.price * BigInt(held.length) * BigInt(owed) }]
    })
    const sum = weights.reduce((total, { weight }) => total + weight, 0n)
    const parts = new Map<string, bigint>()
    let left = bounty.amount
    for (const { id, weight } of weights) {
      const part = sum === 0n ? bounty.amount / BigInt(weights.length) : (bounty.amount * weight) / sum
      parts.set(id, part)
      left -= part
    }
    const first = weights[0]?.id
    if (first !== undefined) parts.set(first, (parts.get(first) ?? 0n) + left)
    return parts
  }

  /** When something is to be done about a bounty: give it up, or claim it again. */
  function dueOf(bounty: BountyRecord): number | undefined {
    if (bounty.phase === 'swept' || bounty.phase === 'revoked') return undefined // its block has to become final
    const over = bounty.deadline + REVOKE_DELAY + 1
    if (bounty.phase !== 'claimed' || bounty.claimedAt === undefined) return over
    const again = bounty.claimedAt + CLAIM_AGAIN
    return again <= bounty.deadline && bounty.attempt + 1 < MAX_ATTEMPTS ? again : over
  }

  /** Bounties whose time is over, or whose sweep came to nothing. `isOutboxEmpty`: no sweep is on its way. */
  function tick(step: Step, isOutboxEmpty: boolean): void {
    for (const bounty of book.bounties.values()) {
      const due = dueOf(bounty)
      if (due === undefined || due > step.now || step.bounty(bounty.id) !== bounty) continue
      if (step.now > bounty.deadline + REVOKE_DELAY) miss(step, bounty)
      else if (isOutboxEmpty) unclaim(step, bounty)
      else step.saveBounty({ ...bounty, claimedAt: step.now })
    }
  }

  function miss(step: Step, bounty: BountyRecord): void {
    unask(step, bounty)
    if (bounty.phase !== 'gone') forfeitAll(step, bounty)
    for (const id of bounty.phase === 'gone' ? [] : (bounty.placements ?? [])) {
      const holding = step.holding(id)
      if (holding) step.save({ ...holding, missed: holding.missed + 1 })
    }
    const phase = bounty.phase === 'lost' || bounty.phase === 'gone' ? bounty.phase : 'missed'
    if (phase === 'missed')
      log.warn('bounty.missed', { bounty: bounty.id, poster: bounty.poster, amount: String(bounty.amount) })
    step.closeBounty({ ...bounty, phase })
  }

  /** Its sweep did not find it: answer it anew. */
  function unclaim(step: Step, bounty: BountyRecord): void {
    const { intent: _, claimedAt: __, ...rest } = bounty
    step.saveBounty({ ...rest, phase: 'posted', attempt: bounty.attempt + 1 })
  }

  /** Its challenges, when they are known. */
  async function challengesOf(bounty: BountyRecord): Promise<Challenge[] | undefined> {
    const docket = bounty.docket ?? (await book.docket(bounty.docketHash))
    return docket && decodeDocket(docket)
  }

  /** The open bounty that waits for this docket. */
  function waitingFor(bountyId: Uint8Array, docketHash: Uint8Array): BountyRecord | undefined {
    const bounty = book.bounties.get(toHex(bountyId))
    return bounty && bounty.docketHash === toHex(docketHash) ? bounty : undefined
  }

  return { apply, undo, settle, answerable, tick, dueOf, onDocket, unclaim, challengesOf, waitingFor }
}

function isPaid({ payments, settled }: HeldPlacement, bounty: string): boolean {
  return settled.id === bounty || payments.some(({ id }) => id === bounty)
}

/** Up to when a bounty pays: the hour of its block. */
function cutOf(postedAt: number): number {
  return postedAt - (postedAt % HOUR)
}
