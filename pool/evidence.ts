/**
 * What a report proves. Pure: the same report and the same facts give the same judgement on every computer, also years later and offline. The
 * class follows from the evidence, never from what the accuser calls it. pool.md "Evidence and judgement"; docs/explanation/evidence.md.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { bountyIdOf, type Domain, demandDigest, helloDigest, placementDigest } from '../base/typed-data.ts'
import { answerOf } from '../blob/challenge.ts'
import { type AnsweredChallenge, claimKeyOf, decodeDocket, docketHashOf } from '../blob/docket.ts'
import { advertDigest, advertHashOf, clearingDigest } from '../net/messages/bid.ts'
import { judgeClearing } from './evidence-clearing.ts'
import {
  type BogusShown,
  type BountyShown,
  decodeEvidence,
  type Evidence,
  type EvidenceOf,
  type OutcomeShown,
  type ReceiptShown,
} from './evidence-form.ts'
import { isBallotSigned, type Report } from './report.ts'

/** pool.md. `self-verifying`: one report suffices. `objective`: on chain, blame unclear. `corroborable`: to be probed. `hearsay`: counts nothing. */
export type EvidenceClass = 'self-verifying' | 'objective' | 'corroborable' | 'hearsay'

export interface Judgement {
  readonly class: EvidenceClass
  /** `proven`: it is so. `dismissed`: it is not. `open`: something else has to be looked at first. */
  readonly outcome: 'proven' | 'dismissed' | 'open'
  /** One sentence. */
  readonly why: string
  /** What would settle it. */
  readonly needs?: 'probe' | 'chain' | 'bytes'
}

/** How a bounty stands on chain. */
export interface BountyOnChain extends BountyShown {
  readonly postedAt: number
  readonly end?: { readonly kind: 'swept' | 'revoked'; readonly at: number }
}

/** Facts that are not in the evidence. Those left out leave a judgement open. */
export interface JudgeEnv {
  readonly market: Domain
  /** The contract is the registrar. */
  readonly pool: Domain
  /** Undefined: the chain was not asked. Null: there is no such bounty. */
  bounty?(id: Uint8Array): BountyOnChain | null | undefined
  /** An answer that was made from the bytes of a blob fetched and checked. */
  answer?(blobId: Uint8Array, nonce: Uint8Array): Uint8Array | undefined
}

/** @throws `EVIDENCE_INVALID` when it is not of its form, or not about what the report says */
export function judge(report: Report, env: JudgeEnv): Judgement {
  const evidence = decodeEvidence(report.kind, report.evidence)
  switch (evidence.kind) {
    case 'timeout':
    case 'slow':
    case 'refused':
    case 'wrong-bytes':
      return judgeService(report, evidence.body)
    case 'unclaimed-bounty':
      return judgeUnclaimed(report, evidence.body, env)
    case 'withheld-docket':
      return judgeWithheld(report, evidence.body, env)
    case 'bogus-bounty':
      return judgeBogus(report, evidence.body, env)
    case 'wrong-clearing':
      return judgeShownClearing(report, evidence.body, env)
    case 'contradiction':
      return judgeContradiction(report, evidence.body, env)
    case 'overdrawn-inventory':
      return { class: 'hearsay', outcome: 'open', why: 'no rule knows how to check it' }
  }
}

/**
 * True when the accuser need not be a member: it shows a placement that it and the accused both signed.
 * @throws `EVIDENCE_INVALID`
 */
export function isParty(report: Report, market: Domain): boolean {
  const { body } = decodeEvidence(report.kind, report.evidence)
  const shown = 'receipt' in body ? body.receipt : undefined
  if (shown === undefined || !isReceiptSigned(shown, market)) return false
  const parties = [shown.placement.uploader, shown.placement.steward]
  return parties.includes(report.accuser) && parties.includes(report.accused) && report.accuser !== report.accused
}

/** True when its uploader and its steward both signed the placement. */
export function isReceiptSigned({ placement, signature, countersignature }: ReceiptShown, market: Domain): boolean {
  const digest = placementDigest(market, placement)
  return (
    recoverSigner(digest, signature) === placement.uploader &&
    recoverSigner(digest, countersignature) === placement.steward
  )
}

