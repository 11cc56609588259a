/**
 * A steward for tests: real files and Level in a directory of its own, a real node on loopback; the chain and the outbox are small and in
 * memory, with a block for every act. `restart` is what a process would find after kill -9: only what was committed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import type { Change, Log } from '../../base/ports.ts'
import {
  bountyIdOf,
  type Domain,
  type Placement,
  placementDigest,
  sweepDigest,
  voucherDigest,
} from '../../base/typed-data.ts'
import { DAY, unixTime, wei } from '../../base/units.ts'
import { answersRootOf } from '../../blob/answers-root.ts'
import { answerRows, nonceOf } from '../../blob/challenge.ts'
import { claimKeyOf, docketHashOf, encodeDocket, sortChallenges } from '../../blob/docket.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { type Advert, type AdvertTerms, advertDigest, advertHashOf } from '../../net/messages/bid.ts'
import type { NetNode } from '../../net/node.ts'
import type { Holding as Announced } from '../../pool/index-client.ts'
import { COST_MODEL } from '../../pricing/bidder.ts'
import { REFERENCE_AT_START } from '../../pricing/reference.ts'
import { type Answering, createAnswering } from '../../steward/answering.ts'
import { resumableParts } from '../../steward/book.ts'
import { STEWARD_CONFIG, type StewardConfig } from '../../steward/config.ts'
import type {
  FeedUpdate,
  MarketFact,
  PostedFact,
  StewardChain,
  StewardOutbox,
  SweepCall,
  UnpaidNotice,
  VoucherCall,
} from '../../steward/ports.ts'
import { createSteward, type Steward, type StewardDeps } from '../../steward/steward.ts'
import { type BlobFiles, openBlobFiles } from '../../store/blob-files.ts'
import { type LevelStore, openLevelStore } from '../../store/level-store.ts'
import { aNode, clock, rng, targetOf } from '../net/nodes.ts'
import { auction, sendBlob } from './client.ts'

export const DOMAIN: Domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` }
export const NOW = 1_800_000_000
const PRICE = REFERENCE_AT_START

/** A chain of blocks with facts in them; the dev chain's one confirmation. */
export class FakeChain implements StewardChain {
  private time = NOW
  private readonly blocks: (readonly MarketFact[])[] = [[]]
  private reverted: MarketFact[] = []
  private wakes: (() => void)[] = []
  readonly open = new Map<string, PostedFact>()
  readonly adverts = new Map<string, { uploader: Address; value: bigint }>()
  /** In the market, gwei of HOLD; who is not listed has plenty. */
  balances = new Map<Address, bigint>()
  readonly redeemed = new Map<string, bigint>()

