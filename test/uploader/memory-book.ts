/** A PutBook in memory with fixed terms: who takes which lot is given, everything else is computed as the controller would. */
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest, ZERO_ADDRESS } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { type Domain, type Placement, placementDigest } from '../../base/typed-data.ts'
import { DAY, unixTime } from '../../base/units.ts'
import { answersRootOf } from '../../blob/answers-root.ts'
import { createNonceSource } from '../../blob/challenge.ts'
import type {
  Award,
  AwardedLot,
  ObjectEntry,
  PutBook,
  PutPlan,
  Receipt,
  StewardTarget,
} from '../../uploader/put-book.ts'

export const DOMAIN: Domain = { chainId: 31337, contract: `0x${'5a'.repeat(20)}` }

export interface MemoryBook extends PutBook {
  readonly uploader: Address
  readonly chainKey: Uint8Array
  readonly receipts: Map<string, Receipt>
  readonly objects: Map<string, ObjectEntry>
  readonly plans: PutPlan[]
  readonly calls: Record<'award' | 'nonces' | 'sign' | 'book' | 'replace' | 'finish', number>
}

export interface MemoryBookOptions {
  /** Who takes lot 0, 1 …; undefined: nobody. */
  readonly winners: readonly (StewardTarget | undefined)[]
  readonly runnersUp?: readonly StewardTarget[]
  readonly chainKey?: Uint8Array
  readonly rows?: number
  /** Chain time. */
  readonly now?: number
  /** Hex of the advert's hash. */
  readonly advert?: string
  readonly price?: bigint
}

export function createMemoryBook({
  winners,
  runnersUp = [],
  chainKey = new Uint8Array(32).fill(7),
  rows = 9,
  now = 1_800_000_000,
  advert = '00'.repeat(32),
  price = 5n * 10n ** 15n,
}: MemoryBookOptions): MemoryBook {
  const uploader = addressOf(chainKey)
  const nonces = createNonceSource(new Uint8Array(32).fill(9))
  const receipts = new Map<string, Receipt>()
  const objects = new Map<string, ObjectEntry>()
  const lots = new Map<string, Map<number, AwardedLot>>()
  const plans: PutPlan[] = []
  const waiting = [...runnersUp]
  const calls = { award: 0, nonces: 0, sign: 0, book: 0, replace: 0, finish: 0 }
  const lotOf = (lot: number, target: StewardTarget): AwardedLot => ({
    lot,
    steward: target.id,
    addresses: target.addresses,
    price,
    egressPrice: 0n,
    egressFree: 2 ** 40,
    bond: 0n,
  })
  const keyOf = ({ ref, kind, segment, share }: { ref: string; kind: string; segment: number; share: number }) =>
    `${ref}/${kind}/${segment}/${share}`

  return {
    uploader,
    chainKey,
    receipts,
    objects,
    plans,
    calls,
    quote: async () => ({
      rent: 0n,
      rentAtMost: 0n,
      advertFee: 0n,
      fees: 0n,
      price,
      reserve: price,
      floor: price,
      balance: 0n,
      stewards: winners.length,
    }),
    award: async (plan) => {
      calls.award++
      plans.push(plan)
      let taken = lots.get(plan.ref)
      if (taken === undefined) {
        taken = new Map(
          winners
            .slice(0, plan.n)
            .flatMap((target, lot) => (target === undefined ? [] : [[lot, lotOf(lot, target)] as const])),
        )
        lots.set(plan.ref, taken)
      }
      const held = taken
      const award: Award = {
        ref: plan.ref,
        domain: DOMAIN,
        uploader,
        advert,
        lots: [...held.values()],
        missing: Array.from({ length: plan.n }, (_, lot) => lot).filter((lot) => !held.has(lot)),
        start: unixTime(now),
        end: unixTime(now + 90 * DAY),
        offerUntil: unixTime(now + DAY),
        rows,
        summary: {
          invited: winners.length,
          bids: winners.length,
          price,
          reserve: price,
          thin: false,
          clusterRule: false,
          advertFee: 0n,
          scores: [],
        },
      }
      return award
    },
    nonces: async (blobIds, count) => {
      calls.nonces++
      return blobIds.map((blobId) => Array.from({ length: count }, (_, row) => nonces.nonceOf(blobId, row)))
    },
    sign: async (drafts) => {
      calls.sign++
      return drafts.map(({ ref, share, steward, blobId, length, answersRoot, tokenHash }) => {
        const lot = lots.get(ref)?.get(share)
        if (lot?.steward !== steward)
          throw new HoldfastError('PLACEMENT_INVALID', { what: `lot ${share} is not ${steward}'s` })
        const placement: Placement = {
          uploader,
          steward,
          blobId,
          length,
          price: lot.price,
          egressPrice: lot.egressPrice,
          egressFree: lot.egressFree,
          start: now,
          end: now + 90 * DAY,
          grace: 14 * DAY,
          bond: lot.bond,
          answersRoot,
          tokenHash,
          advert: Uint8Array.from(Buffer.from(advert, 'hex')),
          offerUntil: now + DAY,
          version: 1,
        }
        return { placement, signature: signDigest(chainKey, placementDigest(DOMAIN, placement)) }
      })
    },
    book: async (given) => {
      calls.book++
      for (const receipt of given) {
        const { placement, countersignature, answers } = receipt
        if (recoverSigner(placementDigest(DOMAIN, placement), countersignature) !== placement.steward)
          throw new HoldfastError('PLACEMENT_INVALID', { what: 'the countersignature is not the steward\u2019s' })
        if (toHex(answersRootOf(answers)) !== toHex(placement.answersRoot))
          throw new HoldfastError('PLACEMENT_INVALID', { what: 'other answers' })
        if (!receipts.has(keyOf(receipt))) receipts.set(keyOf(receipt), receipt)
      }
    },
    replace: async (ref, lot, failed) => {
      calls.replace++
      const held = lots.get(ref)
      const now = held?.get(lot)
      if (now !== undefined && now.steward !== failed) return now
      if (now === undefined && failed !== ZERO_ADDRESS)
        throw new HoldfastError('PLACEMENT_INVALID', { what: 'no such lot' })
      held?.delete(lot)
      const next = waiting.shift()
      if (next === undefined) throw new HoldfastError('AUCTION_NO_BIDS', { have: 0, need: 1 })
      const taken = lotOf(lot, next)
      held?.set(lot, taken)
      return taken
    },
    progress: async (ref) =>
      [...receipts.values()]
        .filter((receipt) => receipt.ref === ref)
        .map(({ kind, segment, share, placement, salt, attempt }) => ({
          kind,
          segment,
          share,
          blobId: placement.blobId,
          steward: placement.steward,
          salt,
          attempt,
        })),
    finish: async (object) => {
      calls.finish++
      objects.set(toHex(object.id), object)
    },
  }
}
