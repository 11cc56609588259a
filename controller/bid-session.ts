/** The controller's side of bid/1: the advert of a put, and one stream to each invited steward. docs/spec/wire.md §4. */

import { equalBytes } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Domain } from '../base/typed-data.ts'
import {
  type Advert,
  type AdvertTerms,
  type AuctionRules,
  advertDigest,
  advertHashOf,
  BID_PROTOCOL,
  type Bid,
  bidCommit,
  COMMITS_PER_PAGE,
  type CommitEntry,
  clearingDigest,
  commitDigest,
  commitsRoot,
  decodeBidMessage,
  encodeBidMessage,
  MAX_BID_BYTES,
  REVEALS_PER_PAGE,
  type RevealEntry,
} from '../net/messages/bid.ts'
import type { NetNode, Target } from '../net/node.ts'
import type { PutPlan } from '../uploader/put-book.ts'
import { lotSize, lotsOf } from './plan-sizes.ts'

/** What every advert of this controller says beside the plan. */
export interface AdvertChoices {
  readonly domain: Domain
  readonly uploader: Address
  readonly secret: Uint8Array
  readonly windowMs: number
  /** Wei of HOLD per GiB. */
  readonly egressPrice: bigint
  /** Seconds. */
  readonly grace: number
  /** Most lots of one operator cluster, and of newcomers; 0: that rule is off. */
  readonly perCluster: number
  readonly newcomers: number
  /** Least bond for one lot, gwei; absent: any. */
  readonly bond?: bigint
}

/** The signed advert of a plan. `id`: 32 fresh random bytes. All lots are alike. */
export function makeAdvert(plan: PutPlan, reserve: bigint, id: Uint8Array, choices: AdvertChoices): Advert {
  const { bytes, blobs } = lotSize(plan)
  const terms: AdvertTerms = {
    chainId: choices.domain.chainId,
    market: choices.domain.contract,
    uploader: choices.uploader,
    id,
    lots: [{ count: lotsOf(plan).length, bytes, blobs }],
    k: plan.k,
    n: plan.n,
    term: plan.term,
    reserve,
    commitMs: choices.windowMs,
    revealMs: choices.windowMs,
    egressPrice: choices.egressPrice,
    egressFree: 2 * bytes, // a top-up and a retrieval of everything each month are free (docs/spec/auction.md)
    grace: choices.grace,
    perCluster: choices.perCluster,
    newcomers: choices.newcomers,
    ...(choices.bond === undefined ? {} : { bond: choices.bond }),
  }
  return { ...terms, signature: signDigest(choices.secret, advertDigest(terms)) }
}

/** One steward's stream. @throws what the steward refuses with, or a network error */
export async function openBidSession(
  net: Pick<NetNode, 'open'>,
  target: Target & { readonly id: Address },
  advert: Advert,
  options: { readonly secret: Uint8Array; readonly windowMs: number; readonly signal: AbortSignal },
) {
  const steward = target.id
  const advertHash = advertHashOf(advert)
  const within = options.windowMs + 5_000
  const wire = await net.open(target, BID_PROTOCOL, { signal: options.signal })
  const receive = async () => decodeBidMessage(await wire.receive(MAX_BID_BYTES, { within }))
  let commit: Uint8Array | undefined
  let root = new Uint8Array(32)

  return {
    /** The steward's signed commit. */
    async commit(): Promise<Uint8Array> {
      await wire.send(encodeBidMessage({ kind: 'invite', advert }))
      const message = await receive()
      if (message.kind !== 'sealed') throw new HoldfastError('NET_PROTOCOL', { what: `bid/1 ${message.kind}` })
      if (recoverSigner(commitDigest(advertHash, message.commit), message.signature) !== steward)
        throw new HoldfastError('AUCTION_CHEAT', { what: 'a commit that its bidder did not sign' })
      commit = message.commit
      return message.commit
    },
    /** Publishes all commits, gets the bid of this one. */
    async reveal(
      rules: AuctionRules,
      entries: readonly CommitEntry[],
    ): Promise<{ readonly bid: Bid; readonly salt: Uint8Array }> {
      root = new Uint8Array(commitsRoot(advertHash, rules, entries))
      await wire.send(encodeBidMessage({ kind: 'book', root, count: entries.length, rules }))
      for (let at = 0; at < entries.length; at += COMMITS_PER_PAGE)
        await wire.send(encodeBidMessage({ kind: 'commits', entries: entries.slice(at, at + COMMITS_PER_PAGE) }))
      const message = await receive()
      if (message.kind !== 'reveal') throw new HoldfastError('NET_PROTOCOL', { what: `bid/1 ${message.kind}` })
      const { bid, salt } = message
      if (bid.steward !== steward || !commit || !equalBytes(bidCommit(bid, salt), commit))
        throw new HoldfastError('AUCTION_CHEAT', { what: 'a bid that is not the one of its commit' })
      return { bid, salt }
    },
    /** Tells the signed clearing. */
    async settle(outcome: {
      readonly price: bigint
      readonly lot?: number
      readonly reveals: readonly RevealEntry[]
    }): Promise<void> {
      const { price, lot, reveals } = outcome
      const signature = signDigest(options.secret, clearingDigest(advertHash, root, price, reveals))
      await wire.send(
        encodeBidMessage({
          kind: 'outcome',
          price,
          count: reveals.length,
          signature,
          ...(lot === undefined ? {} : { lot }),
        }),
      )
      for (let at = 0; at < reveals.length; at += REVEALS_PER_PAGE)
        await wire.send(encodeBidMessage({ kind: 'reveals', entries: reveals.slice(at, at + REVEALS_PER_PAGE) }))
      await wire.close()
    },
    abort(cause: unknown): void {
      wire.abort(cause)
    },
  }
}

export type BidSession = Awaited<ReturnType<typeof openBidSession>>
