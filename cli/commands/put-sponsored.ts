/** `holdfast put --sponsor`: without id, keys or ledger. Whoever has the capability has the object; nothing else of it stays here. */
import { basename, resolve } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { type Address, parseAddress } from '../../base/curve.ts'
import { EXIT, HoldfastError } from '../../base/errors.ts'
import { formatSize, parseSize } from '../../base/units.ts'
import { formatCap } from '../../blob/cap.ts'
import type { Target } from '../../net/node.ts'
import { addressesOf, type RegistryView } from '../../pool/registry-view.ts'
import { sponsoredBook, sponsoredSend } from '../../sponsors/sponsored.ts'
import { openSource } from '../../store/source-file.ts'
import { openPut, putObject } from '../../uploader/put.ts'
import type { PutJournal } from '../../uploader/put-journal.ts'
import type { PutOptions } from '../../uploader/put-run.ts'
import { createVault } from '../../uploader/vault.ts'
import { detailLog } from '../chain-access.ts'
import { openClientNode } from '../client-node.ts'
import type { Context, Options } from '../context.ts'
import { createProgress } from '../progress.ts'
import { shortId } from '../words.ts'

/** How often shares are offered before some stay unplaced. */
const ROUNDS = 2

export async function putSponsored(context: Context, path: string, options: Options): Promise<number> {
  const { out, settings, rng, clock, signal } = context
  if (path === '-')
    throw new HoldfastError('INPUT_USAGE', {
      what: 'with --sponsor a file is named: standard input cannot be read twice',
    })
  const { k, n } = settings.value('put.code')
  const segmentSize = parseSize(String(options['segmentSize']))
  const name = typeof options['name'] === 'string' ? options['name'] : basename(resolve(path))
  const log = detailLog(context)
  await using scope = new AsyncDisposableStack()
  const progress = createProgress(out, 'put', clock)
  scope.defer(async () => progress.end())
  const source = await openSource(path)
  scope.defer(() => source.close())
  const client = scope.use(await openClientNode(context, log))
  const sponsor = targetOf(String(options['sponsor']), client.registry)
  const wanted: PutOptions = {
    segmentSize,
    k,
    n,
    term: settings.value('put.for'),
    name,
    limits: {},
    rounds: ROUNDS,
    signal,
  }
  // keys that end with this process: what it begins nobody takes up again, so no key ever covers two contents
  const [journal, vault] = [memoryJournal(), createVault(rng.bytes(32), rng)]
  const opened = await openPut({ journal, vault, rng }, source, wanted)
  const summary = await putObject(
    {
      book: sponsoredBook(client.net, sponsor, signal),
      send: sponsoredSend(client.net, sponsor, opened.layout.plan.ref),
      rng,
      clock,
      journal,
      vault,
      editorParent: rng.bytes(32),
      log,
      onProgress: (event) => {
        if (event.kind === 'phase') progress.phase(event.phase)
        if (event.kind === 'bytes') progress.bytes(event.sent, event.total)
      },
    },
    source,
    wanted,
    opened,
  )
  progress.end()
  const cap = formatCap(summary.cap)
  const isComplete = summary.shares.held === n && summary.copies === n
  if (!isComplete)
    out.warn(`${summary.shares.held} of ${n} shares and ${summary.copies} of ${n} manifest copies are placed`)
  out.summary({
    command: 'put',
    fields: {
      id: toHex(summary.id),
      bytes: summary.bytes,
      blobs: summary.blobs.held,
      shares: summary.shares,
      sponsor: sponsor.id,
      cap,
    },
    lines: [
      `stored  ${shortId(toHex(summary.id))}  ${name}  ${formatSize(summary.bytes)} through a sponsor, which cannot read it`,
      'This capability is the only way to it; nobody can show it again:',
      cap,
    ],
    result: cap,
  })
  return isComplete ? EXIT.done : EXIT.partial
}

/** A member's id, or where it listens. @throws `INPUT_FORMAT`, `POOL_UNREGISTERED` */
function targetOf(text: string, registry: RegistryView): Target & { readonly id?: Address } {
  if (text.startsWith('/')) return { addresses: [text] }
  const id = parseAddress(text, '--sponsor')
  const member = registry.member(id)
  if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: id })
  return { id, addresses: addressesOf(member) }
}

function memoryJournal(): PutJournal {
  const records = new Map<string, Uint8Array>()
  return {
    read: async (name) => records.get(name),
    write: async (name, bytes) => {
      records.set(name, bytes)
    },
    clear: async () => records.clear(),
  }
}
