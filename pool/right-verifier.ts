/**
 * The verifier of right/1: it takes a requester's word about its inventory, draws a sample after that word is signed, has every drawn blob
 * answered, and grants (pool.md, "The right to store"). Also takes what uploaders deposit for that purpose. Bounded: one request of a
 * requester at a time, so many an hour, so many in all; every wait has the wire's deadline.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, addressOf, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Clock, Log, Rng } from '../base/ports.ts'
import { type Domain, type Placement, placementDigest } from '../base/typed-data.ts'
import { answerOf } from '../blob/challenge.ts'
import { only } from '../net/messages/fields.ts'
import {
  type Commitment,
  commitmentDigest,
  type DepositEntry,
  DRAWS_PER_PAGE,
  decodeRight,
  depositDigest,
  encodeRight,
  MAX_CHALLENGES,
  MAX_RIGHT_BYTES,
  type RightMessage,
} from '../net/messages/right.ts'
import type { Peer } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import { LONGEST_TERM } from '../pricing/bidder.ts'
import { type Right, signGrant } from './grant.ts'
import { isAt } from './inventory.ts'
import { membersWith, type RegistryView, ROLE } from './registry-view.ts'
import type { RightPolicy } from './right-policy.ts'
import type { RightRecords } from './right-records.ts'
import { creditOf, type Drawn, isEnough, offsetAt } from './sample.ts'
import { fitsTicket } from './ticket.ts'

/** What the verifier needs of the chain. */
export interface RightChain {
  /** Chain time. */
  now(): number
  isAdvertPaid(hash: Uint8Array, uploader: Address): Promise<boolean>
  /** When a bounty between the two was last swept and final; undefined: never. Chain time. */
  lastSweep(uploader: Address, steward: Address): Promise<number | undefined>
}

export interface VerifierDeps {
  readonly secret: Uint8Array
  readonly registry: RegistryView
  /** Of the market: what placements and answers are signed and made for. */
  readonly domain: Domain
  /** keccak256(chainId, registrar). */
  readonly pool: Uint8Array
  readonly policy: RightPolicy
  readonly records: RightRecords
  readonly chain: RightChain
  /** Reads a blob of a steward with a token that its uploader lent. @throws what the network throws, `BLOB_CORRUPT` */
  fetch(
    steward: Address,
    blob: { readonly blobId: Uint8Array; readonly length: number; readonly token: Uint8Array },
  ): Promise<Uint8Array>
  /** Uploaders that are probably one have one name. */
  clusterOf?(uploader: Address): string
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
}

/** Requests under way at the same time, and of one requester in an hour. Deposits of one uploader's streams at a time. */
const MAX_RUNNING = 4
const MAX_AN_HOUR = 32
const HOUR_MS = 3_600_000
/** Requesters whose requests are counted. */
const MAX_COUNTED = 10_000
/** A requester reads all that is challenged before it answers; a slow disk needs its time. Milliseconds, and bytes a second. */
const ANSWER_MS = 60_000
const ANSWER_PACE = 4 * 1024 * 1024
/** A commitment speaks of now. Seconds of chain time: the two may have seen different heads. */
const AT_TOLERANCE = 3_600
/** Pages of draws that bring nothing new: there is nothing more to draw. */
const MAX_STALE = 3
/** Deposits that lead to a look at the chain, at the same time. */
const MAX_LOOKUPS = 16

interface Leaf extends Drawn {
  readonly placement: Placement
  readonly digest: Uint8Array
}

