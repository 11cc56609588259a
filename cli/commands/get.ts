/** `holdfast get`: an object by id, name or capability. Nothing stands under the target's name before all of it is checked. */

import { basename } from 'node:path'
import { fromHex, toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { asHoldfastError, EXIT, HoldfastError, hasCode } from '../../base/errors.ts'
import { formatSize } from '../../base/units.ts'
import { parseCap } from '../../blob/cap.ts'
import { type ReadTrouble, troubleOf } from '../../controller/accuse.ts'
import type { ShareStatus } from '../../controller/api-types.ts'
import { type Overwrite, openTarget, type TargetFile } from '../../store/target-file.ts'
import { getObject } from '../../uploader/get.ts'
import type { FetchBlob } from '../../uploader/holders.ts'
import type { FinderHints } from '../../uploader/pool-finder.ts'
import { detailLog } from '../chain-access.ts'
import { openClientNode } from '../client-node.ts'
import type { Context, Options } from '../context.ts'
import { findObject, isCapText } from '../find-object.ts'
import { openLedgerView } from '../ledger-view.ts'
import { openControllerApi } from '../local-api.ts'
import { createOutput } from '../output.ts'
import { createProgress } from '../progress.ts'
import { formatSpan } from '../rate-meter.ts'
import { plural, shortId } from '../words.ts'
import { openCap } from './share.ts'

/** Somewhere for the plaintext: a file that takes its name at the end, or standard output. */
interface Destination {
  /** For people. */
  path(): string
  write(bytes: Uint8Array): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

export async function get(context: Context, [text = '']: readonly string[], options: Options): Promise<number> {
  const { clock, signal } = context
  const overwrite = parseOverwrite(options['overwrite'])
  const wanted = await resolveObject(context, options, text)
  const target = typeof options['output'] === 'string' ? options['output'] : undefined
  // what the ledger has no name for has none in its manifest either: said before anything is fetched
  if (target === undefined && wanted.id !== undefined && wanted.name === undefined) safeName(undefined)
  // The object itself goes to standard output: everything else makes way.
  const out = target === '-' ? createOutput(context.out.style, context.out.stderr, context.out.stderr) : context.out
  if (context.options.dryRun === true) {
    out.summary({
      command: 'get',
      fields: { dryRun: true, id: wanted.id, target },
      lines: [
        `would fetch ${shortId(wanted.id ?? 'the object')} to ${target ?? wanted.name ?? 'a file of its own name'}`,
        'Nothing was fetched (dry run).',
      ],
    })
    return EXIT.done
  }
  let name = wanted.name
  const destination = target === '-' ? toStream(context.out.stdout) : await toFile(target, () => name, overwrite)
  const progress = createProgress(out, 'get', clock)
  const startedAt = clock.monotonic()
  const troubles = new Map<string, Trouble>()
  try {
    progress.phase('finding')
    await using client = await openClientNode(context)
    const summary = await getObject(
      {
        finder: client.finder(wanted.hints),
        fetch: watch(client.fetch, troubles),
        clock,
        log: detailLog(context),
        onProgress: (event) => {
          if (event.kind === 'phase') progress.phase(event.phase)
          if (event.kind === 'object') name ??= event.fields.name
          if (event.kind === 'bytes') progress.bytes(event.written, event.total)
          if (event.kind === 'trouble')
            progress.remark(`${shortId(event.trouble.holder)} ${event.trouble.kind}, replaced`)
        },
      },
      wanted.cap,
      destination,
      { signal },
    )
    await destination.commit()
    progress.end()
    const seconds = (clock.monotonic() - startedAt) / 1000
    const { size, shares, slow, bad, failed, contentHash, holders } = summary
    const replaced = slow + bad + failed
    const lines = [
      `fetched  ${destination.path()}  ${formatSize(size)}  ${formatSpan(seconds)}  ${formatSize(Math.round(size / Math.max(seconds, 0.001)))}/s   hash ✔   ${shares.need} of ${shares.total} shares used${replaced === 0 ? '' : `, ${plural(replaced, 'fetch').replace(/fetchs$/, 'fetches')} replaced`}`,
      `sha256   ${toHex(contentHash)}`,
    ]
    const fields = {
      id: toHex(summary.id),
      name: summary.name,
      path: destination.path(),
      bytes: size,
      sha256: toHex(contentHash),
      shares,
      holders,
      replaced: { slow, bad, failed },
      seconds: Number(seconds.toFixed(3)),
    }
    out.summary({ command: 'get', fields, lines, ...(target === '-' ? {} : { result: destination.path() }) })
    return EXIT.done
  } catch (cause) {
    progress.end()
    await destination.abort()
    throw asHoldfastError(cause)
  } finally {
    if (troubles.size > 0 && wanted.id !== undefined) await tellController(context, [...troubles.values()])
  }
}

/** A read that failed. */
interface Trouble {
  readonly steward: Address
  /** Hex. */
  readonly blob: string
  readonly kind: ReadTrouble
}

/** The same fetch; what fails is written down. */
function watch(fetch: FetchBlob, troubles: Map<string, Trouble>): FetchBlob {
  return async (holder, wish) => {
    try {
      return await fetch(holder, wish)
    } catch (cause) {
      const kind = wish.signal.aborted ? undefined : troubleOf(asHoldfastError(cause).code)
      const blob = toHex(wish.blobId)
      if (kind !== undefined) troubles.set(`${holder.id} ${blob}`, { steward: holder.id, blob, kind })
      throw cause
    }
  }
}

/** Longest that a get waits to hand over what failed. Milliseconds. */
const TELL_MS = 2_000

/** The controller has the receipts, so it reports; without one running nobody does. */
async function tellController(context: Context, troubles: readonly Trouble[]): Promise<void> {
  try {
    const client = await openControllerApi(context)
    try {
      await client.post('/troubles', { troubles: troubles.slice(0, 1_000) }, { timeoutMs: TELL_MS })
    } finally {
      client.close()
    }
  } catch (cause) {
    detailLog(context).info('troubles not reported', { why: asHoldfastError(cause).message })
  }
}

/** The capability: given, or from the ledger with the user's key. */
async function resolveObject(
  context: Context,
  options: Options,
  text: string,
): Promise<{ readonly cap: Uint8Array; readonly id?: string; readonly name?: string; readonly hints?: FinderHints }> {
  if (isCapText(text)) return { cap: parseCap(text) }
  await using view = await openLedgerView(context).catch((cause: unknown) => {
    // Without a ledger only a capability names an object.
    if (hasCode(cause, 'CONFIG_NOT_INITIALISED')) throw new HoldfastError('OBJECT_UNKNOWN', { id: text }, { cause })
    throw cause
  })
  const { objects } = await view.objects()
  const { id, name } = findObject(text, objects)
  const cap = await openCap(context, options, id, (await view.object(id)).sealedCap)
  return { cap, id, hints: hintsOf(await view.shares(id, false)), ...(name === undefined ? {} : { name }) }
}

/** Where the ledger says everything is: with no index alive an object of ours is found all the same. */
function hintsOf(placements: readonly ShareStatus[]): FinderHints {
  const blobs = new Map<string, Address[]>()
  for (const { type, blobId, steward } of placements)
    if (type === 'share') blobs.set(blobId, [...(blobs.get(blobId) ?? []), steward])
  return {
    blobs,
    copies: placements
      .filter(({ type }) => type === 'copy')
      .map(({ steward, blobId }) => ({ id: steward, blobId: fromHex(blobId, 32) })),
  }
}

function parseOverwrite(value: unknown): Overwrite {
  if (value === 'never' || value === 'always') return value
  throw new HoldfastError('INPUT_FORMAT', {
    name: '--overwrite',
    expected: 'never or always',
    got: String(value).slice(0, 40),
  })
}

/** With a path the target is opened at once, so that one that is in the way is known before anything is fetched; without, at the first byte. */
async function toFile(
  path: string | undefined,
  nameOf: () => string | undefined,
  overwrite: Overwrite,
): Promise<Destination> {
  let file: TargetFile | undefined = path === undefined ? undefined : await openTarget(path, { overwrite })
  const open = async () => {
    file ??= await openTarget(safeName(nameOf()), { overwrite })
    return file
  }
  return {
    path: () => file?.path ?? path ?? '',
    write: async (bytes) => (await open()).write(bytes),
    commit: async () => (await open()).commit(),
    abort: async () => file?.abort(),
  }
}

/** A name that came with an object never leads out of the working directory (reliability.md R22). */
function safeName(name: string | undefined): string {
  const base = name === undefined ? '' : basename(name.replaceAll('\\', '/'))
  const isSafe = base !== '' && base !== '.' && base !== '..' && !/\p{Cc}/u.test(base) && Buffer.byteLength(base) <= 255
  if (!isSafe)
    throw new HoldfastError('INPUT_REQUIRED', {
      what: 'where to write: the object has no usable name',
      option: '-o PATH',
    })
  return base
}

function toStream(stream: NodeJS.WritableStream & { readonly destroyed?: boolean }): Destination {
  let failure: Error | undefined
  stream.on('error', (cause: Error) => {
    failure ??= cause
  })
  return {
    path: () => '-',
    write: async (bytes) => {
      if (failure !== undefined)
        throw new HoldfastError(
          'STORE_UNUSABLE',
          { path: 'standard output', what: 'its reader went away' },
          { cause: failure },
        )
      // its own end, not `drain`: the memory is used again
      if (bytes.length > 0) await new Promise<void>((resolve) => stream.write(bytes, () => resolve()))
    },
    commit: async () => {
      await new Promise<void>((resolve) => stream.write('', () => resolve()))
    },
    abort: async () => undefined,
  }
}
