/** The steward, put together from real parts: chain, store, outbox, node, indexes, answering threads. Closed in reverse by the scope. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, poolIdOf } from '../base/typed-data.ts'
import { gwei, unixTime, WEI_PER_GWEI } from '../base/units.ts'
import { followMarket } from '../chain/feed.ts'
import { encodeRedeem, encodeSweep, type MarketEvent, stewardTopics } from '../chain/market.ts'
import { createOutbox, type Outbox } from '../chain/outbox.ts'
import { openNode } from '../net/node.ts'
import { openPlainHost, type PlainGate, type PlainHost } from '../net/plain-host.ts'
import { fetchBlob } from '../pool/fetch-blob.ts'
import { createGate } from '../pool/handshake.ts'
import { createIndexClient } from '../pool/index-client.ts'
import { addressesOf, ROLE } from '../pool/registry-view.ts'
import { createReporter } from '../pool/reporter.ts'
import { RIGHT_POLICY } from '../pool/right-policy.ts'
import { createTransfers, type Transfers } from '../pool/transfers.ts'
import { COST_MODEL } from '../pricing/bidder.ts'
import { referencePrice } from '../pricing/reference.ts'
import { createAnswering } from '../steward/answering.ts'
import { resumableParts } from '../steward/book.ts'
import { STEWARD_CONFIG, type StewardConfig } from '../steward/config.ts'
import type { Answer, MarketFact, StewardChain, StewardOutbox } from '../steward/ports.ts'
import { createSteward } from '../steward/steward.ts'
import { type BlobFiles, openBlobFiles } from '../store/blob-files.ts'
import { openDataDir, readVolume } from '../store/data-dir.ts'
import { type ActorSettings, readActorSettings } from './actor-settings.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'
import { type Doors, findAdverts, openDoors } from './doors.ts'
import { createFaultPoint } from './faults.ts'
import type { DaemonPaths } from './home.ts'
import { readActorKey } from './keys.ts'
import { openMembership } from './member-keeper.ts'
import { createRightChain } from './right-chain.ts'
import { parseMoney } from './settings-table.ts'
import { createWalletDesk, walletContracts, walletRoute } from './wallet-desk.ts'
import { watchFailure } from './watch-failure.ts'

/** Threads that answer challenges over large blobs; they start when they are needed first. */
const ANSWER_THREADS = 1

/** Where a steward with a vice takes another way; the honest one passes nothing. */
export interface Vice {
  /** Stands in for the blob files. */
  files?(honest: BlobFiles, directory: string): Promise<BlobFiles> | BlobFiles
  /** Stands in for the answers. `now`: chain time. */
  answer?(honest: Answer, files: BlobFiles, domain: Domain, now: () => number): Answer
}

