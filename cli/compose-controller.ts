/** The controller, put together from real parts: chain, ledger, outbox, node. Opened in order, closed in reverse by the scope. */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Log } from '../base/ports.ts'
import { DAY, gwei, unixTime, WEI_PER_GWEI } from '../base/units.ts'
import { followMarket } from '../chain/feed.ts'
import {
  encodeAdvertise,
  encodePoint,
  encodePost,
  encodeRevoke,
  encodeRevokeReleased,
  type MarketEvent,
  uploaderTopics,
} from '../chain/market.ts'
import { createOutbox, type Outbox } from '../chain/outbox.ts'
import { decodeStakeLog, openStakePool, unbondingTopics } from '../chain/stake-pool.ts'
import type { ControllerOutbox, MarketFact } from '../controller/controller-ports.ts'
import { type ControllerParts, CYCLE_GAS, type OpenController, openController } from '../controller/open-controller.ts'
import { POLICY } from '../controller/policy.ts'
import { openNode } from '../net/node.ts'
import { createGate } from '../pool/handshake.ts'
import { createPlainBulk } from '../pool/plain-bulk.ts'
import { createReporter } from '../pool/reporter.ts'
import { openDataDir } from '../store/data-dir.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'
import { type Doors, findAdverts, openDoors } from './doors.ts'
import { createFaultPoint, type FaultPoint, withFaultPoints } from './faults.ts'
import { readControllerKeys } from './keys.ts'
import { createWalletDesk, type WalletDesk, walletContracts, walletRoute } from './wallet-desk.ts'
import { watchFailure } from './watch-failure.ts'

/** Windows of an auction where all peers are near; they end early when all have answered. Milliseconds. market.md says 1 s + 1 s; on a busy computer ten daemons need more. */
const LOCAL_WINDOW_MS = 10_000
/** The same on a public chain. */
const WIDE_WINDOW_MS = 60_000
/** A revoke that comes too early is tried again until then: the deadline's own clock may lag. Seconds. */
const REVOKE_PATIENCE = 86_400
const DEV_CHAIN_ID = 31_337
const WEI_PER_COIN = 10n ** 18n

/** Where a controller with a vice takes another way; the honest one passes nothing. */
export interface ControllerVice {
  /** Stands in for the parts it is made of. */
  parts?(honest: ControllerParts): ControllerParts
}

/** The controller as a daemon. */
export async function composeController(
  context: Context,
  passphrase: string,
  log: Log,
  scope: AsyncDisposableStack,
  vice: ControllerVice = {},
): Promise<Daemon> {
  const { controller, routes, wallet } = await openControllerHere(context, passphrase, log, scope, vice)
  return {
    routes: [...routes(), walletRoute(wallet)],
    unready: () =>
      controller.failure !== undefined
        ? controller.failure.message
        : controller.block < 0
          ? 'the chain was not reached yet'
          : undefined,
    failed: watchFailure(() => controller.failure, scope),
  }
}

