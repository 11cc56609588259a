/**
 * Holding (store/1): a blob comes in under terms we bid, is made durable and checked against its id, and only then countersigned (R1, PR1).
 * The same offer again gets the same countersignature; an interrupted one goes on at its offset; a renewal needs no bytes.
 */
import { createHash } from 'node:crypto'
import { concat, fromHex, toHex, u32 } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, placementDigest, rowsDigest } from '../base/typed-data.ts'
import {
  decodeStore,
  encodeStore,
  MAX_STORE_BYTES,
  type StoreMessage,
  type StoreRequest,
  successorDigest,
} from '../net/messages/store.ts'
import type { Wire } from '../net/wire.ts'
import type { BlobFiles, BlobSink } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import { BID_LIFE, MAX_ROWS, NOTED_ARRIVAL, type StewardConfig } from './config.ts'
import { holdPlacement } from './held-placement.ts'
import type { Fault, StewardIndexes } from './ports.ts'
import type { ArrivalRecord, Holding } from './records.ts'
import type { Locked, Room } from './room.ts'
import type { Step } from './step.ts'
import { assertAwarded, assertOffered, assertRenewal, isSameDeal, type Offer } from './terms.ts'

export interface HoldDeps {
  readonly book: Book
  readonly files: BlobFiles
  readonly domain: Domain
  readonly secret: Uint8Array
  readonly steward: Address
  readonly room: Room
  readonly locked: Locked
  readonly indexes: StewardIndexes
  readonly log: Log
  config(): StewardConfig
  /** Chain time. */
  now(): number
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  readonly fault?: Fault | undefined
}

type Asked<Kind extends StoreRequest['kind']> = Extract<StoreRequest, { readonly kind: Kind }>

