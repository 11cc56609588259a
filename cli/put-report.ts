/** How a put ended, for people and for scripts. */
import { toHex } from '../base/bytes.ts'
import { EXIT } from '../base/errors.ts'
import { formatHold, formatSize, formatTime } from '../base/units.ts'
import { formatCap } from '../blob/cap.ts'
import type { ObjectSummary } from '../controller/api-types.ts'
import { rentOf } from '../pricing/rates.ts'
import type { PutSummary } from '../uploader/put-run.ts'
import type { Context } from './context.ts'
import { pasteable } from './pasteable.ts'
import { bytesOf, costFields, type PutTerms } from './put-terms.ts'
import { formatSpan } from './rate-meter.ts'
import { plural, shortHold, shortId } from './words.ts'

/** The object was there before. @param cap as text, when it is to be shown */
export function tellStored({ out }: Context, { id, size, name, expires }: ObjectSummary, cap?: string): number {
  out.summary({
    command: 'put',
    fields: { id, bytes: size, name, unchanged: true, blobs: 0, cost: costFields(0n, 0n, 0n), expires, cap },
    lines: [
      `unchanged  ${shortId(id)}  ${name ?? ''}  ${formatSize(size)} is stored already: nothing was sent, nothing was spent`,
      ...(cap === undefined ? [] : [cap]),
    ],
    result: id,
  })
  return EXIT.done
}

export interface PutResult {
  readonly summary: PutSummary
  readonly terms: PutTerms
  /** False: nobody will post bounties once this command has ended. */
  readonly isAttended: boolean
  readonly isComplete: boolean
  readonly seconds: number
  readonly name: string | undefined
  readonly showCap: boolean
}

/** @returns the exit code: 3 when not everything is placed */
export function tellPut(context: Context, result: PutResult): number {
  const { out, options } = context
  const { summary, terms, isAttended, isComplete, seconds, name } = result
  const { award, shares, blobs, copies } = summary
  const { plan, quote } = terms
  const id = toHex(summary.id)
  const lotLength = bytesOf(plan) / plan.n
  const rent = rentOf(award.lots.map(({ price }) => ({ price, length: lotLength, seconds: plan.term })))
  const cap = result.showCap ? formatCap(summary.cap) : undefined
  const { advertFee, price, thin, clusterRule, bids, invited, reserve, scores } = award.summary
  if (thin) out.note(`! competition is thin: ${bids} bids for ${plan.n} shares, so the price is near the reserve`)
  if (!clusterRule) out.note('! all stewards share one network: the cluster rule is off')
  if (!isComplete)
    out.warn(
      `${shares.held} of ${plan.n} shares and ${copies} of ${plan.n} manifest copies are placed; run the same command again for the rest`,
    )
  if (!isAttended)
    out.warn(`no controller runs: nobody will post bounties until ${pasteable(options, 'controller start')}`)
  out.summary({
    command: 'put',
    fields: {
      id,
      ...(cap === undefined ? {} : { cap }),
      name,
      bytes: summary.bytes,
      sha256: toHex(summary.contentHash),
      blobs: blobs.held,
      shares: { need: shares.need, total: shares.total, receipts: shares.held },
      copies,
      segments: summary.segments,
      cost: costFields(rent, advertFee, quote.fees),
      price: formatHold(price),
      auction: {
        invited,
        bids,
        thin,
        clusterRule,
        reserve: formatHold(reserve),
        scores: scores.map(({ steward, bid, score, won }) => ({
          steward,
          bid: formatHold(bid),
          score: formatHold(score),
          won,
        })),
      },
      stewards: award.lots.map(({ lot, steward }) => ({ share: lot, steward })),
      expires: formatTime(award.end),
      complete: isComplete,
      resumed: summary.resumed,
      seconds: Number(seconds.toFixed(3)),
    },
    lines: [
      `stored   ${shortId(id)}  ${name ?? ''}  ${formatSize(summary.bytes)} in ${formatSpan(seconds)}   ${shares.held}/${shares.total} receipts of ${plural(summary.segments, 'segment')}   rent ${shortHold(rent, 'up')} HOLD, advert ${shortHold(advertFee, 'up')}   until ${formatTime(award.end).slice(0, 10)}`,
      `get it back: ${pasteable(options, `get ${shortId(id)}${name === undefined ? ' -o FILE' : ''}`)}`,
      `elsewhere:   ${cap === undefined ? pasteable(options, `share ${shortId(id)}`) : `holdfast get ${cap}${name === undefined ? ' -o FILE' : ''}`}`,
    ],
    result: id,
  })
  return isComplete ? EXIT.done : EXIT.partial
}
