/** The steps of `holdfast recover`: contracts, pointers, backups, and the new home (docs/spec/backup.md). */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { equalBytes, utf8 } from '../base/bytes.ts'
import { type Address, parseAddress } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Change, Clock, Log } from '../base/ports.ts'
import { formatTime, GiB, unixTime } from '../base/units.ts'
import type { Identity } from '../blob/identity.ts'
import { openPointer, type Pointer } from '../blob/pointer.ts'
import { addressTopic, MARKET, topicOf } from '../chain/abi.ts'
import { type Deployment, verifyDeployment } from '../chain/deployment.ts'
import { findDeployment } from '../chain/find-deployment.ts'
import { decodeMarketLog } from '../chain/market.ts'
import type { Chain } from '../chain/rpc.ts'
import { KEYS } from '../controller/records.ts'
import { type Restored, restoreLedger } from '../controller/restore.ts'
import { openDataDir, readVolume } from '../store/data-dir.ts'
import { getObject } from '../uploader/get.ts'
import type { ClientNode } from './client-node.ts'
import type { Context, Options } from './context.ts'
import { readDeploymentFile } from './deployment-file.ts'
import { formatSpan } from './rate-meter.ts'

/** A backup is held in memory while it is opened. Bytes. */
const MAX_CONTENT = GiB

/** The contracts: those of this home when they are known, else found from the market's address. */
export async function contractsOf({ home, settings }: Context, options: Options, chain: Chain): Promise<Deployment> {
  const addressOf = (name: string) =>
    typeof options[name] === 'string' ? parseAddress(options[name].toLowerCase(), `--${name}`) : undefined
  const [market, registrar, from] = [addressOf('market'), addressOf('registrar'), blockOf(options['fromBlock'])]
  if (existsSync(home.deployment)) {
    const deployment = await readDeploymentFile(home.deployment)
    if (market !== undefined && deployment.contracts.market.address !== market)
      throw new HoldfastError('CONFIG_EXISTS', { path: home.deployment })
    await verifyDeployment(chain, deployment)
    return deployment
  }
  if (market === undefined)
    throw new HoldfastError('INPUT_REQUIRED', { what: 'the address of the market', option: '--market ADDRESS' })
  return findDeployment(chain, {
    market,
    rpc: settings.value('chain.rpc')[0] as string,
    ...(registrar === undefined ? {} : { registrar }),
    ...(from === undefined ? {} : { from }),
  })
}

function blockOf(value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !/^\d{1,12}$/.test(value))
    throw new HoldfastError('INPUT_FORMAT', { name: '--from-block', expected: 'a block number', got: String(value) })
  return Number(value)
}

/** A pointer on the chain, and when it was written. */
export interface FoundPointer extends Pointer {
  readonly at: number
}

/**
 * The pointers of an account that these words open, newest first, each backup once.
 * @throws `BACKUP_NONE` when there is none at all, `BACKUP_INVALID` when there are some and none opens
 */
export async function pointersOf(
  chain: Chain,
  deployment: Deployment,
  { account, backupKey }: Identity,
): Promise<readonly FoundPointer[]> {
  const { address, block } = deployment.contracts.market
  // Also those that are not final yet: nobody else could have sealed one, its object was whole before, and its ledger says itself where it stands.
  const head = await chain.head()
  const topics = [[topicOf(MARKET, 'Pointer'), addressTopic(account)]]
  const logs = head.number < block ? [] : await chain.logs({ address, topics }, block, head)
  const found: FoundPointer[] = []
  let failure: HoldfastError | undefined
  for (const log of logs) {
    const event = decodeMarketLog(log, log.blockTime ?? unixTime(0))
    if (event?.kind !== 'pointer') continue
    try {
      const pointer = openPointer(backupKey, event.pointer)
      const others = found.filter(({ cap }) => !equalBytes(cap, pointer.cap))
      found.splice(0, found.length, { ...pointer, at: event.blockTime }, ...others)
    } catch (cause) {
      failure = asHoldfastError(cause)
    }
  }
  if (found.length === 0) throw failure ?? new HoldfastError('BACKUP_NONE', { account })
  return found
}

/** The backup that is wanted: the newest, or the one that was named. @throws `INPUT_RANGE` */
export function chooseBackup(pointers: readonly FoundPointer[], named: unknown): FoundPointer {
  const [newest] = pointers
  if (newest === undefined) throw new HoldfastError('BACKUP_INVALID', { what: 'there is none' })
  if (named === undefined) return newest
  const found = pointers.find(({ version }) => String(version) === named)
  if (found === undefined)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--backup',
      expected: `one of ${pointers.map(({ version }) => version).join(', ')}`,
      got: String(named),
    })
  return found
}