export async function composeSteward(
  context: Context,
  paths: DaemonPaths,
  passphrase: string,
  log: Log,
  scope: AsyncDisposableStack,
  vice: Vice = {},
): Promise<Daemon> {
  const { clock, rng, settings } = context
  const { secret, id } = await readActorKey(paths.keystore, passphrase)
  const own = await readActorSettings(paths.settings)
  const config = configOf(context, own)
  const doors = await openDoors(context, log, scope)
  const { chain, registry, poolDomain, marketDomain, since } = doors
  // What a damaged store lost, the market makes good: the uploader misses it and repairs. What is left must go on serving.
  const damages: string[] = []
  const data = await openDataDir(paths.dir, {
    role: 'steward',
    id,
    clock,
    create: { rng },
    log,
    damage: 'go-on',
    onDamage: (what) => damages.push(what),
  })
  scope.defer(() => data.close())
  const honest = await openBlobFiles(paths.dir, {
    log,
    reserveBytes: config.reserve,
    keepPart: await resumableParts(data.store, chain.time()),
  })
  const files = (await vice.files?.(honest, paths.dir)) ?? honest
  const answering = createAnswering({ files, domain: marketDomain, threads: ANSWER_THREADS })
  scope.defer(() => answering.close())
  const fault = createFaultPoint(context, chain.chainId, log)
  const outbox = createOutbox({
    journal: data.store,
    chain,
    secret,
    clock,
    log,
    limits: { dayBudget: settings.value('chain.fee-budget'), spared: ['sweep'] },
    ...(fault === undefined ? {} : { fault }),
  })
  const gate = createGate({
    identity: { secret },
    roles: ROLE.repository,
    registry,
    domain: poolDomain,
    clock,
    rng,
    log,
  })
  const listen = settings.origin('net.listen').from === 'flag' ? settings.value('net.listen') : own.listen
  const net = await openNode({ secret, listen, gate, clock, log })
  scope.defer(() => net.stop())
  const plain = await openPlain(context, own, gate, log, scope)
  const indexes = createIndexClient({
    net,
    registry,
    clock,
    log,
    holder: { secret, holdings: () => steward.holdings() },
  })
  const reports = createReporter({ secret, pool: poolDomain, registry, net, now: () => chain.time(), log })
  scope.defer(() => reports.stop())
  const steward = await createSteward(
    {
      journal: data.store,
      files,
      answer: vice.answer?.(answering.answer, files, marketDomain, () => chain.time()) ?? answering.answer,
      chain: stewardChain(doors, id, context, log),
      outbox: stewardOutbox(outbox, doors),
      indexes,
      ...(plain === undefined ? {} : { transfers: plain.transfers }),
      domain: marketDomain,
      secret,
      clock,
      rng,
      log,
      right: {
        registry,
        pool: poolIdOf(poolDomain),
        policy: RIGHT_POLICY,
        chain: createRightChain(doors),
        fetch: async (holder, { blobId, length, token }) => {
          const member = registry.member(holder)
          if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: holder })
          return (await fetchBlob(net, { id: holder, addresses: addressesOf(member) }, { blobId, length, token })).bytes
        },
      },
      reports,
      reference: () => referencePrice(Math.max(0, chain.time() - since)),
      isMounted: async () => (await readVolume(paths.dir).catch(() => undefined))?.volume === data.volume.volume,
      standing: () => membership.keeper.state?.standing ?? 'unknown',
      diskUse: async () => ({
        database: await bytesBelow(join(paths.dir, 'db')),
        quarantine: await bytesBelow(join(paths.dir, 'quarantine')),
        incoming: await bytesBelow(join(paths.dir, 'incoming')),
      }),
      ...(fault === undefined ? {} : { fault }),
    },
    config,
  )
  await outbox.start()
  scope.defer(() => outbox.stop())
  const membership = await openMembership({
    secret,
    doors,
    net,
    plain: plain?.host,
    outbox,
    journal: data.store,
    log,
    scope,
  })
  await steward.attach(net)
  const quota = settings.find('sponsor.quota')
  if (quota !== undefined) {
    const { serveClients } = await import('./sponsoring.ts') // few stewards sponsor: the others do not carry an uploader with them
    const sponsored = await serveClients(context, quota, { steward, doors, net, journal: data.store, log })
    scope.defer(async () => sponsored.close())
  }
  const wallet = createWalletDesk({
    chain,
    contracts: walletContracts(doors.deployment),
    account: id,
    outbox,
    journal: data.store,
  })
  for (const what of damages) steward.alert('store-damaged', what)
  await steward.start()
  scope.defer(() => steward.stop())
  await indexes.start()
  scope.defer(() => indexes.stop())
  return {
    routes: [...membership.withTick(steward.routes()), walletRoute(wallet)],
    unready: () =>
      steward.unready() ??
      (membership.keeper.state?.isGood === true
        ? undefined
        : `it is ${membership.keeper.state?.standing ?? 'unknown'} in its pool`),
    failed: watchFailure(() => steward.failure, scope),
  }
}

/** The plain endpoint, where one is wanted: what is set goes before what the steward was made with. */
async function openPlain(
  { settings, clock, rng }: Context,
  own: ActorSettings,
  gate: PlainGate,
  log: Log,
  scope: AsyncDisposableStack,
): Promise<{ readonly host: PlainHost; readonly transfers: Transfers } | undefined> {
  const isSet = settings.origin('net.listen-plain').from !== 'default'
  const listen = isSet ? settings.value('net.listen-plain') : (own.listenPlain ?? [])
  if (listen.length === 0) return undefined
  const transfers = createTransfers({ clock, rng, log })
  const host = await openPlainHost({ listen, gate, handler: (wire, peer) => transfers.serve(wire, peer), clock, log })
  scope.defer(() => host.stop())
  return { host, transfers }
}