function judgeService(report: Report, body: EvidenceOf<'timeout'>): Judgement {
  if (body.receipt !== undefined && !equalBytes(body.receipt.placement.blobId, report.subject))
    invalid('the placement shown is about another blob')
  if (body.token === undefined)
    return { class: 'hearsay', outcome: 'open', why: 'without a read token nobody can look' }
  const hash = body.receipt?.placement.tokenHash
  if (hash !== undefined && !equalBytes(hash, sha256(body.token))) invalid('the token is not the one of the placement')
  return { class: 'corroborable', outcome: 'open', why: 'a read by others shows whether it is so', needs: 'probe' }
}

/** The bounty that a report is about, when it is the one on chain. */
function bountyOf(report: Report, shown: BountyShown, env: JudgeEnv): BountyOnChain | Judgement {
  const id = bountyIdOf(shown.poster, shown.claimKey, shown.steward)
  if (!equalBytes(id, report.subject)) invalid('the bounty shown has another id')
  const posted = env.bounty?.(id)
  if (posted === undefined)
    return { class: 'objective', outcome: 'open', why: 'the chain was not asked for the bounty', needs: 'chain' }
  if (posted === null) return { class: 'objective', outcome: 'dismissed', why: 'no such bounty was posted' }
  const same =
    posted.deadline === shown.deadline &&
    posted.amount === shown.amount &&
    equalBytes(posted.docketHash, shown.docketHash)
  return same ? posted : { class: 'objective', outcome: 'dismissed', why: 'the bounty on chain says otherwise' }
}

function judgeUnclaimed(report: Report, body: EvidenceOf<'unclaimed-bounty'>, env: JudgeEnv): Judgement {
  const { bounty } = body
  if (bounty.poster !== report.accuser || bounty.steward !== report.accused) invalid('the bounty is between others')
  const posted = bountyOf(report, bounty, env)
  if ('outcome' in posted) return posted
  if (posted.end?.kind === 'swept') return { class: 'objective', outcome: 'dismissed', why: 'it was swept' }
  if (posted.end === undefined || posted.end.at <= posted.deadline)
    return { class: 'objective', outcome: 'dismissed', why: 'its deadline had not passed when it ended' }
  return {
    class: 'objective',
    outcome: 'proven',
    why: 'it was not swept by its deadline; whose fault that is, the chain does not say',
  }
}

function judgeWithheld(report: Report, body: EvidenceOf<'withheld-docket'>, env: JudgeEnv): Judgement {
  const { bounty, demand } = body
  if (bounty.steward !== report.accuser || bounty.poster !== report.accused) invalid('the bounty is between others')
  const digest = demandDigest(env.market, { bountyId: report.subject, docketHash: bounty.docketHash })
  if (recoverSigner(digest, demand) !== bounty.steward) invalid('the demand is not signed by the steward of the bounty')
  const posted = bountyOf(report, bounty, env)
  if ('outcome' in posted && posted.outcome === 'dismissed') return posted
  return {
    class: 'corroborable',
    outcome: 'open',
    why: 'whether the docket can be had, a monitor finds out',
    needs: 'probe',
  }
}

/** The bytes give one claim key; the uploader posted another. Whoever has the bytes can check it, at any time. */
function judgeBogus(report: Report, body: BogusShown, env: JudgeEnv): Judgement {
  const { bounty, docket, blobs } = body
  if (bounty.steward !== report.accuser || bounty.poster !== report.accused) invalid('the bounty is between others')
  if (!equalBytes(docketHashOf(docket), bounty.docketHash)) invalid('the docket is not the one of the bounty')
  const challenges = decodeDocket(docket)
  if (challenges.length !== blobs.length) invalid('not every blob of the docket is shown')
  const answered: AnsweredChallenge[] = []
  for (const [at, { blobId, nonce }] of challenges.entries()) {
    const shown = blobs[at]
    const answer = shown === undefined ? undefined : answerFor(blobId, nonce, shown, env)
    if (answer !== undefined) answered.push({ blobId, nonce, answer })
  }
  const posted = bountyOf(report, bounty, env)
  if ('outcome' in posted && posted.outcome === 'dismissed') return { ...posted, class: 'self-verifying' }
  if (answered.length < challenges.length)
    return { class: 'self-verifying', outcome: 'open', why: 'the bytes of its blobs are not here', needs: 'bytes' }
  const key = claimKeyOf(env.market, answered)
  if (key === bounty.claimKey)
    return { class: 'self-verifying', outcome: 'dismissed', why: 'the bytes give the claim key that was posted' }
  if ('outcome' in posted) return { ...posted, class: 'self-verifying' }
  return { class: 'self-verifying', outcome: 'proven', why: `the bytes give ${key}, and ${bounty.claimKey} was posted` }
}

