/** Serving: blobs to whoever has a read token (fetch/1), and dockets from whoever posted a bounty too large for its note (docket/1). */
import { createHash } from 'node:crypto'
import { equalBytes, fromHex, toHex } from '../base/bytes.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { MiB } from '../base/units.ts'
import { docketHashOf } from '../blob/docket.ts'
import {
  type DocketMessage,
  decodeDocketMessage,
  encodeDocketMessage,
  MAX_DOCKET_FRAME,
} from '../net/messages/docket.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import { type HeldBlob, type ServeFetchDeps, serveFetch } from '../pool/fetch-blob.ts'
import type { Transfers } from '../pool/transfers.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Bisection } from './bisect.ts'
import type { Book } from './book.ts'
import type { Damage } from './damage.ts'
import type { BountyRecord, Holding } from './records.ts'
import type { Releases } from './release.ts'
import type { Step } from './step.ts'
import type { Watch } from './watch.ts'

export interface ServeDeps {
  readonly book: Book
  readonly files: Pick<BlobFiles, 'stream' | 'size'>
  readonly watch: Watch
  readonly damage: Pick<Damage, 'confirm'>
  readonly releases: Pick<Releases, 'answer'>
  readonly bisection: Bisection
  /** Where the plain endpoint is open. */
  readonly transfers?: Pick<Transfers, 'offer'> | undefined
  readonly clock: Clock
  readonly log: Log
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  /** SHA-256 of the token under which a blob is lent to a monitor now. @param blob hex */
  lentHash?(blob: string): Uint8Array | undefined
  /** Looks for news of the chain now. */
  poke(): void
  /** Bounties may have become answerable. */
  onDocket(): void
}

/** Blobs read for peers at the same time; more wait their turn, the first of them not long. */
const MAX_READS = 64
/** Whole reads of its blob that one token may do at once, and how long each takes to grow back. Milliseconds. */
const TOKEN_READS = 32
const READ_AGAIN_MS = 2_000
/** Tokens whose reads are counted at the same time; the longest unused are forgotten, which is to their advantage. */
const MAX_TOKENS = 10_000
/** How long a docket waits for the feed to show its bounty. Milliseconds. */
const BOUNTY_WAIT_MS = 3_000
/** A docket comes in pieces, so that a slow one is not late as a whole. Bytes. */
const PIECE = MiB

