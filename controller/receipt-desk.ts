/**
 * The second half of the put desk: nonces for a blob's answers, the signed offer that fits the award, and the receipt, checked and booked.
 * Every answer is recorded before it is given, so a repeated question is harmless.
 */
import { concat, equalBytes, fromHex, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { type Domain, type Placement, placementDigest } from '../base/typed-data.ts'
import { DAY, type UnixTime, unixTime } from '../base/units.ts'
import { answersRootOf } from '../blob/answers-root.ts'
import { nonceOf } from '../blob/challenge.ts'
import type {
  Award,
  BlobSlot,
  BookedBlob,
  PlacementDraft,
  PutBook,
  Receipt,
  SignedPlacement,
} from '../uploader/put-book.ts'
import type { Ledger } from './ledger.ts'
import { openPlacement, type PlacementState } from './placement-state.ts'
import { blobLengthOf } from './plan-sizes.ts'
import type { Policy } from './policy.ts'
import type { PutRecord } from './records.ts'
import { noteMended } from './repair-book.ts'
import type { Step } from './step.ts'

/** How long a signed offer may be taken up. Seconds. A resumed put is given the same span again. */
export const OFFER_SPAN = DAY

export interface ReceiptDeskDeps {
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
  /** After new placements: timers may be due earlier than thought. */
  wake(): void
}

/** @throws `LEDGER_CONFLICT` */
export function putOf(ledger: Ledger, ref: string): PutRecord {
  const put = ledger.puts.get(ref)
  if (!put) throw new HoldfastError('LEDGER_CONFLICT', { what: `no put ${ref.slice(0, 16)} is recorded` })
  return put
}

/** @throws `LEDGER_CONFLICT` */
export function awardOf(ledger: Ledger, ref: string): Award {
  const { award } = putOf(ledger, ref)
  if (!award) throw new HoldfastError('LEDGER_CONFLICT', { what: `put ${ref.slice(0, 16)} has no award yet` })
  return award
}

export function createReceiptDesk(deps: ReceiptDeskDeps): Pick<PutBook, 'nonces' | 'sign' | 'book' | 'progress'> {
  const { ledger } = deps

  async function nonces(
    blobIds: readonly Uint8Array[],
    count: number,
    isFresh = false,
  ): Promise<readonly (readonly Uint8Array[])[]> {
    if (!Number.isInteger(count) || count < 1 || count > 64)
      throw new HoldfastError('INPUT_RANGE', { name: 'count', expected: '1 to 64', got: count })
    if (isFresh) {
      const asked = new Set(blobIds.map(toHex))
      for (const { blobId } of ledger.placements.values())
        if (asked.has(blobId)) throw new HoldfastError('LEDGER_CONFLICT', { what: 'a blob that is placed has secrets' })
    }
    return blobIds.map((blobId) => Array.from({ length: count }, (_, row) => nonceOf(deps.nonceKey, blobId, row)))
  }

  /** The terms of one blob under the award. Deterministic, so that an offer repeated after a crash is the same offer. */
  function placementOf(draft: PlacementDraft): Placement {
    const { plan } = putOf(ledger, draft.ref)
    const given = awardOf(ledger, draft.ref)
    const lot = given.lots.find(({ lot }) => lot === draft.share)
    const length = blobLengthOf(plan, draft)
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
    const put = putOf(ledger, ref)
    const given = awardOf(ledger, ref)
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
      const mended: PlacementState[] = []
      for (const { answers, ...receipt } of receipts) {
        const { placement } = receipt
        // what a repair placed belongs to the object it mends
        const { mends } = putOf(ledger, receipt.ref).plan
        const belongs = mends === undefined ? { ref: receipt.ref } : { ref: mends.ref, repair: receipt.ref }
        const digest = placementDigest(deps.domain, placement)
        const id = toHex(digest)
        if (step.placement(id) || isHeldAlready(placement)) continue
        assertReceipt(receipt, digest, answers)
        const stewardSince = deps.memberSince(placement.steward)
        const opened = openPlacement({
          ...slotOf(receipt),
          ...belongs,
          id,
          placement,
          rows: answers.length,
          ...(stewardSince === undefined ? {} : { stewardSince }),
          ...(putOf(ledger, receipt.ref).plan.backup ? { rides: true } : {}),
        })
        step.add(opened, { kind: 'booked', at: now })
        step.batch.receipt(id, { ...receipt, ...belongs })
        step.batch.answers(id, concat(...answers))
        if (mends !== undefined) mended.push(opened)
      }
      noteMended(ledger, step, mended)
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
    if (recoverSigner(digest, receipt.signature) !== deps.account)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'it does not carry our signature' })
    if (recoverSigner(digest, receipt.countersignature) !== receipt.placement.steward)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the countersignature is not the steward\u2019s' })
    if (!equalBytes(answersRootOf(answers), receipt.placement.answersRoot))
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the answers are not those under its root' })
  }

  async function progress(ref: string): Promise<readonly BookedBlob[]> {
    const booked: BookedBlob[] = []
    for (const id of ledger.placementsOfRef.get(ref) ?? []) {
      const receipt = await ledger.receipt(id)
      // its manifest names what the put itself sent, whatever was repaired since
      if (receipt && receipt.repair === undefined)
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

  return { nonces, sign, book, progress }
}

const slotOf = ({ kind, segment, share }: BlobSlot): BlobSlot => ({ kind, segment, share })
