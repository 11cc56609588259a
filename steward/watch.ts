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
import { settledUntil } from './owed.ts'
import { createPay, cutOf, isPaid } from './pay.ts'
import type { BountyFact, EndedFact, MissedFact, PostedFact } from './ports.ts'
import type { BountyRecord, Holding, ReleaseRecord } from './records.ts'
import type { Step } from './step.ts'

/** The poster may revoke so long after the deadline: until then a sweep that was in time may still show up. protocol.md §4. */
export const REVOKE_DELAY = HOUR

/** A sweep that came to nothing though the outbox is through with it is made again after this time. Seconds of chain time. */
const CLAIM_AGAIN = HOUR

/** Sweeps of one bounty that come to nothing, after which it is left to its deadline. */
export const MAX_ATTEMPTS = 5

export interface WatchDeps {
  readonly book: Book
  readonly steward: Address
  readonly log: Log
  alert(code: 'bounty-underpaid', about: string): void
}

export type Watch = ReturnType<typeof createWatch>

export function createWatch({ book, steward, log, alert }: WatchDeps) {
  const { pay, credit, leastFor, roundCutOf, isReleased } = createPay({ book, log, alert })

  function apply(step: Step, fact: BountyFact): void {
    if (fact.kind === 'posted') onPosted(step, fact)
    else if (fact.kind === 'missed') onMissed(step, fact)
    else onEnded(step, fact)
  }

  function onPosted(step: Step, fact: PostedFact): void {
    if (fact.steward !== steward) return
    const known = step.bounty(fact.id)
    if (known && known.phase !== 'gone') return // told again
    const released = book.releases.get(fact.id)
    if (released?.deadline === fact.deadline) {
      onPostedAgain(step, fact, released, known)
      return
    }
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
      ...(known?.wasClaimed ? { wasClaimed: true as const } : {}),
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

  /** Its block was undone, or a killed dev chain brings it again: what we released, we never sweep. */
  function onPostedAgain(step: Step, fact: PostedFact, released: ReleaseRecord, known: BountyRecord | undefined): void {
    const { id, poster, claimKey, amount, deadline, block } = fact
    const { docketHash, rest } = released
    const placements = known?.placements ?? rest
    const why = `${released.lost.length} of its blobs are lost`
    const record = {
      id,
      poster,
      claimKey,
      amount,
      deadline,
      docketHash,
      placements,
      block,
      postedAt: fact.blockTime,
      why,
    }
    step.saveBounty({ ...record, phase: 'released', attempt: known?.attempt ?? 0 })
    for (const placement of placements) step.tell(placement, { kind: 'asked', bounty: id, deadline })
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
    for (const { held } of [...livingFor(fact.poster)])
      if (!isPaid(held, fact.id) && (!blobs || blobs.has(held.blobId))) forfeit(step, held.id, cutOf(fact.blockTime))
  }

  function* livingFor(poster: Address): Iterable<Holding> {
    for (const holding of book.holdings.values())
      if (holding.held.uploader === poster && holding.held.state !== 'pruned') yield holding
  }

  /** The interval of a missed round is not owed any more; the next docket pays from its cut. docs/spec/schedule.md, What a round pays. */
  function forfeitAll(step: Step, bounty: BountyRecord): void {
    const ids = bounty.placements ?? [...livingFor(bounty.poster)].map(({ held }) => held.id)
    const cut = roundCutOf(step, bounty)
    for (const id of ids) forfeit(step, id, cut)
  }

  function forfeit(step: Step, id: string, cut: number): void {
    const holding = step.holding(id)
    if (!holding || cut <= settledUntil(holding)) return
    step.save({ ...holding, forfeited: Math.min(cut, holding.held.end) })
  }

  /** The docket of a bounty is here, from its note or from its poster. `isNote`: it is kept with the record. */
  function onDocket(step: Step, bounty: BountyRecord, docket: Uint8Array, isNote: boolean): void {
    let placements: readonly string[]
    try {
      placements = placementsOf(bounty, docket)
    } catch (cause) {
      const why = asHoldfastError(cause).message
      log.warn('bounty.bogus', { bounty: bounty.id, poster: bounty.poster, why })
      step.closeBounty({ ...bounty, phase: 'bogus', why })
      return
    }
    step.saveBounty({ ...bounty, placements, ...(isNote ? { docket } : {}) })
    if (!isNote) step.batch.docket(bounty.docketHash, docket)
    for (const id of placements) step.tell(id, { kind: 'asked', bounty: bounty.id, deadline: bounty.deadline })
  }

  /** The placements a docket is about; of a blob that is held no longer the last one: its poster was right to ask. @throws what is wrong with it */
  function placementsOf(bounty: BountyRecord, docket: Uint8Array): string[] {
    if (toHex(docketHashOf(docket)) !== bounty.docketHash)
      throw new HoldfastError('BOUNTY_INVALID', { what: 'the docket is not the one of its hash' })
    return decodeDocket(docket).map(({ blobId }) => {
      const blob = toHex(blobId)
      const living = book.livingOf(blob, bounty.poster)
      if (living) return living.held.id
      const last = [...book.heldOf(blob)].filter(({ uploader }) => uploader === bounty.poster).at(-1)
      if (!last) throw new HoldfastError('BOUNTY_INVALID', { what: `blob ${blob} is not held for ${bounty.poster}` })
      return last.id
    })
  }

  function onEnded(step: Step, fact: EndedFact): void {
    const bounty = step.bounty(fact.id)
    if (!bounty || bounty.phase === fact.kind) return
    step.saveBounty({
      ...bounty,
      phase: fact.kind,
      block: fact.block,
      ...(fact.kind === 'swept' ? { sweptAt: fact.blockTime } : { revokedAt: fact.blockTime }),
    })
  }

  /** Our sweep came while the bounty was not there: before its block was mined again, or too late. If it is open, it is answered anew. */
  function onMissed(step: Step, { claimKey }: MissedFact): void {
    for (const bounty of step.allBounties()) {
      if (bounty.claimKey !== claimKey || bounty.attempt + 1 >= MAX_ATTEMPTS) continue
      if (bounty.phase === 'claimed') unclaim(step, bounty)
      if (bounty.phase === 'gone') {
        const { intent: _, claimedAt: __, ...rest } = bounty
        step.saveBounty({ ...rest, wasClaimed: true })
      }
    }
  }

  /** A block is gone. */
  function undo(step: Step, fact: BountyFact): void {
    if (fact.kind === 'missed') return
    const bounty = step.bounty(fact.id)
    if (!bounty) return
    if (fact.kind === 'posted') {
      step.saveBounty({ ...bounty, phase: 'gone' })
      unask(step, bounty)
      return
    }
    if (bounty.phase !== fact.kind) return
    const { sweptAt: _, revokedAt: __, ...rest } = bounty
    const before = isReleased(bounty) ? 'released' : bounty.intent === undefined ? 'posted' : 'claimed'
    step.saveBounty({ ...rest, phase: before })
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
        if (isReleased(bounty) && (bounty.revokedAt ?? 0) < bounty.deadline + REVOKE_DELAY) giveUp(step, bounty)
        else forfeitAll(step, bounty)
        unask(step, bounty)
        step.closeBounty(bounty)
      }
    }
  }

  /** Taken back by our release: its poster knows what is lost, and asks for the rest again, for the same interval. */
  function giveUp(step: Step, bounty: BountyRecord): void {
    for (const blob of book.releases.get(bounty.id)?.lost ?? []) {
      const held = book.livingOf(blob, bounty.poster)?.held
      if (held) step.tell(held.id, { kind: 'given-up' })
    }
    log.info('bounty.given-back', { bounty: bounty.id, poster: bounty.poster })
  }

  /** Bounties to be answered now: their dockets are known and their blocks will not be undone. */
  function answerable(finalHead: number): string[] {
    const ids: string[] = []
    for (const bounty of book.bounties.values())
      if (bounty.phase === 'posted' && bounty.placements !== undefined && bounty.block <= finalHead) ids.push(bounty.id)
    return ids
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
    const { phase: last } = bounty
    const phase = last === 'lost' || last === 'released' || last === 'gone' ? last : 'missed'
    if (phase === 'missed')
      log.warn('bounty.missed', { bounty: bounty.id, poster: bounty.poster, amount: String(bounty.amount) })
    step.closeBounty({ ...bounty, phase })
  }

  /** Its sweep did not find it: answer it anew. */
  function unclaim(step: Step, bounty: BountyRecord): void {
    const { intent: _, claimedAt: __, ...rest } = bounty
    step.saveBounty({ ...rest, phase: 'posted', attempt: bounty.attempt + 1, wasClaimed: true })
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

  return {
    apply,
    undo,
    settle,
    answerable,
    tick,
    dueOf,
    onDocket,
    unclaim,
    challengesOf,
    waitingFor,
    roundCutOf,
    leastFor,
    credit,
  }
}
