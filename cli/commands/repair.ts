/** `holdfast repair`: makes everything that is missing again, at once; with --dry-run shows what that is. */
import { formatSize } from '../../base/units.ts'
import type { RepairView } from '../../controller/api-types.ts'
import type { Context } from '../context.ts'
import { findObject } from '../find-object.ts'
import { openLedgerView } from '../ledger-view.ts'
import { openControllerApi } from '../local-api.ts'
import { formatTable, plural, shortId } from '../words.ts'

const SAYS = {
  enough: 'enough is left: nothing is done by itself',
  planned: 'to be repaired',
  repairing: 'being repaired',
  lost: 'too few are left; whoever had one is asked again every day',
} as const

export async function repair(context: Context, names: readonly string[]): Promise<undefined> {
  const { out, signal } = context
  const dryRun = context.options.dryRun === true
  const objects = names.length === 0 ? [] : await idsOf(context, names)
  const client = await openControllerApi(context)
  let found: readonly RepairView[]
  try {
    found = (await client.post('/repair', { objects, dryRun }, { signal })) as readonly RepairView[]
  } finally {
    client.close()
  }
  for (const view of found) out.record({ type: 'repair', ...view })
  const parts = found.flatMap((view) => view.parts.map((part) => ({ ...part, view })))
  const mendable = parts.filter(({ state }) => state !== 'lost')
  const blobs = mendable.reduce((sum, { missing }) => sum + missing.length, 0)
  const bytes = mendable.reduce((sum, part) => sum + part.bytes, 0)
  const rows = parts.map(({ view, kind, segment, missing, confirmed, threshold, state }) => [
    view.name ?? shortId(view.object),
    kind === 'copy' ? 'copies' : `segment ${segment}`,
    `missing ${missing.join(' ')}`,
    `${confirmed} confirmed`,
    `repaired from ${threshold} down`,
    SAYS[state],
  ])
  const what = `${plural(blobs, 'blob')} (${formatSize(bytes)})`
  out.summary({
    command: 'repair',
    fields: { objects: found.length, blobs, bytes, ordered: !dryRun && blobs > 0 },
    lines: [
      ...formatTable(rows),
      blobs === 0
        ? 'Nothing is missing that could be repaired.'
        : dryRun
          ? `${what} would be made again; holdfast repair does it now.`
          : `${what} ordered; the controller does it from here. holdfast stat ID --shares shows how far it is.`,
    ],
  })
  return undefined
}

/** Ids of the objects that are meant. @throws `OBJECT_UNKNOWN`, `OBJECT_AMBIGUOUS`, `INPUT_CAP` */
async function idsOf(context: Context, names: readonly string[]): Promise<readonly string[]> {
  await using view = await openLedgerView(context)
  const { objects } = await view.objects()
  return names.map((name) => findObject(name, objects).id)
}
