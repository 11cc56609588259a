/** `holdfast ls`. */
import { formatSize } from '../../base/units.ts'
import type { Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { pasteable } from '../pasteable.ts'
import { formatDay, formatFromNow, formatNines, formatTable, shortId } from '../words.ts'

export async function ls(context: Context, [prefix = '']: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  await using view = await openLedgerView(context)
  const { now, objects } = await view.objects()
  const listed = objects.filter(
    ({ id, name, backup, removed }) =>
      ((backup === undefined && removed === undefined) || options['all'] === true) &&
      (prefix === '' || id.startsWith(prefix.toLowerCase()) || name?.startsWith(prefix) === true),
  )
  for (const object of listed) out.record({ type: 'object', ...object })
  if (out.style.quiet && !out.style.json) for (const { id } of listed) out.stdout.write(`${id}\n`)
  const rows = listed.map(({ id, size, shares, n, suspect, nines, confidence, nextCheck, expires, ...object }) => {
    const name = `${object.name ?? (object.backup === undefined ? '' : `(backup ${object.backup} of the ledger)`)}${object.removed === undefined ? '' : ' (let go)'}`
    return options['long'] === true
      ? [
          shortId(id),
          formatSize(size),
          `${shares}/${n}`,
          formatNines(nines, confidence),
          formatFromNow(nextCheck, now),
          formatDay(expires),
          name,
          suspect > 0 ? `${suspect} suspect` : '',
        ]
      : [shortId(id), formatSize(size), name]
  })
  const head =
    options['long'] === true
      ? ['ID', 'SIZE', 'SHARES', 'CONFIDENCE', 'NEXT CHECK', 'EXPIRES', 'NAME', '']
      : ['ID', 'SIZE', 'NAME']
  const bytes = listed.reduce((sum, { size }) => sum + size, 0)
  out.summary({
    command: 'ls',
    fields: { objects: listed.length, bytes, asOf: view.asOf },
    lines:
      listed.length === 0
        ? [
            prefix === ''
              ? `Nothing is stored yet. This stores something: ${pasteable(context.options, 'put FILE')}`
              : `Nothing begins with ${prefix}.`,
          ]
        : formatTable([head, ...rows], [1, 2]),
  })
  if (view.isOffline) out.note(`as of ${view.asOf}: no controller runs in this home`)
  return undefined
}
