/**
 * The price index: what storage costs now, told from clearings that were paid for, in a way that no single party can move. market.md, Price
 * index. It sets the default reserve and bounds renewals; no bid is ever refused for its distance from it. Pure and integer.
 */
import type { Address } from '../base/curve.ts'
import { DAY, type Wei, wei } from '../base/units.ts'

/** One auction's result, as far as the index needs it. */
export interface IndexedClearing {
  readonly uploader: Address
  /** Chain time. Seconds. */
  readonly at: number
  /** The advert's fee is on the chain. Without it a clearing costs its maker nothing, and counts for nothing. */
  readonly feePaid: boolean
  /** What was given out: to whom, how much, at which price. Bytes; wei per GiB-month. */
  readonly awards: readonly { readonly steward: Address; readonly bytes: number; readonly price: bigint }[]
}

/** Clearings that count. market.md. */
export const INDEX_CLEARINGS = 9
/** Older ones count only where there are no others. Seconds. */
export const INDEX_AGE = 90 * DAY
/** One uploader, or one steward, weighs at most a nineteenth of all others, which is a twentieth of the whole. market.md: 5 %. */
const OTHERS = 19n
/** Weights are byte counts times this, so that capping loses nothing that matters. */
const FINE = 1n << 40n

/**
 * Median over the last nine clearings of their byte-weighted prices. Of one uploader only the newest counts as long as others have one that
 * is not counted; then its next. One uploader, or one steward, weighs at most a nineteenth of what all others have (a twentieth of the whole), however
 * much it buys: where fewer than twenty take part, about the same as each other one of them. Of two middle prices the lower one.
 * @param now chain time, seconds
 * @param fallback where nothing counts: the reference
 */
export function priceIndex(clearings: readonly IndexedClearing[], now: number, fallback: Wei): Wei {
  const counted = chooseCounted(clearings, now)
  const total = counted.reduce((sum, { awards }) => sum + bytesOf(awards), 0n)
  const byUploader = new Map<string, bigint>()
  const bySteward = new Map<string, bigint>()
  for (const { uploader, awards } of counted)
    for (const { steward, bytes } of awards) {
      byUploader.set(uploader, (byUploader.get(uploader) ?? 0n) + BigInt(bytes))
      bySteward.set(steward, (bySteward.get(steward) ?? 0n) + BigInt(bytes))
    }
  /** Bytes as they weigh: cut down to the caps of both sides. Who stands alone is capped by nobody. */
  const weigh = (bytes: number, ...sides: readonly (bigint | undefined)[]): bigint =>
    sides.reduce<bigint>((weight, side = 0n) => {
      const most = (total - side) / OTHERS
      return most > 0n && side > most ? (weight * most) / side : weight
    }, BigInt(bytes) * FINE)
  const points = counted.flatMap(({ uploader, awards }) => {
    let weight = 0n
    let value = 0n
    for (const { steward, bytes, price } of awards) {
      const part = weigh(bytes, byUploader.get(uploader), bySteward.get(steward))
      weight += part
      value += part * price
    }
    return weight > 0n ? [{ weight, price: value / weight }] : []
  })
  return medianOf(points) ?? fallback
}

/** The nine that count: the newest of each uploader first, then the second of each. */
function chooseCounted(clearings: readonly IndexedClearing[], now: number): readonly IndexedClearing[] {
  const usable = clearings
    .filter(({ feePaid, at, awards }) => feePaid && at <= now && bytesOf(awards) > 0n && awards.every(isPriced))
    .sort((a, b) => b.at - a.at || (a.uploader < b.uploader ? -1 : 1))
  const recent = usable.filter(({ at }) => at > now - INDEX_AGE)
  const turns = new Map<string, number>()
  const inTurn = (recent.length > 0 ? recent : usable).map((clearing) => {
    const turn = turns.get(clearing.uploader) ?? 0
    turns.set(clearing.uploader, turn + 1)
    return { clearing, turn }
  })
  inTurn.sort((a, b) => a.turn - b.turn || b.clearing.at - a.clearing.at)
  return inTurn.slice(0, INDEX_CLEARINGS).map(({ clearing }) => clearing)
}

/** Prices that could ruin the sums, or that no auction gives, make their clearing count for nothing. */
function isPriced({ bytes, price }: { readonly bytes: number; readonly price: bigint }): boolean {
  return Number.isSafeInteger(bytes) && bytes >= 0 && price > 0n && price < 1n << 128n
}

function bytesOf(awards: readonly { readonly bytes: number }[]): bigint {
  return awards.reduce((sum, { bytes }) => sum + (Number.isSafeInteger(bytes) && bytes > 0 ? BigInt(bytes) : 0n), 0n)
}

function medianOf(points: readonly { readonly weight: bigint; readonly price: bigint }[]): Wei | undefined {
  const sorted = [...points].sort((a, b) => (a.price < b.price ? -1 : a.price > b.price ? 1 : 0))
  const all = sorted.reduce((sum, { weight }) => sum + weight, 0n)
  let below = 0n
  for (const { weight, price } of sorted) {
    below += weight
    if (2n * below >= all) return wei(price)
  }
  return undefined
}
