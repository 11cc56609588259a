/**
 * One blob from one steward, checked; and the steward's side of it. The reader believes nothing but the hash. The token travels
 * only on the encrypted channel, the bytes are ciphertext already.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { blobIdOf } from '../blob/whiten.ts'
import { decodeFetch, encodeFetch, FETCH_PROTOCOL, MAX_FETCH_BYTES } from '../net/messages/fetch.ts'
import { only } from '../net/messages/fields.ts'
import { MAX_BLOB } from '../net/messages/placement.ts'
import type { NetNode, Peer, Target } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import type { Wire } from '../net/wire.ts'
import type { PlainBulk } from './plain-bulk.ts'
import type { Transfers } from './transfers.ts'

export interface FetchRequest {
  readonly blobId: Uint8Array
  readonly token: Uint8Array
  /** When known: another length is refused before a byte of it is read. */
  readonly length?: number
  /** Where the bytes go, when it is large enough; the result is a part of it. Fresh memory for every blob costs more than the copy. */
  readonly into?: Uint8Array
  /** When given, the bytes may come over the holder's plain endpoint: ciphertext, checked by its hash. The token never goes there. */
  readonly plain?: PlainBulk | undefined
  /** Called with the number of bytes that came over the plain endpoint since the last call. */
  onPlainBytes?(count: number): void
  readonly signal?: AbortSignal
}

export interface FetchedBlob {
  /** The whole blob; its SHA-256 is the id. */
  readonly bytes: Uint8Array
  /** The sealed successor record that came with a manifest copy. */
  readonly successor?: Uint8Array
}

/**
 * The whole blob from one holder.
 * @throws `BLOB_CORRUPT` (the bytes are not the blob), `BLOB_UNKNOWN`, `GRANT_WRONG`, `PEER_BUSY`, and what the network throws
 */
export async function fetchBlob(
  net: Pick<NetNode, 'open'>,
  holder: Target,
  request: FetchRequest,
): Promise<FetchedBlob> {
  return talk(net, holder, FETCH_PROTOCOL, request.signal, (wire) => fetchOver(wire, request))
}

/** The same over an open stream, which can serve many requests, one after another. */
export async function fetchOver(wire: Wire, request: FetchRequest): Promise<FetchedBlob> {
  const blob = toHex(request.blobId)
  const limit = request.length ?? MAX_BLOB
  const plain = request.plain?.isWorthTrying(wire.remote) ? request.plain : undefined
  const { blobId, token } = request
  await wire.send(encodeFetch({ kind: 'get', blobId, token, from: 0, ...(plain === undefined ? {} : { plain: 1 }) }))
  const head = only(decodeFetch(await wire.receive(MAX_FETCH_BYTES)), 'blob', 'aside')
  if (head.kind === 'aside' && plain === undefined) throw new HoldfastError('NET_PROTOCOL', { what: 'aside unasked' })
  if (head.total > limit || head.length !== head.total || (request.length !== undefined && head.total !== limit))
    throw new HoldfastError('BLOB_CORRUPT', { blob, peer: wire.remote, got: head.total, expected: limit })
  const successor = new Uint8Array(head.successor ?? 0)
  await wire.receiveInto(successor)
  const isRoomy = request.into !== undefined && request.into.length >= head.total
  const bytes = isRoomy
    ? (request.into as Uint8Array).subarray(0, head.total)
    : new Uint8Array(Buffer.allocUnsafeSlow(head.total).buffer)
  if (head.kind === 'aside' && plain !== undefined) {
    if (await isTaken(plain, wire, head.transfer, bytes, request))
      return successor.length === 0 ? { bytes } : { bytes, successor }
    return fetchOver(wire, { ...request, plain: undefined })
  }
  await wire.receiveInto(bytes)
  if (!equalBytes(blobIdOf(bytes), request.blobId)) throw new HoldfastError('BLOB_CORRUPT', { blob, peer: wire.remote })
  return successor.length === 0 ? { bytes } : { bytes, successor }
}

