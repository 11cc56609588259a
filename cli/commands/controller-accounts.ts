/** `holdfast controller accounts`: what each steward proved and was paid for it, on chain and by voucher; do the books balance? */
import { parseHold } from '../../base/units.ts'
import type { Accounts, RoundView } from '../../controller/api-types.ts'
import type { Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { formatCsv, formatTable, shortHold, shortId } from '../words.ts'

const amount = (exact: string): string => shortHold(parseHold(exact))

export async function controllerAccounts(
  context: Context,
  _args: readonly string[],
  options: Options,
): Promise<undefined> {
  const { out } = context
  await using view = await openLedgerView(context)
  if (options['csv'] === true && context.options.json !== true) {
    out.stdout.write(csvOfRounds(await view.rounds()))
    return undefined
  }
  const accounts = await view.accounts()
  for (const round of context.options.json === true ? await view.rounds() : []) out.record({ type: 'round', ...round })
  out.summary({
    command: 'controller accounts',
    fields: { ...accounts, balanced: accounts.differences.length === 0, unit: 'HOLD', asOf: view.asOf },
    lines: linesOf(accounts),
  })
  return undefined
}

function linesOf({ balance, open, promised, stewards, differences }: Accounts): readonly string[] {
  const rows = stewards.map((each) => [
    shortId(each.steward),
    amount(each.rent),
    amount(each.swept),
    amount(each.vouched),
    amount(each.redeemed),
    amount(each.open),
    amount(each.onTheWay),
  ])
  const head = ['STEWARD', 'RENT', 'SWEPT', 'PROMISED', 'REDEEMED', 'OPEN', 'ON THE WAY']
  return [
    ...(rows.length === 0 ? [] : formatTable([head, ...rows], [1, 2, 3, 4, 5, 6])),
    `${amount(balance)} HOLD in the market, ${amount(promised)} of it promised by vouchers; ${amount(open)} in open bounties`,
    ...(differences.length === 0
      ? ['the books balance, to the gwei']
      : differences.map(
          ({ account, books, shown }) => `! ${account}: ${books} HOLD by the books, ${shown} by what there is`,
        )),
  ]
}

/** For a spreadsheet: a line for each round. */
export function csvOfRounds(rounds: readonly RoundView[]): string {
  return formatCsv(
    ['due', 'steward', 'way', 'why', 'blobs', 'amount_hold', 'state', 'promised'],
    rounds.map(({ due, steward, way, why = '', blobs, amount, state, promised = '' }) => [
      due,
      steward,
      way,
      why,
      blobs,
      amount,
      state,
      promised,
    ]),
  )
}
