/**
 * A ledger, a put desk and the repairs over it, with stewards that are maps: an object is put for real, stewards vanish, repairs are killed
 * at any visit of their fault point and opened again on the same journal.
 */
import { createHash } from 'node:crypto'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type Address, addressOf, recoverSigner } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { Domain } from '../../base/typed-data.ts'
import { DAY, seconds, unixTime } from '../../base/units.ts'
import { Ledger } from '../../controller/ledger.ts'
import type { PlacementState } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { createPutDesk } from '../../controller/put-desk.ts'
import { holdersBeside } from '../../controller/repair-plan.ts'
import { Repairs } from '../../controller/repairs.ts'
import { createDraw, groupDue } from '../../controller/schedule.ts'
import { Step } from '../../controller/step.ts'
import { successorDigest } from '../../net/messages/store.ts'
import { getObject } from '../../uploader/get.ts'
import type { FetchBlob, Finder } from '../../uploader/holders.ts'
import type { SendBlob } from '../../uploader/place-blob.ts'
import { putObject } from '../../uploader/put.ts'
import type { AwardedLot, PutBook } from '../../uploader/put-book.ts'
import type { PutJournal } from '../../uploader/put-journal.ts'
import type { PutOptions, PutSummary } from '../../uploader/put-run.ts'
import { createVault } from '../../uploader/vault.ts'
import {
  type MapSteward,
  mapSend,
  mapSteward,
  memoryJournal,
  memorySink,
  memorySource,
  realClock,
  seededRng,
  silentLog,
} from '../uploader/fixtures.ts'
import { MemoryJournal } from './memory-market.ts'

const CHAIN_KEY = new Uint8Array(32).fill(7)
const ROOT = new Uint8Array(32).fill(4)
const DOMAIN: Domain = { chainId: 31337, contract: `0x${'5a'.repeat(20)}` }
export const START = 1_800_000_000 - (1_800_000_000 % 3600)

/** What a steward is beside its maps. */
export interface WorldSteward extends MapSteward {
  gone: boolean
  /** Bytes it sent and took, since the world began. */
  served: number
  /** Kept beside each copy, by its blob id. */
  readonly successors: Map<string, { readonly version: number; readonly sealed: Uint8Array }>
}

export interface World {
  now: number
  readonly stewards: readonly WorldSteward[]
  readonly ledger: Ledger
  readonly repairs: Repairs
  /** Adverts that were paid. */
  readonly adverts: string[]
  /** Alerts so far. */
  readonly alerts: string[]
  /** Blobs that went out, as `id steward`, in order; a blob sent twice to the same steward counts twice. */
  readonly sent: string[]
  /** Bytes of blobs that went out at the same time, at most. */
  mostInFlight: number
  /** @param journal of an earlier run, to take it up again */
  put(bytes: Uint8Array, options?: Partial<PutOptions>, journal?: PutJournal): Promise<PutSummary>
  get(cap: Uint8Array): Promise<Uint8Array>
  /** These say that all they hold of us is lost: their placements are MIA. */
  lose(stewards: readonly WorldSteward[]): Promise<void>
  /** Everything held is renewed for 90 days. */
  renew(): Promise<void>
  placements(): PlacementState[]
  /** Waits until nothing runs, or the process is dead. */
  settle(): Promise<void>
  /** The next process dies at the n-th visit of its fault point. */
  killAt(visit: number): void
  readonly isDead: boolean
  /** A new process on the same journal. */
  reopen(): Promise<void>
  /** What a backup made now would carry. */
  backup(): ReadonlyMap<string, Uint8Array>
  /** A new process on another machine, from a backup. */
  recover(backup: ReadonlyMap<string, Uint8Array>): Promise<void>
}

