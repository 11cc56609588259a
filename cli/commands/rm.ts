/** `holdfast rm`: lets objects go. They end with their terms; with --now after the 14 days of notice that stewards have. */
import { EXIT } from '../../base/errors.ts'
import { formatHold, parseHold } from '../../base/units.ts'
import type { RemovalView } from '../../controller/api-types.ts'
import type { Context, Options } from '../context.ts'
import { findObject } from '../find-object.ts'
import { openLedgerView } from '../ledger-view.ts'
import { openControllerApi } from '../local-api.ts'
import { pasteable } from '../pasteable.ts'
import { formatDay, plural, shortHold, shortId } from '../words.ts'

/** Stewards are told one object after the other, and one that is away takes its time. Milliseconds. */
const NOTICE_MS = 15 * 60_000

export async function rm(context: Context, names: readonly string[], options: Options): Promise<number | undefined> {
  const { out, signal } = context
  const soon = options['now'] === true
  const objects = await idsOf(context, names)
  const client = await openControllerApi(context)
  const order = async (dryRun: boolean) =>
    (await client.post(
      '/remove',
      { objects, soon, dryRun },
      { signal, timeoutMs: NOTICE_MS },
    )) as readonly RemovalView[]
  let found: readonly RemovalView[]
  try {
    found = await order(true)
    if (context.options.dryRun !== true) {
      if (!(await context.confirm(`${describe(found)}. Whoever reads them then finds nothing. Let go?`, '--yes')))
        return undefined
      found = await order(false)
    }
  } finally {
    client.close()
  }
  const away = [...new Set(found.flatMap((view) => view.away))].sort()
  for (const view of found) out.record({ type: 'removal', ...view })
  out.summary({
    command: 'rm',
    fields: {
      objects: found.length,
      done: context.options.dryRun !== true,
      saved: savedBy(found),
      unit: 'HOLD',
      away,
    },
    lines: [
      ...found.map(
        ({ object, name, ends }) =>
          `${name ?? shortId(object)}: ${ends === undefined ? 'nothing of it is kept any more' : `until ${formatDay(ends)}`}`,
      ),
      ...(away.length === 0
        ? []
        : [
            `${plural(away.length, 'steward')} not reached: what they keep ends with its term. ${pasteable(context.options, `rm --now ${names.join(' ')}`)} tries again.`,
          ]),
    ],
  })
  return away.length === 0 ? undefined : EXIT.partial
}

function describe(found: readonly RemovalView[]): string {
  const last = found
    .flatMap(({ ends }) => ends ?? [])
    .sort()
    .at(-1)
  const saved = parseHold(savedBy(found))
  const until = last === undefined ? 'of which nothing is kept any more' : `kept until ${formatDay(last)}`
  return `${plural(found.length, 'object')} ${until}${saved === 0n ? '' : `, ${shortHold(saved)} HOLD less to pay`}`
}

function savedBy(found: readonly RemovalView[]): string {
  const sum = found.reduce((total, { saved }) => total + parseHold(saved), 0n)
  return formatHold(sum)
}

/** @throws `OBJECT_UNKNOWN`, `OBJECT_AMBIGUOUS`, `INPUT_CAP` */
async function idsOf(context: Context, names: readonly string[]): Promise<readonly string[]> {
  await using view = await openLedgerView(context)
  const { objects } = await view.objects()
  const kept = objects.filter(({ backup }) => backup === undefined)
  return [...new Set(names.map((name) => findObject(name, kept).id))]
}
