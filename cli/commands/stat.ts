/** `holdfast stat`: one object, and with --shares every placement of it. */

import { formatSize } from '../../base/units.ts'
import type { ShareStatus } from '../../controller/api-types.ts'
import type { Context, Options } from '../context.ts'
import { findObject } from '../find-object.ts'
import { openLedgerView } from '../ledger-view.ts'
import { formatDay, formatFromNow, formatNines, formatStates, formatTable, shortId } from '../words.ts'

const MARKS: Readonly<Record<string, string>> = {
  held: '✔',
  suspect: '?',
  placing: '…',
  repairing: '…',
  mia: '✘',
  lost: '✘',
}

export async function stat(context: Context, [text = '']: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  await using view = await openLedgerView(context)
  const { now, objects } = await view.objects()
  const object = findObject(text, objects)
  const wantsShares = options['shares'] === true || options['history'] === true
  const shares = wantsShares ? await view.shares(object.id, options['history'] === true) : []
  for (const share of shares) out.record({ ...share })
  const { id, name, size, k, n, segments, suspect, nines, confidence, nextCheck, expires, createdAt, contentHash } =
    object
  const { trouble } = object
  out.summary({
    command: 'stat',
    fields: { ...object, asOf: view.asOf },
    lines: [
      `${id}`,
      `${name ?? '(no name)'}   ${formatSize(size)}   ${k} of ${n}   ${segments} segment${segments === 1 ? '' : 's'}   stored ${createdAt}`,
      `shares ${object.shares}/${n}   suspect ${suspect}   confidence ${formatNines(nines, confidence)}   next check ${formatFromNow(nextCheck, now)}   until ${formatDay(expires)}`,
      ...(trouble === undefined ? [] : [`! ${formatStates(trouble.states)}; next: ${trouble.next}`]),
      ...(contentHash === undefined ? [] : [`sha256 ${contentHash}`]),
      ...(wantsShares ? shareLines(shares, now) : []),
    ],
    result: id,
  })
  if (view.isOffline) out.note(`as of ${view.asOf}: no controller runs in this home`)
  return undefined
}

function shareLines(shares: readonly ShareStatus[], now: number): readonly string[] {
  const rows = shares.map((share) => [
    share.type === 'copy' ? 'copy' : `segment ${share.segment}`,
    String(share.share),
    `${MARKS[share.state] ?? '·'} ${share.state}`,
    share.confidence.toFixed(3),
    `${share.checksDone} checks`,
    `proof ${formatFromNow(share.lastProof, now)}`,
    `next ${formatFromNow(share.nextCheck, now)}`,
    `${share.answersLeft} answers`,
    `until ${formatDay(share.end)}`,
    `paid ${share.paid}`,
    shortId(share.steward),
    share.note ?? '',
  ])
  return formatTable(rows, [1])
}
