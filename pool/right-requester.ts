/** The requester of right/1: commits to its inventory, shows what is drawn, answers what is asked, and gets a grant. */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Placement } from '../base/typed-data.ts'
import type { ChallengedBlob } from '../blob/challenge.ts'
import { only } from '../net/messages/fields.ts'
import {
  commitmentDigest,
  decodeRight,
  encodeRight,
  MAX_RIGHT_BYTES,
  RIGHT_PROTOCOL,
  type RightMessage,
} from '../net/messages/right.ts'
import type { NetNode, Target } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import type { Wire } from '../net/wire.ts'
import { grantDigest, type Right } from './grant.ts'
import type { Inventory } from './inventory.ts'
import { offsetAt } from './sample.ts'

/** A placement both sides signed. */
export interface SignedReceipt {
  readonly placement: Placement
  readonly signature: Uint8Array
  readonly countersignature: Uint8Array
}

export interface RightRequest {
  /** The requester's key. */
  readonly secret: Uint8Array
  /** keccak256(chainId, registrar). */
  readonly pool: Uint8Array
  readonly verifier: Address
  readonly audience: Address
  /** Asked for. */
  readonly bytes: number
  /** What is stored for others; absent: nothing, and the allowance is asked for. */
  readonly inventory?: Inventory
  /** Different uploaders in it. */
  readonly uploaders: number
  /** Bytes we may store elsewhere by other grants. */
  readonly used: number
  /** Chain time. */
  readonly now: number
  /** The receipt of a placement in the inventory. @param digest 32 bytes */
  receipt(digest: Uint8Array): Promise<SignedReceipt>
  /** Answers to one nonce over a blob that is held. */
  answer(blob: ChallengedBlob, nonce: Uint8Array): Promise<Uint8Array>
  readonly signal?: AbortSignal
}

/** Pages of draws that are answered before the verifier is taken for unwilling. */
const MAX_PAGES = 64
/** A verifier may read every drawn blob before it says anything. Milliseconds. */
const VERDICT_MS = 300_000

/**
 * Asks one verifier. Nobody else can make us read: the nonces are answered on the stream that we opened, for blobs that were drawn from our inventory.
 * @throws `RIGHT_UNPROVEN`, `RIGHT_INVALID`, `PEER_BUSY` as the verifier says; `NET_PROTOCOL`; what the network throws
 */
export async function askForRight(net: Pick<NetNode, 'open'>, verifier: Target, request: RightRequest): Promise<Right> {
  return talk(net, verifier, RIGHT_PROTOCOL, request.signal, (wire) => askOver(wire, request))
}

async function askOver(wire: Wire, request: RightRequest): Promise<Right> {
  const { secret, pool, verifier, audience, bytes, inventory, uploaders, used, now } = request
  const terms = {
    pool,
    requester: addressOf(secret),
    verifier,
    audience,
    bytes,
    total: inventory?.total ?? 0,
    count: inventory?.items.length ?? 0,
    uploaders,
    root: inventory?.root ?? new Uint8Array(32),
    used,
    at: now,
  }
  const signature = signDigest(secret, commitmentDigest(terms))
  await wire.send(encodeRight({ kind: 'ask', commitment: { ...terms, signature } }))
  const drawn = new Map<string, ChallengedBlob>()
  for (let pages = 0; pages <= MAX_PAGES; pages++) {
    const next = only(decodeRight(await wire.receive(MAX_RIGHT_BYTES)), 'draw', 'challenge', 'granted')
    if (next.kind === 'granted') return assertGranted(next.right, request, terms.requester)
    if (next.kind === 'challenge') {
      await answer(wire, next, drawn, request)
      const { right } = only(decodeRight(await wire.receive(MAX_RIGHT_BYTES, { within: VERDICT_MS })), 'granted')
      return assertGranted(right, request, terms.requester)
    }
    await show(wire, next, drawn, request)
  }
  throw new HoldfastError('NET_PROTOCOL', { what: `more than ${MAX_PAGES} pages of draws` })
}

async function show(
  wire: Wire,
  { seed, first, count }: Extract<RightMessage, { readonly kind: 'draw' }>,
  drawn: Map<string, ChallengedBlob>,
  { inventory, receipt }: RightRequest,
): Promise<void> {
  if (inventory === undefined) throw new HoldfastError('NET_PROTOCOL', { what: 'a draw from no inventory' })
  const entries = []
  for (let i = first; i < first + count; i++) {
    const { item, path } = inventory.proveAt(offsetAt(seed, inventory.root, i, inventory.total))
    drawn.set(toHex(item.blobId), { blobId: item.blobId, length: item.length })
    const { placement, signature, countersignature } = await receipt(item.digest)
    entries.push({ placement, signature, countersignature, path })
  }
  await wire.send(encodeRight({ kind: 'leaves', entries }))
}

async function answer(
  wire: Wire,
  { nonces }: Extract<RightMessage, { readonly kind: 'challenge' }>,
  drawn: ReadonlyMap<string, ChallengedBlob>,
  request: RightRequest,
): Promise<void> {
  const asked = new Set<string>()
  const answers: Uint8Array[] = []
  for (const { blobId, nonce } of nonces) {
    const id = toHex(blobId)
    const blob = drawn.get(id)
    if (blob === undefined || asked.has(id))
      throw new HoldfastError('NET_PROTOCOL', { what: 'a challenge for a blob that was not drawn' })
    asked.add(id)
    answers.push(await request.answer(blob, nonce))
  }
  await wire.send(encodeRight({ kind: 'answers', answers }))
}

/** It is what we asked for. @throws `RIGHT_INVALID` */
function assertGranted(right: Right, { pool, verifier, audience, bytes }: RightRequest, requester: Address): Right {
  const { grant, signature, transfers } = right
  const isOurs =
    equalBytes(grant.pool, pool) &&
    grant.requester === requester &&
    grant.verifier === verifier &&
    grant.audience === audience &&
    grant.bytes === bytes &&
    transfers.length === 0
  if (!isOurs || recoverSigner(grantDigest(grant), signature) !== verifier)
    throw new HoldfastError('RIGHT_INVALID', { what: 'the grant is not the one that was asked for' })
  return right
}
