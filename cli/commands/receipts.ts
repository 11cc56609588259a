/** `holdfast receipts`: what both sides signed: each placement with its own price, and what was paid for it. market.md, Contracts. */
import { formatHold, parseDuration, parseHold } from '../../base/units.ts'
import type { ObjectSummary, ShareStatus } from '../../controller/api-types.ts'
import type { Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { formatCsv, formatDay, formatTable, plural, shortHold, shortId } from '../words.ts'

/** A placement, and the object it is of. */
type Receipt = ShareStatus & Pick<ObjectSummary, 'name'>

export async function receipts(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  const since = options['since'] === undefined ? undefined : parseDuration(String(options['since']))
  await using view = await openLedgerView(context)
  const { now, objects } = await view.objects()
  const found: Receipt[] = []
  for (const { id, name } of objects)
    for (const share of await view.shares(id, true)) found.push({ ...share, ...(name === undefined ? {} : { name }) })
  const listed = found
    .filter(({ start }) => since === undefined || Date.parse(start) / 1000 >= now - since)
    .sort((a, b) => (a.start === b.start ? 0 : a.start < b.start ? -1 : 1))
  if (options['csv'] === true && context.options.json !== true) {
    out.stdout.write(csvOfReceipts(listed))
    return undefined
  }
  for (const { type: kind, confidence: _, ...fields } of listed) out.record({ type: 'receipt', kind, ...fields })
  const paid = listed.reduce((sum, each) => sum + parseHold(each.paid), 0n)
  out.summary({
    command: 'receipts',
    fields: { receipts: listed.length, paid: formatHold(paid), asOf: view.asOf },
    lines: [
      ...(listed.length === 0 ? [] : formatTable(rowsOf(listed), [3, 6, 7])),
      `${plural(listed.length, 'receipt')}, ${shortHold(paid)} HOLD paid`,
    ],
  })
  return undefined
}

function rowsOf(listed: readonly Receipt[]): readonly (readonly string[])[] {
  const head = ['FROM', 'TO', 'STEWARD', 'BYTES', 'OF', 'STATE', 'HOLD/GiB-MONTH', 'PAID']
  return [
    head,
    ...listed.map((each) => [
      formatDay(each.start),
      formatDay(each.end),
      shortId(each.steward),
      String(each.length),
      `${each.name ?? shortId(each.object)} ${each.type} ${each.segment}/${each.share}`,
      each.state,
      each.price,
      shortHold(parseHold(each.paid)),
    ]),
  ]
}

/** For a spreadsheet: a line each. */
export function csvOfReceipts(
  listed: readonly Pick<
    ShareStatus,
    | 'start'
    | 'end'
    | 'object'
    | 'type'
    | 'segment'
    | 'share'
    | 'blobId'
    | 'length'
    | 'steward'
    | 'version'
    | 'state'
    | 'price'
    | 'paid'
  >[],
): string {
  return formatCsv(
    'start,end,object,kind,segment,share,blob,bytes,steward,version,state,price_hold_gib_month,paid_hold'.split(','),
    listed.map((each) => [
      each.start,
      each.end,
      each.object,
      each.type,
      each.segment,
      each.share,
      each.blobId,
      each.length,
      each.steward,
      each.version,
      each.state,
      each.price,
      each.paid,
    ]),
  )
}
