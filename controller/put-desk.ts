/**
 * The put desk: the controller's side of an upload (PutBook). It quotes, pays the advert, has the auction run, signs what fits the
 * award, and books receipts. Every answer is recorded under the put's ref before it is given, so a repeated question is harmless.
 */
import { concat, equalBytes, fromHex, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import { type Domain, type Placement, placementDigest } from '../base/typed-data.ts'
import { DAY, formatHold, type Gwei, gwei, type UnixTime, unixTime, WEI_PER_GWEI, wei } from '../base/units.ts'
import { answersRootOf } from '../blob/answers-root.ts'
import { nonceOf } from '../blob/challenge.ts'
import type { Advert } from '../net/messages/bid.ts'
import { clustersOf } from '../pricing/clusters.ts'
import { advertFee, advertValue, rentOf } from '../pricing/rates.ts'
import type {
  Award,
  AwardedLot,
  AwardLimits,
  BlobSlot,
  BookedBlob,
  ObjectEntry,
  PlacementDraft,
  PutBook,
  PutPlan,
  Quote,
  Receipt,
  SignedPlacement,
} from '../uploader/put-book.ts'
import type { Ledger } from './ledger.ts'
import { openPlacement } from './placement-state.ts'
import type { Policy } from './policy.ts'
import type { PutRecord } from './records.ts'
import type { Step } from './step.ts'

/** How long a signed offer may be taken up. Seconds. A resumed put is given the same span again. */
const OFFER_SPAN = DAY
/** Auctions for one put: who did not answer in time (a busy computer, a daemon that starts) is asked again for the lots left over. */
const AUCTION_ROUNDS = 3
/** A segment per 24 MiB makes 100,000 segments 2.3 TiB; more is refused before any memory is spent on it. */
const MAX_SEGMENTS = 100_000

/** What the auction gave, before it is recorded. */
export interface AuctionOutcome {
  readonly lots: readonly AwardedLot[]
  readonly missing: readonly number[]
  readonly runnersUp: readonly AwardedLot[]
  readonly summary: Omit<Award['summary'], 'advertFee'>
}

export interface PutDeskDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly account: Address
  readonly chainSecret: Uint8Array
  readonly nonceKey: Uint8Array
  readonly policy: Policy
  /** Chain time. */
  now(): UnixTime
  /** Runs alone: no other step of the controller is between its first read and its commit. */
  exclusive<Result>(step: () => Promise<Result>): Promise<Result>
  /** A step whose facts, effects and records are committed together; alone, too. */
  step<Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result>
  /** When a steward registered: its tenure counts from there. */
  memberSince(steward: Address): number | undefined
  /** Our balance in the market, less what open intents will take. Wei of HOLD. */
  spendable(): Promise<bigint>
  /** Fees of one advert and of a year of checks at today's gas price. Wei of the chain's coin. */
  feesOf(plan: PutPlan): Promise<bigint>
  /** Expected price and reserve, wei of HOLD per GiB-month; how many stewards would be asked; the least advert fee, gwei. */
  market(): Promise<{
    readonly price: bigint
    readonly reserve: bigint
    readonly stewards: number
    readonly advertFloor: bigint
  }>
  /** Makes and signs the advert of a plan. */
  advertOf(plan: PutPlan, reserve: bigint): { readonly advert: Advert; readonly hash: Uint8Array }
  /** Records the intent to pay an advert's fee in `batch`. */
  payAdvert(batch: ReturnType<Ledger['batch']>, put: PutRecord): void
  /** Resolves when the fee is final on chain. @throws what the chain refused, or `TIMED_OUT` */
  advertPaid(put: PutRecord): Promise<void>
  /** Asks every compliant repository and clears the lots nobody has. */
  auction(put: PutRecord, lots: readonly number[], limits: { readonly maxPrice?: bigint }): Promise<AuctionOutcome>
  /** After new placements: timers may be due earlier than thought. */
  wake(): void
}

/** Bytes of one lot: share i of every segment and one copy of each manifest. */
export function lotBytes(plan: PutPlan): number {
  return plan.shareLengths.reduce((sum, length) => sum + length, plan.copyLength + (plan.indirectCopyLength ?? 0))
}