/** Flags and environment go before what the steward was made with. @throws `INPUT_REQUIRED` without a quota */
function configOf({ settings }: Context, own: ActorSettings): StewardConfig {
  const chosen = <Key extends 'steward.quota' | 'steward.reserve'>(key: Key, made: number | undefined) => {
    const { from } = settings.origin(key)
    return from === 'flag' || from === 'environment' || made === undefined ? settings.find(key) : made
  }
  const quota = chosen('steward.quota', own.quota)
  if (quota === undefined)
    throw new HoldfastError('INPUT_REQUIRED', { what: 'how much space to offer', option: '--quota SIZE, like 500G' })
  const { from, text } = settings.origin('steward.price')
  const price = from === 'default' ? (own.price ?? 'auto') : (text ?? 'auto')
  return {
    ...STEWARD_CONFIG,
    quota,
    reserve: chosen('steward.reserve', own.reserve) ?? 0,
    scrub: settings.value('steward.scrub'),
    cost: price === 'auto' ? COST_MODEL : { ...COST_MODEL, fixed: parseMoney(price) },
  }
}

function stewardChain(doors: Doors, id: Address, { clock }: Context, log: Log): StewardChain {
  const { chain, market, deployment } = doors
  const { address, block } = deployment.contracts.market
  return {
    async *follow(cursor, signal) {
      const updates = followMarket(chain, {
        market: address,
        topics: stewardTopics(id),
        from: block,
        cursor,
        signal,
        clock,
        log,
      })
      for await (const { reverted, applied, ...rest } of updates)
        yield { ...rest, reverted: reverted.flatMap(factOf), applied: applied.flatMap(factOf) }
    },
    poke: () => {
      chain.head().catch((cause: unknown) => log.debug('chain not reached', { message: (cause as Error).message }))
    },
    now: () => chain.time(),
    balanceOf: async (account) => (await market.balanceOf(account)) / WEI_PER_GWEI,
    advertPaid: async (hash, uploader) => {
      const found = await findAdverts(doors, hash, uploader)
      return found.reduce<{ readonly value: bigint } | undefined>(
        (most, one) => (most === undefined || one.value > most.value ? one : most),
        undefined,
      )
    },
  }
}

/** An event as the steward takes it; nothing for what is none of its business. */
function factOf(event: MarketEvent): readonly MarketFact[] {
  const { block, blockTime } = event
  switch (event.kind) {
    case 'posted': {
      const { kind, steward, poster, claimKey, amount, deadline, docketHash, note } = event
      return [
        { kind, id: toHex(event.id), steward, poster, claimKey, amount, deadline, docketHash, note, block, blockTime },
      ]
    }
    case 'swept':
    case 'revoked':
      return [{ kind: event.kind, id: toHex(event.id), block, blockTime }]
    case 'missed':
      return [{ kind: 'missed', claimKey: event.claimKey, block, blockTime }]
    case 'redeemed':
      return [{ kind: 'redeemed', from: event.from, paid: event.paid, redeemed: event.redeemed, block, blockTime }]
    default:
      return []
  }
}

function stewardOutbox(outbox: Outbox, { market }: Doors): StewardOutbox {
  return {
    sweep: (id, { payee, groups, notAfter }) =>
      outbox.intent({
        id,
        to: market.market,
        kind: 'sweep',
        urgency: 0,
        notAfter: unixTime(notAfter),
        data: encodeSweep(payee, groups),
      }),
    redeem: (id, voucher, signature) =>
      outbox.intent({
        id,
        to: market.market,
        kind: 'redeem',
        data: encodeRedeem({ ...voucher, cumulative: gwei(voucher.cumulative) }, signature),
      }),
    kick: () => outbox.kick(),
    unfinished: () => outbox.unfinished(),
    onRefused: (listener) => outbox.onRefused((id, reason) => listener(id, reason)),
  }
}

/** What a directory takes on disk, without what is below its directories' directories twice. Bytes. */
async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
