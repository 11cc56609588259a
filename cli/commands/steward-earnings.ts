/**
 * `holdfast steward earnings`: what the chain says a steward was paid, month by month, what is on its way, what it missed, and what its sweeps
 * cost. From the log of the market alone, so it needs no running daemon and takes nobody's word.
 */
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { formatHold, formatTime, parseDuration, type UnixTime, WEI_PER_GWEI } from '../../base/units.ts'
import type { Hex } from '../../chain/chain-data.ts'
import { accountTopics, type MarketEvent, stewardTopics } from '../../chain/market.ts'
import { openMarketChain } from '../chain-access.ts'
import { chooseActor, listActors } from '../choose-actor.ts'
import type { Context, Options } from '../context.ts'
import { byPage, marketEvents } from '../market-events.ts'
import { formatCsv, formatTable, shortHold, shortId } from '../words.ts'

/** Sums over one span. Wei of HOLD; fees in wei of the chain's coin. */
export interface Earnings {
  /** Bounties that were swept. */
  readonly swept: bigint
  /** Vouchers that were redeemed, and what net statements gave, less what they took. */
  readonly vouchers: bigint
  /** Bounties that can still be swept. */
  readonly pending: bigint
  /** Bounties that were not swept in time, or were given back. */
  readonly missed: bigint
  /** Of its own transactions that swept or redeemed. */
  readonly fees: bigint
}

/** What one month brought one steward. */
interface Row {
  readonly steward: Address
  readonly month: string
  readonly earnings: Earnings
}

const NOTHING: Earnings = { swept: 0n, vouchers: 0n, pending: 0n, missed: 0n, fees: 0n }

export async function stewardEarnings(
  context: Context,
  _args: readonly string[],
  options: Options,
): Promise<undefined> {
  const { out } = context
  const stewards = await stewardsOf(context, options)
  const { chain, deployment } = await openMarketChain(context)
  try {
    const rows: Row[] = []
    for (const steward of stewards) {
      const topics = [...stewardTopics(steward), ...accountTopics(steward)]
      const { now, events } = await marketEvents(chain, deployment, topics)
      const since = options['since'] === undefined ? 0 : now - parseDuration(String(options['since']))
      const receipts = await byPage(paidBy(steward, events, since), async (hash) => {
        const receipt = await chain.receipt(hash)
        if (receipt === undefined) throw new HoldfastError('CHAIN_ANSWER', { what: `there is no receipt of ${hash}` })
        return receipt
      })
      const fees = new Map<Hex, bigint>()
      for (const [hash, receipt] of receipts)
        if (receipt.from === steward) fees.set(hash, receipt.gasUsed * receipt.gasPrice)
      for (const [month, earnings] of earningsOf(steward, events, { now, since, fees }))
        rows.push({ steward, month, earnings })
    }
    if (options['csv'] === true && context.options.json !== true) {
      out.stdout.write(csvOf(rows))
      return undefined
    }
    for (const { steward, month, earnings } of rows)
      out.record({ type: 'earnings', steward, month, ...fieldsOf(earnings) })
    const total = rows.reduce((sum, { earnings }) => add(sum, earnings), NOTHING)
    out.summary({
      command: 'steward',
      fields: { stewards, ...fieldsOf(total), unit: 'HOLD', feeUnit: 'ETH' },
      lines: [
        ...linesOf(stewards, rows),
        `${shortHold(total.swept + total.vouchers)} HOLD earned, fees ${shortHold(total.fees)} ETH`,
      ],
    })
    return undefined
  } finally {
    chain.close()
  }
}

/** The one that was named, or all of this home. @throws `CONFIG_NOT_INITIALISED` */
async function stewardsOf(context: Context, options: Options): Promise<readonly Address[]> {
  if (typeof options['id'] === 'string') return [(await chooseActor(context, 'steward', options)).id]
  const stewards = await listActors(context.home.stewards)
  if (stewards.length === 0) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: context.home.stewards })
  return stewards
}

/** Transactions that swept or redeemed for the steward since then, also such as came too late; those that reverted left no trace. */
function paidBy(steward: Address, events: readonly MarketEvent[], since: number): ReadonlySet<Hex> {
  const isPay = (event: MarketEvent) =>
    ((event.kind === 'swept' || event.kind === 'missed') && event.payee === steward) ||
    (event.kind === 'redeemed' && event.to === steward)
  return new Set(events.filter((event) => event.blockTime >= since && isPay(event)).map(({ txHash }) => txHash))
}