/** The controller in this process, started; also for a command that finds none running. */
export async function openControllerHere(
  context: Context,
  passphrase: string,
  log: Log,
  scope: AsyncDisposableStack,
  vice: ControllerVice = {},
): Promise<OpenController & { readonly wallet: WalletDesk }> {
  const { home, clock, rng, settings } = context
  const keys = await readControllerKeys(home.controller.keystore, passphrase)
  const doors = await openDoors(context, log, scope)
  const { chain, registry, poolDomain, marketDomain } = doors
  const data = await openDataDir(home.controller.dir, {
    role: 'controller',
    id: keys.account,
    clock,
    database: 'ledger',
    create: { rng },
    log,
  })
  scope.defer(() => data.close())
  const fault = createFaultPoint(context, chain.chainId, log)
  const journal = withFaultPoints(data.store, 'ledger', fault)
  const outbox = createOutbox({
    journal,
    chain,
    secret: keys.chainKey,
    clock,
    log,
    // Taking money back is worth its fee on a dear day, too.
    limits: { dayBudget: settings.value('chain.fee-budget'), spared: ['revoke'] },
    ...(fault === undefined ? {} : { fault }),
  })
  const gate = createGate({ identity: undefined, roles: 0, registry, domain: poolDomain, clock, rng, log })
  const net = await openNode({ secret: undefined, listen: [], gate, clock, log })
  scope.defer(() => net.stop())
  const reports = createReporter({
    secret: keys.chainKey,
    pool: poolDomain,
    registry,
    net,
    now: () => chain.time(),
    log,
  })
  scope.defer(() => reports.stop())
  const parts: ControllerParts = {
    journal,
    chain: controllerChain(doors, keys.account, context, log),
    outbox: controllerOutbox(outbox, doors, fault),
    net,
    ...(settings.value('net.bulk') === 'plain' ? { plain: createPlainBulk({ registry, gate, clock, log }) } : {}),
    registry,
    domain: marketDomain,
    account: keys.account,
    chainSecret: keys.chainKey,
    nonceKey: keys.nonceKey,
    policy: { ...POLICY, settle: settings.value('controller.settle') },
    clock,
    rng,
    log,
    reports,
    windowMs: chain.chainId === DEV_CHAIN_ID ? LOCAL_WINDOW_MS : WIDE_WINDOW_MS,
    ...(fault === undefined ? {} : { fault }),
    ...(settings.value('controller.backup') === 'off'
      ? {}
      : {
          backup: {
            backupKey: keys.backupKey,
            patience: chain.chainId === DEV_CHAIN_ID ? 0 : DAY,
            point: (id, pointer) =>
              outbox.intent({ id, to: doors.market.market, kind: 'point', data: encodePoint(pointer) }),
          },
        }),
  }
  const opened = await openController(vice.parts?.(parts) ?? parts)
  // It stops before the parts it uses, the outbox after it: what it intended last is still sent.
  await outbox.start()
  scope.defer(() => outbox.stop())
  await opened.controller.start()
  scope.defer(() => opened.controller.stop())
  const contracts = walletContracts(doors.deployment)
  return { ...opened, wallet: createWalletDesk({ chain, contracts, account: keys.account, outbox, journal }) }
}

/** Times the gas of its post and sweep that a round pays to be worth a bounty. protocol.md §4. */
const WORTH_FACTOR = 20n

/** What a round must pay to be worth its gas. Gwei of HOLD; undefined where coin and HOLD cannot be compared, or nothing is asked. */
function worthOf({ chain }: Doors, { settings }: Context): (() => Promise<bigint>) | undefined {
  const rate = settings.find('chain.hold-per-eth')
  const set = settings.value('chain.worth-factor')
  const factor = set === undefined ? (chain.chainId === DEV_CHAIN_ID ? 0n : WORTH_FACTOR) : BigInt(set)
  if (rate === undefined || factor === 0n) return undefined
  return async () => {
    const { base, tip } = await chain.fees()
    return (factor * CYCLE_GAS * (base + tip) * rate) / WEI_PER_COIN / WEI_PER_GWEI
  }
}