function answerFor(
  blobId: Uint8Array,
  nonce: Uint8Array,
  shown: BogusShown['blobs'][number],
  env: JudgeEnv,
): Uint8Array | undefined {
  if (shown.bytes.length === 0) return env.answer?.(blobId, nonce)
  if (!equalBytes(sha256(shown.bytes), blobId)) invalid('bytes that are not those of their blob')
  return answerOf(env.market, blobId, shown.bytes, nonce)
}

function judgeShownClearing(report: Report, body: EvidenceOf<'wrong-clearing'>, env: JudgeEnv): Judgement {
  const { advert } = body
  assertMarket(advert, env)
  if (advert.uploader !== report.accused) invalid('the clearing is another uploader\u2019s')
  if (!equalBytes(advertHashOf(advert), report.subject)) invalid('the clearing is of another advert')
  const { found, why } = judgeClearing(body)
  if (found === 'not-signed') invalid(why)
  return { class: 'self-verifying', outcome: found === 'wrong' ? 'proven' : 'dismissed', why }
}

function judgeContradiction(report: Report, body: EvidenceOf<'contradiction'>, env: JudgeEnv): Judgement {
  const [author, first, second, what] = statementsOf(report, body, env)
  if (author !== report.accused) invalid('the statements are not the accused\u2019s')
  if (equalBytes(first, second))
    return { class: 'self-verifying', outcome: 'dismissed', why: `the two ${what} say the same` }
  return { class: 'self-verifying', outcome: 'proven', why: `${author} signed two ${what} that contradict` }
}

/** Author, what each says, and their name. @throws `EVIDENCE_INVALID` when they are not signed, or about different things */
function statementsOf(
  report: Report,
  body: EvidenceOf<'contradiction'>,
  env: JudgeEnv,
): readonly [Address, Uint8Array, Uint8Array, string] {
  if (body.kind === 'clearings') {
    const { advert } = body
    const { signature, ...terms } = advert
    assertMarket(advert, env)
    if (recoverSigner(advertDigest(terms), signature) !== advert.uploader) invalid('the advert is not signed')
    const digests = [body.first, body.second].map((one: OutcomeShown) => {
      const digest = clearingDigest(advertHashOf(advert), one.root, one.price, one.reveals)
      if (recoverSigner(digest, one.signature) !== advert.uploader) invalid('a clearing that its uploader did not sign')
      return digest
    })
    // an auction that is held again has new commits, and may end otherwise
    if (!equalBytes(body.first.root, body.second.root)) invalid('clearings of two auctions')
    return [advert.uploader, digests[0] as Uint8Array, digests[1] as Uint8Array, 'clearings']
  }
  if (body.kind === 'hellos') {
    const digests = [body.first, body.second].map((one) => {
      const digest = helloDigest(env.pool, one)
      if (recoverSigner(digest, one.signature) !== one.from) invalid('a Hello that its sender did not sign')
      return digest
    })
    if (!equalBytes(body.first.nonce, body.second.nonce)) invalid('Hellos of two handshakes')
    if (body.first.from !== body.second.from) invalid('Hellos of two senders')
    return [body.first.from, digests[0] as Uint8Array, digests[1] as Uint8Array, 'Hellos']
  }
  for (const ballot of [body.first, body.second])
    if (!isBallotSigned(report.pool, ballot)) invalid('a ballot that its voter did not sign')
  if (!equalBytes(body.first.report, body.second.report)) invalid('ballots on two reports')
  if (body.first.voter !== body.second.voter) invalid('ballots of two voters')
  return [body.first.voter, body.first.commit, body.second.commit, 'ballots']
}

function assertMarket(advert: { readonly chainId: number; readonly market: Address }, env: JudgeEnv): void {
  if (advert.chainId !== env.market.chainId || advert.market !== env.market.contract)
    throw new HoldfastError('EVIDENCE_FOREIGN', { what: `an advert of market ${advert.market} on ${advert.chainId}` })
}

/** What the observation of a report is about: the blob, where it is one's. Hex. */
export function blobOf(report: Report): string | undefined {
  const about: readonly Evidence['kind'][] = ['timeout', 'slow', 'refused', 'wrong-bytes']
  return about.includes(report.kind) ? toHex(report.subject) : undefined
}

function invalid(what: string): never {
  throw new HoldfastError('EVIDENCE_INVALID', { what })
}
