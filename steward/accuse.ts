/**
 * What a steward reports of uploaders: bounties that no bytes open, dockets that are not handed over, clearings that the rules do not give. All
 * of it goes to monitors in the background (pool/reporter.ts); nothing here decides about money.
 */
import { fromHex } from '../base/bytes.ts'
import { type Address, signDigest } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import type { Clock, Log, Rng } from '../base/ports.ts'
import { type Domain, demandDigest } from '../base/typed-data.ts'
import { HOUR } from '../base/units.ts'
import type { Challenge } from '../blob/docket.ts'
import { encodeDocket } from '../blob/docket.ts'
import { advertHashOf } from '../net/messages/bid.ts'
import { type ClearingShown, MAX_BOGUS_BLOBS } from '../pool/evidence-form.ts'
import type { Reports } from '../pool/reporter.ts'
import type { Book } from './book.ts'
import type { BountyRecord } from './records.ts'

/** After its post, without its docket, a steward demands it. Seconds. protocol.md §4. */
export const DEMAND_AFTER = 12 * HOUR
/** How long a monitor may read what is lent to it. Milliseconds. */
const LENT_MS = 60 * 60_000
/** Blobs lent at the same time. */
const MAX_LENT = 256

export interface AccuseDeps {
  readonly book: Book
  readonly steward: Address
  readonly secret: Uint8Array
  readonly domain: Domain
  readonly reports: Reports
  readonly rng: Rng
  readonly clock: Clock
  readonly log: Log
  now(): number
}

export type Accuse = ReturnType<typeof createAccuse>

export function createAccuse(deps: AccuseDeps) {
  const { book, steward, reports, clock } = deps
  /** By blob, hex: SHA-256 of a token of ours that opens it, until when. */
  const lent = new Map<string, { readonly tokenHash: Uint8Array; readonly until: number }>()
  const demanded = new Set<string>()

  /** Lends the blob to whoever has the token that is returned. */
  function lend(blob: string): Uint8Array {
    const token = deps.rng.bytes(32)
    lent.delete(blob)
    lent.set(blob, { tokenHash: sha256(token), until: clock.monotonic() + LENT_MS })
    const [oldest] = lent.keys()
    if (lent.size > MAX_LENT && oldest !== undefined) lent.delete(oldest)
    return token
  }

  const termsOf = ({ poster, claimKey, amount, deadline, docketHash }: BountyRecord) => ({
    poster,
    steward,
    claimKey,
    amount,
    deadline,
    docketHash: fromHex(docketHash, 32),
  })

  /** The bytes give another claim key than the one that was posted. */
  function bogus(bounty: BountyRecord, challenges: readonly Challenge[]): void {
    if (challenges.length > MAX_BOGUS_BLOBS) {
      deps.log.info('bounty.bogus-unreported', { bounty: bounty.id, blobs: challenges.length })
      return
    }
    const blobs = challenges.map(({ blobId }) => {
      const blob = Buffer.from(blobId).toString('hex')
      return { length: book.lengthOf(blob), token: lend(blob), bytes: new Uint8Array(0) }
    })
    const evidence = { bounty: termsOf(bounty), docket: encodeDocket(challenges), blobs }
    reports.reportTo(bounty.poster, 'bogus-bounty', fromHex(bounty.id, 32), evidence)
  }

  const waits = (bounty: BountyRecord) =>
    bounty.phase === 'posted' && bounty.placements === undefined && !demanded.has(bounty.id)

  /** Demands what is due. */
  function demandDue(): void {
    const now = deps.now()
    for (const bounty of book.bounties.values()) {
      if (!waits(bounty) || bounty.postedAt + DEMAND_AFTER > now || bounty.deadline < now) continue
      demanded.add(bounty.id)
      const terms = { bountyId: fromHex(bounty.id, 32), docketHash: fromHex(bounty.docketHash, 32) }
      const signature = signDigest(deps.secret, demandDigest(deps.domain, terms))
      reports.demand(bounty.poster, { ...terms, signature })
      reports.reportTo(bounty.poster, 'withheld-docket', terms.bountyId, { bounty: termsOf(bounty), demand: signature })
    }
  }

  /** When a demand is due next. Chain time. */
  function nextDue(): number | undefined {
    const dues = [...book.bounties.values()].flatMap((bounty) =>
      waits(bounty) && bounty.deadline >= bounty.postedAt + DEMAND_AFTER ? [bounty.postedAt + DEMAND_AFTER] : [],
    )
    return dues.length === 0 ? undefined : Math.min(...dues)
  }

  /** A clearing that does not follow from its bids, as bid.ts found. */
  function wrongClearing(shown: ClearingShown): void {
    reports.reportTo(shown.advert.uploader, 'wrong-clearing', advertHashOf(shown.advert), shown)
  }

  /** SHA-256 of the token under which a blob is lent now. */
  function lentHash(blob: string): Uint8Array | undefined {
    const entry = lent.get(blob)
    return entry !== undefined && entry.until > clock.monotonic() ? entry.tokenHash : undefined
  }

  return { bogus, demandDue, nextDue, wrongClearing, lentHash }
}
