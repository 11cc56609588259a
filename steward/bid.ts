/**
 * Bidding (bid/1): an advert that its uploader signed and paid for gets a sealed bid, its reveal follows when all commits are known, and the
 * bid binds us from the moment before it is revealed. market.md, Placement auction.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Rng } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import type { Wei } from '../base/units.ts'
import {
  type Advert,
  type AuctionRules,
  advertDigest,
  advertHashOf,
  type Bid,
  type BidMessage,
  bidCommit,
  type CommitEntry,
  clearingDigest,
  commitDigest,
  commitsRoot,
  decodeBidMessage,
  encodeBidMessage,
  lotBytes,
  MAX_BID_BYTES,
  type RevealEntry,
} from '../net/messages/bid.ts'
import { only } from '../net/messages/fields.ts'
import type { Wire } from '../net/wire.ts'
import { publishedClearing } from '../pool/clearing.ts'
import { type ClearingShown, encodeShown } from '../pool/evidence-form.ts'
import { priceBid } from '../pricing/bidder.ts'
import { recomputeClearing } from '../pricing/recompute.ts'
import type { Book } from './book.ts'
import { BID_LIFE, type StewardConfig } from './config.ts'
import type { StewardChain } from './ports.ts'
import type { BidRecord } from './records.ts'
import type { Room } from './room.ts'

export interface BidDeps {
  readonly book: Book
  readonly chain: Pick<StewardChain, 'advertPaid' | 'poke' | 'now'>
  readonly domain: Domain
  readonly secret: Uint8Array
  readonly steward: Address
  readonly room: Room
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  config(): StewardConfig
  /** Reference price today. Wei of HOLD per GiB-month. */
  reference(): Wei
  /** A signed clearing that does not follow from its bids, with all that was published for it. */
  onWrongClearing?(shown: ClearingShown): void
}

const NO_BID = {
  fee: 'the advert\u2019s fee is too small for it',
  term: 'a term outside 30 to 180 days',
  bond: 'a larger bond than this steward offers',
} as const

/** How long we wait for our own node to see the advert's fee. Milliseconds. */
const FEE_WAIT_MS = 2_000
/** Fees looked up at the same time: an advert costs its maker nothing until it is paid. */
const MAX_LOOKUPS = 32
/** Windows are the uploader's word: at most so long we wait beyond them. Milliseconds. */
const WINDOW_SLACK_MS = 10_000

