/** Signed reports, bounties and auctions with fixed keys, for tests of evidence, panels and monitors. */
import { utf8 } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { bountyIdOf, type Domain, type Placement, placementDigest, poolIdOf } from '../../base/typed-data.ts'
import { answerOf } from '../../blob/challenge.ts'
import { claimKeyOf, docketHashOf, encodeDocket } from '../../blob/docket.ts'
import {
  type Advert,
  type AdvertTerms,
  advertDigest,
  advertHashOf,
  type Bid,
  bidCommit,
  clearingDigest,
  commitsRoot,
} from '../../net/messages/bid.ts'
import type { BountyOnChain, JudgeEnv } from '../../pool/evidence.ts'
import { type ClearingShown, type EvidenceOf, encodeEvidence, type ReceiptShown } from '../../pool/evidence-form.ts'
import { type Report, type ReportKind, signReport } from '../../pool/report.ts'
import { lossOfLot, selectAwards } from '../../pricing/auction.ts'

export const MARKET: Domain = { chainId: 31337, contract: '0x00000000000000000000000000000000000000a1' }
export const POOL: Domain = { chainId: 31337, contract: '0x00000000000000000000000000000000000000aa' }
export const POOL_ID = poolIdOf(POOL)
export const NOW = 1_800_000_000

/** 32 bytes that are different for every name: a secret, an id, a nonce. */
export const word = (name: string): Uint8Array => sha256(utf8(`holdfast report test ${name}`))
export const uploader = word('uploader')
export const steward = word('steward')

export function aReport<Kind extends ReportKind>(
  kind: Kind,
  body: EvidenceOf<Kind>,
  about: {
    readonly by?: Uint8Array
    readonly accused: Address
    readonly subject: Uint8Array
    readonly at?: number
    readonly pool?: Uint8Array
  },
): Report {
  return signReport(about.by ?? steward, {
    pool: about.pool ?? POOL_ID,
    accused: about.accused,
    kind,
    subject: about.subject,
    at: about.at ?? NOW,
    evidence: encodeEvidence(kind, body),
  })
}

/** A placement of `blob` that both signed. */
export function aReceipt(blobId: Uint8Array, token: Uint8Array, length = 1_000): ReceiptShown {
  const placement: Placement = {
    uploader: addressOf(uploader),
    steward: addressOf(steward),
    blobId,
    length,
    price: 6n * 10n ** 15n,
    egressPrice: 0n,
    egressFree: 10_000,
    start: NOW - 86_400,
    end: NOW + 90 * 86_400,
    grace: 1_209_600,
    bond: 0n,
    answersRoot: word('answers'),
    tokenHash: sha256(token),
    advert: new Uint8Array(32),
    offerUntil: NOW,
    version: 1,
  }
  const digest = placementDigest(MARKET, placement)
  return { placement, signature: signDigest(uploader, digest), countersignature: signDigest(steward, digest) }
}

/** A bounty over some blobs; `claimKey` stands in for the one that the bytes give. */
export function aBounty(blobs: readonly Uint8Array[], claimKey?: Address) {
  const challenges = blobs
    .map((bytes) => ({ bytes, blobId: sha256(bytes), nonce: sha256(bytes, utf8('nonce')) }))
    .sort((a, b) => (Buffer.compare(a.blobId, b.blobId) < 0 ? -1 : 1))
  const docket = encodeDocket(challenges)
  const right = claimKeyOf(
    MARKET,
    challenges.map(({ blobId, nonce, bytes }) => ({ blobId, nonce, answer: answerOf(MARKET, blobId, bytes, nonce) })),
  )
  const bounty = {
    poster: addressOf(uploader),
    steward: addressOf(steward),
    claimKey: claimKey ?? right,
    amount: 5n,
    deadline: NOW + 3 * 86_400,
    docketHash: docketHashOf(docket),
  }
  const id = bountyIdOf(bounty.poster, bounty.claimKey, bounty.steward)
  const onChain: BountyOnChain = { ...bounty, postedAt: NOW - 3_600 }
  return { bounty, docket, id, onChain, challenges, right }
}

/** Facts: the chain knows these bounties and no others. */
export function facts(...known: readonly { readonly id: Uint8Array; readonly onChain: BountyOnChain }[]): JudgeEnv {
  const byId = new Map(known.map(({ id, onChain }) => [Buffer.from(id).toString('hex'), onChain]))
  return {
    market: MARKET,
    pool: POOL,
    bounty: (id) => byId.get(Buffer.from(id).toString('hex')) ?? null,
  }
}

/** An auction of three lots among five, cleared by the rules, unless `change` says otherwise; signed by the uploader. */
export function aClearing(
  change: (honest: { price: bigint; lots: Map<Address, number> }) => { price: bigint; lots: Map<Address, number> } = (
    honest,
  ) => honest,
): { readonly shown: ClearingShown; readonly advert: Advert; readonly hash: Uint8Array } {
  const terms: AdvertTerms = {
    chainId: MARKET.chainId,
    market: MARKET.contract,
    uploader: addressOf(uploader),
    id: word('advert'),
    lots: [{ count: 3, bytes: 1_000_000, blobs: 1 }],
    k: 1,
    n: 3,
    term: 90 * 86_400,
    reserve: 20n * 10n ** 15n,
    commitMs: 1_000,
    revealMs: 1_000,
    egressPrice: 0n,
    egressFree: 2_000_000,
    grace: 1_209_600,
    perCluster: 0,
    newcomers: 1,
  }
  const advert: Advert = { ...terms, signature: signDigest(uploader, advertDigest(terms)) }
  const hash = advertHashOf(advert)
  const bidders = Array.from({ length: 5 }, (_, i) => {
    const id = addressOf(word(`bidder ${i}`))
    const bid: Bid = {
      steward: id,
      price: BigInt(5 + i) * 10n ** 15n,
      egressPrice: 0n,
      egressFree: 2_000_000,
      bond: 0n,
    }
    const salt = word(`salt ${i}`)
    return { steward: id, bid, salt, commit: bidCommit(bid, salt), confidence: 900_000 }
  }).sort((a, b) => (a.steward < b.steward ? -1 : 1))
  const commits = bidders.map(({ steward: id, commit, confidence }) => ({
    steward: id,
    commit,
    confidence,
    cluster: 0,
    newcomer: 0,
    backing: 0n,
  }))
  const rules = { lots: [0, 1, 2], reserve: terms.reserve, newcomers: 1, held: [] }
  const root = commitsRoot(hash, rules, commits)
  const { awards, price } = selectAwards(
    bidders,
    bidders.map(({ steward: id, confidence }) => ({ steward: id, confidence, age: 100 * 86_400, backing: 0n })),
    {
      lots: [0, 1, 2],
      k: 1,
      n: 3,
      bytes: 1_000_000,
      term: terms.term,
      reserve: terms.reserve,
      loss: lossOfLot({ bytes: 1_000_000, k: 1, egressPrice: 0n, reserve: terms.reserve }),
      egressPrice: 0n,
      newcomers: 1,
    },
  )
  const told = change({ price, lots: new Map(awards.map(({ steward: id, lot }) => [id, lot])) })
  const reveals = bidders.map(({ bid, salt, steward: id }) => {
    const lot = told.lots.get(id)
    return { bid, salt, ...(lot === undefined ? {} : { lot }) }
  })
  const signature = signDigest(uploader, clearingDigest(hash, root, told.price, reveals))
  return {
    advert,
    hash,
    shown: {
      advert,
      rules,
      commits,
      outcome: { root, price: told.price, reveals, signature },
    },
  }
}
