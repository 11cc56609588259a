/** `holdfast controller plan`: what it is going to do, and why. */
import { HoldfastError } from '../../base/errors.ts'
import { formatHold, parseHold } from '../../base/units.ts'
import type { Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { formatTable, plural, shortHold, shortId } from '../words.ts'

export async function plan(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  const days = Number(options['days'])
  if (!Number.isInteger(days) || days < 1 || days > 3650)
    throw new HoldfastError('INPUT_RANGE', { name: '--days', expected: '1 to 3650', got: String(options['days']) })
  await using view = await openLedgerView(context)
  const acts = await view.plan(days)
  for (const act of acts) out.record({ type: 'act', ...act })
  const total = acts.reduce((sum, { amount }) => sum + (amount === undefined ? 0n : parseHold(amount)), 0n)
  const rows = acts.map((act) => [
    act.when.slice(0, 16).replace('T', ' '),
    act.what,
    plural(act.placements, 'placement'),
    act.steward === undefined ? 'by auction' : shortId(act.steward),
    act.amount === undefined ? '' : shortHold(parseHold(act.amount)),
    act.why,
  ])
  out.summary({
    command: 'plan',
    fields: { days, acts: acts.length, total: formatHold(total), unit: 'HOLD', asOf: view.asOf },
    lines: [
      ...formatTable([['when', 'what', 'for', 'to', 'amount', 'why'], ...rows]),
      `${days} days: ${shortHold(total, 'up')} HOLD in bounties`,
    ],
  })
  return undefined
}
