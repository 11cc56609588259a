/**
 * Puts the controller together from its parts and the doors below it. Nothing starts here; `cli/` opens the doors, calls this, starts the
 * result, and closes in the opposite order.
 */
import { fromHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Journal, Log, Rng } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { type UnixTime, type Wei, wei } from '../base/units.ts'
import type { Route } from '../net/http-server.ts'
import { advertHashOf } from '../net/messages/bid.ts'
import { DOCKET_PROTOCOL } from '../net/messages/docket.ts'
import type { NetNode } from '../net/node.ts'
import { addressesOf, membersWith, type RegistryView, ROLE } from '../pool/registry-view.ts'
import { defaultReserve, priceIndex, referencePrice } from '../pricing/reference.ts'
import type { PutBook } from '../uploader/put-book.ts'
import { createAdverts } from './adverts.ts'
import { controllerRoutes } from './api.ts'
import { createAuctioneer, type Invited } from './auctioneer.ts'
import { makeAdvert, openBidSession } from './bid-session.ts'
import { clearPut, spreadOf } from './clear.ts'
import { deriveConfidence } from './confidence.ts'
import { Controller, type ControllerChain, type ControllerOutbox } from './controller.ts'
import { Jobs } from './jobs.ts'
import { Ledger } from './ledger.ts'
import type { Policy } from './policy.ts'
import { createPutDesk, lotBytes } from './put-desk.ts'
import { barredUntil } from './segment-health.ts'
import { createStewardCalls, serveDockets } from './steward-calls.ts'
import type { Outlook } from './views.ts'

/** Doors and keys. Exactly the keys of protocol.md §1 that an unattended controller holds; those of objects are in the ledger. */
export interface ControllerParts {
  readonly journal: Journal
  readonly chain: ControllerChain & {
    /** True when the chain shows the advert (from anybody). */
    isAdvertPaid(hash: Uint8Array): Promise<boolean>
    /** Least advert fee, gwei of HOLD. */
    advertFloor(): Promise<bigint>
    /** Wei of the chain's coin: what we have, and what one unit of gas costs now. */
    coin(): Promise<bigint>
    gasPrice(): Promise<bigint>
    headAge(): number
    /** When the market was created. */
    readonly since: UnixTime
  }
  readonly outbox: ControllerOutbox
  readonly net: NetNode
  readonly registry: RegistryView
  readonly domain: Domain
  readonly account: Address
  readonly chainSecret: Uint8Array
  readonly nonceKey: Uint8Array
  readonly policy: Policy
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  /** Windows of an auction. Milliseconds of real time. */
  readonly windowMs: number
}

export interface OpenController {
  readonly controller: Controller
  readonly book: PutBook
  routes(): Route[]
}

/** Gas of a post and its sweep, of an advert: for quotes. contracts.md, gas ceilings. */
const CYCLE_GAS = 98_000n
const ADVERT_GAS = 70_000n
/** Longest wait for an advert's fee to be final. Milliseconds: 12 blocks of 12 s and some. */
const ADVERT_WAIT_MS = 300_000
/** Default price of reading: a quarter of a month's rent for each GiB. docs/spec/auction.md. */
const EGRESS_PART = 4n

