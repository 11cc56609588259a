/**
 * The put desk: the controller's side of an upload (PutBook). It quotes, pays the advert, has the auction run, signs what fits the
 * award, and books receipts. Every answer is recorded under the put's ref before it is given, so a repeated question is harmless.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import { DAY, formatHold, type Gwei, gwei, unixTime, WEI_PER_GWEI, wei } from '../base/units.ts'
import type { Advert } from '../net/messages/bid.ts'
import { clustersOf } from '../pricing/clusters.ts'
import { advertFee, advertValue, docketAmount, rentOf } from '../pricing/rates.ts'
import { assertHopeful } from '../uploader/hopeful.ts'
import type {
  Award,
  AwardedLot,
  AwardLimits,
  ObjectEntry,
  PutBook,
  PutPlan,
  Quote,
  StewardTarget,
} from '../uploader/put-book.ts'
import type { Ledger } from './ledger.ts'
import { lotBytes, lotsOf, totalBytes } from './plan-sizes.ts'
import { awardOf, createReceiptDesk, OFFER_SPAN, putOf, type ReceiptDeskDeps } from './receipt-desk.ts'
import type { PutRecord } from './records.ts'

/** Auctions for one put: who did not answer in time (a busy computer, a daemon that starts) is asked again for the lots left over. */
const AUCTION_ROUNDS = 3
/** A segment per 24 MiB makes 100,000 segments 2.3 TiB; more is refused before any memory is spent on it. */
const MAX_SEGMENTS = 100_000

/** Where there is no advert: what was placed by right. protocol.md §5. */
const NO_ADVERT = '00'.repeat(32)

/** What the auction gave, before it is recorded. */
export interface AuctionOutcome {
  readonly lots: readonly AwardedLot[]
  readonly missing: readonly number[]
  readonly runnersUp: readonly AwardedLot[]
  readonly summary: Omit<Award['summary'], 'advertFee'>
}

export interface PutDeskDeps extends ReceiptDeskDeps {
  /** Our balance in the market, less what open intents will take. Wei of HOLD. */
  spendable(): Promise<bigint>
  /** Fees of one advert and of a year of checks at today's gas price. Wei of the chain's coin. */
  feesOf(plan: PutPlan): Promise<bigint>
  /** Expected price, reserve and what the cheapest take, wei of HOLD per GiB-month; how many stewards would be asked; the least advert fee, gwei. */
  market(): Promise<{
    readonly price: bigint
    readonly reserve: bigint
    readonly floor: bigint
    readonly stewards: number
    readonly advertFloor: bigint
  }>
  /** Makes and signs the advert of a plan. `bond`: the least for one lot, gwei. */
  advertOf(plan: PutPlan, reserve: bigint, bond?: bigint): { readonly advert: Advert; readonly hash: Uint8Array }
  /** Records the intent to pay an advert's fee in `batch`. */
  payAdvert(batch: ReturnType<Ledger['batch']>, put: PutRecord): void
  /** Resolves when the fee is final on chain. @throws what the chain refused, or `TIMED_OUT` */
  advertPaid(put: PutRecord): Promise<void>
  /** Asks every compliant repository and clears the lots nobody has. */
  auction(put: PutRecord, lots: readonly number[], limits: { readonly maxPrice?: bigint }): Promise<AuctionOutcome>
  /** Who holds other blobs of what a repair mends; nobody for a put. */
  holders(put: PutRecord): readonly StewardTarget[]
}

/** Rent of some lots, all unless told otherwise, at a price over the term. Wei of HOLD, rounded up. */
function rentAt(plan: PutPlan, price: bigint, lots = plan.n): bigint {
  return rentOf([{ price, length: Math.min(totalBytes(plan), lots * lotBytes(plan)), seconds: plan.term }])
}

/** What the advert states as its value: all the rent its lots could come to. Gwei of HOLD, at least 1. */
function valueAt(plan: PutPlan, reserve: bigint): Gwei {
  const value = advertValue(lotsOf(plan).length * lotBytes(plan), wei(reserve), plan.term)
  return value > 0n ? value : gwei(1n)
}

