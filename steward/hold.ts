/**
 * Holding (store/1): a blob comes in under terms we bid, is made durable and checked against its id, and only then countersigned (R1, PR1).
 * The same offer again gets the same countersignature; an interrupted one goes on at its offset; a renewal needs no bytes.
 */
import { concat, fromHex, toHex, u32 } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
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
import { MAX_ROWS, NOTED_ARRIVAL, type StewardConfig } from './config.ts'
import { holdPlacement } from './held-placement.ts'
import type { Fault, StewardIndexes } from './ports.ts'
import type { Holding } from './records.ts'
import type { Locked, Room } from './room.ts'
import type { Step } from './step.ts'
import { assertAwarded, assertOffered, assertRenewal, type Offer } from './terms.ts'

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
    const { placement } = offer
    const { blobId, length } = placement
    const blob = toHex(blobId)
    const known = book.idOfDigest.get(toHex(offer.digest))
    if (known === undefined) {
      if (!deps.config().isOpen) throw new HoldfastError('PEER_BUSY', { what: 'nothing new is taken now' })
      assertAwarded(
        placement,
        book.bids.get(toHex(placement.advert)),
        book.placedUnder(toHex(placement.advert)),
        deps.now(),
      )
      if (book.livingOf(blob, placement.uploader))
        throw new HoldfastError('PLACEMENT_INVALID', { what: 'the blob is held under another placement' })
    }
    const leave = room.admit(blob, length)
    try {
      const sink = await files.write(blobId, length)
      const noted =
        sink.offset < length && length >= NOTED_ARRIVAL ? noteArrival(blob, length, placement.offerUntil) : undefined
      await bring(wire, sink)
      await noted
      await deps.fault?.('blob.durable')
      return await countersign(offer, locator, known, noted !== undefined)
    } finally {
      leave()
    }
  }

  /** So that a restart keeps what came so far; nobody waits for it. */
  function noteArrival(blob: string, length: number, until: number): Promise<void> {
    const batch = book.batch()
    batch.arrival(blob, { length, until })
    return book.commit(batch)
  }

  /** What comes is on disk and checked when this resolves; what came before a failure is kept for the next try. */
  async function bring(wire: Wire, sink: BlobSink): Promise<void> {
    try {
      await wire.send(encodeStore({ kind: 'go', offset: sink.offset }))
      for await (const chunk of wire.receiveBytes(sink.length - sink.offset)) await sink.write(chunk)
      await sink.finish()
    } finally {
      await sink.suspend() // ended already when all went well
    }
  }

  async function countersign(
    offer: Offer,
    locator: Uint8Array | undefined,
    known: string | undefined,
    isNoted: boolean,
  ): Promise<Uint8Array> {
    const { placement, signature, digest } = offer
    const now = deps.now()
    if (known === undefined && now > placement.offerUntil)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'the offer has expired' })
    const id = known ?? toHex(digest)
    const countersignature = signDigest(secret, digest)
    const batch = book.batch()
    if (known === undefined) {
      const holding: Holding = {
        held: holdPlacement(id, placement),
        versions: [id],
        tokenHash: toHex(placement.tokenHash),
        ...(locator === undefined ? {} : { locator: toHex(locator) }),
        advert: toHex(placement.advert),
        heldAt: now,
        earned: 0n,
        sweeps: 0,
        missed: 0,
      }
      batch.holding(holding)
      batch.receipt(id, { placement, signature, countersignature, ...(locator === undefined ? {} : { locator }) })
    }
    if (isNoted) batch.arrival(toHex(placement.blobId), undefined)
    await book.commit(batch)
    await deps.fault?.('placement.committed')
    indexes.announce([locator === undefined ? { key: placement.blobId } : { key: locator, blobId: placement.blobId }])
    log.info('blob.held', { blob: toHex(placement.blobId), bytes: placement.length, uploader: placement.uploader })
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
      step.save({ ...next, versions: [...next.versions, name], tokenHash: toHex(placement.tokenHash) })
      step.batch.receipt(id, { placement, signature, countersignature })
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

  return { serve }
}
