/** `holdfast put`: what it costs, then the object on its way. The same command again goes on, and costs nothing when all is there. */

import { mkdir } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { equalBytes, fromHex, toHex } from '../../base/bytes.ts'
import { EXIT, HoldfastError, hasCode } from '../../base/errors.ts'
import { formatHold, formatSize, formatTime, parseSize, type Wei } from '../../base/units.ts'
import { formatCap } from '../../blob/cap.ts'
import { rootKeysOf } from '../../blob/identity.ts'
import type { ObjectSummary } from '../../controller/api-types.ts'
import { rentOf } from '../../pricing/rates.ts'
import { openSource, type SourceFile, spoolSource } from '../../store/source-file.ts'
import { openPut, putObject } from '../../uploader/put.ts'
import type { AwardLimits, PutPlan, Quote } from '../../uploader/put-book.ts'
import type { OpenPut, PutOptions, PutSummary } from '../../uploader/put-run.ts'
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
import { type OpenBook, openPutBook } from '../put-book-access.ts'
import { openPutJournal } from '../put-journals.ts'
import { formatSpan } from '../rate-meter.ts'
import { plural, shortId } from '../words.ts'
import { openCap } from './share.ts'

/** Standard input is spooled to disk; more than this is a mistake. Bytes. */
const MAX_STDIN = 1024 ** 4

export async function put(context: Context, [path = '']: readonly string[], options: Options): Promise<number> {
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
    return tellStored(context, options, stored)
  }
  const access = scope.use(await openPutBook(context, options, log))
  const { plan } = opened.layout
  const quote = sound(await access.book.quote(plan))
  const limits = limitsOf(context, quote)
  progress.end()
  for (const line of costLines(plan, quote, source, opened)) out.note(line)
  if (context.options.dryRun === true) return tellDryRun(context, plan, quote)
  await agree(context, quote, limits)

  const startedAt = clock.monotonic()
  const client = scope.use(await openClientNode(context, log))
  const putOptions: PutOptions = { ...wanted, limits, signal }
  const summary = await underPriceCap(quote, limits, () =>
    putObject(
      {
        book: access.book,
        send: createSendBlob(client.net),
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
  return tellPut(context, options, {
    summary,
    plan,
    quote,
    access,
    isComplete,
    seconds: (clock.monotonic() - startedAt) / 1000,
    name,
  })
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
      (object.expires === undefined || Date.parse(object.expires) / 1000 > now),
  )
  if (alike.length === 0) return undefined
  const hash = await contentHashOf(source)
  return alike.find(({ contentHash }) => contentHash !== undefined && equalBytes(fromHex(contentHash), hash))
}

async function tellStored(
  context: Context,
  options: Options,
  { id, size, name, expires }: ObjectSummary,
): Promise<number> {
  const { out } = context
  const fields: Record<string, unknown> = {
    id,
    bytes: size,
    name,
    unchanged: true,
    blobs: 0,
    cost: { rent: '0', advert: '0', unit: 'HOLD', fees: '0', feeUnit: 'ETH' },
    expires,
  }
  const cap = options['showCap'] === true ? await capOf(context, options, id) : undefined
  out.summary({
    command: 'put',
    fields: { ...fields, cap },
    lines: [
      `unchanged  ${shortId(id)}  ${name ?? ''}  ${formatSize(size)} is stored already: nothing was sent, nothing was spent`,
      ...(cap === undefined ? [] : [cap]),
    ],
    result: id,
  })
  return EXIT.done
}

async function capOf(context: Context, options: Options, id: string): Promise<string> {
  await using view = await openLedgerView(context)
  return formatCap(await openCap(context, options, id, (await view.object(id)).sealedCap))
}

/** What is expected is never more than what is possible at most. */
function sound(quote: Quote): Quote {
  return quote.rent <= quote.rentAtMost ? quote : { ...quote, rent: quote.rentAtMost }
}

/** The price cap, and a budget: the given one, or what the quote says it can cost at most. */
function limitsOf({ settings }: Context, quote: Quote): Required<AwardLimits> {
  const cap = settings.value('put.max-price')
  // Ten-thousandths, so that no float touches an amount.
  const maxPrice = 'wei' in cap ? cap.wei : (quote.price * BigInt(Math.round(cap.times * 10_000))) / 10_000n
  return { maxPrice, budget: settings.find('put.budget') ?? quote.rentAtMost + quote.advertFee }
}

function costLines(plan: PutPlan, quote: Quote, source: Source, { resumed }: OpenPut): readonly string[] {
  const blobs = plan.n * (plan.shareLengths.length + (plan.indirectCopyLength === undefined ? 1 : 2))
  const until = `for ${Math.round(plan.term / 86_400)} d, renewed by itself`
  return [
    `${plan.name ?? 'standard input'}   ${formatSize(source.size)} → ${formatSize(bytesOf(plan))} in ${plural(blobs, 'blob')} (any ${plan.k} of ${plan.n} shares suffice)   ${until}${resumed ? '   resumed' : ''}`,
    `rent ${formatHold(quote.rent)} HOLD   advert ${formatHold(quote.advertFee)}   chain fees ≈ ${shortAmount(quote.fees)} ETH   total ${formatHold(quote.rent + quote.advertFee)} HOLD, at most ${formatHold(quote.rentAtMost + quote.advertFee)}   balance ${shortAmount(quote.balance)} HOLD`,
  ]
}

/** Bytes of all blobs of a put. */
function bytesOf({ n, shareLengths, copyLength, indirectCopyLength = 0 }: PutPlan): number {
  return n * (shareLengths.reduce((sum, length) => sum + length, 0) + copyLength + indirectCopyLength)
}

/** An amount for people: six decimals. */
function shortAmount(wei: bigint): string {
  const [whole, fraction = ''] = formatHold(wei).split('.')
  return fraction === '' ? `${whole}` : `${whole}.${fraction.slice(0, 6)}`
}

function tellDryRun({ out }: Context, plan: PutPlan, quote: Quote): number {
  out.summary({
    command: 'put',
    fields: {
      dryRun: true,
      bytes: plan.bytes,
      blobs: plan.n * (plan.shareLengths.length + 1),
      stewards: quote.stewards,
      cost: costFields(quote.rent, quote),
      atMost: formatHold(quote.rentAtMost + quote.advertFee),
      transactions: ['Market.advertise'],
    },
    lines: ['It would send one transaction, Market.advertise, and then the blobs. Nothing was sent (dry run).'],
  })
  return EXIT.done
}

/** When nobody bids, and the cap is below what bids are expected to be, the cap is why. */
async function underPriceCap<Result>(
  quote: Quote,
  { maxPrice }: Required<AwardLimits>,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run()
  } catch (cause) {
    if (!hasCode(cause, 'AUCTION_NO_BIDS') || maxPrice >= quote.price) throw cause
    throw new HoldfastError('FUNDS_PRICE', { max: `${formatHold(maxPrice)} HOLD per GiB-month` }, { cause })
  }
}