/** The server of bid/1: one auction a stream. */
export function createBidding(deps: BidDeps) {
  const { book, chain, domain, secret, steward, room, clock, rng, log } = deps

  let lookups = 0

  async function serve(wire: Wire): Promise<void> {
    const { advert } = only(await receive(wire), 'invite')
    const advertHash = advertHashOf(advert)
    const name = toHex(advertHash)
    const bid = await makeBid(advert, advertHash)
    room.hold(name, lotBytes(advert))
    try {
      const salt = rng.bytes(32)
      const commit = bidCommit(bid, salt)
      await wire.send(
        encodeBidMessage({ kind: 'sealed', commit, signature: signDigest(secret, commitDigest(advertHash, commit)) }),
      )
      const published = await readBook(wire, advert, advertHash, commit)
      const record = await bind(advert, name, bid)
      await wire.send(encodeBidMessage({ kind: 'reveal', bid, salt }))
      await settle(wire, { advert, advertHash, ...published, record, bid })
    } finally {
      room.release(name)
    }
  }

  /** @throws `PLACEMENT_INVALID`, `AUCTION_CHEAT`, `FUNDS_PRICE`, `STORE_FULL`, `PEER_BUSY`: why there is no bid */
  async function makeBid(advert: Advert, advertHash: Uint8Array): Promise<Bid> {
    if (!book.isOpen) throw new HoldfastError('PEER_BUSY', { what: 'nothing new is taken now' })
    assertAdvert(advert, domain)
    const paid = await awaitFee(advertHash, advert.uploader)
    if (!paid) throw new HoldfastError('AUCTION_CHEAT', { what: 'the advert\u2019s fee is not on the chain' })
    const { config, reference } = deps
    const totalBytes = advert.lots.reduce((sum, lot) => sum + lot.count * lot.bytes, 0)
    const { term, reserve, egressPrice, egressFree, bond } = advert
    const offer = {
      lotBytes: lotBytes(advert),
      totalBytes,
      term,
      reserve,
      egressPrice,
      egressFree,
      paidValue: paid.value,
      ...(bond === undefined ? {} : { leastBond: bond }),
    }
    const answer = priceBid(steward, offer, await room.capacity(), config().cost, reference())
    if ('bid' in answer) return answer.bid
    log.info('bid.none', { advert: toHex(advertHash), why: answer.none })
    if (answer.none === 'full') throw new HoldfastError('STORE_FULL', { what: `a lot of ${offer.lotBytes} bytes` })
    if (answer.none === 'price') throw new HoldfastError('FUNDS_PRICE', { max: String(reserve) })
    throw new HoldfastError('PLACEMENT_INVALID', { what: NO_BID[answer.none] })
  }

  /** Our node may see the block a moment later than the uploader's. @throws `PEER_BUSY` */
  async function awaitFee(advertHash: Uint8Array, uploader: Address): Promise<{ readonly value: bigint } | undefined> {
    if (lookups >= MAX_LOOKUPS) throw new HoldfastError('PEER_BUSY', { what: `${lookups} adverts are being looked up` })
    lookups++
    try {
      const until = clock.monotonic() + FEE_WAIT_MS
      for (;;) {
        const paid = await chain.advertPaid(advertHash, uploader)
        if (paid || clock.monotonic() >= until) return paid
        chain.poke()
        await clock.sleep(100)
      }
    } finally {
      lookups--
    }
  }

  /** The rules and all commits, checked against their root; ours is among them, once. @throws `AUCTION_CHEAT` */
  async function readBook(
    wire: Wire,
    advert: Advert,
    advertHash: Uint8Array,
    commit: Uint8Array,
  ): Promise<Pick<Auction, 'root' | 'rules' | 'entries'>> {
    const { root, count, rules } = only(await receive(wire, advert.commitMs), 'book')
    const entries: CommitEntry[] = []
    // no page is empty and `count` is capped, so it ends; every page has its deadline (net/messages/bid.ts)
    while (entries.length < count) entries.push(...only(await receive(wire), 'commits').entries)
    const ours = entries.filter((entry) => entry.steward === steward)
    if (entries.length !== count || !equalBytes(commitsRoot(advertHash, rules, entries), root))
      return cheat('the commits are not those of their root')
    if (ours.length !== 1 || !equalBytes((ours[0] as CommitEntry).commit, commit))
      return cheat('our commit is not in the list')
    if (rules.reserve > advert.reserve) return cheat('the reserve is above the advertised one')
    return { root, rules, entries }
  }

  /** The bid is durable before anybody can hold us to it. */
  async function bind(advert: Advert, name: string, bid: Bid): Promise<BidRecord> {
    const now = chain.now()
    // Asked again for a lot when something of an earlier one is here: the uploader lost our receipt, and sends that lot under new bytes.
    const placed = book.placedUnder(name)
    const record: BidRecord = {
      advert: name,
      uploader: advert.uploader,
      price: bid.price,
      egressPrice: bid.egressPrice,
      egressFree: bid.egressFree,
      bond: bid.bond,
      grace: advert.grace,
      term: advert.term,
      lotBytes: placed.bytes + lotBytes(advert),
      lotBlobs: placed.blobs + Math.max(...advert.lots.map((lot) => lot.blobs)),
      madeAt: now,
      state: 'revealed',
      until: now + BID_LIFE,
    }
    const batch = book.batch()
    // asked again after a failure on the way: the lower price binds, an upload under the first may be under way
    const known = book.bids.get(name)
    batch.bid(known && known.price < record.price ? { ...record, price: known.price } : record)
    for (const old of book.bids.values()) if (old.until < now) batch.dropBid(old.advert)
    await book.commit(batch)
    return record
  }

  interface Auction {
    readonly advert: Advert
    readonly advertHash: Uint8Array
    readonly root: Uint8Array
    readonly rules: AuctionRules
    readonly entries: readonly CommitEntry[]
    readonly record: BidRecord
    readonly bid: Bid
  }

  /** The outcome, with all reveals. A stream that breaks here changes nothing: the bid binds, and offers are measured by it. */
  async function settle(wire: Wire, auction: Auction): Promise<void> {
    const { advert, record } = auction
    const outcome = only(await receive(wire, advert.revealMs), 'outcome')
    const reveals: RevealEntry[] = []
    // ends like the pages of commits
    while (reveals.length < outcome.count) reveals.push(...only(await receive(wire), 'reveals').entries)
    await assertClearing(auction, outcome, reveals)
    const batch = book.batch()
    batch.bid({
      ...record,
      price: book.bids.get(record.advert)?.price ?? record.price,
      state: outcome.lot === undefined ? 'lost' : 'won',
    })
    await book.commit(batch)
    log.info('bid.settled', { advert: record.advert, won: outcome.lot !== undefined, price: String(outcome.price) })
  }

  async function assertClearing(
    auction: Auction,
    outcome: Extract<BidMessage, { kind: 'outcome' }>,
    reveals: readonly RevealEntry[],
  ): Promise<void> {
    const { advert, advertHash, root, bid } = auction
    const digest = clearingDigest(advertHash, root, outcome.price, reveals)
    if (recoverSigner(digest, outcome.signature) !== advert.uploader) cheat('the uploader did not sign the clearing')
    const ours = reveals.filter((entry) => entry.bid.steward === steward)
    if (ours.length !== 1 || (ours[0] as RevealEntry).bid.price !== bid.price || ours[0]?.lot !== outcome.lot)
      cheat('our bid is not in the clearing as we made it')
    await recompute(auction, outcome, reveals)
  }

  /** Clears the auction again from what was published. A wrong clearing is kept with its maker's signatures. market.md, step 5. @throws `AUCTION_CHEAT` */
  async function recompute(
    { advert, root, rules, entries, record }: Auction,
    { price, signature }: { readonly price: bigint; readonly signature: Uint8Array },
    reveals: readonly RevealEntry[],
  ): Promise<void> {
    const published = { advert, rules, entries, reveals, price }
    const [fault] = recomputeClearing(publishedClearing(published)).faults
    if (!fault) return
    const batch = book.batch()
    const shown: ClearingShown = { advert, rules, commits: entries, outcome: { root, price, reveals, signature } }
    batch.wrongClearing(record.advert, encodeShown('wrong-clearing', shown))
    await book.commit(batch)
    const what = `${fault.kind}: ${fault.published}, should be ${fault.expected}`
    deps.onWrongClearing?.(shown)
    log.warn('bid.wrong-clearing', { advert: record.advert, uploader: advert.uploader, what })
    cheat(`the clearing does not follow from the bids (${what})`)
  }

  async function receive(wire: Wire, windowMs?: number): Promise<BidMessage> {
    const options = windowMs === undefined ? {} : { within: windowMs + WINDOW_SLACK_MS }
    return decodeBidMessage(await wire.receive(MAX_BID_BYTES, options))
  }

  return { serve }
}

/** For our market, signed by its uploader, and consistent in itself. @throws `AUCTION_CHEAT` */
export function assertAdvert(advert: Advert, domain: Domain): void {
  const { signature, ...terms } = advert
  if (advert.chainId !== domain.chainId || advert.market !== domain.contract) cheat('the advert is for another market')
  if (recoverSigner(advertDigest(terms), signature) !== advert.uploader) cheat('the uploader did not sign the advert')
  // a put gives out all n, a repair only those that are missing
  const lots = advert.lots.reduce((sum, lot) => sum + lot.count, 0)
  if (advert.k > advert.n || lots < 1 || lots > advert.n) cheat('the advert\u2019s lots are not among its n')
  if (advert.lots.some((lot) => lot.bytes < lot.blobs)) cheat('lots with empty blobs')
}

function cheat(what: string): never {
  throw new HoldfastError('AUCTION_CHEAT', { what })
}
