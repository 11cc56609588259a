/** What a put may cost, said before anything is spent, and agreed to where it is much. The controller keeps to it. */
import { EXIT, HoldfastError, hasCode } from '../base/errors.ts'
import { formatHold, formatSize, type Wei } from '../base/units.ts'
import { assertHopeful, priceError } from '../uploader/hopeful.ts'
import type { AwardLimits, PutPlan, Quote } from '../uploader/put-book.ts'
import type { Context, Options } from './context.ts'
import { plural, shortHold } from './words.ts'

/** What a quote says of one put, and what its user allows. */
export interface PutTerms {
  readonly plan: PutPlan
  readonly quote: Quote
  readonly limits: Required<Pick<AwardLimits, 'maxPrice' | 'budget'>> & Pick<AwardLimits, 'total' | 'leastBond'>
}

/** @throws what `assertHopeful` throws: nothing is spent on what cannot succeed */
export function termsOf({ settings }: Context, options: Options, plan: PutPlan, quoted: Quote): PutTerms {
  // what is expected is never more than what is possible at most
  const quote = quoted.rent <= quoted.rentAtMost ? quoted : { ...quoted, rent: quoted.rentAtMost }
  const cap = settings.value('put.max-price')
  // Ten-thousandths, so that no float touches an amount.
  const maxPrice = 'wei' in cap ? cap.wei : (quote.price * BigInt(Math.round(cap.times * 10_000))) / 10_000n
  const total = settings.find('put.budget')
  const budget = total ?? quote.rentAtMost + quote.advertFee
  assertHopeful(plan, quote, { maxPrice, allowShort: options['allowShort'] === true })
  const leastBond = settings.find('put.least-bond')
  const demands = {
    ...(total === undefined ? {} : { total }),
    ...(leastBond === undefined ? {} : { leastBond }),
  }
  return { plan, quote, limits: { maxPrice, budget, ...demands } }
}

/** Of a put without money: nothing is offered, so nothing is spent. */
export function freeTermsOf(plan: PutPlan, quoted: Quote): PutTerms {
  const nothing = { rent: 0n, rentAtMost: 0n, advertFee: 0n, price: 0n, reserve: 0n }
  return { plan, quote: { ...quoted, ...nothing }, limits: { maxPrice: 0n, budget: 0n } }
}

/** For people: the same as `termsLines`, where no money is offered. */
export function freeTermsLines({ plan }: PutTerms, source: { readonly size: number }): readonly string[] {
  return [
    `${plan.name ?? 'standard input'}   ${formatSize(source.size)} → ${formatSize(bytesOf(plan))} in ${plural(blobsOf(plan), 'blob')} (any ${plan.k} of ${plan.n} shares suffice)   for ${Math.round(plan.term / 86_400)} d`,
    'by the right to store: no rent and no advert; checks cost a gwei of HOLD and their gas',
  ]
}

/** For people: what is stored, and what it costs from now on. */
export function termsLines({ plan, quote, limits }: PutTerms, source: { readonly size: number }): readonly string[] {
  const { before } = quote
  const blobs = blobsOf(plan)
  const most = quote.rentAtMost + quote.advertFee
  const due =
    most === 0n
      ? 'nothing more to agree to'
      : `total ${shortHold(quote.rent + quote.advertFee, 'up')} HOLD, at most ${shortHold(most, 'up')}`
  return [
    `${plan.name ?? 'standard input'}   ${formatSize(source.size)} → ${formatSize(bytesOf(plan))} in ${plural(blobs, 'blob')} (any ${plan.k} of ${plan.n} shares suffice)   for ${Math.round(plan.term / 86_400)} d, renewed by itself`,
    ...(before === undefined
      ? []
      : [
          `resumed: ${before.blobs} of ${blobs} blobs are placed; the advert (${shortHold(before.advertFee)} HOLD) is paid, rent of ${shortHold(before.rent, 'up')} HOLD is agreed`,
        ]),
    `${before === undefined ? '' : 'left: '}rent ${shortHold(quote.rent, 'up')} HOLD   advert ${shortHold(quote.advertFee, 'up')}   chain fees ≈ ${shortHold(quote.fees, 'up')} ETH   ${due}   balance ${shortHold(quote.balance)} HOLD`,
    ...(before === undefined && quote.stewards < plan.n
      ? [
          `! ${plural(quote.stewards, 'steward')} for ${plan.n} shares: the rest stays unplaced until the same command is run again with more of them`,
        ]
      : []),
    ...(before === undefined && limits.maxPrice < quote.price
      ? [
          `! the price cap is below what is expected (${shortHold(quote.price, 'up')} HOLD per GiB-month): when nobody bids, the advert is paid all the same`,
        ]
      : []),
  ]
}

