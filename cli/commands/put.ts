/** `holdfast put`: what it costs, then the object on its way. The same command again goes on, and costs nothing when all is there. */

import { mkdir } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { equalBytes, fromHex, toHex } from '../../base/bytes.ts'
import { HoldfastError, hasCode } from '../../base/errors.ts'
import { parseSize } from '../../base/units.ts'
import { formatCap } from '../../blob/cap.ts'
import { rootKeysOf } from '../../blob/identity.ts'
import type { ObjectSummary } from '../../controller/api-types.ts'
import type { Granted } from '../../steward/right.ts'
import { openSource, type SourceFile, spoolSource } from '../../store/source-file.ts'
import { sendByRight } from '../../uploader/by-right.ts'
import { openPut, putObject } from '../../uploader/put.ts'
import type { PutPlan, Quote } from '../../uploader/put-book.ts'
import type { PutOptions } from '../../uploader/put-run.ts'
import { createSendBlob } from '../../uploader/send-blob.ts'
import { contentHashOf, type Source } from '../../uploader/source.ts'
import { createVault } from '../../uploader/vault.ts'
import { detailLog } from '../chain-access.ts'
import { openClientNode } from '../client-node.ts'
import type { Context, Options } from '../context.ts'
import { readUserKeys } from '../keys.ts'
import { openLedgerView } from '../ledger-view.ts'
import { obtainPassphrase } from '../passphrase.ts'
import { createProgress } from '../progress.ts'
import { openPutBook } from '../put-book-access.ts'
import { openPutJournal } from '../put-journals.ts'
import { tellPut, tellStored } from '../put-report.ts'
import {
  agree,
  bytesOf,
  freeTermsLines,
  freeTermsOf,
  tellDryRun,
  termsLines,
  termsOf,
  underPriceCap,
} from '../put-terms.ts'
import { shortId } from '../words.ts'
import { openCap } from './share.ts'

/** Standard input is spooled to disk; more than this is a mistake. Bytes. */
const MAX_STDIN = 1024 ** 4
/** How often shares are offered before some stay unplaced. */
const ROUNDS = 3

export async function put(context: Context, [path = '']: readonly string[], options: Options): Promise<number> {
  if (options['sponsor'] !== undefined) return (await import('./put-sponsored.ts')).putSponsored(context, path, options)
  const { home, out, settings, rng, clock, signal } = context
  const log = detailLog(context)
  const { k, n } = settings.value('put.code')
  const segmentSize = parseSize(String(options['segmentSize']))
  const term = settings.value('put.for')
  const progress = createProgress(out, 'put', clock)
  await using scope = new AsyncDisposableStack()
  scope.defer(async () => progress.end())
  progress.phase('scanning')
  const file = path === '-' ? await spool(context) : await openSource(path)
  scope.defer(() => file.close())
  const source: Source = file
  const name =
    typeof options['name'] === 'string' ? options['name'] : path === '-' ? undefined : basename(resolve(path))
  const { root } = await readUserKeys(home.keystore, await obtainPassphrase(context, options, 'the keystore'))
  const isForced = options['forceNew'] === true
  const showCap = options['showCap'] === true
  const journal = scope.use(
    await openPutJournal(home.puts, path === '-' ? toHex(await contentHashOf(source)) : resolve(path)),
  )
  if (isForced) await journal.clear()
  const vault = createVault(rootKeysOf(root).ledgerKey, rng)
  const wanted = { segmentSize, k, n, term, ...(name === undefined ? {} : { name }) }
  const opened = await openPut({ journal, vault, rng }, source, { ...wanted, limits: {}, signal })
  const stored = isForced || opened.resumed ? undefined : await findStored(context, source, { k, n, name })
  if (stored !== undefined) {
    await journal.close(true)
    progress.end()
    return tellStored(context, stored, showCap ? await capOf(context, options, stored) : undefined)
  }
  const access = scope.use(await openPutBook(context, options, log))
  const { plan } = opened.layout
  const isFree = options['right'] === true
  const quote = await access.book.quote(plan)
  const terms = isFree ? freeTermsOf(plan, quote) : termsOf(context, options, plan, quote)
  progress.end()
  for (const line of isFree ? freeTermsLines(terms, source) : termsLines(terms, source)) out.note(line)
  if (context.options.dryRun === true) return tellDryRun(context, terms)
  if (!isFree) await agree(context, terms)
  const granted = isFree ? await rightsFor(context, plan, quote) : undefined

  const startedAt = clock.monotonic()
  const client = scope.use(await openClientNode(context, log))
  const limits = {
    ...terms.limits,
    ...(granted && { granted: granted.map(({ steward, addresses }) => ({ id: steward, addresses })) }),
  }
  const rights = new Map(granted?.map(({ steward, right }) => [steward, right]))
  const putOptions: PutOptions = { ...wanted, limits, rounds: ROUNDS, signal }
  const summary = await underPriceCap(terms, () =>
    putObject(
      {
        book: access.book,
        send: sendByRight(createSendBlob(client.net, client.plain), rights),
        rng,
        clock,
        journal,
        vault,
        editorParent: root,
        log,
        onProgress: (event) => {
          if (event.kind === 'phase') progress.phase(event.phase)
          if (event.kind === 'bytes') progress.bytes(event.sent, event.total)
          if (event.kind === 'award') progress.remark(`stewards ${event.award.lots.length}/${n}`)
          if (event.kind === 'segment')
            out.record({ type: 'item', segment: event.segment, blobs: event.held, of: event.of, state: 'held' })
          if (event.kind === 'retry')
            out.record({
              type: 'trouble',
              share: event.lot,
              steward: event.steward,
              code: event.why.code,
              what: event.why.message,
            })
          if (event.kind === 'replaced') {
            out.record({
              type: 'trouble',
              share: event.lot,
              steward: event.failed,
              by: event.by,
              code: event.why.code,
              what: event.why.message,
            })
            progress.keep(
              `! ${shortId(event.failed)} did not take its share (${event.why.code}); ${event.by === undefined ? 'nobody is left to take it' : `${shortId(event.by)} takes it`}`,
            )
          }
        },
      },
      source,
      putOptions,
      opened,
    ),
  )
  progress.end()
  const isComplete = summary.shares.held === n && summary.copies === n
  await journal.close(isComplete)
  return tellPut(context, {
    summary,
    terms,
    isAttended: access.isAttended,
    isComplete,
    seconds: (clock.monotonic() - startedAt) / 1000,
    name,
    showCap,
  })
}

