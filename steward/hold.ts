/**
 * Holding (store/1): a blob comes in under terms we bid, is made durable and checked against its id, and only then countersigned (R1, PR1).
 * The same offer again gets the same countersignature; an interrupted one goes on at its offset; a renewal needs no bytes.
 */
import { createHash } from 'node:crypto'
import { concat, fromHex, readU32, toHex, u32 } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, type Placement, placementDigest, rowsDigest } from '../base/typed-data.ts'
import { DAY } from '../base/units.ts'
import { only } from '../net/messages/fields.ts'
import {
  decodeStore,
  encodeStore,
  MAX_STORE_BYTES,
  type StoreMessage,
  type StoreRequest,
  successorDigest,
} from '../net/messages/store.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import type { Right } from '../pool/grant.ts'
import type { Arrival, Transfers } from '../pool/transfers.ts'
import type { BlobFiles, BlobSink } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import { BID_LIFE, MAX_ROWS, NOTED_ARRIVAL, type StewardConfig } from './config.ts'
import type { Damage } from './damage.ts'
import { holdPlacement } from './held-placement.ts'
import type { Fault, StewardIndexes } from './ports.ts'
import type { ArrivalRecord } from './records.ts'
import type { Renewals } from './renew.ts'
import type { Rights } from './right.ts'
import type { Locked, Room } from './room.ts'
import type { Step } from './step.ts'
import { assertAwarded, assertFree, assertOffered, isSameDeal, type Offer } from './terms.ts'

export interface HoldDeps {
  readonly book: Book
  readonly files: BlobFiles
  readonly domain: Domain
  readonly secret: Uint8Array
  readonly steward: Address
  readonly room: Room
  readonly locked: Locked
  readonly damage: Pick<Damage, 'find'>
  readonly indexes: StewardIndexes
  readonly renewals: Renewals
  /** Absent: nothing is taken without money. */
  readonly rights?: Pick<Rights, 'check' | 'spend'> | undefined
  /** Where the plain endpoint is open: uploaders that ask for it bring the bytes there. */
  readonly transfers?: Pick<Transfers, 'await'> | undefined
  readonly log: Log
  config(): StewardConfig
  /** Chain time. */
  now(): number
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  readonly fault?: Fault | undefined
}

/** What comes with an offer beside its terms. */
interface Extras {
  readonly locator: Uint8Array | undefined
  readonly right: Right | undefined
}

/** How long bytes may take to the plain endpoint: a fixed part, and their length at this pace. Milliseconds; bytes a millisecond. */
const ASIDE_MS = 60_000
const ASIDE_BYTES_PER_MS = 64

type Asked<Kind extends StoreRequest['kind']> = Extract<StoreRequest, { readonly kind: Kind }>