/** The servers of fetch/1 and docket/1. */
export function createServe(deps: ServeDeps) {
  const { book, files, watch, clock } = deps
  let reads = 0
  const spent = new Map<string, { readonly reads: number; readonly at: number }>()
  /** Bytes that went out since the start. */
  let served = 0

  async function find(blobId: Uint8Array): Promise<HeldBlob | undefined> {
    const blob = toHex(blobId)
    const living = [...book.heldOf(blob)].filter(({ state }) => state !== 'pruned')
    const [first] = living
    if (!first || first.lost) return undefined
    if ((await files.size(blobId)) !== first.length) {
      doubt(blob)
      return undefined
    }
    const holdings = living.flatMap(({ id }) => book.holdings.get(id) ?? [])
    const lent = deps.lentHash?.(blob)
    const tokenHashes = [...holdings.map(({ tokenHash }) => fromHex(tokenHash)), ...(lent === undefined ? [] : [lent])]
    return { length: first.length, tokenHashes, successor: (tokenHash) => successorFor(holdings, toHex(tokenHash)) }
  }

  /**
   * The record of the placement whose token it is. Whoever could read the copy may have placed it here as well, under the same token: what
   * was here first is its owner's.
   */
  async function successorFor(holdings: readonly Holding[], token: string): Promise<Uint8Array | undefined> {
    const copies = holdings.filter(({ tokenHash, locator }) => tokenHash === token && locator !== undefined)
    const [first] = copies.sort((a, b) => a.heldAt - b.heldAt)
    return first && (await book.successor(first.held.id))?.subarray(4)
  }

  const source: ServeFetchDeps = {
    find,
    transfers: deps.transfers,
    async *read(blobId, from, length) {
      reads++
      try {
        yield* checked(blobId, from, length)
      } finally {
        reads--
      }
    },
    admit: async ({ blobId, tokenHash, length }) => {
      if (reads >= MAX_READS) throw new HoldfastError('PEER_BUSY', { what: `${reads} blobs are being read` })
      const [first] = book.heldOf(toHex(blobId))
      spend(toHex(tokenHash), length / Math.max(1, first?.length ?? length))
    },
    served: ({ length }) => {
      served += length
    },
  }

  /** A reading of the whole blob compares it with its id on the way: the reader does so, too, and we should hear of damage first. */
  async function* checked(blobId: Uint8Array, from: number, length: number): AsyncIterable<Uint8Array> {
    const blob = toHex(blobId)
    const [held] = book.heldOf(blob)
    if (from > 0 || length !== held?.length) {
      yield* files.stream(blobId, { offset: from, length })
      return
    }
    const hash = createHash('sha256')
    for await (const piece of files.stream(blobId, { length })) {
      hash.update(piece)
      yield piece
    }
    if (hash.digest('hex') !== blob) doubt(blob)
  }

  /** Something is wrong with the file: it is looked at, and nobody waits for it here. */
  function doubt(blob: string): void {
    deps.damage
      .confirm(blob, 'read')
      .catch((cause: unknown) =>
        deps.log.error('blob.not-looked-at', { blob, message: asHoldfastError(cause).message }),
      )
  }

  /** A token that is read over and over waits: one reader must not take the line from all. @throws `PEER_BUSY` */
  function spend(token: string, count: number): void {
    const now = clock.monotonic()
    const known = spent.get(token)
    const used = known === undefined ? 0 : Math.max(0, known.reads - (now - known.at) / READ_AGAIN_MS)
    if (used + count > TOKEN_READS) throw new HoldfastError('PEER_BUSY', { what: 'reads by one token' })
    spent.delete(token)
    spent.set(token, { reads: used + count, at: now })
    const [oldest] = spent.keys()
    if (spent.size > MAX_TOKENS && oldest !== undefined) spent.delete(oldest)
  }

  /** The server of docket/1: one request a stream. */
  async function serveDocket(wire: Wire): Promise<void> {
    const request = decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME))
    switch (request.kind) {
      case 'push':
        return takeDocket(wire, request)
      case 'ask':
        return deps.releases.answer(wire, request)
      case 'bisect':
        return deps.bisection.answer(wire, request)
      default:
        throw new HoldfastError('NET_PROTOCOL', { what: `docket/1 ${request.kind}` })
    }
  }

  /** Takes a docket that its bounty's poster hands over. Who brings it does not matter: it must have the hash that is on the chain. */
  async function takeDocket(wire: Wire, push: Extract<DocketMessage, { readonly kind: 'push' }>): Promise<void> {
    const { docketHash, bountyId, length } = push
    const bounty = await awaitBounty(bountyId, docketHash)
    if (!bounty) throw new HoldfastError('PEER_BUSY', { what: 'a docket whose bounty is not seen yet' })
    if (length > 4 + 64 * livingFor(bounty))
      throw new HoldfastError('BOUNTY_INVALID', { what: 'more challenges than blobs are held for its poster' })
    await wire.send(encodeDocketMessage({ kind: 'go' }))
    const docket = new Uint8Array(length)
    for (let at = 0; at < length; at += PIECE) await wire.receiveInto(docket.subarray(at, Math.min(length, at + PIECE)))
    if (!equalBytes(docketHashOf(docket), docketHash))
      throw new HoldfastError('BOUNTY_INVALID', { what: 'the docket is not the one of its hash' })
    await deps.step((step) => {
      const current = step.bounty(bounty.id)
      if (current?.phase === 'posted' && current.placements === undefined) watch.onDocket(step, current, docket, false)
    })
    deps.onDocket() // first: who hands it over may look whether we are busy as soon as it has our word
    await wire.send(encodeDocketMessage({ kind: 'taken' }))
  }

  /** The poster's feed may be a moment ahead of ours. */
  async function awaitBounty(bountyId: Uint8Array, docketHash: Uint8Array): Promise<BountyRecord | undefined> {
    const until = clock.monotonic() + BOUNTY_WAIT_MS
    for (;;) {
      const bounty = watch.waitingFor(bountyId, docketHash)
      if (bounty || clock.monotonic() >= until) return bounty
      deps.poke()
      await clock.sleep(100)
    }
  }

  function livingFor({ poster }: BountyRecord): number {
    let count = 0
    for (const { held } of book.holdings.values()) if (held.uploader === poster && held.state !== 'pruned') count++
    return count
  }

  return {
    serveBlobs: (wire: Wire, peer: Peer) => serveFetch(wire, peer, source),
    serveDocket,
    /** Bytes served since the start. */
    bytesServed: () => served,
  }
}
