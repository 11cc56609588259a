/** `holdfast bids ls` and `holdfast bids auction`: the auctions this controller held, and who bid what. */
import { HoldfastError } from '../../base/errors.ts'
import { formatSize, parseHold } from '../../base/units.ts'
import type { Context } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { formatDay, formatTable, plural, shortHold, shortId } from '../words.ts'

/** Prices for people are per TiB-month. */
const perTib = (price: string | undefined) => (price === undefined ? '–' : shortHold(parseHold(price) * 1024n))

export async function bidsList(context: Context): Promise<undefined> {
  const { out } = context
  await using view = await openLedgerView(context)
  const auctions = await view.auctions()
  for (const auction of auctions) out.record({ type: 'auction', ...auction })
  const rows = auctions.map(({ id, at, bytes, lots, given, reserve, bids, cleared, state, thin, ...auction }) => [
    shortId(id),
    formatDay(at),
    formatSize(bytes),
    given === undefined ? String(lots) : `${given}/${lots}`,
    perTib(reserve),
    bids === undefined ? '–' : String(bids),
    perTib(cleared),
    `${state}${thin === true ? ', thin' : ''}`,
    auction.name ?? (auction.object === undefined ? auction.for : shortId(auction.object)),
  ])
  out.summary({
    command: 'bids ls',
    fields: { auctions: auctions.length, asOf: view.asOf },
    lines:
      auctions.length === 0
        ? ['No auction was held yet: every put and every repair holds one.']
        : [
            ...formatTable(
              [['AUCTION', 'CLEARED ON', 'BYTES', 'LOTS', 'RESERVE', 'BIDS', 'CLEARED', 'STATE', 'FOR'], ...rows],
              [2, 3, 4, 5, 6],
            ),
            'prices in HOLD/TiB-month',
          ],
  })
  return undefined
}

export async function bidsAuction(context: Context, [id = '']: readonly string[]): Promise<undefined> {
  const { out } = context
  await using view = await openLedgerView(context)
  if (!/^[0-9a-f]{8,64}$/i.test(id))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'auction',
      expected: 'at least 8 hex digits',
      got: id.slice(0, 80),
    })
  const auction = await view.auction(id.toLowerCase())
  const { scores, ...rest } = auction
  for (const score of scores) out.record({ type: 'bid', auction: auction.id, ...score })
  const rows = scores.map(({ steward, bid, score, lot, price }) => [
    shortId(steward),
    perTib(bid),
    perTib(score),
    lot === undefined ? '' : String(lot),
    perTib(price),
  ])
  out.summary({
    command: 'bids auction',
    fields: { ...rest, asOf: view.asOf },
    lines: [
      `auction ${shortId(auction.id)}   ${plural(auction.lots, 'lot')}, ${formatSize(auction.bytes)}, ${Math.round(auction.termSeconds / 86_400)} days   reserve ${perTib(auction.reserve)}   cleared at ${perTib(auction.cleared)} HOLD/TiB-month   ${auction.state}${auction.thin === true ? ', competition was thin' : ''}`,
      ...(rows.length > 0 ? formatTable([['STEWARD', 'BID', 'SCORE', 'LOT', 'IS PAID'], ...rows], [1, 2, 3, 4]) : []),
    ],
  })
  return undefined
}
