/** Two questions to a steward about a bounty of ours: whether it gives it back, and, after a miss, which of its blobs it still has. */
import { equalBytes, fromHex, toHex } from '../base/bytes.ts'
import { type Address, signDigest } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, demandDigest, docketDigest } from '../base/typed-data.ts'
import { DAY } from '../base/units.ts'
import { nonceOf } from '../blob/challenge.ts'
import { type AnsweredChallenge, bisectAnswerOf, docketHashOf, encodeDocket } from '../blob/docket.ts'
import { bisect } from './bisect.ts'
import type { Bounties } from './bounties.ts'
import type { Ledger } from './ledger.ts'
import { missedRoundOf } from './placement-state.ts'
import type { Policy } from './policy.ts'
import type { RunStep, StewardCalls } from './ports.ts'
import type { BountyRecord } from './records.ts'
import { placementsLost } from './release.ts'

interface AskDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly chainSecret: Uint8Array
  readonly nonceKey: Uint8Array
  readonly calls: Pick<StewardCalls, 'askRelease' | 'bisect'>
  /** Chain time. */
  now(): number
  readonly log: Log
  readonly step: RunStep
  readonly signal: AbortSignal
}

/** A question may be answered so long after it was signed. Seconds of chain time. */
const QUESTION_LIFE = DAY
/** What an answer may take: a fixed part, and the reading of its blobs at ten megabytes a second. Milliseconds. */
const ANSWER_MS = 60_000
const READ_BYTES_PER_MS = 10_000
/** Of one bisection: a steward that answers each at the last moment holds its turn for hours, not for days; the next try asks on. */
export const QUESTIONS = 256

/** Blobs that the ledger does not know, on a docket from before it was restored: an answer names no more. */
const UNKNOWN_BLOBS = 65_536

/** Asks for a release; one that is right is in the ledger, with the revoke it allows, before the steward hears that we have it. */
export async function askRelease(
  deps: AskDeps & { readonly bounties: Pick<Bounties, 'onRelease'> },
  bounty: BountyRecord,
): Promise<void> {
  const { ledger, domain, chainSecret, calls, signal } = deps
  const demand = { bountyId: fromHex(bounty.id, 32), docketHash: fromHex(bounty.docketHash, 32) }
  const signature = signDigest(chainSecret, demandDigest(domain, demand))
  const ask = { ...demand, signature }
  await calls.askRelease(
    bounty.steward,
    ask,
    bounty.placements.length + (bounty.partial ? UNKNOWN_BLOBS : 0),
    async (release) => {
      const blobs = new Map(
        bounty.placements.flatMap((id) => {
          const placement = ledger.placements.get(id)
          return placement ? [[placement.blobId, id] as const] : []
        }),
      )
      const lost = placementsLost(domain, bounty, blobs, release)
      await deps.step((step) => deps.bounties.onRelease(step, bounty.id, release, lost))
    },
    signal,
  )
}

type Suspect = AnsweredChallenge & { readonly placement: string; readonly length: number }

type BisectDeps = AskDeps & { readonly policy: Pick<Policy, 'bisectFor'> }

/**
 * Bisects what is suspect since this docket was missed, with so many questions at most, and none when its time is over. What was learnt before
 * a failure is kept; the rest is asked again later.
 */
export async function runBisection(deps: BisectDeps, docket: string): Promise<void> {
  const { ledger, log, policy } = deps
  const { suspects, until } = await suspectsOf(deps, docket)
  const steward = ledger.placements.get(suspects[0]?.placement ?? '')?.steward
  if (steward === undefined) return // all of them were proven or given up meanwhile
  let questions = 0
  const outcome: { held: Suspect[]; lost: Suspect[] } = { held: [], lost: [] }
  try {
    await bisect(
      suspects,
      (part) => {
        const left = until - deps.now()
        if (left <= 0 || questions === QUESTIONS) {
          const limit = left <= 0 ? `${policy.bisectFor / DAY} days` : `${QUESTIONS} questions`
          throw new HoldfastError('NET_TIMEOUT', { what: 'the steward of a missed docket', limit })
        }
        questions++
        return hasAll(deps, steward, part, 1000 * left)
      },
      outcome,
    )
  } finally {
    const { held, lost } = outcome
    if (held.length + lost.length > 0)
      await deps.step((step) => {
        for (const { placement } of held) step.tell(placement, { kind: 'read-verified', at: step.now })
        for (const { placement } of lost) step.tell(placement, { kind: 'disproved', docket, at: step.now })
      })
    const left = suspects.length - held.length - lost.length
    log.info('missed docket bisected', { docket, questions, held: held.length, lost: lost.length, undecided: left })
  }
}

/** From the placements alone: a ledger that was restored has forgotten what its closed bounties were over. */
async function suspectsOf({ ledger, nonceKey, policy }: BisectDeps, docket: string) {
  const suspects: Suspect[] = []
  let until = Number.POSITIVE_INFINITY
  for (const [id, placement] of [...ledger.placements]) {
    const round = missedRoundOf(placement)
    if (round?.docket !== docket) continue
    until = Math.min(until, placement.totals.lastMiss + policy.bisectFor)
    const answer = (await ledger.answers(id))?.slice(32 * round.row, 32 * round.row + 32)
    if (answer?.length !== 32) continue // nothing to compare with: it waits for its own retry
    const blobId = fromHex(placement.blobId, 32)
    suspects.push({
      blobId,
      nonce: nonceOf(nonceKey, blobId, round.row),
      answer,
      placement: id,
      length: placement.length,
    })
  }
  return { suspects, until }
}

/** @throws when the steward cannot be asked, or does not want to answer: that says nothing about the blobs */
async function hasAll(deps: AskDeps, steward: Address, part: readonly Suspect[], leftMs: number): Promise<boolean> {
  const { domain, chainSecret, calls, signal } = deps
  const bytes = encodeDocket(part)
  const docketHash = docketHashOf(bytes)
  const until = deps.now() + QUESTION_LIFE
  const signature = signDigest(chainSecret, docketDigest(domain, { steward, docketHash, amount: 0n, deadline: until }))
  try {
    const readMs = Math.ceil(part.reduce((sum, { length }) => sum + length, 0) / READ_BYTES_PER_MS)
    const patienceMs = Math.min(ANSWER_MS + readMs, leftMs)
    const answer = await calls.bisect(steward, { docketHash, until, signature, bytes, patienceMs }, signal)
    return equalBytes(answer, bisectAnswerOf(domain, part))
  } catch (cause) {
    if (hasCode(cause, 'BLOB_UNKNOWN', 'BLOB_CORRUPT')) return false
    deps.log.debug('question not answered', {
      steward,
      blobs: part.length,
      first: toHex(part[0]?.blobId ?? new Uint8Array()),
    })
    throw cause
  }
}
