/** `holdfast prices`: what storage costs now, what it would cost you, and where the price came from. */
import { HoldfastError } from '../../base/errors.ts'
import {
  ceilDiv,
  DAY,
  formatHold,
  GiB,
  gwei,
  parseDuration,
  parseHold,
  parseSize,
  WEI_PER_GWEI,
  type Wei,
} from '../../base/units.ts'
import type { PricesView } from '../../controller/api-types.ts'
import { COST_MODEL } from '../../pricing/bidder.ts'
import { INDEX_CLEARINGS } from '../../pricing/price-index.ts'
import { advertFee, advertValue, rentOf } from '../../pricing/rates.ts'
import { RENEWAL_POLICY } from '../../pricing/renewal.ts'
import type { Context, Options } from '../context.ts'
import { openControllerApi } from '../local-api.ts'
import { plotLine } from '../plot-line.ts'
import { plural, shortHold } from '../words.ts'

/** A TiB in GiB: people think in TiB-months. */
const PER_TIB = 1024n

export async function prices(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out, signal, settings } = context
  const days = Math.ceil(parseDuration(String(options['history'])) / DAY)
  if (days < 1 || days > 3650)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--history',
      expected: '1d to 3650d',
      got: String(options['history']),
    })
  const client = await openControllerApi(context)
  let view: PricesView
  try {
    view = (await client.get(`/prices?days=${days}`, { signal })) as PricesView
  } finally {
    client.close()
  }
  const [index, before, floor, reserve] = [view.index, view.indexBefore, view.floor, view.reserve].map(parseHold) as [
    Wei,
    Wei,
    Wei,
    Wei,
  ]
  const quote =
    options['size'] === undefined
      ? undefined
      : quoteOf(
          parseSize(String(options['size'])),
          settings.value('put.for'),
          settings.value('put.code'),
          index,
          reserve,
        )
  for (const point of view.history) out.record({ type: 'price', ...point })
  const tib = (price: bigint) => shortHold(price * PER_TIB)
  const change = before > 0n ? Number((10_000n * (index - before)) / before) / 100 : 0
  const chart = plotLine(
    view.history.map((point) => Number(parseHold(point.index) * PER_TIB) / 1e18),
    { width: 60, height: 8 },
  )
  out.summary({
    command: 'prices',
    fields: { ...view, ...(quote ? { quote: quote.fields } : {}), unit: 'HOLD per GiB-month' },
    lines: [
      `index ${tib(index)} HOLD/TiB-month (7 d ${change >= 0 ? '+' : '−'}${Math.abs(change).toFixed(1)} %)   ${plural(view.auctions, 'auction')}, ${plural(view.bidders, 'bidder')}`,
      `floor ${tib(floor)}   reference ${tib(parseHold(view.reference))}   default reserve ${tib(reserve)}`,
      ...(quote ? [quote.line] : []),
      ...(view.history.length > 1 ? ['', `index over ${plural(days, 'day')}, HOLD/TiB-month`, ...chart] : []),
      ...(options['explain'] === true ? ['', ...explain()] : []),
    ],
  })
  return undefined
}

interface Code {
  readonly k: number
  readonly n: number
}

/** Rent of an object of so many bytes, spread over n of k, at the index and at the reserve; and its advert. */
function quoteOf(size: number, term: number, { k, n }: Code, index: Wei, reserve: Wei) {
  const bytes = Number(ceilDiv(BigInt(size) * BigInt(n), BigInt(k)))
  const rentAt = (price: bigint, seconds: number) => rentOf([{ price, length: bytes, seconds }])
  const [month, all, most] = [rentAt(index, 30 * DAY), rentAt(index, term), rentAt(reserve, term)]
  const fee = advertFee(advertValue(bytes, reserve, term), gwei(0n)) * WEI_PER_GWEI
  return {
    fields: {
      bytes,
      month: formatHold(month),
      rent: formatHold(all),
      rentAtMost: formatHold(most),
      advert: formatHold(fee),
    },
    line: `your quote ${shortHold(month, 'up')} a month, ${shortHold(all, 'up')} in all, at most ${shortHold(most, 'up')}; advert ${shortHold(fee, 'up')}`,
  }
}

/** The rules and their defaults, in words. market.md; docs/spec/auction.md. */
function explain(): readonly string[] {
  const part = (ppm: number) => `${ppm / 10_000} %`
  return [
    `index            median of the last ${INDEX_CLEARINGS} clearings this controller knows, weighed by bytes, one of an uploader first; no uploader and`,
    '                 no steward weighs more than a nineteenth of all others; only auctions whose fee is on the chain; 90 days old at most',
    'reference        5.3 HOLD per TiB-month when the pool was made, falling by a factor of 1.15 a year, as disks do',
    'floor            0.55 of the reference: no steward asks less unless its operator set a price',
    'default reserve  2.5 times the index, never more than 2.5 times the reference; --max-price lowers it',
    'price            all winners are paid the first losing score, less what their own risk adds; nobody gains by asking more than its cost',
    `a steward asks   its cost (or 0.8 of the reference) and ${part(COST_MODEL.target)}, up to ${part(COST_MODEL.fullPremium)} more as its disk fills; bond ${COST_MODEL.bond / DAY} days of price`,
    `renewal          at what the steward asks, by itself within ${RENEWAL_POLICY.ofOld} % of the old price and ${RENEWAL_POLICY.ofIndex} % of the index; else an auction, which the`,
    `                 steward may match once, at most ${RENEWAL_POLICY.match} % above`,
    'no bid is refused for its distance from the index: in simulation a collar leaves lots without a taker and saves nobody anything',
    `prices are per ${GiB} bytes and 30 days in --json, per TiB-month here`,
  ]
}