/** The bytes over the plain endpoint, compared with their id. False: they did not come, or are not the blob; the encrypted way is still there. */
async function isTaken(
  plain: PlainBulk,
  wire: Wire,
  transfer: Uint8Array,
  bytes: Uint8Array,
  { blobId, signal, onPlainBytes }: FetchRequest,
): Promise<boolean> {
  try {
    await plain.take(wire.remote, transfer, bytes, {
      ...(signal === undefined ? {} : { signal }),
      onBytes: (count) => onPlainBytes?.(count),
    })
  } catch (cause) {
    signal?.throwIfAborted()
    plain.failed(wire.remote, cause)
    return false
  }
  if (equalBytes(blobIdOf(bytes), blobId)) return true
  plain.failed(wire.remote, new HoldfastError('BLOB_CORRUPT', { blob: toHex(blobId) }))
  return false
}

/** What a steward says of a blob it holds. */
export interface HeldBlob {
  readonly length: number
  /** SHA-256 of each read token that opens it: one per placement. */
  readonly tokenHashes: readonly Uint8Array[]
  /** Sealed successor record kept for the placement of this token, for a manifest copy that has one. */
  successor?(tokenHash: Uint8Array): Promise<Uint8Array | undefined>
}

export interface ServeFetchDeps {
  /** Undefined: not held, or not to be served. */
  find(blobId: Uint8Array): Promise<HeldBlob | undefined>
  /** The bytes as stored; a read error ends the stream without an answer that could be taken for the blob. */
  read(blobId: Uint8Array, from: number, length: number): AsyncIterable<Uint8Array>
  /** Quota and accounts, before anything is sent. `tokenHash` names the payer. @throws `PEER_BUSY` */
  admit?(request: {
    readonly peer: Peer
    readonly blobId: Uint8Array
    readonly tokenHash: Uint8Array
    readonly length: number
  }): Promise<void>
  /** After everything was sent. */
  served?(request: {
    readonly peer: Peer
    readonly blobId: Uint8Array
    readonly tokenHash: Uint8Array
    readonly length: number
  }): void
  /** Where the plain endpoint is open: readers that ask for it take the bytes there. */
  readonly transfers?: Pick<Transfers, 'offer'> | undefined
}

/** Requests on one stream before the reader has to open another. */
const MAX_REQUESTS = 10_000

/** Handler of `/holdfast/fetch/1`. */
export async function serveFetch(wire: Wire, peer: Peer, deps: ServeFetchDeps): Promise<void> {
  for (let requests = 0; requests < MAX_REQUESTS; requests++) {
    const frame = await wire.receiveOrEnd(MAX_FETCH_BYTES)
    if (frame === undefined) return
    const { blobId, token, from, length, plain } = only(decodeFetch(frame), 'get')
    const held = await deps.find(blobId)
    if (held === undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: toHex(blobId) })
    const tokenHash = sha256(token) // nobody can steer its bytes, so how long the comparison takes gives nothing away
    if (!held.tokenHashes.some((one) => equalBytes(one, tokenHash))) throw new HoldfastError('GRANT_WRONG')
    const count = Math.min(length ?? held.length, held.length - from)
    if (count < 0)
      throw new HoldfastError('INPUT_RANGE', { name: 'from', expected: `at most ${held.length}`, got: from })
    const request = { peer, blobId, tokenHash, length: count }
    await deps.admit?.(request)
    const successor = await held.successor?.(tokenHash)
    const bytes = () => exactly(deps.read(blobId, from, count), count, toHex(blobId))
    const transfer =
      plain === undefined
        ? undefined
        : deps.transfers?.offer(peer, { blobId, from, length: count }, bytes, () => deps.served?.(request))
    if (transfer !== undefined) {
      const length = successor?.length
      await wire.send(encodeFetch({ kind: 'aside', transfer, length: count, total: held.length, successor: length }))
      if (successor !== undefined) await wire.sendBytes(successor)
      continue
    }
    await wire.send(encodeFetch({ kind: 'blob', length: count, total: held.length, successor: successor?.length }))
    if (successor !== undefined) await wire.sendBytes(successor)
    await wire.sendBytes(bytes())
    deps.served?.(request)
  }
}

/** A store that gives more or fewer bytes than announced would shift every later message of the stream. */
async function* exactly(source: AsyncIterable<Uint8Array>, length: number, blob: string): AsyncIterable<Uint8Array> {
  let left = length
  for await (const part of source) {
    left -= part.length
    if (left < 0) break
    yield part
  }
  if (left !== 0) throw new HoldfastError('BLOB_CORRUPT', { blob })
}
