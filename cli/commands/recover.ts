/**
 * `holdfast recover`: everything from the recovery words, on a machine that knows nothing: keys, ledger, caps, challenges, money.
 * An existing home is never overwritten; an interrupted recovery is run again.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { asHoldfastError, EXIT, HoldfastError } from '../../base/errors.ts'
import type { Change } from '../../base/ports.ts'
import { formatHold, formatTime } from '../../base/units.ts'
import { type Identity, identityOf } from '../../blob/identity.ts'
import type { Deployment } from '../../chain/deployment.ts'
import { openMarket } from '../../chain/market.ts'
import { type Chain, connectChain } from '../../chain/rpc.ts'
import { Ledger } from '../../controller/ledger.ts'
import { durableWrite } from '../../store/durable-write.ts'
import { writeJson } from '../../store/json-file.ts'
import { DEV_COST, STRONG_COST } from '../../store/keystore.ts'
import { detailLog } from '../chain-access.ts'
import { openClientNode } from '../client-node.ts'
import type { Context, Options } from '../context.ts'
import { writeControllerKeys, writeUserKeys } from '../keys.ts'
import { createMemoryJournal } from '../memory-journal.ts'
import { obtainNewPassphrase, promptSecret, readSecretFile } from '../passphrase.ts'
import { createProgress, type Progress } from '../progress.ts'
import { formatSpan } from '../rate-meter.ts'
import {
  backupReader,
  chooseBackup,
  contractsOf,
  type FoundLedger,
  type FoundPointer,
  fetchLedger,
  pointersOf,
  writeLedger,
} from '../recovery.ts'
import { plural } from '../words.ts'

const DEV_CHAIN_ID = 31_337
/** Stewards that are away are asked again for so long. Milliseconds. */
const PATIENCE_MS = 600_000
/** The controller looks through what it got, posts what is due and makes a backup of its own; it goes on by itself later. Milliseconds. */
const CATCH_UP_MS = 60_000

export async function recover(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const { home, out, clock, settings } = context
  for (const path of [home.keystore, home.controller.keystore])
    if (existsSync(path)) throw new HoldfastError('CONFIG_EXISTS', { path })
  const startedAt = clock.monotonic()
  const log = detailLog(context)
  const words = await wordsOf(context, options)
  const identity = identityOf(words)
  const progress = createProgress(out, 'recover', clock)
  await using scope = new AsyncDisposableStack()
  scope.defer(async () => progress.end())
  progress.phase('looking')
  const confirmations = settings.value('chain.confirmations')
  const chain = await connectChain(settings.value('chain.rpc'), {
    log,
    clock,
    ...(confirmations === undefined ? {} : { confirmations }),
  })
  scope.defer(() => chain.close())
  const deployment = await contractsOf(context, options, chain)
  const pointers = await pointersOf(chain, deployment, identity)
  const wanted = chooseBackup(pointers, options['backup'])
  const { version, at } = wanted
  const isNewest = wanted === pointers[0]
  const since = isNewest ? '' : `, without what was stored since; the newest is ${pointers[0]?.version}`
  if (context.options.dryRun === true) {
    out.summary({
      command: 'recover',
      fields: {
        dryRun: true,
        account: identity.account,
        version,
        at: formatTime(at),
        backups: pointers.map((pointer) => ({ version: pointer.version, at: formatTime(pointer.at) })),
      },
      lines: [
        `would restore backup ${version} of ${identity.account}, from ${formatTime(at)}${since}, into ${home.root ?? dirname(home.keystore)}`,
        'Nothing was written (dry run).',
      ],
    })
    return EXIT.done
  }
  progress.end()
  const isAgreed = await context.confirm(
    `Restore backup ${version} of ${identity.account}, from ${formatTime(at)}${since}, into ${home.root ?? dirname(home.keystore)}?`,
    '--yes',
  )
  if (!isAgreed) throw new HoldfastError('INTERRUPTED', {})
  const passphrase = await passphraseOf(context, options, chain)

  await writeConfiguration(context, deployment)
  progress.phase('fetching')
  const { restored, pointer } = await fetchBackups(context, pointers, wanted, progress)
  const isOlder = pointer !== pointers[0]
  if (isOlder)
    out.warn(
      `what was stored after ${formatTime(restored.at)} is missing; no backup is made over the newer one until you say so: holdfast controller backup`,
    )
  progress.phase('writing')
  await writeLedger(context, identity.account, restored.changes)
  await writeKeys(context, { identity, words, passphrase, chain })
  progress.phase('catching up')
  const caughtUp = await catchUp(context, passphrase)
  progress.end()
  const counts = await countOf(restored.changes)
  const { market, token } = deployment.contracts
  const balance = await openMarket(chain, { market: market.address, token: token.address }).balanceOf(identity.account)
  const seconds = (clock.monotonic() - startedAt) / 1000
  if (!caughtUp) out.warn('the controller is not through with everything yet; it goes on when it is started')
  out.summary({
    command: 'recover',
    fields: {
      account: identity.account,
      ...counts,
      balance: formatHold(balance),
      backup: { version: pointer.version, at: formatTime(restored.at), parts: restored.links },
      contracts: { market: market.address, token: token.address, registrar: deployment.contracts.registrar.address },
      home: home.root,
      caughtUp,
      seconds: Number(seconds.toFixed(3)),
    },
    lines: [
      `restored ${plural(counts.objects, 'object')} with ${plural(counts.placements, 'placement')} in ${seconds.toFixed(1)} s, as of ${formatTime(restored.at)}   balance ${formatHold(balance)} HOLD`,
      `Next: holdfast controller start${home.root === undefined ? '' : ` --home ${home.root}`}`,
    ],
    result: identity.account,
  })
  return isOlder ? EXIT.partial : EXIT.done
}

