/** Dockets: from what a step decided to ask, the challenges with their answers, and the claim key they give. The same for either way of settling. */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Log } from '../base/ports.ts'
import { bountyIdOf, type Domain } from '../base/typed-data.ts'
import { unixTime } from '../base/units.ts'
import { nonceOf } from '../blob/challenge.ts'
import { claimKeyOf, docketHashOf, encodeDocket, sortChallenges } from '../blob/docket.ts'
import type { OfferEffect, PostEffect } from './facts.ts'
import type { Ledger } from './ledger.ts'
import type { BountyRecord } from './records.ts'
import { amountOf } from './schedule.ts'
import type { Step } from './step.ts'

export interface DocketDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly account: Address
  readonly nonceKey: Uint8Array
  readonly log: Log
}

/** A docket with all that is written down of it, but how far it is. */
export interface MadeDocket {
  readonly bytes: Uint8Array
  readonly record: Omit<BountyRecord, 'phase' | 'final'>
}

/** What is asked for one placement; nothing when its answers are gone, which costs it this round and its rows (F75). */
async function challengeOf(deps: DocketDeps, step: Step, effect: PostEffect | OfferEffect) {
  const answers = await deps.ledger.answers(effect.placement)
  const answer = answers?.slice(32 * effect.row, 32 * effect.row + 32)
  if (answer?.length !== 32) {
    deps.log.error('answers lost', { placement: effect.placement, row: effect.row })
    step.tell(effect.placement, { kind: 'post-failed', docket: effect.docket })
    step.tell(effect.placement, { kind: 'rows-lost' })
    return []
  }
  const blobId = fromHex(effect.blobId, 32)
  const nonce = nonceOf(deps.nonceKey, blobId, effect.row)
  return [{ effect, challenge: { blobId, nonce, answer, placement: effect.placement } }]
}

/**
 * The bytes of a docket whose outcome was final and which the chain took back all the same: they are made again from the rows that its rounds used.
 * @returns undefined when they are not all known any more
 */
export async function rebuildDocket(
  { ledger, nonceKey }: Pick<DocketDeps, 'ledger' | 'nonceKey'>,
  { placements, plan, docketHash }: Pick<BountyRecord, 'placements' | 'plan' | 'docketHash'>,
): Promise<Uint8Array | undefined> {
  const known = await Promise.all(
    placements.map(async (id) => {
      const placement = ledger.placements.get(id)
      const row = placement?.rounds.find(({ docket }) => docket === plan)?.row
      if (placement === undefined || row === undefined) return []
      const answer = (await ledger.answers(id))?.slice(32 * row, 32 * row + 32)
      const blobId = fromHex(placement.blobId, 32)
      return answer?.length === 32 ? [{ blobId, nonce: nonceOf(nonceKey, blobId, row), answer }] : []
    }),
  )
  const bytes = encodeDocket(sortChallenges(known.flat()))
  return toHex(docketHashOf(bytes)) === docketHash ? bytes : undefined
}

/** @param effects of one docket. @returns undefined when no answer is left to ask for */
export async function makeDocket(
  deps: DocketDeps,
  step: Step,
  plan: string,
  effects: readonly (PostEffect | OfferEffect)[],
): Promise<MadeDocket | undefined> {
  const answered = (await Promise.all(effects.map((effect) => challengeOf(deps, step, effect)))).flat()
  const [first] = answered
  if (!first) return undefined
  const { steward, due, deadline } = first.effect
  const sorted = sortChallenges(answered.map(({ challenge }) => challenge))
  const bytes = encodeDocket(sorted)
  const claimKey = claimKeyOf(deps.domain, sorted)
  return {
    bytes,
    record: {
      id: toHex(bountyIdOf(deps.account, claimKey, steward)),
      plan,
      steward,
      claimKey,
      amount: amountOf(answered.map(({ effect }) => effect)),
      due: unixTime(due),
      deadline: unixTime(deadline),
      docketHash: toHex(docketHashOf(bytes)),
      placements: sorted.map(({ placement }) => placement),
    },
  }
}