/** More than lots are asked for: some stewards may be gone when their blob comes. */
const SPARE_RIGHTS = 2

/** Rights to store one lot with each of as many stewards as there are lots, for the account that places. */
async function rightsFor(context: Context, plan: PutPlan, { uploader }: Quote): Promise<readonly Granted[]> {
  if (uploader === undefined)
    throw new HoldfastError('LEDGER_CONFLICT', { what: 'the controller does not say who places' })
  const { orderRights } = await import('../right-access.ts')
  return orderRights(context, {
    name: plan.ref,
    bytes: bytesOf(plan) / plan.n,
    want: plan.n + SPARE_RIGHTS,
    to: uploader,
  })
}

async function capOf(context: Context, options: Options, { id }: ObjectSummary): Promise<string> {
  await using view = await openLedgerView(context)
  return formatCap(await openCap(context, options, id, (await view.object(id)).sealedCap))
}

async function spool({ home }: Context): Promise<SourceFile> {
  if (process.stdin.isTTY === true)
    throw new HoldfastError('INPUT_USAGE', { what: 'standard input is the terminal; pipe something into it' })
  await mkdir(home.puts, { recursive: true, mode: 0o700 })
  return spoolSource(process.stdin, home.puts, MAX_STDIN)
}

/** An object of the ledger that is this very source under this name and code. Reads the source only when one of its size exists. */
async function findStored(
  context: Context,
  source: Source,
  { k, n, name }: { readonly k: number; readonly n: number; readonly name: string | undefined },
): Promise<ObjectSummary | undefined> {
  await using view = await openLedgerView(context).catch((cause: unknown) => {
    if (hasCode(cause, 'CONFIG_NOT_INITIALISED')) return undefined // a controller that never ran has stored nothing
    throw cause
  })
  if (view === undefined) return undefined
  const { now, objects } = await view.objects()
  const alike = objects.filter(
    (object) =>
      object.size === source.size &&
      object.k === k &&
      object.n === n &&
      object.name === name &&
      object.shares >= k &&
      object.removed === undefined &&
      (object.expires === undefined || Date.parse(object.expires) / 1000 > now),
  )
  if (alike.length === 0) return undefined
  const hash = await contentHashOf(source)
  return alike.find(({ contentHash }) => contentHash !== undefined && equalBytes(fromHex(contentHash), hash))
}