export function createPutDesk(deps: PutDeskDeps): PutBook {
  const { ledger } = deps
  const awarding = new Map<string, Promise<Award>>()

  async function quote(plan: PutPlan): Promise<Quote> {
    assertPlan(plan)
    const { price: index, reserve, floor, stewards, advertFloor } = await deps.market()
    // With as many stewards as lots the auction clears at the reserve (market.md, step 6): say so before, not after.
    const price = stewards <= plan.n || index > reserve ? reserve : index
    const put = ledger.puts.get(plan.ref)
    const open = put?.award?.missing.length ?? plan.n
    return {
      rent: rentAt(plan, price, open),
      rentAtMost: rentAt(plan, reserve, open),
      advertFee: put ? 0n : advertFee(valueAt(plan, reserve), gwei(advertFloor)) * WEI_PER_GWEI,
      fees: await deps.feesOf(plan),
      price,
      reserve,
      floor,
      balance: await deps.spendable(),
      stewards,
      uploader: deps.account,
      ...(put ? { before: before(put) } : {}),
    }
  }

  function before({ ref, plan, advertFee: fee, award }: PutRecord): NonNullable<Quote['before']> {
    const length = lotBytes(plan)
    const lots = award?.lots ?? []
    return {
      advertFee: fee * WEI_PER_GWEI,
      rent: rentOf(lots.map(({ price }) => ({ price, length, seconds: plan.term }))),
      blobs: ledger.placementsOfRef.get(ref)?.size ?? 0,
    }
  }

  /** Checks the money, then records the put together with the intent to pay its advert. */
  async function advertise(plan: PutPlan, limits: AwardLimits): Promise<PutRecord> {
    const market = await deps.market()
    // a repair needs one steward to be of use, a put as many as give the object back
    assertHopeful({ k: plan.mends === undefined ? plan.k : 1, n: plan.n }, market, { ...limits, allowShort: true })
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
    const leastBond = limits.leastBond ?? ledger.puts.get(plan.mends?.ref ?? '')?.leastBond
    const bond =
      leastBond === undefined
        ? undefined
        : docketAmount([{ price: market.price, length: lotBytes(plan), seconds: leastBond }])
    const advert = deps.advertOf(plan, reserve, bond)
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
      ...(limits.total === undefined ? {} : { total: limits.total }),
      ...(leastBond === undefined ? {} : { leastBond }),
      runnersUp: [],
      failed: [],
    }
    const batch = ledger.batch()
    batch.put(put)
    deps.payAdvert(batch, put)
    await ledger.commit(batch)
    return put
  }

  /** The lots go to whoever granted the right to store one: no advert, no price, no auction (P9). */
  async function awardGranted(plan: PutPlan, granted: readonly StewardTarget[]): Promise<Award> {
    return deps.exclusive(async () => {
      const known = ledger.puts.get(plan.ref)
      if (known && known.advertHash !== NO_ADVERT)
        throw new HoldfastError('LEDGER_CONFLICT', { what: 'this put was begun with money, and goes on with it' })
      const put = known ?? freePut(plan)
      const given = put.award && withoutMended(put.award)
      const lots = [...(given?.lots ?? [])]
      const rest: AwardedLot[] = []
      const open = given?.missing ?? lotsOf(plan)
      for (const { id: steward, addresses } of granted) {
        if (put.failed.includes(steward) || lots.some((lot) => lot.steward === steward)) continue
        const lot = open.find((one) => !lots.some((taken) => taken.lot === one))
        const free = {
          lot: lot ?? 0,
          steward,
          addresses,
          price: 0n,
          egressPrice: 0n,
          egressFree: 4 * lotBytes(plan),
          bond: 0n,
        }
        if (lot !== undefined && fitsBeside(free, lots, put.advert.perCluster)) lots.push(free)
        else rest.push(free)
      }
      if (lots.length === 0)
        throw new HoldfastError('AUCTION_NO_BIDS', { have: 0, need: plan.n, why: ': nobody granted a right' })
      const missing = lotsOf(plan).filter((one) => !lots.some((taken) => taken.lot === one))
      const [invited, clusterRule] = [granted.length, put.advert.perCluster > 0]
      const summary = { invited, bids: invited, price: 0n, reserve: 0n, thin: false, clusterRule, scores: [] }
      const fresh = lots.filter((lot) => !given?.lots.includes(lot))
      const award = given
        ? joinAwards(given, { lots: fresh, missing, runnersUp: rest, summary })
        : openAward(put, { lots, missing, runnersUp: rest, summary })
      const batch = ledger.batch()
      batch.put({ ...put, stage: put.stage === 'finished' ? 'finished' : 'awarded', award, runnersUp: rest })
      await ledger.commit(batch)
      return award
    })
  }

  function freePut(plan: PutPlan): PutRecord {
    const { advert } = deps.advertOf(plan, 0n) // says what is placed and how it is spread; nobody gets to see it
    const { ref } = plan
    const money = { advertFee: 0n, value: 0n, reserve: 0n }
    return { ref, plan, stage: 'awarded', advert, advertHash: NO_ADVERT, ...money, runnersUp: [], failed: [] }
  }

  async function runAward(plan: PutPlan, limits: AwardLimits): Promise<Award> {
    const before = ledger.puts.get(plan.ref)
    if (limits.granted !== undefined || before?.advertHash === NO_ADVERT)
      return awardGranted(plan, limits.granted ?? [])
    const put = before ?? (await deps.exclusive(() => advertise(plan, limits)))
    await deps.advertPaid(put).catch(async (cause: unknown) => {
      // The fee was not taken: nothing came of this put, and asking again starts with a new advert.
      if (hasCode(cause, 'TX_REVERTED')) await deps.exclusive(() => forgetPut(put.ref))
      throw cause
    })
    let award = put.award && withoutMended(put.award)
    if (award?.missing.length === 0) return award
    for (let round = 0; round < AUCTION_ROUNDS; round++) {
      const lots = award?.missing ?? lotsOf(plan)
      const outcome = await deps.auction(putOf(ledger, plan.ref), lots, limits)
      if (outcome.lots.length > 0) award = withoutMended(await record(put, outcome))
      const wasHeard = outcome.summary.bids === outcome.summary.invited
      if (wasHeard || award?.missing.length === 0) break
    }
    if (award && award.missing.length > 0 && putOf(ledger, plan.ref).failed.length > 0) {
      // Nobody else took them. Who failed in an earlier run of this put may be back by now, and is asked like everyone.
      await deps.exclusive(() => forgive(plan.ref))
      const outcome = await deps.auction(putOf(ledger, plan.ref), award.missing, limits)
      if (outcome.lots.length > 0) award = withoutMended(await record(put, outcome))
    }
    if (!award) throw new HoldfastError('AUCTION_NO_BIDS', { have: 0, need: plan.n, why: '' })
    return award
  }

  /** Lots that a repair has filled meanwhile are not given out again. */
  function withoutMended(given: Award): Award {
    const mended = mendedLots(given.ref)
    return { ...given, missing: given.missing.filter((lot) => !mended.has(lot)) }
  }

  function mendedLots(ref: string): ReadonlySet<number> {
    const mended = [...ledger.placementsOf(ref)].filter(
      ({ repair, state }) => repair !== undefined && state !== 'ended',
    )
    return new Set(mended.map(({ share }) => share))
  }

  async function forgive(ref: string): Promise<void> {
    const batch = ledger.batch()
    batch.put({ ...putOf(ledger, ref), failed: [] })
    await ledger.commit(batch)
  }

  function record(put: PutRecord, outcome: AuctionOutcome): Promise<Award> {
    return deps.exclusive(async () => {
      const current = putOf(ledger, put.ref)
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

  async function replace(ref: string, lot: number, failed: Address): Promise<AwardedLot> {
    return deps.exclusive(async () => {
      const put = putOf(ledger, ref)
      const given = awardOf(ledger, ref)
      const current = given.lots.find((awarded) => awarded.lot === lot)
      if (current && current.steward !== failed) return current // asked before: the answer stands
      const lots = given.lots.filter((awarded) => awarded.lot !== lot)
      const beside = [...lots, ...deps.holders(put).map(({ id, addresses }) => ({ steward: id, addresses }))]
      const next = mendedLots(ref).has(lot)
        ? undefined
        : put.runnersUp.find((runner) => fitsBeside(runner, beside, put.advert.perCluster))
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

  async function finish(object: ObjectEntry): Promise<void> {
    await deps.exclusive(async () => {
      const put = putOf(ledger, object.ref)
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

  return { quote, award, ...createReceiptDesk(deps), replace, finish }
}

/** Whether a runner-up keeps the spread: taken before it may be others of its cluster. `perCluster` 0: the rule is off. */
function fitsBeside(
  runner: AwardedLot,
  lots: readonly Pick<AwardedLot, 'steward' | 'addresses'>[],
  perCluster: number,
): boolean {
  if (perCluster === 0) return true
  const clusters = clustersOf([...lots, runner].map(({ steward, addresses }) => ({ id: steward, addresses }))).of
  const own = clusters.get(runner.steward)
  return lots.filter(({ steward }) => clusters.get(steward) === own).length < perCluster
}

function assertPlan(plan: PutPlan): void {
  const fault = (what: string): never => {
    throw new HoldfastError('INPUT_RANGE', { name: 'plan', expected: what, got: 'something else' })
  }
  if (!/^[0-9a-f]{64}$/.test(plan.ref)) fault('a ref of 64 hex digits')
  if (!(Number.isInteger(plan.k) && Number.isInteger(plan.n) && plan.k >= 1 && plan.k <= plan.n && plan.n <= 256))
    fault('1 ≤ k ≤ n ≤ 256')
  const { mends, shareLengths, copyLength, indirectCopyLength = 1 } = plan
  if (mends === undefined && (shareLengths.length < 1 || shareLengths.length > MAX_SEGMENTS))
    fault(`1 to ${MAX_SEGMENTS} segments`)
  if (mends?.blobs.length === 0) fault('something to repair')
  const lengths = mends?.blobs.map(({ length }) => length) ?? [...shareLengths, copyLength, indirectCopyLength]
  if (!lengths.every((length) => Number.isSafeInteger(length) && length >= 1 && length <= 64 * 1024 * 1024))
    fault('blobs of 1 byte to 64 MiB')
  if (!(Number.isInteger(plan.term) && plan.term >= 30 * DAY && plan.term <= 180 * DAY))
    fault('a term of 30 to 180 days')
}
