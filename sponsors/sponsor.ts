/**
 * The sponsor (P12): it places for clients without id, under its own account, with its own money or its own right to store. It sees sizes,
 * salts and ciphertext; keys to read with it never gets, and blobs it passes on without keeping them. What it promises to clients is bounded: so much
 * for each put, so much in all, written down before it is promised.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Change, Journal, Log } from '../base/ports.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import { type Domain, placementDigest } from '../base/typed-data.ts'
import { blobIdOf } from '../blob/whiten.ts'
import { decodeSponsor, encodeSponsor, MAX_SPONSOR_BYTES, type SponsorMessage } from '../net/messages/sponsor.ts'
import type { Wire } from '../net/wire.ts'
import type { Right } from '../pool/grant.ts'
import { addressesOf, type RegistryView } from '../pool/registry-view.ts'
import type { Granted, RightOrder } from '../steward/right.ts'
import type { SendBlob } from '../uploader/place-blob.ts'
import type { AwardLimits, ObjectEntry, PlacementDraft, PutBook, PutPlan, Receipt } from '../uploader/put-book.ts'
import { type Call, callOf, decodeBody, encodeBody } from './book-calls.ts'

export interface SponsorDeps {
  readonly book: PutBook
  readonly send: SendBlob
  readonly registry: RegistryView
  readonly journal: Journal
  readonly domain: Domain
  /** Bytes of blobs promised to clients, in all, and for one put. */
  readonly quota: number
  readonly perPut: number
  /** With it nothing is paid: the sponsor's own right to store is used. */
  order?(wanted: RightOrder): Promise<readonly Granted[]>
  /** Chain time. */
  now(): number
  readonly log: Log
}

/** A put of a client. */
interface Promised {
  readonly bytes: number
  readonly lot: number
  readonly n: number
  /** Chain time of its end. */
  readonly until: number
  /** Who signs for it. */
  readonly account: Address
}

const KEY = 'sponsor/'
/** Longest term a client gets. Seconds. */
const LONGEST = 90 * 86_400
/** Rent a client's put may come to is the sponsor's own affair; terms longer than a day's slack after the end are forgotten. Seconds. */
const SLACK = 86_400
/** Blobs that are passed on at the same time, and their bytes. */
const MAX_RELAYS = 8
const MAX_RELAY_BYTES = 128 * 1024 * 1024
/** Blob ids, drafts or receipts in one call. */
const MAX_ITEMS = 256
const SPARE_RIGHTS = 2

const encoder = new TextEncoder()