/** Rent of the whole put at a price over its term. Wei of HOLD, rounded up. */
function rentAt(plan: PutPlan, price: bigint): bigint {
  return rentOf([{ price, length: plan.n * lotBytes(plan), seconds: plan.term }])
}

/** What the advert states as its value: all the rent it could come to. Gwei of HOLD, at least 1. */
function valueAt(plan: PutPlan, reserve: bigint): Gwei {
  const value = advertValue(plan.n * lotBytes(plan), wei(reserve), plan.term)
  return value > 0n ? value : gwei(1n)
}

export function createPutDesk(deps: PutDeskDeps): PutBook {
  const { ledger } = deps
  const awarding = new Map<string, Promise<Award>>()

  const putOf = (ref: string): PutRecord => {
    const put = ledger.puts.get(ref)
    if (!put) throw new HoldfastError('LEDGER_CONFLICT', { what: `no put ${ref.slice(0, 16)} is recorded` })
    return put
  }
  const awardOf = (ref: string): Award => {
    const { award } = putOf(ref)
    if (!award) throw new HoldfastError('LEDGER_CONFLICT', { what: `put ${ref.slice(0, 16)} has no award yet` })
    return award
  }

  async function quote(plan: PutPlan): Promise<Quote> {
    assertPlan(plan)
    const { price: index, reserve, stewards, advertFloor } = await deps.market()
    // With as many stewards as lots the auction clears at the reserve (market.md, step 6): say so before, not after.
    const price = stewards <= plan.n || index > reserve ? reserve : index
    return {
      rent: rentAt(plan, price),
      rentAtMost: rentAt(plan, reserve),
      advertFee: advertFee(valueAt(plan, reserve), gwei(advertFloor)) * WEI_PER_GWEI,
      fees: await deps.feesOf(plan),
      price,
      reserve,
      balance: await deps.spendable(),
      stewards,
    }
  }

  /** Checks the money, then records the put together with the intent to pay its advert. */
  async function advertise(plan: PutPlan, limits: AwardLimits): Promise<PutRecord> {
    const market = await deps.market()
    const reserve = limits.maxPrice !== undefined && limits.maxPrice < market.reserve ? limits.maxPrice : market.reserve
    const value = valueAt(plan, reserve)
    const fee = advertFee(value, gwei(market.advertFloor))
    const atMost = rentAt(plan, reserve) + fee * WEI_PER_GWEI
    if (limits.budget !== undefined && atMost > limits.budget)
      throw new HoldfastError('FUNDS_BUDGET', {
        need: `at most ${formatHold(atMost)} HOLD`,
        budget: `${formatHold(limits.budget)} HOLD`,
      })
    const have = await deps.spendable()
    if (have < atMost)
      throw new HoldfastError('FUNDS_LOW', { unit: 'HOLD', have: formatHold(have), need: formatHold(atMost) })
    if (market.stewards === 0)
      throw new HoldfastError('AUCTION_NO_BIDS', { have: 0, need: plan.n, why: ': no compliant steward is registered' })
    const advert = deps.advertOf(plan, reserve)
    const put: PutRecord = {
      ref: plan.ref,
      plan,
      stage: 'advertised',
      advert: advert.advert,
      advertHash: toHex(advert.hash),
      advertFee: fee,
      value,
      reserve,
      ...(limits.budget === undefined ? {} : { budget: limits.budget }),
      runnersUp: [],
      failed: [],
    }
    const batch = ledger.batch()
    batch.put(put)
    deps.payAdvert(batch, put)
    await ledger.commit(batch)
    return put
  }

  async function runAward(plan: PutPlan, limits: AwardLimits): Promise<Award> {
    const put = ledger.puts.get(plan.ref) ?? (await deps.exclusive(() => advertise(plan, limits)))
    await deps.advertPaid(put).catch(async (cause: unknown) => {
      // The fee was not taken: nothing came of this put, and asking again starts with a new advert.
      if (hasCode(cause, 'TX_REVERTED')) await deps.exclusive(() => forgetPut(put.ref))
      throw cause
    })
    let award = put.award
    for (let round = 0; round < AUCTION_ROUNDS; round++) {
      const lots = award?.missing ?? Array.from({ length: plan.n }, (_, lot) => lot)
      const outcome = await deps.auction(putOf(plan.ref), lots, limits)
      if (outcome.lots.length > 0) award = await record(put, outcome)
      const wasHeard = outcome.summary.bids === outcome.summary.invited
      if (wasHeard || award?.missing.length === 0) break
    }
    if (award && award.missing.length > 0 && putOf(plan.ref).failed.length > 0) {
      // Nobody else took them. Who failed in an earlier run of this put may be back by now, and is asked like everyone.
      await deps.exclusive(() => forgive(plan.ref))
      const outcome = await deps.auction(putOf(plan.ref), award.missing, limits)
      if (outcome.lots.length > 0) award = await record(put, outcome)
    }
    if (!award) throw new HoldfastError('AUCTION_NO_BIDS', { have: 0, need: plan.n, why: '' })
    return award
  }

  async function forgive(ref: string): Promise<void> {
    const batch = ledger.batch()
    batch.put({ ...putOf(ref), failed: [] })
    await ledger.commit(batch)
  }

  function record(put: PutRecord, outcome: AuctionOutcome): Promise<Award> {
    return deps.exclusive(async () => {
      const current = putOf(put.ref)
      const award = current.award ? joinAwards(current.award, outcome) : openAward(put, outcome)
      const stage = current.stage === 'finished' ? 'finished' : 'awarded'
      const batch = ledger.batch()
      batch.put({ ...current, stage, award, runnersUp: outcome.runnersUp })
      await ledger.commit(batch)
      return award
    })
  }

  function openAward(put: PutRecord, outcome: AuctionOutcome): Award {
    const start = deps.now()
    return {
      ref: put.ref,
      domain: deps.domain,
      uploader: deps.account,
      advert: put.advertHash,
      lots: outcome.lots,
      missing: outcome.missing,
      start,
      end: unixTime(start + put.plan.term),
      offerUntil: unixTime(start + OFFER_SPAN),
      rows: deps.policy.rows,
      summary: { ...outcome.summary, advertFee: put.advertFee * WEI_PER_GWEI },
    }
  }

  /** A later auction for lots that were left over: same advert, a term and a price of its own. What was filled meanwhile stands. */
  function joinAwards(given: Award, { lots }: AuctionOutcome): Award {
    const start = deps.now()
    const fresh = lots.filter(({ lot }) => given.missing.includes(lot)).map((lot) => ({ ...lot, start }))
    return {
      ...given,
      lots: [...given.lots, ...fresh].sort((a, b) => a.lot - b.lot),
      missing: given.missing.filter((lot) => !fresh.some((taken) => taken.lot === lot)),
      offerUntil: unixTime(Math.max(given.offerUntil, start + OFFER_SPAN)),
    }
  }

  async function forgetPut(ref: string): Promise<void> {
    const batch = ledger.batch()
    batch.dropPut(ref)
    await ledger.commit(batch)
  }

  function award(plan: PutPlan, limits: AwardLimits): Promise<Award> {
    assertPlan(plan)
    const recorded = ledger.puts.get(plan.ref)?.award
    if (recorded && recorded.missing.length === 0) return Promise.resolve(recorded)
    const running = awarding.get(plan.ref)
    if (running) return running
    const run = runAward(plan, limits).finally(() => awarding.delete(plan.ref))
    awarding.set(plan.ref, run)
    return run
  }

  async function nonces(blobIds: readonly Uint8Array[], count: number): Promise<readonly (readonly Uint8Array[])[]> {
    if (!Number.isInteger(count) || count < 1 || count > 64)
      throw new HoldfastError('INPUT_RANGE', { name: 'count', expected: '1 to 64', got: count })
    return blobIds.map((blobId) => Array.from({ length: count }, (_, row) => nonceOf(deps.nonceKey, blobId, row)))
  }

  /** The terms of one blob under the award. Deterministic, so that an offer repeated after a crash is the same offer. */
  function placementOf(draft: PlacementDraft): Placement {
    const { plan } = putOf(draft.ref)
    const given = awardOf(draft.ref)
    const lot = given.lots.find(({ lot }) => lot === draft.share)
    const length = (draft.kind === 'copy' ? [plan.copyLength, plan.indirectCopyLength] : plan.shareLengths)[
      draft.segment
    ]
    if (!lot || lot.steward !== draft.steward)
      throw new HoldfastError('PLACEMENT_INVALID', { what: `lot ${draft.share} was not given to ${draft.steward}` })
    if (length === undefined || length !== draft.length)
      throw new HoldfastError('PLACEMENT_INVALID', { what: `${draft.length} bytes, planned were ${length ?? 'none'}` })
    const start = lot.start ?? given.start
    return {
      uploader: deps.account,
      steward: lot.steward,
      blobId: draft.blobId,
      length,
      price: lot.price,
      egressPrice: lot.egressPrice,
      egressFree: lot.egressFree,
      start,
      end: start + plan.term,
      grace: deps.policy.grace,
      bond: lot.bond,
      answersRoot: draft.answersRoot,
      tokenHash: draft.tokenHash,
      advert: fromHex(given.advert, 32),
      offerUntil: given.offerUntil,
      version: 1,
    }
  }

  /** An offer that ran out while the put was interrupted is given a new span, durably. */
  async function extendOffer(ref: string): Promise<void> {
    const put = putOf(ref)
    const given = awardOf(ref)
    if (deps.now() + 3600 < given.offerUntil) return
    const batch = ledger.batch()
    batch.put({ ...put, award: { ...given, offerUntil: unixTime(deps.now() + OFFER_SPAN) } })
    await ledger.commit(batch)
  }

  async function sign(drafts: readonly PlacementDraft[]): Promise<readonly SignedPlacement[]> {
    return deps.exclusive(async () => {
      for (const ref of new Set(drafts.map((draft) => draft.ref))) await extendOffer(ref)
      return drafts.map((draft) => {
        const placement = placementOf(draft)
        return { placement, signature: signDigest(deps.chainSecret, placementDigest(deps.domain, placement)) }
      })
    })
  }

  async function book(receipts: readonly Receipt[]): Promise<void> {
    await deps.step((step) => {
      const now = deps.now()
      for (const { answers, ...receipt } of receipts) {
        const { placement } = receipt
        const digest = placementDigest(deps.domain, placement)
        const id = toHex(digest)
        if (step.placement(id) || isHeldAlready(placement)) continue
        assertReceipt(receipt, digest, answers)
        const stewardSince = deps.memberSince(placement.steward)
        const opened = openPlacement({
          ...slotOf(receipt),
          id,
          ref: receipt.ref,
          placement,
          rows: answers.length,
          ...(stewardSince === undefined ? {} : { stewardSince }),
        })
        step.add(opened, { kind: 'booked', at: now })
        step.batch.receipt(id, receipt)
        step.batch.answers(id, concat(...answers))
      }
    })
    deps.wake()
  }

  /** One blob with one steward is one placement: a second would be paid beside the first (an offer that was extended in between). */
  function isHeldAlready({ steward, blobId }: Placement): boolean {
    const id = toHex(blobId)
    for (const held of ledger.placements.values())
      if (held.blobId === id && held.steward === steward && held.state !== 'ended') return true
    return false
  }

  function assertReceipt(receipt: Omit<Receipt, 'answers'>, digest: Uint8Array, answers: readonly Uint8Array[]): void {
    putOf(receipt.ref)
    if (recoverSigner(digest, receipt.signature) !== deps.account)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'it does not carry our signature' })
    if (recoverSigner(digest, receipt.countersignature) !== receipt.placement.steward)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the countersignature is not the steward\u2019s' })
    if (!equalBytes(answersRootOf(answers), receipt.placement.answersRoot))
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the answers are not those under its root' })
  }

  async function replace(ref: string, lot: number, failed: Address): Promise<AwardedLot> {
    return deps.exclusive(async () => {
      const put = putOf(ref)
      const given = awardOf(ref)
      const current = given.lots.find((awarded) => awarded.lot === lot)
      if (current && current.steward !== failed) return current // asked before: the answer stands
      const lots = given.lots.filter((awarded) => awarded.lot !== lot)
      const next = put.runnersUp.find((runner) => fitsBeside(runner, lots, put.advert.perCluster))
      const rest = put.runnersUp.filter((runner) => runner !== next)
      const batch = ledger.batch()
      const base = { ...put, failed: [...put.failed, failed], runnersUp: rest }
      if (!next) {
        batch.put({
          ...base,
          award: { ...given, lots, missing: [...new Set([...given.missing, lot])].sort((a, b) => a - b) },
        })
        await ledger.commit(batch)
        throw new HoldfastError('AUCTION_NO_BIDS', {
          have: lots.length,
          need: put.plan.n,
          why: ': there is no runner-up left',
        })
      }
      const taken = { ...next, lot, start: deps.now() }
      const missing = given.missing.filter((other) => other !== lot)
      batch.put({ ...base, award: { ...given, missing, lots: [...lots, taken].sort((a, b) => a.lot - b.lot) } })
      await ledger.commit(batch)
      return taken
    })
  }

  async function progress(ref: string): Promise<readonly BookedBlob[]> {
    const booked: BookedBlob[] = []
    for (const id of ledger.placementsOfRef.get(ref) ?? []) {
      const receipt = await ledger.receipt(id)
      if (receipt)
        booked.push({
          ...slotOf(receipt),
          blobId: receipt.placement.blobId,
          steward: receipt.placement.steward,
          salt: receipt.salt,
          attempt: receipt.attempt,
        })
    }
    return booked
  }

  async function finish(object: ObjectEntry): Promise<void> {
    await deps.exclusive(async () => {
      const put = putOf(object.ref)
      const id = toHex(object.id)
      if (put.object === id) return
      const booked = new Set(
        [...ledger.placementsOf(object.ref)].map(({ kind, segment, share }) => `${kind}/${segment}/${share}`),
      )
      const segments = put.plan.shareLengths.length
      let need = 0
      for (let segment = 0; segment < segments; segment++) {
        const have = Array.from({ length: put.plan.n }, (_, share) => booked.has(`share/${segment}/${share}`)).filter(
          Boolean,
        ).length
        if (have < put.plan.k) throw new HoldfastError('PLACEMENT_SHORT', { have, need: put.plan.k })
        need += have
      }
      if (need === 0 || ![...booked].some((slot) => slot.startsWith('copy/')))
        throw new HoldfastError('PLACEMENT_SHORT', { have: 0, need: put.plan.n })
      const batch = ledger.batch()
      batch.object({ ...object, createdAt: deps.now() }, id)
      batch.put({ ...put, stage: 'finished', object: id })
      await ledger.commit(batch)
    })
    deps.wake()
  }

  return { quote, award, nonces, sign, book, replace, progress, finish }
}