/** The server of right/1. */
export function createRightVerifier(deps: VerifierDeps) {
  const { secret, registry, domain, pool, policy, records, chain, clock, rng, log } = deps
  const me = addressOf(secret)
  const clusterOf = deps.clusterOf ?? ((uploader: Address) => uploader)
  const running = new Set<Address>()
  const asked = new Map<Address, number[]>()
  let lookups = 0

  async function serve(wire: Wire, peer: Peer): Promise<void> {
    const request = decodeRight(await wire.receive(MAX_RIGHT_BYTES))
    switch (request.kind) {
      case 'ask':
        return grant(wire, peer, request.commitment)
      case 'deposit':
        return take(wire, request)
      default:
        throw new HoldfastError('NET_PROTOCOL', { what: `right/1 ${request.kind}` })
    }
  }

  async function grant(wire: Wire, peer: Peer, commitment: Commitment): Promise<void> {
    const { requester, bytes } = commitment
    assertAsked(peer, commitment)
    admit(requester)
    running.add(requester)
    try {
      const isAllowance = commitment.total === 0
      const reserved = isAllowance ? assertAllowance(commitment) : assertCovered(commitment)
      if (!isAllowance) await verify(wire, commitment)
      reserved() // others of this requester may have been granted elsewhere meanwhile; here one runs at a time
      const right = await issue(commitment, isAllowance)
      await wire.send(encodeRight({ kind: 'granted', right }))
      log.info('right.granted', { requester, bytes, audience: commitment.audience, allowance: isAllowance })
    } finally {
      running.delete(requester)
    }
  }

  /** @throws `RIGHT_INVALID` for what is not ours, not signed, or not of now */
  function assertAsked(peer: Peer, commitment: Commitment): void {
    const { signature, ...terms } = commitment
    const { requester, verifier, audience, at } = terms
    const member = registry.member(requester)
    if (!equalBytes(terms.pool, pool)) refuse('a request to another pool')
    if (verifier !== me) refuse(`a request to ${verifier}`)
    if (peer.id !== requester) refuse(`${requester}'s request brought by another`)
    if (member === undefined || !registry.inGoodStanding(requester))
      throw new HoldfastError('POOL_UNREGISTERED', { peer: requester })
    if ((member.roles & ROLE.repository) === 0)
      throw new HoldfastError('POOL_NO_ROLE', { peer: requester, role: 'repository' })
    if (audience === requester) refuse('a right to store with oneself')
    if (audience !== me && !isMonitor(me)) refuse(`a grant for ${audience}, and we are no monitor`)
    if (Math.abs(at - chain.now()) > AT_TOLERANCE) refuse('a commitment of another time')
    if (recoverSigner(commitmentDigest(terms), signature) !== requester) refuse('the requester did not sign it')
    if (terms.bytes > policy.most) refuse(`${terms.bytes} bytes, at most ${policy.most} at a time`)
  }

  function isMonitor(id: Address): boolean {
    return ((registry.member(id)?.roles ?? 0) & ROLE.monitor) !== 0
  }

  /** @throws `PEER_BUSY` */
  function admit(requester: Address): void {
    if (running.has(requester) || running.size >= MAX_RUNNING)
      throw new HoldfastError('PEER_BUSY', { what: `${running.size} requests are being verified` })
    const now = clock.monotonic()
    const recent = (asked.get(requester) ?? []).filter((at) => at > now - HOUR_MS)
    if (recent.length >= MAX_AN_HOUR)
      throw new HoldfastError('PEER_BUSY', { what: `${recent.length} requests an hour` })
    asked.delete(requester)
    asked.set(requester, [...recent, now])
    const [oldest] = asked.keys()
    if (asked.size > MAX_COUNTED && oldest !== undefined) asked.delete(oldest)
  }

  /** A member without inventory: a little, once. The result says so again when it is called. @throws `RIGHT_UNPROVEN` */
  function assertAllowance({ requester, bytes }: Commitment): () => void {
    const check = () => {
      const now = chain.now()
      if (records.givenTo(requester, now) + bytes > policy.allowance)
        unproven(`without inventory at most ${policy.allowance} bytes in all`)
      if (records.allowanceGiven(now) + bytes > policy.newcomers) unproven('the allowance for newcomers is used up')
    }
    check()
    return check
  }

  /** What it says of itself allows so much. @throws `RIGHT_UNPROVEN`, `RIGHT_INVALID` when it says less than we know */
  function assertCovered({ requester, bytes, total, count, uploaders, used }: Commitment): () => void {
    if (count < 1 || uploaders < 1 || uploaders > count || count > total) refuse('an inventory that cannot be')
    if (total < bytes) unproven(`an inventory of ${total} bytes for ${bytes}`)
    const check = () => {
      const known = records.givenTo(requester, chain.now())
      if (used < known) refuse(`it says that it uses ${used} bytes, we alone gave ${known}`)
      if ((used + bytes) * policy.fraction > total)
        unproven(`${used + bytes} bytes elsewhere, 1/${policy.fraction} of ${total} may be`)
    }
    check()
    return check
  }

  /** Draws, looks, asks. @throws `RIGHT_UNPROVEN` */
  async function verify(wire: Wire, commitment: Commitment): Promise<void> {
    const leaves = await draw(wire, commitment)
    const tickets = await records.takeTickets(leaves.map(({ digest }) => digest))
    const nonces = leaves.map(({ digest, placement }) => ({
      blobId: placement.blobId,
      nonce: tickets.get(toHex(digest))?.nonce ?? rng.bytes(32),
    }))
    await wire.send(encodeRight({ kind: 'challenge', nonces }))
    const bytes = leaves.reduce((sum, { length }) => sum + length, 0)
    const within = ANSWER_MS + (bytes / ANSWER_PACE) * 1000
    const { answers } = only(decodeRight(await wire.receive(MAX_RIGHT_BYTES, { within })), 'answers')
    if (answers.length !== leaves.length) unproven(`${answers.length} answers to ${leaves.length} challenges`)
    for (const [i, leaf] of leaves.entries()) {
      const answer = answers[i] as Uint8Array
      const ticket = tickets.get(toHex(leaf.digest))
      const isRight =
        ticket === undefined ? await isRead(leaf, nonces[i]?.nonce as Uint8Array, answer) : fitsTicket(ticket, answer)
      if (!isRight) unproven(`no right answer for blob ${leaf.blobId}`)
    }
  }

  /** Reads the blob itself with the lent token, and makes the answer. */
  async function isRead({ placement, digest }: Leaf, nonce: Uint8Array, answer: Uint8Array): Promise<boolean> {
    const { steward, blobId, length } = placement
    const token = (await records.deposit(digest))?.token
    if (token === undefined) return false
    try {
      const blob = await deps.fetch(steward, { blobId, length, token })
      return equalBytes(answerOf(domain, blobId, blob, nonce), answer)
    } catch (cause) {
      log.info('right.unread', { steward, blob: toHex(blobId), message: (cause as Error).message })
      return false
    }
  }

  /** Offsets in pages until the sample is enough; the blobs that were drawn, each once. @throws `RIGHT_UNPROVEN` */
  async function draw(wire: Wire, commitment: Commitment): Promise<readonly Leaf[]> {
    const { total, root, bytes } = commitment
    const seed = rng.bytes(32)
    const drawn = new Map<string, Leaf>()
    let stale = 0
    const known = new Map<string, Promise<boolean>>()
    /** Of many blobs of one lot the chain is asked once. */
    const isCounted = (advert: Uint8Array, uploader: Address, steward: Address) => {
      const key = `${toHex(advert)}${uploader}`
      const answer = known.get(key) ?? counts(advert, uploader, steward)
      known.set(key, answer)
      return answer
    }
    for (let first = 0; first < policy.draws; first += DRAWS_PER_PAGE) {
      const count = Math.min(DRAWS_PER_PAGE, policy.draws - first)
      await wire.send(encodeRight({ kind: 'draw', seed, first, count }))
      const { entries } = only(decodeRight(await wire.receive(MAX_RIGHT_BYTES)), 'leaves')
      const size = drawn.size
      if (entries.length !== count) unproven(`${entries.length} placements at ${count} offsets`)
      for (const [i, { path, ...receipt }] of entries.entries()) {
        const digest = placementDigest(domain, receipt.placement)
        const before = drawn.get(toHex(receipt.placement.blobId))
        if (before !== undefined && !equalBytes(before.digest, digest)) unproven(`blob ${before.blobId} counts twice`)
        const leaf = before ?? (await look(commitment, digest, receipt, isCounted))
        if (
          !isAt(
            { root, total },
            offsetAt(seed, root, first + i, total),
            { length: leaf.length, digest: leaf.digest },
            path,
          )
        )
          unproven('a placement that does not lie where it was drawn')
        drawn.set(leaf.blobId, leaf)
      }
      const leaves = [...drawn.values()]
      stale = leaves.length > size ? 0 : stale + 1
      if (leaves.length > MAX_CHALLENGES || stale > MAX_STALE) break
      if (isEnough(leaves, bytes, commitment, policy)) return leaves
    }
    const credit = creditOf(drawn.values(), bytes, policy)
    return unproven(
      `${credit} of ${bytes} bytes count: paid-for placements with a sweep in ${policy.sweptWithin / 86_400} days, 1/${policy.perCluster} from one uploader at most`,
    )
  }

  /** A receipt, checked: the requester's own, signed by both, living. Whether it counts is the chain's word. */
  async function look(
    { requester }: Commitment,
    digest: Uint8Array,
    receipt: { readonly placement: Placement; readonly signature: Uint8Array; readonly countersignature: Uint8Array },
    isCounted: (advert: Uint8Array, uploader: Address, steward: Address) => Promise<boolean>,
  ): Promise<Leaf> {
    const { placement, signature, countersignature } = receipt
    const { uploader, steward, blobId, length, end, advert } = placement
    if (steward !== requester) unproven(`a placement of ${steward}`)
    if (recoverSigner(digest, signature) !== uploader || recoverSigner(digest, countersignature) !== steward)
      unproven('a placement that is not signed by both')
    const now = chain.now()
    const isEligible = end > now && uploader !== requester && (await isCounted(advert, uploader, steward))
    return { placement, digest, blobId: toHex(blobId), length, uploader, cluster: clusterOf(uploader), isEligible }
  }

  async function counts(advert: Uint8Array, uploader: Address, steward: Address): Promise<boolean> {
    if (!(await chain.isAdvertPaid(advert, uploader))) return false
    const swept = await chain.lastSweep(uploader, steward)
    return swept !== undefined && swept >= chain.now() - policy.sweptWithin
  }

  async function issue({ requester, audience, bytes }: Commitment, isAllowance: boolean): Promise<Right> {
    const now = chain.now()
    const expires = now + policy.grantLife
    const right = signGrant(secret, { pool, requester, verifier: me, audience, bytes, expires, id: rng.bytes(32) })
    await records.give(right.grant.id, { requester, bytes, until: expires + LONGEST_TERM, isAllowance })
    return right
  }

  /** Keeps what an uploader lends or seals for its placements with others. @throws `RIGHT_INVALID` */
  async function take(wire: Wire, deposit: Extract<RightMessage, { readonly kind: 'deposit' }>): Promise<void> {
    const { verifier, entries, signature } = deposit
    if (verifier !== me) refuse(`a deposit with ${verifier}`)
    const uploader = recoverSigner(depositDigest(verifier, entries), signature)
    const adverts = new Map<string, Uint8Array>()
    for (const { placement } of entries) {
      if (placement.uploader !== uploader) refuse('a deposit for a placement of somebody else')
      adverts.set(toHex(placement.advert), placement.advert)
    }
    const by = uploader as Address // every entry named it
    await assertPaid(adverts.values(), by) // before the many signatures are looked at: who paid nothing costs us one
    for (const entry of entries) assertDeposit(entry)
    if (records.roomFor(by) < entries.length) throw new HoldfastError('PEER_BUSY', { what: 'deposits of one uploader' })
    await records.keep(
      entries.map(({ placement, tickets, token }) => ({
        digest: placementDigest(domain, placement),
        deposit: { uploader: by, end: placement.end, tickets, ...(token === undefined ? {} : { token }) },
      })),
    )
    await wire.send(encodeRight({ kind: 'taken', count: entries.length }))
  }

  /** @throws `RIGHT_INVALID`, `GRANT_WRONG` */
  function assertDeposit({ placement, signature, countersignature, token }: DepositEntry): void {
    const digest = placementDigest(domain, placement)
    if (
      recoverSigner(digest, signature) !== placement.uploader ||
      recoverSigner(digest, countersignature) !== placement.steward
    )
      refuse('a deposit for a placement that is not signed by both')
    if (token !== undefined && !equalBytes(sha256(token), placement.tokenHash)) throw new HoldfastError('GRANT_WRONG')
    if (placement.end <= chain.now()) refuse('a deposit for a placement that has ended')
  }

  /** A deposit costs an advert, so that nobody fills the disk of a verifier for nothing. @throws `RIGHT_INVALID`, `PEER_BUSY` */
  async function assertPaid(adverts: Iterable<Uint8Array>, uploader: Address): Promise<void> {
    if (lookups >= MAX_LOOKUPS)
      throw new HoldfastError('PEER_BUSY', { what: `${lookups} deposits are being looked at` })
    lookups++
    try {
      for (const advert of adverts)
        if (!(await chain.isAdvertPaid(advert, uploader))) refuse('a deposit for a placement whose advert nobody paid')
    } finally {
      lookups--
    }
  }

  return { serve }
}

/** Repositories that may be asked by one of them, and whom uploaders lend to for its placements: so many, the same for everybody. */
export const VERIFIERS_EACH = 16

/**
 * Who verifies a steward's inventory: monitors, then the repositories first in the order of SHA-256(steward ‖ member), so that an uploader
 * knows to whom to lend without being asked, and a large pool needs no more deposits than a small one.
 */
export function verifiersOf(registry: RegistryView, steward: Address): readonly Address[] {
  const others = [...membersWith(registry, ROLE.repository | ROLE.monitor)].filter(({ id }) => id !== steward)
  const ranked = others.map(({ id, roles }) => {
    const isMonitor = (roles & ROLE.monitor) !== 0
    return { id, rank: `${isMonitor ? 0 : 1}${toHex(sha256(new TextEncoder().encode(`${steward}${id}`)))}` }
  })
  return ranked
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, VERIFIERS_EACH)
    .map(({ id }) => id)
}

function refuse(what: string): never {
  throw new HoldfastError('RIGHT_INVALID', { what })
}

function unproven(what: string): never {
  throw new HoldfastError('RIGHT_UNPROVEN', { what })
}