/** The content of backups, from their stewards. */
export function backupReader(
  client: Pick<ClientNode, 'finder' | 'fetch'>,
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
  log: Log,
): FetchBackup {
  return async (cap) => {
    const parts: Uint8Array[] = []
    let size = 0
    const sink = {
      write: async (bytes: Uint8Array) => {
        size += bytes.length
        if (size > MAX_CONTENT) throw new HoldfastError('BACKUP_INVALID', { what: `it is over ${MAX_CONTENT} bytes` })
        parts.push(bytes.slice())
      },
    }
    await getObject({ finder: client.finder(), fetch: client.fetch, clock, log }, cap, sink, { signal })
    return Buffer.concat(parts)
  }
}

/** @returns the content of the backup that this cap opens */
export type FetchBackup = (cap: Uint8Array) => Promise<Uint8Array>

export interface FetchLedgerDeps {
  readonly fetch: FetchBackup
  readonly clock: Clock
  readonly signal: AbortSignal
  /** How long stewards that do not answer are asked again and again; over all backups. Milliseconds. */
  readonly patienceMs: number
  /** A try came to nothing; another one follows. `leftMs`: until none does. */
  onWait(failure: HoldfastError, leftMs: number): void
  /** Whether the next older one is to be taken; asked only when a backup can never be used. */
  useOlder(older: FoundPointer, failure: HoldfastError): Promise<boolean>
}

/** A ledger, and where it comes from. */
export interface FoundLedger {
  readonly restored: Restored
  readonly pointer: FoundPointer
}

/** Between two tries. Milliseconds. */
const PAUSE_MS = 5_000

/**
 * The ledger of a backup. Stewards that are away come back, and what stands only in the newest backup would be lost for ever with it: an
 * older one is taken only when this one is no backup at all, and its owner agrees.
 * @param pointers all of them, newest first: numbers go on from the newest
 * @param wanted one of them
 * @throws `BACKUP_UNAVAILABLE`, `BACKUP_INVALID`, the signal's reason
 */
export async function fetchLedger(
  deps: FetchLedgerDeps,
  pointers: readonly FoundPointer[],
  wanted: FoundPointer,
): Promise<FoundLedger> {
  const version = Math.max(...pointers.map((pointer) => pointer.version))
  const until = deps.clock.monotonic() + deps.patienceMs
  for (let at = pointers.indexOf(wanted); ; at++) {
    const pointer = pointers[at] as FoundPointer
    try {
      const restored = await fetchPatiently(deps, pointer, version, until)
      return { restored: at === 0 ? restored : hold(restored), pointer }
    } catch (cause) {
      const older = pointers[at + 1]
      if (!hasCode(cause, 'BACKUP_INVALID') || older === undefined || !(await deps.useOlder(older, cause))) throw cause
    }
  }
}

/** The controller makes no backup over a newer one until it is told to: whoever finds that one's stewards again finds everything. */
function hold(restored: Restored): Restored {
  return { ...restored, changes: [...restored.changes, { key: KEYS.backupHeld, value: utf8('1') }] }
}

async function fetchPatiently(
  { fetch, clock, signal, patienceMs, onWait }: FetchLedgerDeps,
  pointer: FoundPointer,
  version: number,
  until: number,
): Promise<Restored> {
  for (;;) {
    try {
      return await restoreLedger({ version, cap: pointer.cap }, fetch)
    } catch (cause) {
      signal.throwIfAborted()
      const failure = asHoldfastError(cause)
      if (failure.code === 'BACKUP_INVALID') throw failure
      const left = until - clock.monotonic()
      if (left <= 0)
        throw new HoldfastError(
          'BACKUP_UNAVAILABLE',
          {
            version: pointer.version,
            at: formatTime(pointer.at),
            limit: formatSpan(patienceMs / 1000),
            what: failure.message,
          },
          { cause },
        )
      onWait(failure, left)
      await clock.sleep(Math.min(PAUSE_MS, left), signal)
    }
  }
}

/** Takes the directory of a new controller. What an interrupted recovery left there is replaced. @throws `CONFIG_EXISTS` for any other ledger */
export async function writeLedger(
  { home, clock, rng }: Context,
  account: Address,
  changes: readonly Change[],
): Promise<void> {
  const { dir } = home.controller
  const volume = existsSync(dir) ? await readVolume(dir) : undefined
  if (volume !== undefined && volume.id !== account) throw new HoldfastError('CONFIG_EXISTS', { path: dir })
  await mkdir(dirname(dir), { recursive: true, mode: 0o700 })
  const data = await openDataDir(dir, {
    role: 'controller',
    id: account,
    clock,
    database: 'ledger',
    create: { rng },
  })
  try {
    const old: string[] = []
    for await (const [key] of data.store.list('')) old.push(key)
    if (old.length > 0 && !old.includes(KEYS.recovered)) throw new HoldfastError('CONFIG_EXISTS', { path: dir })
    await data.store.commit([...old.map((key) => ({ key, value: undefined })), ...changes])
  } finally {
    await data.close()
  }
}