export function tellDryRun({ out }: Context, { plan, quote }: PutTerms): number {
  const isPaid = quote.before !== undefined
  const isFree = quote.rentAtMost + quote.advertFee === 0n
  out.summary({
    command: 'put',
    fields: {
      dryRun: true,
      bytes: plan.bytes,
      blobs: blobsOf(plan),
      placed: quote.before?.blobs ?? 0,
      stewards: quote.stewards,
      cost: costFields(quote.rent, quote.advertFee, quote.fees),
      atMost: formatHold(quote.rentAtMost + quote.advertFee),
      transactions: isPaid || isFree ? [] : ['Market.advertise'],
    },
    lines: [
      isFree && !isPaid
        ? 'It would ask for rights to store, and send the blobs. Nothing was asked for or sent (dry run).'
        : isPaid
          ? 'It would send the blobs that are left. Nothing was sent (dry run).'
          : 'It would send one transaction, Market.advertise, and then the blobs. Nothing was sent (dry run).',
    ],
  })
  return EXIT.done
}

/** Nothing is spent without a word: above `put.confirm-above` somebody has to agree. The controller enforces the budget. */
export async function agree(context: Context, { quote, limits }: PutTerms): Promise<void> {
  const { settings, options } = context
  const most = quote.rentAtMost + quote.advertFee
  const least = quote.rent + quote.advertFee
  if (limits.budget < least && settings.find('put.budget') !== undefined)
    throw new HoldfastError('FUNDS_BUDGET', {
      need: `${formatHold(least)} HOLD`,
      budget: `${formatHold(limits.budget)} HOLD`,
    })
  const atMost = limits.budget < most ? limits.budget : most
  if (
    atMost <= settings.value('put.confirm-above') ||
    options.yes === true ||
    settings.find('put.budget') !== undefined
  )
    return
  const isAgreed = await context.confirm(
    `Spend up to ${shortHold(atMost as Wei, 'up')} HOLD?`,
    '--yes, or --budget HOLD',
  )
  if (!isAgreed) throw new HoldfastError('INTERRUPTED', {})
}

/** When nobody bids, and the cap is below what bids are expected to be, the cap is why. */
export async function underPriceCap<Result>({ quote, limits }: PutTerms, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (cause) {
    if (!hasCode(cause, 'AUCTION_NO_BIDS') || limits.maxPrice >= quote.price) throw cause
    throw priceError(limits.maxPrice, quote.price, { cause })
  }
}

/** Bytes of all blobs of a put. */
export function bytesOf({ n, shareLengths, copyLength, indirectCopyLength = 0 }: PutPlan): number {
  return n * (shareLengths.reduce((sum, length) => sum + length, 0) + copyLength + indirectCopyLength)
}

function blobsOf({ n, shareLengths, indirectCopyLength }: PutPlan): number {
  return n * (shareLengths.length + (indirectCopyLength === undefined ? 1 : 2))
}

/** Of --json: exact. Wei. */
export function costFields(rent: bigint, advert: bigint, fees: bigint) {
  return { rent: formatHold(rent), advert: formatHold(advert), unit: 'HOLD', fees: formatHold(fees), feeUnit: 'ETH' }
}