/** Reads what is promised. */
export async function openSponsor(deps: SponsorDeps) {
  const { book, journal, registry, domain, log } = deps
  const promised = new Map<string, Promised>()
  for await (const [key, value] of journal.list(KEY))
    promised.set(key.slice(KEY.length), fromTagged(JSON.parse(new TextDecoder().decode(value))) as Promised)
  const rights = new Map<string, ReadonlyMap<Address, Right>>()
  let relays = 0
  let relayed = 0

  async function serve(wire: Wire): Promise<void> {
    for (;;) {
      const frame = await wire.receiveOrEnd(MAX_SPONSOR_BYTES)
      if (frame === undefined) return
      const request = decodeSponsor(frame)
      if (request.kind === 'call') await answer(wire, request)
      else if (request.kind === 'blob') await relay(wire, request)
      else throw new HoldfastError('NET_PROTOCOL', { what: `sponsor/1 ${request.kind}` })
    }
  }

  async function answer(wire: Wire, request: Extract<SponsorMessage, { readonly kind: 'call' }>): Promise<void> {
    const args = decodeBody(request.args)
    if (!Array.isArray(args) || args.length > 4)
      throw new HoldfastError('NET_MALFORMED', { what: 'arguments that are no list' })
    const value = encodeBody(await perform(callOf(request.method), args).catch(asTheirs))
    await wire.send(encodeSponsor({ kind: 'result', value }))
  }

  /** Every argument is a stranger's: the sponsor looks at what it is about, the book at the rest. */
  async function perform(call: Call, args: readonly unknown[]): Promise<unknown> {
    switch (call) {
      case 'quote':
        return quote(planOf(args[0]))
      case 'award':
        return award(planOf(args[0]))
      case 'nonces': {
        const [ids, count] = args as [readonly Uint8Array[], number]
        itemsOf(ids)
        // a nonce of a blob that is placed would be an answer kept instead of its bytes
        return book.nonces(ids, count, true)
      }
      case 'sign': {
        const drafts = itemsOf(args[0]) as readonly PlacementDraft[]
        for (const { ref } of drafts) known(ref)
        return book.sign(drafts)
      }
      case 'book': {
        const receipts = itemsOf(args[0]) as readonly Receipt[]
        for (const { ref } of receipts) known(ref)
        return book.book(receipts)
      }
      case 'replace': {
        const [ref, lot, failed] = args as [string, number, Address]
        known(ref)
        return book.replace(ref, lot, failed)
      }
      case 'progress':
        known(args[0] as string)
        return book.progress(args[0] as string)
      case 'finish': {
        const { name: _, contentHash: __, ...object } = args[0] as ObjectEntry
        known(object.ref)
        await book.finish(object)
        log.info('sponsor.stored', { id: toHex(object.id), bytes: object.size })
        return undefined
      }
    }
  }

  /** What an anonymous put may be: an ordinary one, not too long, under no name. @throws `INPUT_RANGE` */
  function planOf(value: unknown): PutPlan {
    const { name: _, ...plan } = (value ?? {}) as PutPlan
    if (
      plan.backup !== undefined ||
      plan.mends !== undefined ||
      !(plan.term <= LONGEST) ||
      !Array.isArray(plan.shareLengths)
    )
      throw new HoldfastError('INPUT_RANGE', {
        name: 'plan',
        expected: 'a put of at most 90 days',
        got: 'something else',
      })
    return plan
  }

  /** No word about the sponsor's money. */
  async function quote(plan: PutPlan): Promise<unknown> {
    return { ...(await book.quote(plan)), balance: 0n }
  }

  async function award(plan: PutPlan): Promise<unknown> {
    const lot = plan.shareLengths.reduce(
      (sum, length) => sum + length,
      plan.copyLength + (plan.indirectCopyLength ?? 0),
    )
    const bytes = plan.n * lot
    if (!Number.isSafeInteger(bytes) || bytes < 1 || typeof plan.ref !== 'string')
      throw new HoldfastError('INPUT_RANGE', { name: 'plan', expected: 'some bytes', got: String(bytes) })
    const { uploader: account } = await book.quote(plan) // refuses a plan that is none, and says who signs
    if (account === undefined)
      throw new HoldfastError('LEDGER_CONFLICT', { what: 'the controller does not say who places' })
    if (!promised.has(plan.ref))
      await promise(plan.ref, { bytes, lot, n: plan.n, until: deps.now() + plan.term + SLACK, account })
    const limits: AwardLimits =
      deps.order === undefined
        ? {}
        : { granted: [...(await rightsOf(plan.ref)).keys()].map((id) => ({ id, addresses: addressesAt(id) })) }
    return book.award(plan, limits)
  }

  function addressesAt(id: Address): readonly string[] {
    const member = registry.member(id)
    return member === undefined ? [] : addressesOf(member)
  }

  /** Durable before anything is given out. @throws `PEER_BUSY` when there is no more to give */
  async function promise(ref: string, next: Promised): Promise<void> {
    const now = deps.now()
    const over = [...promised].filter(([, { until }]) => until < now).map(([key]) => key)
    const used = [...promised.values()].reduce((sum, { bytes, until }) => sum + (until < now ? 0 : bytes), 0)
    if (next.bytes > deps.perPut)
      throw new HoldfastError('PEER_BUSY', { what: `${next.bytes} bytes, ${deps.perPut} for a put` })
    if (used + next.bytes > deps.quota)
      throw new HoldfastError('PEER_BUSY', { what: `${used} bytes are promised to clients` })
    promised.set(ref, next) // counts from now on, also for whoever asks meanwhile
    try {
      await journal.commit([
        ...over.map((key): Change => ({ key: `${KEY}${key}`, value: undefined })),
        { key: `${KEY}${ref}`, value: encoder.encode(JSON.stringify(toTagged(next))) },
      ])
    } catch (cause) {
      promised.delete(ref)
      throw cause
    }
    for (const key of over) promised.delete(key)
  }

  /** A put that came through us: who knows its name made it. @throws `LEDGER_CONFLICT` */
  function known(ref: string): Promised {
    const found = promised.get(ref)
    if (found === undefined) throw new HoldfastError('LEDGER_CONFLICT', { what: 'no such put of a client' })
    return found
  }

  /** The same again after a restart: an order is known by its name. */
  async function rightsOf(ref: string): Promise<ReadonlyMap<Address, Right>> {
    const { lot, n, account } = known(ref)
    if (deps.order === undefined) return new Map()
    const before = rights.get(ref)
    if (before !== undefined) return before
    const granted = await deps.order({ name: ref, bytes: lot, want: n + SPARE_RIGHTS, to: account })
    const found = new Map(granted.map(({ steward, right }) => [steward, right]))
    rights.set(ref, found)
    return found
  }

  /** A blob goes through memory to its steward: only under a placement that we signed, only when it is that blob. */
  async function relay(wire: Wire, request: Extract<SponsorMessage, { readonly kind: 'blob' }>): Promise<void> {
    const { ref, placement, signature, locator } = request
    const { length, steward } = placement
    const { account } = known(toHex(ref))
    if (placement.uploader !== account || recoverSigner(placementDigest(domain, placement), signature) !== account)
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'it does not carry our signature' })
    if (relays >= MAX_RELAYS || relayed + length > MAX_RELAY_BYTES)
      throw new HoldfastError('PEER_BUSY', { what: `${relays} blobs are being passed on` })
    relays++
    relayed += length
    try {
      const blob = new Uint8Array(length)
      await wire.receiveInto(blob)
      if (!equalBytes(blobIdOf(blob), placement.blobId))
        throw new HoldfastError('BLOB_CORRUPT', { blob: toHex(placement.blobId) })
      const right = (await rightsOf(toHex(ref))).get(steward)
      const offer = { placement, signature, domain, ...(locator && { announce: locator }), ...(right && { right }) }
      const target = { id: steward, addresses: addressesAt(steward) }
      const countersignature = await deps.send(target, offer, blob, { signal: wire.gone })
      await wire.send(encodeSponsor({ kind: 'signed', signature: countersignature }))
    } finally {
      relays--
      relayed -= length
    }
  }

  return {
    serve,
    /** Bytes promised to clients now. */
    promised: () => [...promised.values()].reduce((sum, { bytes, until }) => sum + (until < deps.now() ? 0 : bytes), 0),
  }
}

/** A stranger's argument of another form is the stranger's fault, not a bug of ours. */
function asTheirs(cause: unknown): never {
  if (cause instanceof TypeError)
    throw new HoldfastError('NET_MALFORMED', { what: 'arguments of another form' }, { cause })
  throw cause
}

function itemsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > MAX_ITEMS)
    throw new HoldfastError('INPUT_RANGE', { name: 'items', expected: `at most ${MAX_ITEMS}`, got: 'something else' })
  return value
}
