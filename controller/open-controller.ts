/**
 * Puts the controller together from its parts and the doors below it. Nothing starts here; `cli/` opens the doors, calls this, starts the
 * result, and closes in the opposite order.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Journal, Log, Rng } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { type UnixTime, wei } from '../base/units.ts'
import type { Route } from '../net/http-server.ts'
import { advertHashOf } from '../net/messages/bid.ts'
import { DOCKET_PROTOCOL } from '../net/messages/docket.ts'
import type { NetNode } from '../net/node.ts'
import { monitorsOf } from '../pool/assigned-monitors.ts'
import type { PlainBulk } from '../pool/plain-bulk.ts'
import { addressesOf, barringStanding, membersWith, type RegistryView, ROLE } from '../pool/registry-view.ts'
import { NO_REPORTS, type Reports } from '../pool/reporter.ts'
import { NEWCOMER_AGE } from '../pricing/auction.ts'
import { createFetchBlob } from '../uploader/fetch-over-net.ts'
import type { PutBook, PutPlan, StewardTarget } from '../uploader/put-book.ts'
import { createSendBlob } from '../uploader/send-blob.ts'
import { createAccuse, troubleOf } from './accuse.ts'
import { createAdverts } from './adverts.ts'
import { controllerRoutes } from './api.ts'
import { createAuctioneer, type Invited } from './auctioneer.ts'
import { type BackupDeps, Backups } from './backup.ts'
import { makeAdvert, openBidSession } from './bid-session.ts'
import { type BondChain, backingOf, createBondWatch, rentWith } from './bonds.ts'
import { clearPut, describeAuction, spreadOf } from './clear.ts'
import { confidencePpm } from './confidence.ts'
import { Controller } from './controller.ts'
import type { ControllerChain, ControllerOutbox } from './controller-ports.ts'
import { Jobs } from './jobs.ts'
import { Ledger } from './ledger.ts'
import { Lending } from './lending.ts'
import { marketPrices } from './market-prices.ts'
import { Moves } from './moves.ts'
import type { Outlook } from './outlook.ts'
import { lotBytes } from './plan-sizes.ts'
import type { Policy } from './policy.ts'
import { createPutDesk } from './put-desk.ts'
import { removeObject } from './remove.ts'
import { holdersBeside } from './repair-plan.ts'
import { Repairs } from './repairs.ts'
import { barredUntil } from './segment-health.ts'
import { createStewardCalls, serveDockets } from './steward-calls.ts'
import { isSound, viewBackup } from './views.ts'

/** Doors and keys. Exactly the keys of protocol.md §1 that an unattended controller holds; those of objects are in the ledger. */
export interface ControllerParts {
  readonly journal: Journal
  readonly chain: ControllerChain &
    BondChain & {
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
  /** When given, blobs move over plain endpoints where there are. */
  readonly plain?: PlainBulk
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
  /** Where stewards are reported; left out: nowhere. */
  readonly reports?: Reports
  /** For tests: called between durable steps. */
  fault?(site: 'repair'): void
  /** Keys and patience of backups; absent: the ledger is not backed up. */
  readonly backup?: Pick<BackupDeps, 'backupKey' | 'patience' | 'point'>
}

export interface OpenController {
  readonly controller: Controller
  readonly book: PutBook
  routes(): Route[]
}

/** Gas of a post and its sweep, of an advert: for quotes. contracts.md, gas ceilings. */
export const CYCLE_GAS = 98_000n
const ADVERT_GAS = 70_000n
/** Longest wait for an advert's fee to be final. Milliseconds: 12 blocks of 12 s and some. */
const ADVERT_WAIT_MS = 300_000
/** Default price of reading: a quarter of a month's rent for each GiB. docs/spec/auction.md. */
const EGRESS_PART = 4n

/** Monitors that a docket is left with. protocol.md §4. */
const DOCKETS_LEFT = 2

/** Fewer stewards than this are too few to be choosy. */
const FEW = 3

export async function openController(parts: ControllerParts): Promise<OpenController> {
  const { chain, outbox, net, registry, domain, account, chainSecret, nonceKey, policy, clock, log, windowMs } = parts
  const ledger = await Ledger.open(parts.journal)
  const adverts = createAdverts(clock, (hash) => chain.isAdvertPaid(fromHex(hash, 32)))
  const locate = (steward: Address) => {
    const member = registry.member(steward)
    if (!member) throw new HoldfastError('POOL_UNREGISTERED', { peer: steward })
    return { id: steward, addresses: addressesOf(member) }
  }
  const reports = parts.reports ?? NO_REPORTS
  const accuse = createAccuse({ ledger, account, reports, log, tokenOf: (receipt) => jobs.tokenOf(receipt) })
  const bareCalls = createStewardCalls(net, locate, parts.plain)
  const calls: typeof bareCalls = {
    ...bareCalls,
    read: async (steward, blob, signal) => {
      try {
        return await bareCalls.read(steward, blob, signal)
      } catch (cause) {
        const kind = signal.aborted ? undefined : troubleOf(asHoldfastError(cause).code)
        if (kind !== undefined) accuse.read(steward, toHex(blob.blobId), kind)
        throw cause
      }
    },
  }
  const jobs = new Jobs({
    ledger,
    domain,
    account,
    chainSecret,
    nonceKey,
    policy,
    calls,
    leaveAt: () => monitorsOf(registry, account, DOCKETS_LEFT).map(({ id }) => id),
    mayAsk: (steward) => registry.inGoodStanding(steward),
    now: () => chain.now(),
    clock,
    log,
  })
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
    unclaimed: accuse.unclaimed,
    reporting: () => reports.unfinished(),
    index: () => prices().index,
    lookAtBonds: createBondWatch({ ledger, chain, log, now: () => chain.now() }),
    standingOf: (steward) => barringStanding(registry, steward),
    refreshStandings: async () => registry.refresh?.(),
  })
  registry.onChange?.(() => controller.wake())
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
  /** For backups only those that never missed, while there are enough: nobody looks at a backup before it is needed. */
  const invitedTo = (plan: Pick<PutPlan, 'backup'>): Invited[] => {
    const all = invited()
    if (plan.backup !== true) return all
    const missed = new Set<Address>()
    for (const { steward, totals } of ledger.placements.values()) if (totals.lastMiss > 0) missed.add(steward)
    const steady = all.filter(({ id }) => !missed.has(id))
    return steady.length >= FEW ? steady : all
  }
  const prices = () => marketPrices(ledger.puts.values(), account, chain.now(), chain.since)
  /** Who holds another blob of what a repair mends. */
  const holders = (plan: PutPlan): StewardTarget[] =>
    plan.mends === undefined
      ? []
      : holdersBeside(plan, ledger.placementsOf(plan.mends.ref)).map((id) => ({ id, addresses: addressesAt(id) }))
  const addressesAt = (steward: Address): readonly string[] => {
    const member = registry.member(steward)
    return member === undefined || !registry.inGoodStanding(steward) ? [] : addressesOf(member)
  }
  /** For the cap on newcomers: what they hold of all we have placed. */
  const spreading = (now: number) => {
    let [placed, withNewcomers] = [0, 0]
    for (const { length, stewardSince, endedAt, goneAt } of ledger.placements.values()) {
      if (endedAt !== undefined || goneAt !== undefined) continue
      placed += length
      if (now - stewardSince < NEWCOMER_AGE) withNewcomers += length
    }
    return { placed, withNewcomers }
  }
  const auction = createAuctioneer({
    invited: invitedTo,
    holders: ({ plan }) => holders(plan),
    open: (steward, advert, signal) =>
      openBidSession(net, locate(steward.id), advert, { secret: chainSecret, windowMs, signal }),
    backing: async ({ plan }, stewards) => {
      const lot = { bytes: lotBytes(plan), price: prices().index }
      const backing = await Promise.all(
        stewards.map(async (steward) => {
          const stake = await chain.bondOf(steward).catch((cause: unknown) => {
            log.warn('stake not known', { steward, message: asHoldfastError(cause).message })
            return 0n
          })
          return [steward, backingOf(stake, lot, rentWith(ledger.placements.values(), steward))] as const
        }),
      )
      return new Map(backing)
    },
    describe: (called) => {
      const now = chain.now()
      const { term } = called.put.plan
      return describeAuction(
        called,
        spreading(now),
        (since) => confidencePpm(Math.max(0, now - since), term, policy),
        now,
      )
    },
    clear: clearPut,
    clock,
    log,
    windowMs,
  })
  const balance = () => chain.balance()
  const desk = createPutDesk({
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
    spendable: async () => (await balance()) - controller.funds.intended() - controller.funds.owed(),
    feesOf: async (plan) => {
      const rounds = BigInt(Math.ceil(plan.term / policy.longestGap) + policy.ladder.length)
      return (ADVERT_GAS + CYCLE_GAS * rounds * BigInt(plan.n)) * (await chain.gasPrice())
    },
    market: async () => {
      const { index: price, reserve, cheapest: floor } = prices()
      return { price, reserve, floor, stewards: invited().length, advertFloor: await chain.advertFloor() }
    },
    advertOf: (plan, reserve, bond) => {
      const { index: price } = prices()
      const spread = spreadOf(invitedTo(plan), plan.k, plan.n)
      const advert = makeAdvert(plan, reserve, parts.rng.bytes(32), {
        domain,
        uploader: account,
        secret: chainSecret,
        windowMs,
        egressPrice: wei(price / EGRESS_PART),
        grace: policy.grace,
        ...(bond === undefined ? {} : { bond }),
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
    holders: ({ plan }) => holders(plan),
    wake: () => controller.wake(),
  })
  const repairs = new Repairs({
    ledger,
    policy,
    book: desk,
    chainSecret,
    fetch: accuse.watching(createFetchBlob(net, parts.plain)),
    send: createSendBlob(net, parts.plain),
    handSuccessor: calls.handSuccessor,
    addressesOf: addressesAt,
    eligible: (plan) => {
      const beside = new Set(holders(plan).map(({ id }) => id))
      return invited().filter(({ id }) => !beside.has(id)).length
    },
    now: () => chain.now(),
    clock,
    rng: parts.rng,
    log,
    ...(parts.fault === undefined ? {} : { fault: parts.fault }),
  })
  controller.tend(repairs)
  controller.moveWith(new Moves({ ledger, book: desk, log, now: () => chain.now() }))
  const lending = new Lending({
    ledger,
    journal: parts.journal,
    registry,
    net,
    chainSecret,
    tokenOf: (receipt) => jobs.tokenOf(receipt),
    clock,
    log,
  })
  controller.lendWith(lending)
  const book: PutBook = {
    ...desk,
    finish: async (object) => {
      await desk.finish(object)
      repairs.consider([object.ref])
      lending.consider(object.ref)
    },
  }
  const outlook = (): Outlook => ({ ledger, policy, now: chain.now(), worth: controller.funds.worthAsked() })
  const backups =
    parts.backup &&
    new Backups({
      ...parts.backup,
      ledger,
      journal: parts.journal,
      book,
      send: createSendBlob(net, parts.plain),
      clock,
      rng: parts.rng,
      log,
      now: () => chain.now(),
      step: (run) => controller.step(run),
      exclusive: (run) => controller.exclusive(run),
      stewards: () => invitedTo({ backup: true }).length,
      isSound: (id) => isSound(outlook(), id),
    })
  if (backups) controller.keepBackups(backups)
  return {
    controller,
    book,
    routes: () =>
      controllerRoutes({
        controller,
        book,
        repairs,
        remove: (object, order, signal) =>
          removeObject(
            {
              ledger,
              chainSecret,
              calls,
              step: (run) => controller.step(run),
              log,
              mayAsk: (steward) => registry.inGoodStanding(steward),
              now: () => chain.now(),
            },
            object,
            order,
            signal,
          ),
        outlook,
        balance,
        coin: () => chain.coin(),
        account,
        chainId: domain.chainId,
        since: chain.since,
        headAge: () => chain.headAge(),
        backup: () => viewBackup(outlook(), backups),
        orderBackup: async () => backups?.order(),
        accuse: accuse.read,
      }),
  }
}
