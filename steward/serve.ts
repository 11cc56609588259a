/** Serving: blobs to whoever has a read token (fetch/1), and dockets from whoever posted a bounty too large for its note (docket/1). */
import { equalBytes, fromHex, toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import { MiB } from '../base/units.ts'
import { docketHashOf } from '../blob/docket.ts'
import { DOCKET_PROTOCOL, decodeDocketMessage, encodeDocketMessage, MAX_DOCKET_FRAME } from '../net/messages/docket.ts'
import { FETCH_PROTOCOL } from '../net/messages/fetch.ts'
import { only } from '../net/messages/fields.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import { type HeldBlob, type ServeFetchDeps, serveFetch } from '../pool/fetch-blob.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import type { BountyRecord } from './records.ts'
import type { Step } from './step.ts'
import type { Watch } from './watch.ts'

export { DOCKET_PROTOCOL, FETCH_PROTOCOL }

export interface ServeDeps {
  readonly book: Book
  readonly files: Pick<BlobFiles, 'stream' | 'size'>
  readonly watch: Watch
  readonly clock: Clock
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  /** Looks for news of the chain now. */
  poke(): void
  /** Bounties may have become answerable. */
  onDocket(): void
}

/** Blobs read for peers at the same time; more wait their turn, the first of them not long. */
const MAX_READS = 64
/** How long a docket waits for the feed to show its bounty. Milliseconds. */
const BOUNTY_WAIT_MS = 3_000
/** A docket comes in pieces, so that a slow one is not late as a whole. Bytes. */
const PIECE = MiB

/** The servers of fetch/1 and docket/1. */
export function createServe(deps: ServeDeps) {
  const { book, files, watch, clock } = deps
  let reads = 0
  /** Bytes that went out since the start. */
  let served = 0

  async function find(blobId: Uint8Array): Promise<HeldBlob | undefined> {
    const blob = toHex(blobId)
    const living = [...book.heldOf(blob)].filter(({ state }) => state !== 'pruned')
    const [first] = living
    if (!first || (await files.size(blobId)) !== first.length) return undefined
    const tokenHashes = living.map(({ id }) => fromHex(book.holdings.get(id)?.tokenHash ?? ''))
    const isCopy = living.some(({ id }) => book.holdings.get(id)?.locator !== undefined)
    const stored = isCopy ? await book.successor(blob) : undefined
    return { length: first.length, tokenHashes, ...(stored === undefined ? {} : { successor: stored.subarray(4) }) }
  }

  const source: ServeFetchDeps = {
    find,
    async *read(blobId, from, length) {
      reads++
      try {
        yield* files.stream(blobId, { offset: from, length })
      } finally {
        reads--
      }
    },
    admit: async () => {
      if (reads >= MAX_READS) throw new HoldfastError('PEER_BUSY', { what: `${reads} blobs are being read` })
    },
    served: ({ length }) => {
      served += length
    },
  }

  /** Takes a docket that its bounty's poster hands over. Who brings it does not matter: it must have the hash that is on the chain. */
  async function takeDocket(wire: Wire): Promise<void> {
    const { docketHash, bountyId, length } = only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'push')
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
    await wire.send(encodeDocketMessage({ kind: 'taken' }))
    deps.onDocket()
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
    takeDocket,
    /** Bytes served since the start. */
    bytesServed: () => served,
  }
}