/** @param inFlight bytes that a repair may have in memory, each blob twice */
export async function openWorld(count: number, seed = 'repair', inFlight?: number): Promise<World> {
  const stewards: WorldSteward[] = Array.from({ length: count }, (_, i) => ({
    ...mapSteward(`${i}`),
    gone: false,
    served: 0,
    successors: new Map(),
  }))
  const byId = new Map<Address, WorldSteward>(stewards.map((steward) => [steward.target.id, steward]))
  const journal = new MemoryJournal()
  const rng = seededRng(seed)
  const { send: deliver } = mapSend(stewards)
  const adverts: string[] = []
  const alerts: string[] = []
  const sent: string[] = []
  let sending = 0
  let visitsLeft = Number.POSITIVE_INFINITY
  let dead = new AbortController()
  let queue: Promise<unknown> = Promise.resolve()
  let ledger = await Ledger.open(journal)
  let repairs: Repairs
  let book: PutBook

  /** What a dead process does not do any more. */
  const alive = (own: AbortController) => {
    if (own.signal.aborted) throw new HoldfastError('INTERRUPTED')
  }
  const reach = (id: Address): WorldSteward => {
    const steward = byId.get(id)
    if (steward === undefined || steward.gone) throw new HoldfastError('NET_UNREACHABLE', { what: id })
    return steward
  }
  const send: SendBlob = async (target, offer, blob, options) => {
    reach(target.id)
    sent.push(`${toHex(offer.placement.blobId)} ${target.id}`)
    sending += blob.length
    world.mostInFlight = Math.max(world.mostInFlight, sending)
    return deliver(target, offer, blob, options).finally(() => {
      sending -= blob.length
    })
  }
  const fetch: FetchBlob = async ({ id }, { blobId, token, onBytes }) => {
    const steward = reach(id)
    const key = toHex(blobId)
    const bytes = steward.blobs.get(key)
    if (bytes === undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: key })
    if (createHash('sha256').update(token).digest('hex') !== steward.tokens.get(key))
      throw new HoldfastError('GRANT_WRONG')
    if (createHash('sha256').update(bytes).digest('hex') !== key) throw new HoldfastError('BLOB_CORRUPT', { blob: key })
    steward.served += bytes.length
    onBytes?.(bytes.length)
    const successor = steward.successors.get(key)?.sealed
    return { bytes: Uint8Array.from(bytes), ...(successor === undefined ? {} : { successor }) }
  }

  const world = {
    now: START,
    stewards,
    adverts,
    alerts,
    sent,
    mostInFlight: 0,
    get ledger() {
      return ledger
    },
    get repairs() {
      return repairs
    },
    get isDead() {
      return dead.signal.aborted
    },
    placements: () => [...ledger.placements.values()],
    killAt: (visit: number) => {
      visitsLeft = visit
    },
    reopen: async () => {
      await settle()
      dead = new AbortController()
      ledger = await Ledger.open(journal)
      open()
      repairs.start()
    },
    backup: () => new Map(journal.map),
    recover: async (backup: ReadonlyMap<string, Uint8Array>) => {
      await settle()
      dead = new AbortController()
      journal.map.clear()
      for (const [key, value] of backup) journal.map.set(key, value)
      ledger = await Ledger.open(journal)
      open()
      await step((each) => repairs.onRecovered(each))
      repairs.start()
    },
    put: async (bytes: Uint8Array, options: Partial<PutOptions> = {}, put: PutJournal = memoryJournal()) =>
      putObject(
        {
          book,
          send,
          rng,
          clock: realClock,
          journal: put,
          vault: createVault(new Uint8Array(32).fill(3), rng),
          editorParent: ROOT,
          log: silentLog,
          threads: 0,
        },
        memorySource(bytes),
        { segmentSize: 1000, k: 3, n: 10, term: seconds(90 * DAY), limits: {}, ...options },
      ),
    get: async (cap: Uint8Array) => {
      const there = stewards.filter(({ gone }) => !gone)
      const finder: Finder = {
        blobs: async (ids) =>
          new Map(
            ids.map((id) => [toHex(id), there.filter(({ blobs }) => blobs.has(toHex(id))).map(({ target }) => target)]),
          ),
        copies: async (locator) =>
          there.flatMap(({ target, copies }) =>
            (copies.get(toHex(locator)) ?? []).map((id) => ({ ...target, blobId: fromHex(id, 32) })),
          ),
      }
      const sink = memorySink()
      await getObject({ finder, fetch, clock: realClock, log: silentLog, patienceMs: 1_000 }, cap, sink)
      return sink.bytes()
    },
    lose: async (lost: readonly WorldSteward[]) => {
      const ids = new Set<string>(lost.map(({ target }) => target.id))
      for (const steward of lost) steward.gone = true
      await step((each) => {
        for (const placement of world.placements()) {
          if (!ids.has(placement.steward) || placement.state !== 'held') continue
          const [plan] = groupDue([placement], world.now, POLICY)
          if (plan === undefined) throw new Error('nothing is due')
          const { id: docket, due, deadline } = plan
          each.tell(placement.id, { kind: 'open', docket, due, deadline, retry: false })
          each.tell(placement.id, { kind: 'posted', docket, at: world.now })
          each.tell(placement.id, { kind: 'released', docket, at: world.now, lost: true })
        }
      })
    },
    renew: () =>
      step((each) => {
        for (const { id, state, version } of world.placements())
          if (state === 'held') each.tell(id, { kind: 'renewed', version: version + 1, end: world.now + 90 * DAY })
      }),
    settle,
  }

  async function settle(): Promise<void> {
    const until = realClock.monotonic() + 20_000
    while (repairs.running() > 0) {
      if (realClock.monotonic() > until) throw new Error('repairs still run')
      await realClock.sleep(2)
    }
  }

  async function step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result> {
    return exclusive(async () => {
      const next = new Step(ledger, { now: world.now, policy: POLICY, draw: createDraw(new Uint8Array(32)) })
      const result = await run(next)
      await ledger.commit(next.batch)
      repairs.consider(next.moved)
      return result
    })
  }

  function exclusive<Result>(run: () => Promise<Result>): Promise<Result> {
    const turn = queue.then(run, run)
    queue = turn.catch(() => undefined)
    return turn
  }

  function open(): void {
    const own = dead
    const mine = ledger
    const guarded =
      <Args extends readonly unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
      async (...args: Args): Promise<Answer> => {
        alive(own)
        const answer = await call(...args)
        alive(own)
        return answer
      }
    const lotOf = (lot: number, { target }: WorldSteward): AwardedLot => ({
      lot,
      steward: target.id,
      addresses: target.addresses,
      price: 5n * 10n ** 15n,
      egressPrice: 0n,
      egressFree: 2 ** 40,
      bond: 0n,
    })
    const barred = () =>
      new Set(
        [...mine.placements.values()]
          .filter(({ totals }) => totals.lastMiss > 0 && totals.lastMiss + POLICY.barred > world.now)
          .map(({ steward }) => steward),
      )
    const runStep = guarded(<Result>(run: (each: Step) => Result | Promise<Result>) => step(run)) as typeof step
    const desk = createPutDesk({
      ledger: mine,
      domain: DOMAIN,
      account: addressOf(CHAIN_KEY),
      chainSecret: CHAIN_KEY,
      nonceKey: new Uint8Array(32).fill(9),
      policy: POLICY,
      now: () => unixTime(world.now),
      exclusive: guarded(exclusive) as typeof exclusive,
      step: runStep,
      memberSince: () => START - 100 * DAY,
      spendable: async () => 10n ** 24n,
      feesOf: async () => 0n,
      market: async () => ({ price: 10n ** 16n, reserve: 10n ** 16n, floor: 0n, stewards: count, advertFloor: 1n }),
      advertOf: (plan) => ({
        advert: { perCluster: 0 } as never,
        hash: createHash('sha256').update(`${plan.ref}/${adverts.length}`).digest(),
      }),
      payAdvert: (_, { advertHash }) => adverts.push(advertHash),
      advertPaid: async () => {},
      auction: async (put, lots) => {
        const out = new Set<string>([
          ...barred(),
          ...put.failed,
          ...(put.award?.lots ?? []).map(({ steward }) => steward),
          ...(put.plan.mends ? holdersBeside(put.plan, mine.placementsOf(put.plan.mends.ref)) : []),
        ])
        const bidders = stewards.filter(({ gone, target }) => !gone && !out.has(target.id))
        return {
          lots: lots.slice(0, bidders.length).map((lot, at) => lotOf(lot, bidders[at] as WorldSteward)),
          missing: lots.slice(bidders.length),
          runnersUp: bidders.slice(lots.length).map((bidder) => lotOf(0, bidder)),
          summary: {
            invited: bidders.length,
            bids: bidders.length,
            price: 1n,
            reserve: 1n,
            thin: false,
            clusterRule: false,
            scores: [],
          },
        }
      },
      holders: () => [],
      wake: () => {},
    })
    book = desk
    repairs = new Repairs({
      ledger: mine,
      policy: POLICY,
      book: desk,
      ...(inFlight === undefined ? {} : { inFlight }),
      chainSecret: CHAIN_KEY,
      fetch: guarded(fetch),
      send: guarded(send),
      handSuccessor: guarded(async (id, { blobId, version, sealed, signature }) => {
        const steward = reach(id)
        if (recoverSigner(successorDigest(blobId, version, sealed), signature) !== addressOf(CHAIN_KEY))
          throw new HoldfastError('PLACEMENT_INVALID', { what: 'not its uploader' })
        const copy = toHex(blobId)
        if (![...steward.copies.values()].some((ids) => ids.includes(copy)))
          throw new HoldfastError('BLOB_UNKNOWN', { blob: copy })
        if (version < (steward.successors.get(copy)?.version ?? 0))
          throw new HoldfastError('SUCCESSOR_OLD', { what: copy })
        steward.successors.set(copy, { version, sealed })
      }),
      addressesOf: (id) => byId.get(id)?.target.addresses ?? [],
      eligible: (plan) => {
        const out = new Set<string>([...barred(), ...holdersBeside(plan, mine.placementsOf(plan.mends?.ref ?? ''))])
        return stewards.filter(({ target }) => !out.has(target.id)).length
      },
      now: () => world.now,
      clock: realClock,
      rng,
      log: silentLog,
      fault: () => {
        alive(own)
        if (--visitsLeft > 0) return
        visitsLeft = Number.POSITIVE_INFINITY
        own.abort()
        alive(own)
      },
    })
    repairs.bind({ step: runStep, alert: (code) => alerts.push(code), wake: () => {} })
  }

  open()
  return world
}