/** The server of store/1. */
export function createHold(deps: HoldDeps) {
  const { book, files, domain, secret, steward, room, locked, indexes, log } = deps
  /** Streams that bring a blob right now, by the digest of its placement. */
  const bringing = new Map<string, Wire>()

  async function serve(wire: Wire): Promise<void> {
    for (;;) {
      const value = await wire.receiveOrEnd(MAX_STORE_BYTES)
      if (value === undefined) return
      await wire.send(encodeStore(await answer(wire, decodeStore(value))))
    }
  }

  async function answer(wire: Wire, request: StoreMessage): Promise<StoreMessage> {
    switch (request.kind) {
      case 'offer':
        return { kind: 'signed', signature: await takeOffer(wire, request) }
      case 'renewal':
        return { kind: 'signed', signature: await renew(request) }
      case 'rows':
        await takeRows(request)
        return { kind: 'taken' }
      case 'successor':
        await takeSuccessor(wire, request)
        return { kind: 'taken' }
      default:
        throw new HoldfastError('NET_PROTOCOL', { what: `store/1 ${request.kind}` })
    }
  }

  async function takeOffer(wire: Wire, { placement, signature, locator }: Asked<'offer'>): Promise<Uint8Array> {
    const digest = placementDigest(domain, placement)
    const name = toHex(digest)
    const known = await signedBefore(name)
    if (known) {
      await wire.send(encodeStore({ kind: 'go', offset: placement.length }))
      return known
    }
    assertOffered({ placement, signature, digest }, steward, deps.now())
    // the uploader lost its stream and came back before we noticed: the old one gives way
    bringing.get(name)?.abort(new HoldfastError('PEER_BUSY', { what: 'the blob comes by another stream' }))
    bringing.set(name, wire)
    try {
      return await locked(toHex(placement.blobId), async () => {
        const signed = await signedBefore(name)
        if (!signed) return receive(wire, { placement, signature, digest }, locator)
        await wire.send(encodeStore({ kind: 'go', offset: placement.length }))
        return signed
      })
    } finally {
      if (bringing.get(name) === wire) bringing.delete(name)
    }
  }

  /** The countersignature we gave to this very placement, while its bytes are here. */
  async function signedBefore(digest: string): Promise<Uint8Array | undefined> {
    const id = book.idOfDigest.get(digest)
    const holding = id === undefined ? undefined : book.holdings.get(id)
    if (!holding || holding.held.state === 'pruned') return undefined
    if ((await files.size(fromHex(holding.held.blobId, 32))) !== holding.held.length) return undefined
    const receipt = await book.receipt(holding.held.id, holding.versions.indexOf(digest) + 1)
    return receipt?.countersignature
  }

  async function receive(wire: Wire, offer: Offer, locator: Uint8Array | undefined): Promise<Uint8Array> {
    const { placement, digest } = offer
    const { blobId, length } = placement
    const blob = toHex(blobId)
    const living = book.livingOf(blob, placement.uploader)
    const advert = toHex(placement.advert)
    await dropExpired()
    if (!living) {
      if (!deps.config().isOpen) throw new HoldfastError('PEER_BUSY', { what: 'nothing new is taken now' })
      const placed = book.placedUnder(advert)
      const coming = room.comingUnder(advert, blob)
      const lot = { bytes: placed.bytes + coming.bytes, blobs: placed.blobs + coming.blobs }
      assertAwarded(placement, book.bids.get(advert), lot, deps.now())
    } else if (!living.versions.includes(toHex(digest))) {
      const last = await book.receipt(living.held.id, living.versions.length)
      if (!last || !isSameDeal(last.placement, placement))
        throw new HoldfastError('PLACEMENT_INVALID', { what: 'the blob is held under another placement' })
    }
    const arrival: ArrivalRecord = { length, advert, until: Math.min(placement.offerUntil, deps.now() + BID_LIFE) }
    room.admit(blob, arrival)
    let isKept = false
    try {
      const sink = await files.write(blobId, length)
      const noted = sink.offset < length && length >= NOTED_ARRIVAL ? noteArrival(blob, arrival) : undefined
      // known bytes prove nothing about this uploader: who has only the id of somebody's blob must not get a token for it
      const isElsewhere = !living && book.isKept(blob) && sink.offset === length
      if (isElsewhere) await compare(wire, sink, blobId)
      else isKept = await bring(wire, sink)
      await noted
      if (isKept) throw new HoldfastError('NET_CLOSED', { what: placement.uploader })
      await deps.fault?.('blob.durable')
      return await countersign(offer, locator, noted !== undefined)
    } finally {
      if (isKept) room.park(blob, arrival)
      else room.leave(blob)
    }
  }

  /** So that a restart keeps what came so far; nobody waits for it. */
  function noteArrival(blob: string, arrival: ArrivalRecord): Promise<void> {
    const batch = book.batch()
    batch.arrival(blob, arrival)
    return book.commit(batch)
  }

  /** What was broken off and never taken up again goes when its offer is over. */
  async function dropExpired(): Promise<void> {
    for (const { blob, length } of room.expired()) {
      room.leave(blob)
      try {
        await (await files.write(fromHex(blob, 32), length)).abort()
        const batch = book.batch()
        batch.arrival(blob, undefined)
        await book.commit(batch)
        log.info('arrival.dropped', { blob })
      } catch (cause) {
        log.warn('arrival.kept', { blob, code: asHoldfastError(cause).code }) // it is being offered again just now, or the disk is at fault
      }
    }
  }

  /** The blob is on disk and checked when this resolves with false; true: the stream ended early and what came is kept for the next try. */
  async function bring(wire: Wire, sink: BlobSink): Promise<boolean> {
    try {
      await wire.send(encodeStore({ kind: 'go', offset: sink.offset }))
      for await (const chunk of wire.receiveBytes(sink.length - sink.offset)) await sink.write(chunk)
    } catch (cause) {
      log.debug('arrival.broken', { offset: sink.offset, length: sink.length, code: asHoldfastError(cause).code })
      if (sink.offset === 0 || hasCode(cause, 'STORE_FULL', 'STORE_UNUSABLE')) {
        await sink.abort()
        throw cause
      }
      await sink.suspend()
      return true
    }
    await sink.finish()
    return false
  }

  /** The blob is here for another uploader: this one sends every byte all the same; they are checked and dropped. @throws `BLOB_CORRUPT` */
  async function compare(wire: Wire, sink: BlobSink, blobId: Uint8Array): Promise<void> {
    try {
      await wire.send(encodeStore({ kind: 'go', offset: 0 }))
      const hash = createHash('sha256')
      for await (const chunk of wire.receiveBytes(sink.length)) hash.update(chunk)
      const blob = toHex(blobId)
      if (hash.digest('hex') !== blob) throw new HoldfastError('BLOB_CORRUPT', { blob })
    } finally {
      await sink.suspend() // it lies in its place: nothing is kept or dropped
    }
  }

  async function countersign(offer: Offer, locator: Uint8Array | undefined, isNoted: boolean): Promise<Uint8Array> {
    const { placement, signature, digest } = offer
    const blob = toHex(placement.blobId)
    const name = toHex(digest)
    const countersignature = signDigest(secret, digest)
    await deps.step((step) => {
      if (isNoted) step.batch.arrival(blob, undefined)
      const living = book.livingOf(blob, placement.uploader)
      if (living?.versions.includes(name)) return // its bytes were lost and have come again
      if (step.now > placement.offerUntil)
        throw new HoldfastError('PLACEMENT_INVALID', { what: 'the offer has expired' })
      const receipt = { placement, signature, countersignature, ...(locator === undefined ? {} : { locator }) }
      if (living) {
        step.save({ ...living, versions: [...living.versions, name] })
        step.batch.receipt(living.held.id, living.versions.length + 1, receipt)
        return
      }
      step.save({
        held: holdPlacement(name, placement),
        versions: [name],
        tokenHash: toHex(placement.tokenHash),
        ...(locator === undefined ? {} : { locator: toHex(locator) }),
        advert: toHex(placement.advert),
        heldAt: step.now,
        earned: 0n,
        sweeps: 0,
        missed: 0,
      })
      step.batch.receipt(name, 1, receipt)
    })
    await deps.fault?.('placement.committed')
    indexes.announce([locator === undefined ? { key: placement.blobId } : { key: locator, blobId: placement.blobId }])
    log.info('blob.held', { blob, bytes: placement.length, uploader: placement.uploader })
    return countersignature
  }

  async function renew({ placement, signature }: Asked<'renewal'>): Promise<Uint8Array> {
    const digest = placementDigest(domain, placement)
    const name = toHex(digest)
    const signed = await signedBefore(name)
    if (signed) return signed
    assertOffered({ placement, signature, digest }, steward, deps.now())
    if (!deps.config().isOpen) throw new HoldfastError('PEER_BUSY', { what: 'nothing is renewed now' })
    const countersignature = signDigest(secret, digest)
    await deps.step(async (step) => {
      const holding = book.livingOf(toHex(placement.blobId), placement.uploader)
      const last = holding && (await book.receipt(holding.held.id, holding.versions.length))
      assertRenewal(placement, holding, last?.placement, deps.now())
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
      log.info('placement.renewed', { placement: id, version, end })
    })
    return countersignature
  }

  async function takeRows({ placement, answersRoot, signature }: Asked<'rows'>): Promise<void> {
    const id = book.idOfDigest.get(toHex(placement))
    const holding = id === undefined ? undefined : book.holdings.get(id)
    if (id === undefined || !holding || holding.held.state === 'pruned')
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'rows for a placement that is not held' })
    if (recoverSigner(rowsDigest(domain, { placement, answersRoot }), signature) !== holding.held.uploader)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the uploader did not sign the rows' })
    if ((await book.rowsCount(id, MAX_ROWS)) >= MAX_ROWS)
      throw new HoldfastError('PEER_BUSY', { what: 'announcements of rows' })
    const batch = book.batch()
    batch.rows(id, { answersRoot, signature })
    await book.commit(batch)
  }

  /** From the uploader of that copy's placement alone; the newest version is kept beside the copy. protocol.md §2.7. */
  async function takeSuccessor(wire: Wire, { blobId, version, length, signature }: Asked<'successor'>): Promise<void> {
    const blob = toHex(blobId)
    if (
      ![...book.heldOf(blob)].some(
        ({ id, state }) => state !== 'pruned' && book.holdings.get(id)?.locator !== undefined,
      )
    )
      throw new HoldfastError('BLOB_UNKNOWN', { blob }) // before anything is allocated
    const record = new Uint8Array(length)
    await wire.receiveInto(record)
    const signer = recoverSigner(successorDigest(blobId, version, record), signature)
    if (!signer || book.livingOf(blob, signer)?.locator === undefined)
      throw new HoldfastError('PLACEMENT_INVALID', {
        what: 'a successor record from somebody else than the copy\u2019s uploader',
      })
    await locked(blob, async () => {
      const kept = await book.successor(blob)
      if (kept && new DataView(kept.buffer, kept.byteOffset).getUint32(0) > version) return // an older one that was late
      const batch = book.batch()
      batch.successor(blob, concat(u32(version), record))
      await book.commit(batch)
    })
  }

  /** What was on its way when the process ended last counts again, or is forgotten; its part was kept or swept when the files were opened. */
  async function resume(): Promise<void> {
    const batch = book.batch()
    for await (const [blob, arrival] of book.arrivals())
      if (arrival.until < deps.now()) batch.arrival(blob, undefined)
      else room.park(blob, arrival)
    await book.commit(batch)
  }

  return { serve, resume }
}
