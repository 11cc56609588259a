/** The controller, put together from real parts: chain, ledger, outbox, node. Opened in order, closed in reverse by the scope. */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Log } from '../base/ports.ts'
import { gwei, unixTime } from '../base/units.ts'
import { followMarket } from '../chain/feed.ts'
import { encodeAdvertise, encodePost, encodeRevoke, type MarketEvent, uploaderTopics } from '../chain/market.ts'
import { createOutbox, type Outbox } from '../chain/outbox.ts'
import type { ControllerOutbox, MarketFact } from '../controller/controller.ts'
import { type ControllerParts, type OpenController, openController } from '../controller/open-controller.ts'
import { POLICY } from '../controller/policy.ts'
import { openNode } from '../net/node.ts'
import { createGate } from '../pool/handshake.ts'
import { openDataDir } from '../store/data-dir.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'
import { type Doors, findAdverts, openDoors } from './doors.ts'
import { createFaultPoint } from './faults.ts'
import { readControllerKeys } from './keys.ts'

/** Windows of an auction where all peers are near; they end early when all have answered. Milliseconds. market.md says 1 s + 1 s; on a busy computer ten daemons need more. */
const LOCAL_WINDOW_MS = 10_000
/** The same on a public chain. */
const WIDE_WINDOW_MS = 60_000
/** A revoke that comes too early is tried again until then: the deadline's own clock may lag. Seconds. */
const REVOKE_PATIENCE = 86_400
/** A post leaves its steward so long to answer, or it is not sent: it was kept back by an outage. Seconds; 24 h of the 72 h are the post's own. */
const ANSWERING = 172_800
const DEV_CHAIN_ID = 31_337

/** The controller as a daemon. */
export async function composeController(
  context: Context,
  passphrase: string,
  log: Log,
  scope: AsyncDisposableStack,
): Promise<Daemon> {
  const { controller, routes } = await openControllerHere(context, passphrase, log, scope)
  return {
    routes: routes(),
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
): Promise<OpenController> {
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
  })
  scope.defer(() => data.close())
  const fault = createFaultPoint(context, chain.chainId, log)
  const outbox = createOutbox({
    journal: data.store,
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
  const parts: ControllerParts = {
    journal: data.store,
    chain: controllerChain(doors, keys.account, context, log),
    outbox: controllerOutbox(outbox, doors),
    net,
    registry,
    domain: marketDomain,
    account: keys.account,
    chainSecret: keys.chainKey,
    nonceKey: keys.nonceKey,
    policy: POLICY,
    clock,
    rng,
    log,
    windowMs: chain.chainId === DEV_CHAIN_ID ? LOCAL_WINDOW_MS : WIDE_WINDOW_MS,
  }
  const opened = await openController(parts)
  // It stops before the parts it uses, the outbox after it: what it intended last is still sent.
  await outbox.start()
  scope.defer(() => outbox.stop())
  await opened.controller.start()
  scope.defer(() => opened.controller.stop())
  return opened
}

/** Rejects once a loop has failed. */
export function watchFailure(failure: () => Error | undefined, scope: AsyncDisposableStack): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setInterval(() => {
      const found = failure()
      if (found === undefined) return
      clearInterval(timer)
      reject(found)
    }, 250)
    scope.defer(async () => clearInterval(timer))
  })
}

function controllerChain(doors: Doors, account: Address, { clock }: Context, log: Log): ControllerParts['chain'] {
  const { chain, market, deployment, since } = doors
  const { address, block } = deployment.contracts.market
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
    balance: () => market.balanceOf(account),
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
    default:
      return []
  }
}

function controllerOutbox(outbox: Outbox, { chain, market }: Doors): ControllerOutbox {
  const to = market.market
  return {
    intents: {
      post: (id, { steward, deadline, claimKey, amount, docketHash, note }) =>
        outbox.intent({
          id,
          to,
          kind: 'post',
          urgency: 2,
          notAfter: unixTime(deadline - ANSWERING),
          data: encodePost(steward, unixTime(deadline), [{ claimKey, amount: gwei(amount), docketHash, note }]),
        }),
      revoke: (id, bountyId) =>
        outbox.intent({
          id,
          to,
          kind: 'revoke',
          data: encodeRevoke([bountyId]),
          retryUntil: unixTime(chain.time() + REVOKE_PATIENCE),
        }),
      advert: (id, hash, value) =>
        outbox.intent({ id, to, kind: 'advert', urgency: 0, data: encodeAdvertise(hash, gwei(value)) }),
    },
    kick: () => outbox.kick(),
    unfinished: () => outbox.unfinished(),
    onRefused: (listener) => outbox.onRefused((id, reason) => listener(id, reason)),
    cancel: (id) => outbox.cancel(id),
  }
}