async function wordsOf(context: Context, options: Options): Promise<string> {
  const file = options['wordsFile']
  if (typeof file === 'string') return readSecretFile(file)
  return promptSecret(context, 'Recovery words, in order: ', '--words-file FILE')
}

/** A dev chain's home opens with the passphrase that stands in it, like one made by `up`. */
async function passphraseOf(context: Context, options: Options, chain: Chain): Promise<string> {
  const { home, rng } = context
  if (chain.chainId === DEV_CHAIN_ID && options['passphraseFile'] === undefined && !existsSync(home.devPassphrase)) {
    await mkdir(dirname(home.devPassphrase), { recursive: true, mode: 0o700 })
    await durableWrite(home.devPassphrase, `${toHex(rng.bytes(16))}\n`, 0o600)
  }
  return obtainNewPassphrase(context, options, 'the keystore')
}

async function writeConfiguration({ home, settings }: Context, deployment: Deployment): Promise<void> {
  await mkdir(dirname(home.deployment), { recursive: true, mode: 0o700 })
  if (!existsSync(home.deployment)) await writeJson(home.deployment, deployment)
  if (!existsSync(home.config))
    await writeJson(home.config, { version: 1, chain: { rpc: settings.value('chain.rpc') } })
}

async function fetchBackups(
  context: Context,
  pointers: readonly FoundPointer[],
  wanted: FoundPointer,
  progress: Progress,
): Promise<FoundLedger> {
  const { clock, signal } = context
  const log = detailLog(context)
  await using client = await openClientNode(context, log)
  const deps = {
    fetch: backupReader(client, context, log),
    clock,
    signal,
    patienceMs: PATIENCE_MS,
    onWait: (failure: HoldfastError, leftMs: number) =>
      progress.remark(`${failure.message}; asking again for ${formatSpan(leftMs / 1000)}`),
    useOlder: (older: FoundPointer, { message }: HoldfastError) => {
      progress.end()
      return context.confirm(
        `${message}. Restore backup ${older.version}, from ${formatTime(older.at)}, without what was stored since?`,
        '--yes',
      )
    },
  }
  return await fetchLedger(deps, pointers, wanted)
}

/** Keystores come last: a home that has them is whole. */
async function writeKeys(
  { home, rng }: Context,
  made: {
    readonly identity: Identity
    readonly words: string
    readonly passphrase: string
    readonly chain: Pick<Chain, 'chainId'>
  },
): Promise<void> {
  const { identity, words, passphrase, chain } = made
  const isDev = chain.chainId === DEV_CHAIN_ID
  const form = { passphrase, rng, cost: isDev ? DEV_COST : STRONG_COST }
  if (isDev && !existsSync(home.controller.words)) await durableWrite(home.controller.words, `${words}\n`, 0o600)
  await writeUserKeys(home.keystore, identity, form)
  await writeControllerKeys(home.controller.keystore, identity, form)
}

/** Runs the controller until it has nothing left to do now. False when that takes too long. */
async function catchUp(context: Context, passphrase: string): Promise<boolean> {
  const { clock, signal, out } = context
  const log = detailLog(context)
  const { openControllerHere } = await import('../compose-controller.ts')
  await using scope = new AsyncDisposableStack()
  try {
    const { controller } = await openControllerHere(context, passphrase, log, scope)
    const until = clock.monotonic() + CATCH_UP_MS
    while (clock.monotonic() < until) {
      signal.throwIfAborted()
      if ((await controller.tick(0)).idle) return true
    }
    return false
  } catch (cause) {
    signal.throwIfAborted()
    out.warn(`the controller could not be started here: ${asHoldfastError(cause).message}`)
    return false
  }
}

/** Of the user's own: backups are not counted. */
async function countOf(changes: readonly Change[]): Promise<{ readonly objects: number; readonly placements: number }> {
  const journal = createMemoryJournal()
  await journal.commit(changes)
  const ledger = await Ledger.open(journal)
  const objects = [...ledger.objects.values()].filter(({ backup }) => backup === undefined)
  const placements = [...ledger.placements.values()].filter(({ state, rides }) => state !== 'ended' && !rides)
  return { objects: objects.length, placements: placements.length }
}
