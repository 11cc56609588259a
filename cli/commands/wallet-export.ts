/** `holdfast wallet export`: every movement of the account in the market and the stake pool, from the chain's log. */
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { formatHold, formatTime, type UnixTime, WEI_PER_GWEI } from '../../base/units.ts'
import { accountTopics, type MarketEvent, uploaderTopics } from '../../chain/market.ts'
import { openMarketChain } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { marketEvents } from '../market-events.ts'
import { formatCsv, formatTable, shortHold, shortId } from '../words.ts'
import { openWallet } from './wallet.ts'

/** One movement. Amounts in wei of HOLD, as the balance in the market changed. */
export interface Movement {
  readonly at: UnixTime
  readonly kind: string
  readonly amount: bigint
  /** The other side, where there is one. */
  readonly with: string
  readonly tx: string
  readonly block: number
}

export async function walletExport(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  await using scope = new AsyncDisposableStack()
  const { account } = await openWallet(context, options, scope)
  const { chain, deployment } = await openMarketChain(context)
  scope.defer(async () => chain.close())
  const topics = [...uploaderTopics(account), ...accountTopics(account)]
  const movements = movementsOf(account, (await marketEvents(chain, deployment, topics)).events)
  const balance = movements.reduce((sum, { amount }) => sum + amount, 0n)
  if (options['csv'] === true && context.options.json !== true) {
    out.stdout.write(csvOf(movements))
    return undefined
  }
  for (const it of movements) out.record({ type: 'movement', ...fieldsOf(it) })
  out.summary({
    command: 'wallet export',
    fields: { account, movements: movements.length, balance: formatHold(balance), unit: 'HOLD' },
    lines: [
      ...formatTable(
        movements.map((it) => [
          formatTime(it.at).slice(0, 16).replace('T', ' '),
          it.kind,
          `${shortHold(it.amount)} HOLD`,
          it.with === '' ? '' : shortId(it.with),
        ]),
      ),
      `${movements.length} movements; they leave ${shortHold(balance)} HOLD in the market`,
    ],
  })
  return undefined
}

/** What the events of a market did to one account's balance in it, oldest first. Pure. */
export function movementsOf(account: Address, events: readonly MarketEvent[]): readonly Movement[] {
  /** Bounties of ours: sweeps and revocations name only the bounty. */
  const posted = new Map<string, bigint>()
  return events.flatMap((event) => {
    const move = (kind: string, amount: bigint, other = ''): readonly Movement[] => [
      { at: event.blockTime, kind, amount, with: other, tx: event.txHash, block: event.block },
    ]
    switch (event.kind) {
      case 'deposited':
        return event.account === account ? move('deposit', event.amount) : []
      case 'withdrawn':
        return event.account === account ? move('withdraw', -event.amount, event.to) : []
      case 'advertised':
        return event.uploader === account ? move('advert fee', -event.fee * WEI_PER_GWEI) : []
      case 'posted': {
        if (event.poster !== account) return []
        posted.set(toHex(event.id), event.amount)
        return move('bounty', -event.amount * WEI_PER_GWEI, event.steward)
      }
      case 'swept':
        return event.payee === account ? move('swept', event.amount * WEI_PER_GWEI) : []
      case 'revoked':
        return posted.has(toHex(event.id)) ? move('revoked', event.amount * WEI_PER_GWEI) : []
      case 'redeemed': {
        const amount = event.paid * WEI_PER_GWEI
        if (event.from === event.to) return []
        if (event.from === account) return move('voucher paid', -amount, event.to)
        return event.to === account ? move('voucher', amount, event.from) : []
      }
      case 'netted':
        return event.account === account ? move('netting', event.amount * WEI_PER_GWEI) : []
      default:
        return []
    }
  })
}

const fieldsOf = (it: Movement) => ({
  at: formatTime(it.at),
  kind: it.kind,
  amount: formatHold(it.amount),
  with: it.with,
  tx: it.tx,
  block: it.block,
})

/** For a spreadsheet: a line each. */
export function csvOf(movements: readonly Movement[]): string {
  return formatCsv(
    ['at', 'kind', 'amount_hold', 'with', 'tx', 'block'],
    movements.map((it) => Object.values(fieldsOf(it))),
  )
}
