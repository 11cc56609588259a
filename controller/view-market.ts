/** What is shown of prices and auctions: the index and its past, and every auction this controller held. Pure. */
import { HoldfastError } from '../base/errors.ts'
import { DAY, formatHold, formatTime, type UnixTime, unixTime } from '../base/units.ts'
import type { AuctionDetail, AuctionView, PricesView } from './api-types.ts'
import type { Ledger } from './ledger.ts'
import { marketPrices } from './market-prices.ts'
import { lotBytes, lotsOf } from './plan-sizes.ts'
import type { PutRecord } from './records.ts'

/** Every auction, oldest first; those that wait for their fee last. */
export function viewAuctions(ledger: Ledger): readonly AuctionView[] {
  return inOrder(ledger).map((put) => viewOf(ledger, put))
}

/** One auction by its advert's hash or a unique prefix of it. @throws `AUCTION_UNKNOWN` */
export function viewAuction(ledger: Ledger, prefix: string): AuctionDetail {
  const found = [...ledger.puts.values()].filter(({ advertHash }) => advertHash.startsWith(prefix))
  const [put] = found
  if (!put || found.length > 1) throw new HoldfastError('AUCTION_UNKNOWN', { id: prefix, have: found.length })
  const lotOf = new Map(put.award?.lots.map((lot) => [lot.steward, lot]))
  return {
    ...viewOf(ledger, put),
    scores: (put.award?.summary.scores ?? []).map(({ steward, bid, score }) => {
      const lot = lotOf.get(steward)
      return {
        steward,
        bid: formatHold(bid),
        score: formatHold(score),
        ...(lot ? { lot: lot.lot, price: formatHold(lot.price) } : {}),
      }
    }),
  }
}

/** @param days of history @param since when the market was created */
export function viewPrices(
  ledger: Ledger,
  account: `0x${string}`,
  moments: { readonly now: UnixTime; readonly since: UnixTime },
  days: number,
): PricesView {
  const { now, since } = moments
  const awarded = inOrder(ledger).filter(({ award }) => award !== undefined && award.lots.length > 0)
  const priceAt = (at: UnixTime) => {
    const before = awarded.filter(({ award }) => award !== undefined && award.start <= at)
    return marketPrices(before, account, at, since)
  }
  const { index, reference, floor, reserve } = priceAt(now)
  const bidders = new Set(awarded.flatMap(({ award }) => award?.summary.scores.map(({ steward }) => steward) ?? []))
  const history = awarded.flatMap(({ award, plan }) =>
    award && award.start >= now - days * DAY
      ? [
          {
            at: formatTime(award.start),
            index: formatHold(priceAt(award.start).index),
            cleared: formatHold(award.summary.price),
            bytes: award.lots.length * lotBytes(plan),
          },
        ]
      : [],
  )
  return {
    at: formatTime(now),
    index: formatHold(index),
    indexBefore: formatHold(priceAt(unixTime(Math.max(since, now - 7 * DAY))).index),
    reference: formatHold(reference),
    floor: formatHold(floor),
    reserve: formatHold(reserve),
    auctions: awarded.length,
    bidders: bidders.size,
    history,
  }
}

function viewOf(ledger: Ledger, put: PutRecord): AuctionView {
  const { advertHash, plan, advert, award, reserve, object } = put
  const named = object === undefined ? undefined : ledger.objects.get(object)
  return {
    id: advertHash,
    ...(award ? { at: formatTime(award.start) } : {}),
    for: plan.mends !== undefined ? 'repair' : plan.backup === true ? 'backup' : 'object',
    ...(object === undefined ? {} : { object }),
    ...(named?.name === undefined ? {} : { name: named.name }),
    lots: lotsOf(plan).length,
    bytes: lotsOf(plan).length * lotBytes(plan),
    termSeconds: advert.term,
    reserve: formatHold(award?.summary.reserve ?? reserve),
    state: award === undefined ? 'advertised' : award.missing.length > 0 ? 'short' : 'awarded',
    ...(award
      ? {
          invited: award.summary.invited,
          bids: award.summary.bids,
          cleared: formatHold(award.summary.price),
          given: award.lots.length,
          thin: award.summary.thin,
        }
      : {}),
  }
}

function inOrder(ledger: Ledger): readonly PutRecord[] {
  const at = ({ award }: PutRecord) => award?.start ?? Number.POSITIVE_INFINITY
  return [...ledger.puts.values()].sort((a, b) =>
    at(a) === at(b) ? (a.advertHash < b.advertHash ? -1 : 1) : at(a) - at(b),
  )
}