/** The server of store/1. */
export function createHold(deps: HoldDeps) {
  const { book, files, domain, secret, steward, room, locked, indexes, log } = deps
  /** Streams that bring a blob right now, by the digest of its placement. */
  const bringing = new Map<string, Wire>()

  async function serve(wire: Wire, peer: Peer): Promise<void> {
    for (;;) {
      const value = await wire.receiveOrEnd(MAX_STORE_BYTES)
      if (value === undefined) return
      await wire.send(encodeStore(await answer(wire, peer, decodeStore(value))))
    }
  }

  async function answer(wire: Wire, peer: Peer, request: StoreMessage): Promise<StoreMessage> {
    switch (request.kind) {
      case 'offer':
        return { kind: 'signed', signature: await takeOffer(wire, peer, request) }
      case 'renewal':
        return { kind: 'signed', signature: await renew(request) }
      case 'terms':
        return deps.renewals.terms(request)
      case 'notice':
        await deps.renewals.takeNotice(request)
        return { kind: 'taken' }
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

  async function takeOffer(wire: Wire, peer: Peer, asked: Asked<'offer'>): Promise<Uint8Array> {
    const { placement, signature, locator, right } = asked
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
        const aside = asked.plain === undefined ? undefined : peer
        if (!signed) return receive(wire, { placement, signature, digest }, { locator, right }, aside)
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

  /** @param aside who may bring the bytes to the plain endpoint */
  async function receive(wire: Wire, offer: Offer, extras: Extras, aside: Peer | undefined): Promise<Uint8Array> {
    const { placement, digest } = offer
    const { blobId, length } = placement
    const blob = toHex(blobId)
    const living = book.livingOf(blob, placement.uploader)
    const advert = toHex(placement.advert)
    await dropExpired()
    if (!living) {
      if (!book.isOpen) throw new HoldfastError('PEER_BUSY', { what: 'nothing new is taken now' })
      if (placement.price === 0n) assertGranted(placement, extras.right)
      else {
        const placed = book.placedUnder(advert)
        const coming = room.comingUnder(advert, blob)
        const lot = { bytes: placed.bytes + coming.bytes, blobs: placed.blobs + coming.blobs }
        assertAwarded(placement, book.bids.get(advert), lot, deps.now())
      }
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
      // what may come the plain way is not taken up again after a restart
      const isNoted = aside === undefined && sink.offset < length && length >= NOTED_ARRIVAL
      const noted = isNoted ? noteArrival(blob, arrival) : undefined
      // known bytes prove nothing about this uploader: who has only the id of somebody's blob must not get a token for it
      const isElsewhere = !living && book.isKept(blob) && sink.offset === length
      if (isElsewhere) await compare(wire, sink, blobId)
      else {
        const came = await bringAside(wire, blobId, sink, aside)
        if (came !== 'whole') isKept = await bring(wire, came === 'dropped' ? await files.write(blobId, length) : sink)
      }
      await noted
      if (isKept) throw new HoldfastError('NET_CLOSED', { what: placement.uploader })
      await deps.fault?.('blob.durable')
      return await countersign(offer, extras, length >= NOTED_ARRIVAL)
    } finally {
      if (isKept) room.park(blob, arrival)
      else room.leave(blob)
    }
  }

  /** No money: a right for us, with enough left of it. @throws `RIGHT_INVALID`, `PLACEMENT_INVALID`, `STORE_FULL` */
  function assertGranted(placement: Placement, right: Right | undefined): void {
    if (right === undefined || deps.rights === undefined)
      throw new HoldfastError('RIGHT_INVALID', { what: 'no money is offered, and no grant is shown' })
    assertFree(placement, deps.now())
    deps.rights.check(placement, right)
  }

  function spendOn(step: Step, placement: Placement, right: Right | undefined): void {
    if (right === undefined || deps.rights === undefined)
      throw new HoldfastError('RIGHT_INVALID', { what: 'no money is offered, and no grant is shown' })
    deps.rights.spend(step.batch, placement, right)
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

  /**
   * The bytes over the plain endpoint. `whole`: the blob is on disk and checked. `dropped`: it has to come by the stream, from the start; what came
   * the plain way, where anybody may have changed it, is gone, and the sink with it. `not-offered`: nothing happened.
   */
  async function bringAside(
    wire: Wire,
    blobId: Uint8Array,
    sink: BlobSink,
    peer: Peer | undefined,
  ): Promise<'whole' | 'dropped' | 'not-offered'> {
    const { offset: from } = sink
    const left = sink.length - from
    const arrival = peer && deps.transfers?.await(peer, { blobId, from, length: left }, (chunk) => sink.write(chunk))
    if (arrival === undefined) return 'not-offered'
    try {
      await wire.send(encodeStore({ kind: 'go', offset: from, transfer: arrival.id }))
      const within = ASIDE_MS + left / ASIDE_BYTES_PER_MS
      const said = only(decodeStore(await wire.receive(MAX_STORE_BYTES, { within })), 'sent', 'inline')
      return (await isWhole(said.kind, arrival, sink)) ? 'whole' : 'dropped'
    } finally {
      await arrival.cancel()
      await sink.abort()
    }
  }

  async function isWhole(said: 'sent' | 'inline', arrival: Arrival, sink: BlobSink): Promise<boolean> {
    if (said === 'inline' || !(await arrival.whole())) return false
    try {
      await sink.finish()
      return true
    } catch (cause) {
      if (!hasCode(cause, 'BLOB_CORRUPT')) throw cause
      log.info('arrival.tampered', { length: sink.length })
      return false
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

  async function countersign(offer: Offer, { locator, right }: Extras, isNoted: boolean): Promise<Uint8Array> {
    const { placement, signature, digest } = offer
    const blob = toHex(placement.blobId)
    const name = toHex(digest)
    const countersignature = signDigest(secret, digest)
    await deps.step((step) => {
      if (isNoted) step.batch.arrival(blob, undefined)
      deps.damage.find(step, blob) // whoever lost it with us has it again
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
      if (placement.price === 0n) spendOn(step, placement, right)
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

  async function renew(asked: Asked<'renewal'>): Promise<Uint8Array> {
    const signed = await signedBefore(toHex(placementDigest(domain, asked.placement)))
    return signed ?? deps.renewals.renew(asked)
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

  /** From the uploader of a placement of that copy; its newest version is kept with that placement. protocol.md §2.7. */
  async function takeSuccessor(wire: Wire, { blobId, version, length, signature }: Asked<'successor'>): Promise<void> {
    const blob = toHex(blobId)
    if (
      ![...book.heldOf(blob)].some(
        ({ id, state }) => state !== 'pruned' && book.holdings.get(id)?.locator !== undefined,
      )
    )
      throw new HoldfastError('BLOB_UNKNOWN', { blob }) // before anything is allocated
    if (version > deps.now() + DAY)
      throw new HoldfastError('PLACEMENT_INVALID', {
        what: 'a successor record whose version is of more than a day ahead',
      })
    const record = new Uint8Array(length)
    await wire.receiveInto(record)
    const signer = recoverSigner(successorDigest(blobId, version, record), signature)
    await locked(blob, async () => {
      const holding = signer && book.livingOf(blob, signer)
      if (holding?.locator === undefined)
        throw new HoldfastError('PLACEMENT_INVALID', {
          what: 'a successor record from somebody else than the copy\u2019s uploader',
        })
      const { id } = holding.held
      const kept = await book.successor(id)
      const newest = kept ? readU32(kept, 0) : 0
      if (newest > version) throw new HoldfastError('SUCCESSOR_OLD', { what: `version ${newest}, not ${version}` })
      const batch = book.batch()
      batch.successor(id, concat(u32(version), record))
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