  now() {
    return unixTime(this.time)
  }
  poke(): void {}
  get head(): number {
    return this.blocks.length - 1
  }
  advance(seconds: number): void {
    this.time += seconds
    this.mine()
  }
  mine(...facts: readonly MarketFact[]): void {
    for (const fact of facts) if (fact.kind === 'posted') this.open.set(fact.id, fact)
    this.blocks.push(facts.map((fact) => ({ ...fact, block: this.blocks.length, blockTime: this.time })))
    this.wake()
  }
  /** What the market does with a sweep: whoever signed must be the claim key of an open bounty of the group, in time. */
  sweep({ payee, groups }: SweepCall): void {
    const facts = groups.flatMap(({ poster, deadline, claims }) =>
      claims.map((signature): MarketFact => {
        const claimKey = recoverSigner(sweepDigest(DOMAIN, { payee, deadline }), signature) as Address
        const id = toHex(bountyIdOf(poster, claimKey, payee))
        const place = { block: 0, blockTime: 0 }
        if (this.open.get(id)?.deadline !== deadline || this.time > deadline)
          return { kind: 'missed', claimKey, ...place }
        this.open.delete(id)
        return { kind: 'swept', id, ...place }
      }),
    )
    this.mine(...facts)
  }
  /** Takes the newest blocks back. */
  reorg(depth: number): void {
    this.reverted = this.blocks
      .splice(this.blocks.length - depth, depth)
      .flat()
      .reverse()
    this.mine()
  }
  async balanceOf(account: Address): Promise<bigint> {
    return this.balances.get(account) ?? 10n ** 15n
  }
  /** What the market does with a voucher. */
  redeem({ from, to, cumulative }: VoucherCall, signature: Uint8Array): void {
    if (recoverSigner(voucherDigest(DOMAIN, { from, to, cumulative }), signature) !== from) throw new Error('signature')
    const before = this.redeemed.get(`${from}/${to}`) ?? 0n
    if (cumulative <= before) throw new Error('spent')
    const balance = this.balances.get(from) ?? 10n ** 15n
    const paid = cumulative - before < balance ? cumulative - before : balance
    this.redeemed.set(`${from}/${to}`, before + paid)
    this.balances.set(from, balance - paid)
    this.mine({ kind: 'redeemed', from, paid, redeemed: before + paid, block: 0, blockTime: 0 })
  }
  async advertPaid(hash: Uint8Array, uploader: Address) {
    const paid = this.adverts.get(toHex(hash))
    return paid?.uploader === uploader ? { value: paid.value } : undefined
  }
  async *follow(cursor: Uint8Array | undefined, signal: AbortSignal): AsyncIterable<FeedUpdate> {
    let at = cursor === undefined ? 0 : Number(new TextDecoder().decode(cursor))
    let isFirst = true
    while (!signal.aborted) {
      if (isFirst || at < this.head || this.reverted.length > 0) {
        isFirst = false
        const reverted = this.reverted
        this.reverted = []
        if (reverted.length > 0) at = Math.min(at, (reverted.at(-1)?.block ?? at) - 1)
        const applied = this.blocks.slice(at + 1).flat()
        at = this.head
        const head = { number: at, timestamp: this.time }
        yield { reverted, applied, head, finalHead: at, cursor: new TextEncoder().encode(String(at)) }
        continue
      }
      await new Promise<void>((resolve) => {
        this.wakes.push(resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }
  private wake(): void {
    for (const wake of this.wakes.splice(0)) wake()
  }
}

/** Keeps what was committed; a kick mines every sweep at once, unless it is told to hold them. */
export class FakeOutbox implements StewardOutbox {
  readonly intents = new Map<string, SweepCall>()
  readonly redeems = new Map<string, { voucher: VoucherCall; signature: Uint8Array }>()
  onRedeem: ((voucher: VoucherCall, signature: Uint8Array) => void) | undefined
  readonly sent: SweepCall[] = []
  private readonly done = new Set<string>()
  private refused: ((id: string, reason: Error) => Promise<void>) | undefined
  isHolding = false
  onSweep: ((call: SweepCall) => void) | undefined
  store: LevelStore | undefined

  sweep(id: string, call: SweepCall): readonly Change[] {
    this.intents.set(id, call)
    return [{ key: `outbox/${id}`, value: new TextEncoder().encode(id) }]
  }
  redeem(id: string, voucher: VoucherCall, signature: Uint8Array): readonly Change[] {
    this.redeems.set(id, { voucher, signature })
    return [{ key: `outbox/${id}`, value: new TextEncoder().encode(id) }]
  }
  kick(): void {
    if (this.isHolding) return
    for (const [id, { voucher, signature }] of this.redeems) {
      if (this.done.has(id)) continue
      this.done.add(id)
      this.onRedeem?.(voucher, signature)
    }
    for (const [id, call] of this.intents) {
      if (this.done.has(id)) continue
      this.done.add(id)
      this.sent.push(call)
      this.onSweep?.(call)
    }
  }
  unfinished(): number {
    return [...this.intents.keys(), ...this.redeems.keys()].filter((id) => !this.done.has(id)).length
  }
  onRefused(listener: (id: string, reason: Error) => Promise<void>): void {
    this.refused = listener
  }
  async refuse(id: string): Promise<void> {
    this.done.add(id)
    await this.refused?.(id, new Error('reverted'))
  }
}

export interface Rig {
  readonly dir: string
  readonly chain: FakeChain
  readonly outbox: FakeOutbox
  readonly announced: Announced[]
  readonly notices: UnpaidNotice[]
  readonly secret: Uint8Array
  steward: Steward
  files: BlobFiles
  store: LevelStore
  node: NetNode
  /** Opens everything anew over the same directory, as after a kill. */
  restart(overrides?: Partial<StewardDeps>): Promise<void>
  target(): { addresses: readonly string[]; id: Address }
}

const open: { close(): Promise<void> }[] = []

/** Call in `afterEach`, after `stopNodes`. */
export async function closeRigs(): Promise<void> {
  for (const rig of open.splice(0).reverse()) await rig.close()
}

export async function aRig(
  options: { config?: Partial<StewardConfig>; deps?: Partial<StewardDeps>; threads?: number; log?: Log } = {},
): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-steward-'))
  const secret = rng.bytes(32)
  const chain = new FakeChain()
  const outbox = new FakeOutbox()
  const announced: Announced[] = []
  const notices: UnpaidNotice[] = []
  const log: Log = options.log ?? { debug() {}, info() {}, warn() {}, error() {} }
  const config: StewardConfig = {
    ...STEWARD_CONFIG,
    quota: 64 * 2 ** 20,
    reserve: 0,
    cost: { ...COST_MODEL, fixed: PRICE },
    scrub: 365 * DAY,
    ...options.config,
  }
  let answering: Answering
  const rig = { dir, chain, outbox, announced, notices, secret } as unknown as Rig & Record<string, unknown>

  async function openAll(overrides: Partial<StewardDeps> = {}): Promise<void> {
    rig.store = await openLevelStore(join(dir, 'db'))
    rig.files = await openBlobFiles(dir, { log, keepPart: await resumableParts(rig.store, chain.now()) })
    answering = createAnswering({ files: rig.files, domain: DOMAIN, threads: options.threads ?? 0 })
    rig.steward = await createSteward(
      {
        journal: rig.store,
        files: rig.files,
        answer: answering.answer,
        chain,
        outbox,
        indexes: { announce: (holdings) => void announced.push(...holdings) },
        notices: { send: (notice) => void notices.push(notice) },
        domain: DOMAIN,
        secret,
        clock,
        rng,
        log,
        reference: () => wei(REFERENCE_AT_START),
        ...options.deps,
        ...overrides,
      },
      config,
    )
    rig.node = await aNode({ secret, log })
    await rig.steward.start()
    await rig.steward.attach(rig.node)
  }
  async function closeAll(): Promise<void> {
    await rig.node.stop()
    await rig.steward.stop()
    await answering.close()
    await rig.store.close()
  }
  rig.restart = async (overrides) => {
    await closeAll()
    await openAll(overrides)
  }
  rig.target = () => targetOf(rig.node) as { addresses: readonly string[]; id: Address }
  open.push({
    async close() {
      await closeAll()
      await rm(dir, { recursive: true, force: true })
    },
  })
  await openAll()
  outbox.onSweep = (call) => chain.sweep(call)
  outbox.onRedeem = (voucher, signature) => chain.redeem(voucher, signature)
  return rig
}

/** An uploader that knows its part of the protocol. */
export class Uploader {
  readonly secret = rng.bytes(32)
  readonly account = addressOf(this.secret)
  readonly nonceKey = rng.bytes(32)
  readonly token = rng.bytes(32)

  advert(overrides: Partial<AdvertTerms> = {}): Advert {
    const terms: AdvertTerms = {
      chainId: DOMAIN.chainId,
      market: DOMAIN.contract,
      uploader: this.account,
      id: rng.bytes(32),
      lots: [{ count: 10, bytes: 8 * 2 ** 20, blobs: 16 }],
      k: 3,
      n: 10,
      term: 90 * DAY,
      reserve: 3n * PRICE,
      commitMs: 1000,
      revealMs: 1000,
      egressPrice: 10n ** 18n,
      egressFree: 16 * 2 ** 20,
      grace: 14 * DAY,
      perCluster: 0,
      newcomers: 0,
      ...overrides,
    }
    return { ...terms, signature: signDigest(this.secret, advertDigest(terms)) }
  }

  pay(chain: FakeChain, advert: Advert, value = 10n ** 12n): void {
    chain.adverts.set(toHex(advertHashOf(advert)), { uploader: this.account, value })
  }

  placement(
    steward: Address,
    blob: Uint8Array,
    advert: Advert | undefined,
    overrides: Partial<Placement> = {},
  ): Placement {
    const blobId = blobIdOf(blob)
    return {
      uploader: this.account,
      steward,
      blobId,
      length: blob.length,
      price: PRICE,
      egressPrice: PRICE,
      egressFree: 16 * 2 ** 20,
      start: NOW,
      end: NOW + 90 * DAY,
      grace: 14 * DAY,
      bond: 0n,
      answersRoot: answersRootOf(answerRows(DOMAIN, blobId, blob, [this.nonce(blobId, 0)])),
      tokenHash: sha256(this.token),
      advert: advert ? advertHashOf(advert) : new Uint8Array(32),
      offerUntil: NOW + DAY,
      version: 1,
      ...overrides,
    }
  }

  sign(placement: Placement): Uint8Array {
    return signDigest(this.secret, placementDigest(DOMAIN, placement))
  }

  nonce(blobId: Uint8Array, row: number): Uint8Array {
    return nonceOf(this.nonceKey, blobId, row)
  }

  /** The post of one bounty over some blobs, with the docket in its note when it fits or when told to. */
  bounty(
    steward: Address,
    blobs: readonly Uint8Array[],
    options: { row?: number; now?: number; claimKey?: Address; withNote?: boolean; amount?: bigint } = {},
  ): { readonly fact: PostedFact; readonly docket: Uint8Array } {
    const challenges = sortChallenges(
      blobs.map((blob) => {
        const blobId = blobIdOf(blob)
        const nonce = this.nonce(blobId, options.row ?? 0)
        return { blobId, nonce, answer: answerRows(DOMAIN, blobId, blob, [nonce])[0] as Uint8Array }
      }),
    )
    const docket = encodeDocket(challenges)
    const claimKey = options.claimKey ?? claimKeyOf(DOMAIN, challenges)
    const fact: PostedFact = {
      kind: 'posted',
      id: toHex(bountyIdOf(this.account, claimKey, steward)),
      steward,
      poster: this.account,
      claimKey,
      amount: options.amount ?? 1000n,
      deadline: (options.now ?? NOW) + 3 * DAY,
      docketHash: docketHashOf(docket),
      note: (options.withNote ?? blobs.length <= 8) ? docket : new Uint8Array(),
      block: 0,
      blockTime: 0,
    }
    return { fact, docket }
  }
}

/** An uploader whose advert the steward has won, with a client of its own. */
export async function aDeal(rig: Rig, terms: Partial<AdvertTerms> = {}, uploader = new Uploader()) {
  const net = await aNode({ listen: [] })
  const advert = uploader.advert(terms)
  uploader.pay(rig.chain, advert)
  const bid = await auction(net, rig.target(), uploader, advert, 0)
  const offer = (blob: Uint8Array, overrides: Partial<Placement> = {}) => {
    const placement = uploader.placement(rig.steward.id, blob, advert, {
      price: bid.price,
      start: rig.chain.now(),
      end: rig.chain.now() + 90 * DAY,
      ...overrides,
    })
    return { placement, signature: uploader.sign(placement) }
  }
  /** Stores a blob; the name of its placement. */
  const store = async (blob: Uint8Array, overrides: Partial<Placement> = {}): Promise<string> => {
    const made = offer(blob, overrides)
    await sendBlob(net, rig.target(), made, blob)
    return toHex(placementDigest(DOMAIN, made.placement))
  }
  return { uploader, net, advert, bid, offer, store }
}

/** The code of the error a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (cause) {
    return (cause as { code?: string }).code ?? String(cause)
  }
  return 'resolved'
}

/** What the local API answers. */
export async function callApi(rig: Rig, path: string, body?: unknown): Promise<unknown> {
  const route = rig.steward
    .routes()
    .find((one) => one.path === path && (one.method === 'POST') === (body !== undefined))
  if (!route) throw new Error(`no route ${path}`)
  return route.handler({ params: {}, query: {}, body, signal: new AbortController().signal })
}

/** Bytes that differ from all others. */
export function aBlob(length = 1000): Uint8Array {
  return rng.bytes(length)
}
