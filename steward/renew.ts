/**
 * Renewals (store/1): what we ask for another term, the next version of a placement, and notice of either side. A renewal needs no bytes; its
 * price is that of our own bidder, so that it follows cost and fill like any bid. market.md, Contracts.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, placementDigest } from '../base/typed-data.ts'
import type { Wei } from '../base/units.ts'
import { noticeDigest, type StoreMessage, type StoreRequest } from '../net/messages/store.ts'
import { askingPrice } from '../pricing/bidder.ts'
import { NOTICE_SLACK, RENEWAL_POLICY } from '../pricing/renewal.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import type { StewardConfig } from './config.ts'
import type { Holding } from './records.ts'
import type { Room } from './room.ts'
import type { Step } from './step.ts'
import { assertOffered, assertRenewal } from './terms.ts'

export interface RenewDeps {
  readonly book: Book
  readonly files: Pick<BlobFiles, 'size'>
  readonly domain: Domain
  readonly secret: Uint8Array
  readonly steward: Address
  readonly room: Pick<Room, 'capacity'>
  readonly log: Log
  config(): StewardConfig
  /** Reference price today. Wei of HOLD per GiB-month. */
  reference(): Wei
  /** Chain time. */
  now(): number
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
}

type Asked<Kind extends StoreRequest['kind']> = Extract<StoreRequest, { readonly kind: Kind }>

export type Renewals = ReturnType<typeof createRenewals>

export function createRenewals(deps: RenewDeps) {
  const { book, files, domain, secret, steward, log } = deps

  async function price(): Promise<bigint> {
    return askingPrice(deps.config().cost, await deps.room.capacity(), deps.reference())
  }

  /** The placement that a digest names, while its bytes are wanted. @throws `PLACEMENT_INVALID` */
  function holdingOf(placement: Uint8Array): Holding {
    const id = book.idOfDigest.get(toHex(placement))
    const holding = id === undefined ? undefined : book.holdings.get(id)
    if (!holding || holding.held.state === 'pruned')
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'it is not held' })
    return holding
  }

  /** At what price we go on; or, while the operator drains this steward, when we leave. @throws `PLACEMENT_INVALID` */
  async function terms({ placement }: Asked<'terms'>): Promise<StoreMessage> {
    const { held } = holdingOf(placement)
    if (book.isDraining) {
      const end = Math.min(held.end, deps.now() + RENEWAL_POLICY.notice)
      return { kind: 'leaving', end, signature: signDigest(secret, noticeDigest(fromHex(held.id, 32), end)) }
    }
    if (held.price === 0n)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'what was placed by right is placed anew' })
    return { kind: 'quote', price: await price() }
  }

  /** @throws `PLACEMENT_INVALID`, `FUNDS_PRICE`, `BLOB_UNKNOWN` */
  async function renew({ placement, signature }: Asked<'renewal'>): Promise<Uint8Array> {
    const digest = placementDigest(domain, placement)
    const name = toHex(digest)
    assertOffered({ placement, signature, digest }, steward, deps.now())
    if (book.isDraining) throw new HoldfastError('PLACEMENT_INVALID', { what: 'this steward leaves' })
    const ask = await price()
    const countersignature = signDigest(secret, digest)
    await deps.step(async (step) => {
      const holding = book.livingOf(toHex(placement.blobId), placement.uploader)
      const last = holding && (await book.receipt(holding.held.id, holding.versions.length))
      assertRenewal(placement, holding, last?.placement, deps.now())
      if (placement.price < ask) throw new HoldfastError('FUNDS_PRICE', { max: String(placement.price) })
      if ((await files.size(placement.blobId)) !== placement.length)
        throw new HoldfastError('BLOB_UNKNOWN', { blob: holding.held.blobId })
      const { id } = holding.held
      const { version, end, price, grace } = placement
      step.tell(id, { kind: 'renewed', version, end, price, grace })
      const next = step.holding(id) as Holding
      step.save({
        ...next,
        versions: [...next.versions, name],
        tokenHash: toHex(placement.tokenHash),
        before: { price: holding.held.price, end: holding.held.end, until: step.now },
      })
      step.batch.receipt(id, next.versions.length + 1, { placement, signature, countersignature })
      log.info('placement.renewed', { placement: id, version, end, price: String(price) })
    })
    return countersignature
  }

  /** The uploader's notice, or that it takes ours: the contract ends then, and is not renewed. @throws `PLACEMENT_INVALID` */
  async function takeNotice({ placement, end, signature }: Asked<'notice'>): Promise<void> {
    const { held } = holdingOf(placement)
    const refuse = (what: string): never => {
      throw new HoldfastError('PLACEMENT_INVALID', { what })
    }
    if (recoverSigner(noticeDigest(fromHex(held.id, 32), end), signature) !== held.uploader)
      refuse('the uploader did not sign the notice')
    if (end < held.end && end < deps.now() + RENEWAL_POLICY.notice - NOTICE_SLACK) refuse('less than 14 days of notice')
    await deps.step((step) => {
      step.tell(held.id, { kind: 'notice', end })
      const next = step.holding(held.id) as Holding
      if (next.leaving === undefined) step.save({ ...next, leaving: { end, signature: toHex(signature) } })
    })
    log.info('placement.leaves', { placement: held.id, end })
  }

  return { terms, renew, takeNotice }
}