/** Nothing is spent without a word: above `put.confirm-above` somebody has to agree. The controller enforces the budget. */
async function agree(context: Context, quote: Quote, limits: Required<AwardLimits>): Promise<void> {
  const { settings, options } = context
  const most = quote.rentAtMost + quote.advertFee
  const least = quote.rent + quote.advertFee
  if (limits.budget < least && settings.find('put.budget') !== undefined)
    throw new HoldfastError('FUNDS_BUDGET', {
      need: `${formatHold(least)} HOLD`,
      budget: `${formatHold(limits.budget)} HOLD`,
    })
  const atMost = limits.budget < most ? limits.budget : most
  if (
    atMost <= settings.value('put.confirm-above') ||
    options.yes === true ||
    settings.find('put.budget') !== undefined
  )
    return
  const isAgreed = await context.confirm(`Spend up to ${formatHold(atMost as Wei)} HOLD?`, '--yes, or --budget HOLD')
  if (!isAgreed) throw new HoldfastError('INTERRUPTED', {})
}

function costFields(rent: bigint, { advertFee, fees }: Pick<Quote, 'advertFee' | 'fees'>) {
  return { rent: formatHold(rent), advert: formatHold(advertFee), unit: 'HOLD', fees: formatHold(fees), feeUnit: 'ETH' }
}

interface PutResult {
  readonly summary: PutSummary
  readonly plan: PutPlan
  readonly quote: Quote
  readonly access: OpenBook
  readonly isComplete: boolean
  readonly seconds: number
  readonly name: string | undefined
}

function tellPut(
  { out }: Context,
  options: Options,
  { summary, plan, quote, access, isComplete, seconds, name }: PutResult,
): number {
  const { award, shares, blobs, copies } = summary
  const id = toHex(summary.id)
  const lotLength = bytesOf(plan) / plan.n
  const rent = rentOf(award.lots.map(({ price }) => ({ price, length: lotLength, seconds: plan.term })))
  const cost = {
    rent: formatHold(rent),
    advert: formatHold(award.summary.advertFee),
    unit: 'HOLD',
    fees: formatHold(quote.fees),
    feeUnit: 'ETH',
  }
  const cap = options['showCap'] === true ? formatCap(summary.cap) : undefined
  const { price, thin, clusterRule, bids, invited } = award.summary
  if (thin) out.note(`! competition is thin: ${bids} bids for ${plan.n} shares, so the price is near the reserve`)
  if (!clusterRule) out.note('! all stewards share one network: the cluster rule is off')
  if (!isComplete)
    out.warn(
      `${shares.held} of ${plan.n} shares and ${copies} of ${plan.n} manifest copies are placed; run the same command again for the rest`,
    )
  if (!access.isAttended) out.warn('no controller runs: nobody will post bounties until holdfast controller start')
  out.summary({
    command: 'put',
    fields: {
      id,
      ...(cap === undefined ? {} : { cap }),
      name,
      bytes: summary.bytes,
      sha256: toHex(summary.contentHash),
      blobs: blobs.held,
      shares: { need: shares.need, total: shares.total, receipts: shares.held },
      copies,
      segments: summary.segments,
      cost,
      price: formatHold(price),
      auction: {
        invited,
        bids,
        thin,
        clusterRule,
        reserve: formatHold(award.summary.reserve),
        scores: award.summary.scores.map(({ steward, bid, score, won }) => ({
          steward,
          bid: formatHold(bid),
          score: formatHold(score),
          won,
        })),
      },
      stewards: award.lots.map(({ lot, steward }) => ({ share: lot, steward })),
      expires: formatTime(award.end),
      complete: isComplete,
      resumed: summary.resumed,
      seconds: Number(seconds.toFixed(3)),
    },
    lines: [
      `stored   ${shortId(id)}  ${name ?? ''}  ${formatSize(summary.bytes)} in ${formatSpan(seconds)}   ${shares.held}/${shares.total} receipts   rent ${formatHold(rent)} HOLD, advert ${cost.advert}   until ${formatTime(award.end).slice(0, 10)}`,
      `get it back: holdfast get ${shortId(id)}     elsewhere: ${cap === undefined ? `holdfast share ${shortId(id)}` : `holdfast get ${cap}`}`,
    ],
    result: id,
  })
  return isComplete ? EXIT.done : EXIT.partial
}