/**
 * What the events of a market brought a steward, by month ("2027-03", of chain time), oldest first: money in the month in which it came, open and
 * missed bounties in that in which they were posted. Pure.
 * @param fees what its own transactions cost, by hash; a transaction counts once, however much it swept
 */
export function earningsOf(
  steward: Address,
  events: readonly MarketEvent[],
  { now, since, fees }: { readonly now: UnixTime; readonly since: number; readonly fees: ReadonlyMap<Hex, bigint> },
): ReadonlyMap<string, Earnings> {
  const months = new Map<string, Earnings>()
  const note = (at: UnixTime, more: Partial<Earnings>) => {
    if (at < since) return
    const month = formatTime(at).slice(0, 7)
    months.set(month, add(months.get(month) ?? NOTHING, { ...NOTHING, ...more }))
  }
  const open = new Map<string, Extract<MarketEvent, { readonly kind: 'posted' }>>()
  const counted = new Set<Hex>()
  for (const event of events) {
    const { blockTime } = event
    if (event.kind === 'posted' && event.steward === steward) open.set(toHex(event.id), event)
    else if (event.kind === 'swept') {
      open.delete(toHex(event.id))
      if (event.payee === steward) note(blockTime, { swept: event.amount * WEI_PER_GWEI })
    } else if (event.kind === 'revoked') {
      const bounty = open.get(toHex(event.id))
      open.delete(toHex(event.id))
      if (bounty !== undefined) note(bounty.blockTime, { missed: bounty.amount * WEI_PER_GWEI })
    } else if (event.kind === 'redeemed' && event.to === steward)
      note(blockTime, { vouchers: event.paid * WEI_PER_GWEI })
    else if (event.kind === 'netted' && event.account === steward)
      note(blockTime, { vouchers: event.amount * WEI_PER_GWEI })
    const fee = fees.get(event.txHash)
    if (fee !== undefined && !counted.has(event.txHash)) {
      counted.add(event.txHash)
      note(blockTime, { fees: fee })
    }
  }
  for (const { blockTime, deadline, amount } of open.values())
    note(blockTime, { [deadline > now ? 'pending' : 'missed']: amount * WEI_PER_GWEI })
  return new Map([...months].sort(([one], [other]) => (one < other ? -1 : 1)))
}

function add(one: Earnings, other: Earnings): Earnings {
  return {
    swept: one.swept + other.swept,
    vouchers: one.vouchers + other.vouchers,
    pending: one.pending + other.pending,
    missed: one.missed + other.missed,
    fees: one.fees + other.fees,
  }
}

const fieldsOf = ({ swept, vouchers, pending, missed, fees }: Earnings) => ({
  swept: formatHold(swept),
  vouchers: formatHold(vouchers),
  pending: formatHold(pending),
  missed: formatHold(missed),
  fees: formatHold(fees),
})

/** One steward: by month. Several: a line each. */
function linesOf(stewards: readonly Address[], rows: readonly Row[]): readonly string[] {
  const cells = ({ swept, vouchers, pending, missed, fees }: Earnings) =>
    [swept, vouchers, pending, missed, fees].map((amount) => shortHold(amount))
  const sum = (id: Address) =>
    rows.filter(({ steward }) => steward === id).reduce((all, { earnings }) => add(all, earnings), NOTHING)
  const body =
    stewards.length === 1
      ? rows.map(({ month, earnings }) => [month, ...cells(earnings)])
      : stewards.map((id) => [shortId(id), ...cells(sum(id))])
  if (body.length === 0) return []
  const head = [stewards.length === 1 ? 'MONTH' : 'STEWARD', 'SWEPT', 'VOUCHERS', 'PENDING', 'MISSED', 'FEES (ETH)']
  return formatTable([head, ...body], [1, 2, 3, 4, 5])
}

/** For a spreadsheet: a line each. */
export function csvOf(rows: readonly Row[]): string {
  const head = ['steward', 'month', 'swept_hold', 'vouchers_hold', 'pending_hold', 'missed_hold', 'fees_coin']
  return formatCsv(
    head,
    rows.map(({ steward, month, earnings }) => [steward, month, ...Object.values(fieldsOf(earnings))]),
  )
}