function controllerChain(doors: Doors, account: Address, context: Context, log: Log): ControllerParts['chain'] {
  const { clock } = context
  const { chain, market, deployment, since } = doors
  const worth = worthOf(doors, context)
  const { address, block } = deployment.contracts.market
  const stakes = openStakePool(chain, deployment.contracts.stakePool.address)
  return {
    async *follow(cursor, signal) {
      const updates = followMarket(chain, {
        market: address,
        topics: uploaderTopics(account),
        from: block,
        cursor,
        signal,
        clock,
        log,
      })
      for await (const { reverted, applied, ...rest } of updates)
        yield { ...rest, reverted: reverted.flatMap(factOf), applied: applied.flatMap(factOf) }
    },
    isFresh: () => chain.isFresh(),
    poke: () => {
      chain.head().catch((cause: unknown) => log.debug('chain not reached', { message: (cause as Error).message }))
    },
    now: () => chain.time(),
    bondOf: async (steward) => {
      const { bonded, held } = await stakes.holdingOf(steward)
      return bonded > held ? (bonded - held) / WEI_PER_GWEI : 0n
    },
    unbondings: async (stewards, from, to) => {
      const logs = await chain.logs({ address: stakes.address, topics: unbondingTopics(stewards) }, from, to)
      return logs.flatMap((log) => {
        const event = decodeStakeLog(log)
        return event?.kind === 'unbonding' ? [{ account: event.account, at: log.blockTime ?? chain.time() }] : []
      })
    },
    bondsSince: block,
    balance: () => market.balanceOf(account),
    ...(worth === undefined ? {} : { worth }),
    isAdvertPaid: async (hash) => (await findAdverts(doors, hash)).length > 0,
    advertFloor: () => market.advertFloor(),
    coin: () => chain.balance(account),
    gasPrice: async () => {
      const { base, tip } = await chain.fees()
      return base + tip
    },
    headAge: () => chain.time() - chain.latest().timestamp,
    since,
  }
}

/** An event as the controller takes it; nothing for what is none of its business. */
function factOf(event: MarketEvent): readonly MarketFact[] {
  const { block, blockTime } = event
  switch (event.kind) {
    case 'posted':
      return [{ kind: 'posted', id: toHex(event.id), block, blockTime, post: event }]
    case 'swept':
    case 'revoked':
      return [{ kind: event.kind, id: toHex(event.id), block, blockTime }]
    case 'deposited':
    case 'withdrawn':
      return [{ kind: event.kind, account: event.account, amount: event.amount, block, blockTime }]
    case 'advertised':
      return [
        {
          kind: 'advertised',
          uploader: event.uploader,
          advertHash: toHex(event.advert),
          fee: event.fee,
          block,
          blockTime,
        },
      ]
    case 'redeemed': {
      const { from, to, paid, redeemed } = event
      return [{ kind: 'redeemed', from, to, paid, redeemed, block, blockTime }]
    }
    case 'pointer':
      return [{ kind: 'pointer', owner: event.owner, pointer: event.pointer, block, blockTime }]
    default:
      return []
  }
}

/** @param fault is called as `post.intended` when posts are in the journal and the outbox does not know of them yet */
function controllerOutbox(outbox: Outbox, { chain, market }: Doors, fault: FaultPoint | undefined): ControllerOutbox {
  const to = market.market
  let isPosting = false
  return {
    intents: {
      post: (id, { steward, deadline, claimKey, amount, docketHash, note, notAfter }) => {
        isPosting = true
        return outbox.intent({
          id,
          to,
          kind: 'post',
          urgency: 2,
          notAfter: unixTime(notAfter),
          data: encodePost(steward, unixTime(deadline), [{ claimKey, amount: gwei(amount), docketHash, note }]),
        })
      },
      revoke: (id, bountyId) =>
        outbox.intent({
          id,
          to,
          kind: 'revoke',
          data: encodeRevoke([bountyId]),
          retryUntil: unixTime(chain.time() + REVOKE_PATIENCE),
        }),
      revokeReleased: (id, { claimKey, steward, signature, retryUntil }) =>
        outbox.intent({
          id,
          to,
          kind: 'revoke',
          data: encodeRevokeReleased([{ claimKey, steward, signature }]),
          retryUntil: unixTime(retryUntil),
        }),
      advert: (id, hash, value) =>
        outbox.intent({ id, to, kind: 'advert', urgency: 0, data: encodeAdvertise(hash, gwei(value)) }),
    },
    kick: () => {
      if (isPosting) fault?.('post.intended')
      isPosting = false
      outbox.kick()
    },
    unfinished: () => outbox.unfinished(),
    onRefused: (listener) => outbox.onRefused((id, reason) => listener(id, reason)),
    cancel: (id) => outbox.cancel(id),
  }
}
