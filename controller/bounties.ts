/**
 * Rounds and bounties: turns the effects of a step into bounties and intents, and what the chain says of our bounties into facts.
 * Everything here only fills a step; nothing leaves before its commit.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { unixTime } from '../base/units.ts'
import { type PostedDocket, recognise, strayDueOf } from './adopt.ts'
import { type Intents, isWithheld, notAfterOf } from './bounty-intents.ts'
import { intervalOf } from './contract-life.ts'
import { makeDocket } from './dockets.ts'
import type { Effect, Fact, OfferEffect, PostEffect } from './facts.ts'
import type { Ledger } from './ledger.ts'
import { createOffers } from './offers.ts'
import type { Policy } from './policy.ts'
import type { BountyRecord } from './records.ts'
import { againDeadlineOf, againPlanOf, askDueOf, type Release } from './release.ts'
import { amountOf, groupDue, hourAtOrBefore, REVOKE_DELAY } from './schedule.ts'
import { peersOf, type WayReason, wayOf } from './settle.ts'
import type { Step } from './step.ts'

/** A docket of at most so many entries stands in the note of its bounty. protocol.md §4. */
export const NOTE_ENTRIES = 8

export interface BountyDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly account: Address
  readonly nonceKey: Uint8Array
  readonly policy: Policy
  readonly intents: Intents
  readonly log: Log
}

/** What the feed says of one bounty. */
export interface BountyEvent {
  readonly kind: 'posted' | 'swept' | 'revoked'
  /** Hex of the bounty id. */
  readonly id: string
  readonly block: number
  readonly blockTime: number
  /** Of a post: all that the chain says of it. */
  readonly post?: Omit<PostedDocket, 'at'>
}

const LAST: Readonly<Record<BountyEvent['kind'], BountyRecord['phase']>> = {
  posted: 'posted',
  swept: 'swept',
  revoked: 'revoked',
}
const BEFORE: Readonly<Record<BountyEvent['kind'], BountyRecord['phase']>> = {
  posted: 'intended',
  swept: 'posted',
  revoked: 'posted',
}
const UNDONE: Readonly<Record<BountyEvent['kind'], 'unposted' | 'unswept' | 'unrevoked'>> = {
  posted: 'unposted',
  swept: 'unswept',
  revoked: 'unrevoked',
}

