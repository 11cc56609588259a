/**
 * Rounds and bounties: turns the effects of a step into bounties and intents, and what the chain says of our bounties into facts.
 * Everything here only fills a step; nothing leaves before its commit.
 */
import { assertBytes, fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Change, Log } from '../base/ports.ts'
import { bountyIdOf, type Domain } from '../base/typed-data.ts'
import { unixTime } from '../base/units.ts'
import { nonceOf } from '../blob/challenge.ts'
import { claimKeyOf, docketHashOf, encodeDocket, sortChallenges } from '../blob/docket.ts'
import type { Effect, Fact, PostEffect } from './facts.ts'
import type { Ledger } from './ledger.ts'
import type { Policy } from './policy.ts'
import type { BountyRecord } from './records.ts'
import { amountOf, groupDue } from './schedule.ts'
import type { Step } from './step.ts'

/** A docket of at most so many entries stands in the note of its bounty. protocol.md §4. */
export const NOTE_ENTRIES = 8

/** What a post says to the contract. */
export interface PostCall {
  readonly steward: Address
  readonly deadline: number
  readonly claimKey: Address
  /** Gwei of HOLD. */
  readonly amount: bigint
  readonly docketHash: Uint8Array
  readonly note: Uint8Array
}

/** Intents for the outbox; pure, each keyed by an id that is derived from what it does. */
export interface Intents {
  post(id: string, call: PostCall): readonly Change[]
  revoke(id: string, bountyId: Uint8Array): readonly Change[]
  /** `value`: gwei of HOLD. */
  advert(id: string, advertHash: Uint8Array, value: bigint): readonly Change[]
}

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
  const recordOf = (id: string) => draft.get(id) ?? ledger.bounties.get(id)

  function save(step: Step, bounty: BountyRecord): void {
    draft.set(bounty.id, bounty)
    step.batch.bounty(bounty)
    if (bounty.block !== undefined && !bounty.final) unsettled.set(bounty.id, bounty)
    else unsettled.delete(bounty.id)
  }

  function tellAll(step: Step, bounty: BountyRecord, fact: Fact): void {
    for (const id of bounty.placements) step.tell(id, fact)
  }

  /** A block of the chain says so. */
  function onEvent(step: Step, event: BountyEvent): void {
    const bounty = recordOf(event.id)
    if (!bounty || bounty.phase === LAST[event.kind]) return // not ours, or told again
    save(step, { ...bounty, phase: LAST[event.kind], block: event.block, final: false })
    tellAll(step, bounty, { kind: event.kind, docket: bounty.plan, at: event.blockTime })
  }

  /** The block is gone. */
  function onUndone(step: Step, event: BountyEvent): void {
    const bounty = recordOf(event.id)
    if (!bounty || bounty.phase !== LAST[event.kind]) return
    const { block: _, ...rest } = bounty
    const phase = BEFORE[event.kind]
    save(
      step,
      phase === 'intended' ? { ...rest, phase, final: false } : { ...rest, phase, block: event.block, final: false },
    )
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
      tellAll(step, bounty, { kind: `${phase}-final`, docket: bounty.plan })
    }
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
    if (bounty) tellAll(step, bounty, { kind: 'revoke-failed', docket: plan })
  }

  /**
   * Opens the rounds that are due, as far as the money goes.
   * @param spendable gwei of HOLD
   * @returns gwei that is missing for the rest; 0 when all is opened
   */
  function openDue(step: Step, spendable: bigint): bigint {
    let left = spendable
    let missing = 0n
    for (const plan of groupDue(step.placements(), step.now, deps.policy)) {
      const cost = amountOf(
        plan.placements.flatMap((id) => {
          const p = step.placement(id)
          const cut = p && Math.min(plan.due, p.end)
          return p && cut !== undefined && cut > p.totals.cut
            ? [{ price: p.price, length: p.length, from: p.totals.cut, cut } as PostEffect]
            : []
        }),
      )
      if (cost > left) {
        missing += cost
        continue
      }
      left -= cost
      for (const id of plan.placements)
        step.tell(id, { kind: 'open', docket: plan.id, due: plan.due, deadline: plan.deadline, retry: plan.retry })
    }
    return missing
  }

  /** Makes bounties of the step's `post` effects and intents of its posts and revokes; gives back the effects that are left. */
  async function intend(step: Step): Promise<Effect[]> {
    const left: Effect[] = []
    const posts = new Map<string, PostEffect[]>()
    const revoked = new Set<string>()
    for (const effect of step.effects) {
      if (effect.kind === 'post') posts.set(effect.docket, [...(posts.get(effect.docket) ?? []), effect])
      else if (effect.kind === 'revoke') {
        const id = ledger.bountyOfPlan.get(effect.docket)
        if (id === undefined || revoked.has(effect.docket)) continue
        revoked.add(effect.docket)
        step.batch.also(deps.intents.revoke(effect.id, fromHex(id, 32)))
      } else left.push(effect)
    }
    for (const [plan, effects] of posts) await post(step, plan, effects)
    return left
  }

  async function post(step: Step, plan: string, effects: readonly PostEffect[]): Promise<void> {
    const [first] = effects
    if (!first) return
    const answered = await Promise.all(
      effects.map(async (effect) => {
        const answers = await ledger.answers(effect.placement)
        const answer = answers?.slice(32 * effect.row, 32 * effect.row + 32)
        if (answer?.length !== 32) throw new HoldfastError('LEDGER_CORRUPT', { key: `answers/${effect.placement}` })
        const blobId = fromHex(effect.blobId, 32)
        return { blobId, nonce: nonceOf(deps.nonceKey, blobId, effect.row), answer, placement: effect.placement }
      }),
    )
    const sorted = sortChallenges(answered)
    const docket = encodeDocket(sorted)
    const docketHash = docketHashOf(docket)
    const claimKey = claimKeyOf(deps.domain, sorted)
    const amount = amountOf(effects)
    const id = bountyIdOf(deps.account, claimKey, first.steward)
    assertBytes(id, 32, 'bounty id')
    const inNote = sorted.length <= NOTE_ENTRIES
    // A block that was undone and came again asks for its post again: the record stands, and the outbox leaves its intent alone.
    if (recordOf(toHex(id))) return
    save(step, {
      id: toHex(id),
      plan,
      steward: first.steward,
      claimKey,
      amount,
      due: unixTime(first.due),
      deadline: unixTime(first.deadline),
      docketHash: toHex(docketHash),
      placements: sorted.map(({ placement }) => placement),
      phase: 'intended',
      final: false,
      ...(inNote ? {} : { toHand: true }),
    })
    if (!inNote) step.batch.docket(toHex(docketHash), docket)
    const note = inNote ? docket : new Uint8Array()
    step.batch.also(
      deps.intents.post(`post/${plan}`, {
        steward: first.steward,
        deadline: first.deadline,
        claimKey,
        amount,
        docketHash,
        note,
      }),
    )
    deps.log.info('round opened', {
      steward: first.steward,
      blobs: sorted.length,
      amount: String(amount),
      deadline: first.deadline,
    })
  }

  /** Call after every commit or failure of a step: the next one starts from the ledger. */
  function forget(): void {
    draft.clear()
  }

  return {
    onEvent,
    onUndone,
    onFinal,
    onPostFailed,
    onRevokeFailed,
    openDue,
    intend,
    forget,
    unsettled: () => unsettled.size,
  }
}

export type Bounties = ReturnType<typeof createBounties>
