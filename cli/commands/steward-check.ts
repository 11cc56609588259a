/** `holdfast steward check`: every file, or a part of them, against its id; by the daemon when it runs, else right here. */
import { existsSync } from 'node:fs'
import type { Address } from '../../base/curve.ts'
import { EXIT, HoldfastError, hasCode } from '../../base/errors.ts'
import { formatSize } from '../../base/units.ts'
import type { ApiClient } from '../../net/http-client.ts'
import type { CheckReport } from '../../steward/check.ts'
import { chooseActor } from '../choose-actor.ts'
import type { Context, Options } from '../context.ts'
import type { DaemonPaths } from '../home.ts'
import { openDaemonApi } from '../local-api.ts'
import { createProgress } from '../progress.ts'
import { plural } from '../words.ts'

/** How often a running daemon is asked how far it is. Milliseconds. */
const POLL_MS = 300

interface Order {
  readonly subset: number
  readonly rebuild: boolean
}

export async function stewardCheck(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const { out } = context
  const { id, paths } = await chooseActor(context, 'steward', options)
  const order = { subset: parseSubset(String(options['subset'])), rebuild: options['rebuild'] === true }
  if (context.options.dryRun === true) {
    out.summary({
      command: 'steward',
      fields: { dryRun: true, id, ...order },
      lines: [`would read ${describe(order)} of what steward ${id} holds; nothing was read (dry run)`],
    })
    return EXIT.done
  }
  const client = await runningSteward(context, paths)
  const report = await (client ? checkThere(context, client, order) : checkHere(context, id, paths, order))
  for (const { blobId, why } of report.lost) out.record({ type: 'lost', blobId, why })
  for (const { blobId, why } of report.unread) out.record({ type: 'unread', blobId, why })
  const { isRunning: _, ...fields } = report
  out.summary({
    command: 'steward',
    fields: { id, isOffline: client === undefined, ...fields },
    lines: reportLines(report, order, client === undefined),
    result: report.lostCount + report.unreadCount === 0 ? 'whole' : 'damaged',
  })
  if (report.lostCount > 0) return EXIT.integrity
  return report.unreadCount > 0 ? EXIT.partial : EXIT.done
}

/** A part of all bytes: 5%, 1/10 or all. @throws `INPUT_FORMAT`, `INPUT_RANGE` */
export function parseSubset(text: string): number {
  const [, percent, over, under] = /^(?:(\d{1,3}(?:\.\d{1,3})?)%|(\d{1,6})\/(\d{1,6}))$/.exec(text.trim()) ?? []
  if (text.trim() === 'all') return 1
  const part = percent === undefined ? Number(over) / Number(under) : Number(percent) / 100
  if (Number.isNaN(part))
    throw new HoldfastError('INPUT_FORMAT', { name: '--subset', expected: 'like 5%, 1/10 or all', got: text })
  if (!(part > 0 && part <= 1))
    throw new HoldfastError('INPUT_RANGE', { name: '--subset', expected: 'above 0 and at most 100%', got: text })
  return part
}

/** A client of the daemon, when it answers. */
async function runningSteward({ signal }: Context, paths: DaemonPaths): Promise<ApiClient | undefined> {
  if (!existsSync(paths.api)) return undefined
  const client = await openDaemonApi(paths, 'steward')
  try {
    await client.get('/check', { signal })
    return client
  } catch (cause) {
    client.close()
    if (hasCode(cause, 'API_UNREACHABLE', 'API_TOKEN')) return undefined // gone, and perhaps another program took its port
    throw cause
  }
}

async function checkThere(context: Context, client: ApiClient, order: Order): Promise<CheckReport> {
  const { clock, signal } = context
  const progress = createProgress(context.out, 'steward', clock)
  progress.phase('reading')
  try {
    await client.post('/check', order, { signal })
    for (;;) {
      const report = (await client.get('/check', { signal })) as CheckReport
      progress.bytes(report.bytesDone, report.bytes)
      if (!report.isRunning) return report
      await clock.sleep(POLL_MS, signal)
    }
  } finally {
    progress.end()
    client.close()
  }
}

/** Under the lock of its directory. @throws `STORE_LOCKED` while it starts or stops */
async function checkHere(context: Context, id: Address, paths: DaemonPaths, order: Order): Promise<CheckReport> {
  if (order.rebuild) throw new HoldfastError('API_UNREACHABLE', { role: 'steward', url: paths.api }) // the book changes on chain time only
  const [{ openDataDir }, { openBlobFiles }, { openOfflineCheck }] = await Promise.all([
    import('../../store/data-dir.ts'),
    import('../../store/blob-files.ts'),
    import('../../steward/offline-check.ts'),
  ])
  const { clock, signal, out } = context
  const log = { debug() {}, info() {}, warn() {}, error: (event: string) => out.detail(event) }
  const data = await openDataDir(paths.dir, { role: 'steward', id, clock })
  const progress = createProgress(out, 'steward', clock)
  try {
    const files = await openBlobFiles(paths.dir, { log, keepPart: () => true })
    const { check } = await openOfflineCheck({ journal: data.store, files, clock, log, signal })
    progress.phase('reading')
    const running = check.run({ subset: order.subset, isRebuild: false })
    const over = new AbortController()
    const watching = (async () => {
      while (!over.signal.aborted) {
        const { bytesDone, bytes } = check.report()
        progress.bytes(bytesDone, bytes)
        await clock.sleep(POLL_MS, over.signal).catch(() => undefined) // over: the loop ends
      }
    })()
    try {
      return await running
    } finally {
      over.abort()
      await watching
    }
  } finally {
    progress.end()
    await data.close()
  }
}

function describe({ subset, rebuild }: Order): string {
  const part = subset === 1 ? 'all' : `${Number((subset * 100).toFixed(3))} %`
  return `${part}${rebuild ? ', and take back lost blobs that are here again,' : ''}`
}

function reportLines(report: CheckReport, { rebuild }: Order, isOffline: boolean): readonly string[] {
  const { blobs, bytes, whole, lostCount, lost, unreadCount, unread, again, strangers, strangerBytes } = report
  return [
    `read ${plural(blobs, 'blob')} (${formatSize(bytes)}): ${whole} whole, ${lostCount} lost, ${unreadCount} could not be read`,
    ...lost.map(({ blobId, why }) => `! ${blobId} ${why}; put aside in quarantine/`),
    ...unread.map(({ blobId, why }) => `! ${blobId} ${why}`),
    ...(lostCount > 0
      ? [
          isOffline
            ? 'Start it again: it tells their uploaders when they next ask, and is paid for the sound ones.'
            : 'It tells their uploaders when they next ask, and is paid for the sound ones.',
        ]
      : []),
    ...(again.length === 0
      ? []
      : rebuild
        ? [
            `${plural(again.length, 'lost blob')} ${again.length === 1 ? 'is' : 'are'} here again and whole: held from now on`,
          ]
        : [
            `${plural(again.length, 'lost blob')} ${again.length === 1 ? 'is' : 'are'} here again and whole: --rebuild takes them back`,
          ]),
    ...(strangers > 0 ? [`${plural(strangers, 'file')} (${formatSize(strangerBytes)}) belong to no placement`] : []),
  ]
}