export function createBounties(deps: BountyDeps) {
  const { ledger } = deps
  /** Bounties whose last event is on the chain and not yet final. */
  const unsettled = new Map<string, BountyRecord>()
  for (const bounty of ledger.bounties.values())
    if (bounty.block !== undefined && !bounty.final) unsettled.set(bounty.id, bounty)
  /** Records as this step sees them; cleared by the commit. */
  const draft = new Map<string, BountyRecord>()
  /** Why dockets of this step go the way they go, by plan. */
  const ways = new Map<string, WayReason>()
  /** Taken back unswept, in this step. */
  let unclaimed: BountyRecord[] = []
  const recordOf = (id: string) => draft.get(id) ?? ledger.bounties.get(id)
  const offers = createOffers({ ...deps, recordOf, save })

  function save(step: Step, bounty: BountyRecord): void {
    draft.set(bounty.id, bounty)
    step.batch.bounty(bounty)
    if (bounty.block !== undefined && !bounty.final) unsettled.set(bounty.id, bounty)
    else unsettled.delete(bounty.id)
  }

  function tellAll(step: Step, bounty: BountyRecord, fact: Fact): void {
    for (const id of bounty.placements) step.tell(id, fact)
  }

  /** A post of ours that was made after the backup this ledger comes from. */
  function adopt(step: Step, { id, post, blockTime }: BountyEvent): void {
    if (post === undefined) return
    const { steward, claimKey, amount, deadline, docketHash } = post
    const held = [...step.placements()].filter((placement) => placement.steward === steward)
    const found = recognise({ ...post, at: blockTime }, held, deps)
    deps.log.warn('a post from before the ledger was restored', { bounty: id, blobs: found?.asked.length ?? 0 })
    if (found === undefined)
      for (const { id, rows } of held) step.tell(id, { kind: 'rows-skipped', next: rows.next + 1 })
    // what nothing fits is kept all the same: its money comes back by a sweep or a revoke
    const unknown = { due: hourAtOrBefore(blockTime), asked: [], docket: undefined, isWhole: false }
    const { due, asked, docket, isWhole } = found ?? unknown
    for (const { placement, row } of asked) step.tell(placement, { kind: 'adopted', docket: id, due, deadline, row })
    const toHand = docket !== undefined && post.note.length === 0
    if (toHand) step.batch.docket(toHex(docketHash), docket)
    save(step, {
      id,
      plan: id,
      steward,
      claimKey,
      amount,
      due: unixTime(due),
      deadline: unixTime(deadline),
      docketHash: toHex(docketHash),
      placements: asked.map(({ placement }) => placement),
      phase: 'intended',
      final: false,
      adopted: true,
      ...(isWhole ? {} : { partial: true }),
      ...(toHand ? { toHand: true } : {}),
    })
  }

  /** A block of the chain says so. */
  function onEvent(step: Step, event: BountyEvent): void {
    if (event.kind === 'posted' && !recordOf(event.id)) adopt(step, event)
    const bounty = recordOf(event.id)
    if (!bounty || bounty.phase === LAST[event.kind] || bounty.phase === 'vouched') return // not ours, told again, or paid for
    const postedAt = event.kind === 'posted' ? { postedAt: event.blockTime } : {}
    save(step, { ...bounty, ...postedAt, phase: LAST[event.kind], block: event.block, final: false })
    tellAll(step, bounty, { kind: event.kind, docket: bounty.plan, at: event.blockTime })
  }

  /** The block is gone. */
  function onUndone(step: Step, event: BountyEvent): void {
    const bounty = recordOf(event.id)
    if (!bounty || bounty.phase !== LAST[event.kind]) return
    const { block: _, ...rest } = bounty
    const before = BEFORE[event.kind]
    if (before === 'intended') {
      // a steward that was through with it has the docket no more: it is offered again with the new post
      const { offeredAt: __, ...unoffered } = rest
      const toHand = bounty.placements.length > NOTE_ENTRIES ? { toHand: true } : {}
      // who was to send it again is gone; should it come all the same, it counts
      const phase = bounty.adopted ? 'failed' : before
      save(step, { ...unoffered, ...toHand, phase, final: phase === 'failed' })
    } else save(step, { ...rest, phase: before, block: event.block, final: false })
    tellAll(step, bounty, { kind: UNDONE[event.kind], docket: bounty.plan })
  }

  /** Everything up to `finalHead` can be acted on. */
  function onFinal(step: Step, finalHead: number): void {
    for (const bounty of [...unsettled.values()]) {
      if (bounty.block === undefined || bounty.block > finalHead) continue
      const { phase } = bounty
      if (phase !== 'posted' && phase !== 'swept' && phase !== 'revoked') continue
      save(step, { ...bounty, final: true })
      if (phase !== 'posted') step.batch.docket(bounty.docketHash, undefined)
      if (phase === 'revoked' && bounty.release) tellReleased(step, bounty, bounty.release)
      else if (phase === 'revoked' && isWithheld(bounty)) {
        deps.log.warn('docket withheld', {
          steward: bounty.steward,
          bounty: bounty.id,
          blobs: bounty.placements.length,
        })
        tellAll(step, bounty, { kind: 'revoked-final', docket: bounty.plan, withheld: true })
      } else {
        if (phase === 'revoked') unclaimed.push(bounty)
        tellAll(step, bounty, { kind: `${phase}-final`, docket: bounty.plan })
      }
    }
  }

  /** Its steward gave it back, and that is final: what is lost is given up, the rest is posted again over the same rows. */
  function tellReleased(step: Step, bounty: BountyRecord, release: NonNullable<BountyRecord['release']>): void {
    const lost = new Set(release.lost)
    const entries = bounty.placements.length - lost.size
    const again = { docket: againPlanOf(bounty.plan), deadline: againDeadlineOf(bounty.deadline, step.now), entries }
    const released = { kind: 'released', docket: bounty.plan, at: step.now } as const
    for (const id of bounty.placements)
      step.tell(id, lost.has(id) ? { ...released, lost: true } : { ...released, lost: false, again })
    deps.log.info('released docket closed', { steward: bounty.steward, lost: lost.size, again: entries })
  }

  /** Stewards that are to be asked now whether they give a bounty back; the asking itself is a job. */
  function askDue(step: Step): BountyRecord[] {
    const due: BountyRecord[] = []
    for (const { id } of ledger.postedBounties.values()) {
      const bounty = recordOf(id)
      if (!bounty || (askDueOf(bounty, deps.policy) ?? Number.POSITIVE_INFINITY) > step.now) continue
      const asked = { ...bounty, asked: { n: (bounty.asked?.n ?? 0) + 1, at: step.now } }
      save(step, asked)
      due.push(asked)
    }
    return due
  }

  /**
   * A release that was checked: it is kept, and the bounty is taken back at once. The first one counts. @param lost placements
   * @throws `NET_MALFORMED` after the deadline: its steward must not hear that it was taken
   */
  function onRelease(step: Step, id: string, { signature }: Pick<Release, 'signature'>, lost: readonly string[]): void {
    const bounty = recordOf(id)
    if (bounty?.phase !== 'posted' || !bounty.final || bounty.release || bounty.again) return
    if (step.now > bounty.deadline) throw new HoldfastError('NET_MALFORMED', { what: 'a release after the deadline' })
    save(step, { ...bounty, release: { at: step.now, signature, lost } })
    const { claimKey, steward, plan, deadline } = bounty
    const retryUntil = deadline + REVOKE_DELAY
    step.batch.also(deps.intents.revokeReleased(`release/${plan}`, { claimKey, steward, signature, retryUntil }))
    deps.log.warn('bounty released', { steward, bounty: id, lost: lost.length, of: bounty.placements.length })
  }

  /** The chain refused the post, now and for ever. */
  function onPostFailed(step: Step, plan: string): void {
    const id = ledger.bountyOfPlan.get(plan)
    const bounty = id === undefined ? undefined : recordOf(id)
    if (!bounty) return
    if (bounty.phase === 'intended') save(step, { ...bounty, phase: 'failed', final: true })
    tellAll(step, bounty, { kind: 'post-failed', docket: plan })
  }

  /** The chain refused the revoke: already taken, or a reorganisation moved the time. */
  function onRevokeFailed(step: Step, plan: string): void {
    const id = ledger.bountyOfPlan.get(plan)
    const bounty = id === undefined ? undefined : recordOf(id)
    if (!bounty) return
    const { takenBack } = bounty
    if (takenBack) save(step, { ...bounty, takenBack: { ...takenBack, failed: true } })
    tellAll(step, bounty, { kind: 'revoke-failed', docket: plan })
  }

  /** Bounties of the lost machine that no round waits for are taken back when nobody swept them. */
  function revokeStray(step: Step): void {
    for (const { id } of ledger.postedBounties.values()) {
      const bounty = recordOf(id)
      const due = bounty && strayDueOf(bounty, (placement) => step.placement(placement))
      if (!bounty || due === undefined || due > step.now) continue
      const n = (bounty.takenBack?.n ?? 0) + 1
      save(step, { ...bounty, takenBack: { n, at: step.now } })
      step.batch.also(deps.intents.revoke(`revoke/${bounty.plan}/${n}`, fromHex(id, 32)))
    }
  }

  /** The chain time of the earliest of them. */
  function strayDue(): number | undefined {
    const times = [...ledger.postedBounties.values()].flatMap(
      (bounty) => strayDueOf(bounty, (placement) => ledger.placements.get(placement)) ?? [],
    )
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /**
   * Opens the rounds that are due, as far as the money goes.
   * @param spendable gwei of HOLD
   * @param worth gwei that a docket must pay to be worth its gas
   * @returns gwei that is missing for the rest; 0 when all is opened
   */
  function openDue(step: Step, spendable: bigint, worth = 0n): bigint {
    let left = spendable
    let missing = 0n
    const plans = groupDue(step.placements(), step.now, deps.policy)
    const peers =
      deps.policy.settle === 'chain' || plans.length === 0
        ? undefined
        : peersOf(step.placements(), (steward) => ledger.promises.get(steward)?.silentAt ?? 0)
    for (const plan of plans) {
      const cost = amountOf(
        plan.placements.flatMap((id) => {
          const p = step.placement(id)
          const interval = p && intervalOf(p, plan.due)
          return p && interval !== undefined && interval.cut > interval.from
            ? [{ price: p.price, length: p.length, ...interval } as PostEffect]
            : []
        }),
      )
      if (cost > left) {
        missing += cost
        continue
      }
      left -= cost
      const { due, deadline, retry } = plan
      const entries = plan.placements.length
      const peer = peers?.get(plan.steward)
      const way = peer && wayOf({ amount: cost, retry }, peer, { worth, now: step.now }, deps.policy)
      if (way) ways.set(plan.id, way.why)
      const open = { kind: 'open', docket: plan.id, due, deadline, retry, entries } as const
      for (const id of plan.placements) step.tell(id, way?.way === 'voucher' ? { ...open, offered: true } : open)
    }
    return missing
  }

  /** Makes bounties of the step's `post` effects and intents of its posts and revokes; gives back the effects that are left. */
  async function intend(step: Step): Promise<Effect[]> {
    const left: Effect[] = []
    const posts = new Map<string, PostEffect[]>()
    const offered = new Map<string, OfferEffect[]>()
    const revoked = new Set<string>()
    for (const effect of step.effects) {
      if (effect.kind === 'post') posts.set(effect.docket, [...(posts.get(effect.docket) ?? []), effect])
      else if (effect.kind === 'offer') offered.set(effect.docket, [...(offered.get(effect.docket) ?? []), effect])
      else if (effect.kind === 'revoke') {
        const id = ledger.bountyOfPlan.get(effect.docket)
        if (id === undefined || revoked.has(effect.docket)) continue
        revoked.add(effect.docket)
        step.batch.also(deps.intents.revoke(effect.id, fromHex(id, 32)))
      } else if (effect.kind === 'cancel-post' && recordOf(effect.docket)?.adopted) onPostFailed(step, effect.docket)
      else left.push(effect)
    }
    const decided = step.effects.length
    for (const [plan, effects] of posts) await post(step, plan, effects)
    for (const [plan, effects] of offered) await offer(step, plan, effects)
    return [...left, ...step.effects.slice(decided)]
  }

  async function post(step: Step, plan: string, effects: readonly PostEffect[]): Promise<void> {
    // another one's post: a second bounty over the same rows would not be the same one, where that also asked for other blobs
    if (recordOf(plan)?.adopted) return
    const offered = recordOf(ledger.bountyOfPlan.get(plan) ?? '')
    const isTurned = offered?.phase === 'offered'
    if (isTurned) offers.onTurned(step, offered)
    const made = await makeDocket(deps, step, plan, effects)
    if (!made) return
    const { record, bytes } = made
    // A block that was undone and came again asks for its post again: the record stands, and the outbox leaves its intent alone.
    if (recordOf(record.id) && !isTurned) return
    const first = effects[0] as PostEffect
    const why = isTurned ? 'unanswered' : ways.get(plan)
    const inNote = record.placements.length <= NOTE_ENTRIES
    save(step, {
      ...record,
      phase: 'intended',
      final: false,
      ...(why === undefined ? {} : { why }),
      ...(inNote ? {} : { toHand: true }),
      ...(first.again ? { again: true } : {}),
    })
    if (!inNote) step.batch.docket(record.docketHash, bytes)
    const { steward, claimKey, amount, deadline } = record
    const docketHash = fromHex(record.docketHash, 32)
    const note = inNote ? bytes : new Uint8Array()
    const notAfter = notAfterOf(first, deps.policy)
    step.batch.also(
      deps.intents.post(`post/${plan}`, { steward, deadline, claimKey, amount, docketHash, note, notAfter }),
    )
    deps.log.info('round opened', { steward, blobs: record.placements.length, amount: String(amount), deadline })
  }

  /** What is tried off chain first. */
  async function offer(step: Step, plan: string, effects: readonly OfferEffect[]): Promise<void> {
    const made = await makeDocket(deps, step, plan, effects)
    if (made) offers.offer(step, made, ways.get(plan))
  }

  /** Call after every commit or failure of a step: the next one starts from the ledger. */
  function forget(): void {
    draft.clear()
    ways.clear()
    offers.forget()
    unclaimed = []
  }

  /** Bounties whose post the chain has not shown, as this step sees them. */
  function intended(): BountyRecord[] {
    const current = [...ledger.bounties.values(), ...draft.values()].map(({ id }) => recordOf(id) as BountyRecord)
    return [...new Set(current)].filter(({ phase }) => phase === 'intended')
  }

  return {
    offers,
    intended,
    onEvent,
    onUndone,
    onFinal,
    onPostFailed,
    onRevokeFailed,
    onRelease,
    askDue,
    revokeStray,
    strayDue,
    openDue,
    intend,
    forget,
    /** Those that this step found taken back unswept. */
    unclaimed: (): readonly BountyRecord[] => unclaimed,
    unsettled: () => unsettled.size,
  }
}

export type Bounties = ReturnType<typeof createBounties>