export async function openController(parts: ControllerParts): Promise<OpenController> {
  const { chain, outbox, net, registry, domain, account, chainSecret, nonceKey, policy, clock, log, windowMs } = parts
  const ledger = await Ledger.open(parts.journal)
  const adverts = createAdverts(clock, (hash) => chain.isAdvertPaid(fromHex(hash, 32)))
  const locate = (steward: Address) => {
    const member = registry.member(steward)
    if (!member) throw new HoldfastError('POOL_UNREGISTERED', { peer: steward })
    return { id: steward, addresses: addressesOf(member) }
  }
  const calls = createStewardCalls(net, locate)
  const jobs = new Jobs({ ledger, domain, account, chainSecret, nonceKey, calls, now: () => chain.now(), clock, log })
  const controller = new Controller({
    ledger,
    chain,
    outbox,
    domain,
    account,
    nonceKey,
    policy,
    clock,
    log,
    jobs,
    adverts,
  })
  await net.handle(
    DOCKET_PROTOCOL,
    serveDockets((hash, asker) => jobs.docket(hash, asker)),
    { maxStreams: 8 },
  )

  /** Compliant repositories that have not missed lately. P5, protocol.md §8. */
  const invited = (): Invited[] => {
    const barred = new Set<Address>()
    for (const { steward, totals } of ledger.placements.values())
      if (barredUntil(totals, policy.barred) > chain.now()) barred.add(steward)
    return [...membersWith(registry, ROLE.repository)]
      .filter(({ id }) => !barred.has(id))
      .map((member) => ({ id: member.id, addresses: addressesOf(member), since: member.registeredAt }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
  const prices = (): { readonly price: Wei; readonly reserve: Wei } => {
    const reference = referencePrice(Math.max(0, chain.now() - chain.since))
    const cleared = [...ledger.puts.values()].flatMap(({ award, plan }) =>
      award && award.summary.price > 0n
        ? [{ price: award.summary.price, bytes: plan.n * lotBytes(plan), at: award.start }]
        : [],
    )
    const price = priceIndex(cleared, reference)
    return { price, reserve: defaultReserve(price, defaultReserve(reference)) }
  }
  const auction = createAuctioneer({
    invited,
    open: (steward, advert, signal) =>
      openBidSession(net, locate(steward.id), advert, { secret: chainSecret, windowMs, signal }),
    confidence: (since, term) => Math.floor(1e6 * deriveConfidence(Math.max(0, chain.now() - since), term, policy)),
    clear: (gathered) => clearPut(gathered, chain.now()),
    clock,
    log,
    windowMs,
  })
  const balance = () => chain.balance()
  const book = createPutDesk({
    ledger,
    domain,
    account,
    chainSecret,
    nonceKey,
    policy,
    now: () => chain.now(),
    exclusive: (run) => controller.exclusive(run),
    step: (run) => controller.step(run),
    memberSince: (steward) => registry.member(steward)?.registeredAt,
    spendable: async () => (await balance()) - controller.intended() - controller.owed(),
    feesOf: async (plan) => {
      const rounds = BigInt(Math.ceil(plan.term / policy.longestGap) + policy.ladder.length)
      return (ADVERT_GAS + CYCLE_GAS * rounds * BigInt(plan.n)) * (await chain.gasPrice())
    },
    market: async () => ({ ...prices(), stewards: invited().length, advertFloor: await chain.advertFloor() }),
    advertOf: (plan, reserve) => {
      const { price } = prices()
      const spread = spreadOf(invited(), plan.k, plan.n)
      const advert = makeAdvert(plan, reserve, parts.rng.bytes(32), {
        domain,
        uploader: account,
        secret: chainSecret,
        windowMs,
        egressPrice: wei(price / EGRESS_PART),
        grace: policy.grace,
        ...spread,
      })
      return { advert, hash: advertHashOf(advert) }
    },
    payAdvert: (batch, put) => {
      if (!chain.isFresh())
        throw new HoldfastError('CHAIN_ANSWER', { what: 'its newest block is over half an hour off the clock' })
      batch.also(outbox.intents.advert(`advert/${put.ref}/${put.advertHash}`, fromHex(put.advertHash, 32), put.value))
    },
    advertPaid: async (put) => {
      outbox.kick()
      await adverts.paid(put.advertHash, ADVERT_WAIT_MS)
    },
    auction: async (put, lots, limits) => {
      await registry.refresh?.()
      return auction(put, lots, limits)
    },
    wake: () => controller.wake(),
  })
  const outlook = (): Outlook => ({ ledger, policy, now: chain.now() })
  return {
    controller,
    book,
    routes: () =>
      controllerRoutes({
        controller,
        book,
        outlook,
        balance,
        coin: () => chain.coin(),
        account,
        chainId: domain.chainId,
        headAge: () => chain.headAge(),
      }),
  }
}