/** Whether a runner-up keeps the spread: taken before it may be others of its cluster. `perCluster` 0: the rule is off. */
function fitsBeside(runner: AwardedLot, lots: readonly AwardedLot[], perCluster: number): boolean {
  if (perCluster === 0) return true
  const clusters = clustersOf([...lots, runner].map(({ steward, addresses }) => ({ id: steward, addresses }))).of
  const own = clusters.get(runner.steward)
  return lots.filter(({ steward }) => clusters.get(steward) === own).length < perCluster
}

const slotOf = ({ kind, segment, share }: BlobSlot): BlobSlot => ({ kind, segment, share })

function assertPlan(plan: PutPlan): void {
  const fault = (what: string): never => {
    throw new HoldfastError('INPUT_RANGE', { name: 'plan', expected: what, got: 'something else' })
  }
  if (!/^[0-9a-f]{64}$/.test(plan.ref)) fault('a ref of 64 hex digits')
  if (!(Number.isInteger(plan.k) && Number.isInteger(plan.n) && plan.k >= 1 && plan.k <= plan.n && plan.n <= 256))
    fault('1 ≤ k ≤ n ≤ 256')
  if (plan.shareLengths.length < 1 || plan.shareLengths.length > MAX_SEGMENTS) fault(`1 to ${MAX_SEGMENTS} segments`)
  if (
    ![...plan.shareLengths, plan.copyLength, plan.indirectCopyLength ?? 1].every(
      (length) => Number.isSafeInteger(length) && length >= 1 && length <= 64 * 1024 * 1024,
    )
  )
    fault('blobs of 1 byte to 64 MiB')
  if (!(Number.isInteger(plan.term) && plan.term >= 30 * DAY && plan.term <= 180 * DAY))
    fault('a term of 30 to 180 days')
}
