import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { poolIdOf } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { answerOf } from '../../blob/challenge.ts'
import { only } from '../../net/messages/fields.ts'
import {
  commitmentDigest,
  type DepositEntry,
  decodeRight,
  depositDigest,
  encodeRight,
  MAX_RIGHT_BYTES,
  RIGHT_PROTOCOL,
  type RightMessage,
} from '../../net/messages/right.ts'
import { assertRight } from '../../pool/grant.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { RIGHT_POLICY } from '../../pool/right-policy.ts'
import { RightRecords } from '../../pool/right-records.ts'
import { askForRight, type RightRequest } from '../../pool/right-requester.ts'
import { createRightVerifier, VERIFIERS_EACH, type VerifierDeps, verifiersOf } from '../../pool/right-verifier.ts'
import { sealTicket } from '../../pool/ticket.ts'
import { type MemoryJournal, memoryJournal } from '../chain/memory-journal.ts'
import { clock, rng, stopNodes, targetOf } from '../net/nodes.ts'
import { over } from '../steward/client.ts'
import { AT, anUploader, type Held, hold, lent, MARKET, receiptOf, treeOver } from './inventory-builder.ts'
import { aMember, DOMAIN, FakeRegistry, type PoolNode } from './pool-nodes.ts'

const POOL = poolIdOf(DOMAIN)

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (cause) => (cause instanceof HoldfastError ? String(cause.data['told'] ?? cause.code) : String(cause)),
  )
}

describe('pool/right-verifier and right-requester', () => {
  let registry: FakeRegistry
  let verifier: PoolNode
  let requester: PoolNode
  let journal: MemoryJournal
  let records: RightRecords
  let now: number
  let paid: Set<string>
  let swept: Map<Address, number>
  let blobs: Map<string, Uint8Array>
  let read: string[]
  let server: ReturnType<typeof createRightVerifier>

  beforeEach(async () => {
    registry = new FakeRegistry()
    now = AT
    paid = new Set()
    swept = new Map()
    blobs = new Map()
    read = []
    verifier = await aMember(registry, { roles: ROLE.repository })
    requester = await aMember(registry, { roles: ROLE.repository })
    journal = memoryJournal()
    await serve()
    await verifier.node.handle(RIGHT_PROTOCOL, (wire, peer) => server.serve(wire, peer), { maxStreams: 8 })
  })
  afterEach(stopNodes)

  async function serve(change: Partial<VerifierDeps> = {}): Promise<void> {
    records = await RightRecords.open(journal)
    server = createRightVerifier({
      secret: verifier.secret,
      registry,
      domain: MARKET,
      pool: POOL,
      policy: RIGHT_POLICY,
      records,
      chain: {
        now: () => now,
        isAdvertPaid: async (hash, uploader) => paid.has(`${toHex(hash)}${uploader}`),
        lastSweep: async (uploader) => swept.get(uploader),
      },
      fetch: async (_steward, { blobId }) => {
        read.push(toHex(blobId))
        const blob = blobs.get(toHex(blobId))
        if (blob === undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: toHex(blobId) })
        return blob
      },
      clock,
      rng,
      log: verifier.log,
      ...change,
    })
  }

  /** Blobs of some uploaders at the requester, all sound, paid and swept. */
  function anInventory(count: number, uploaders: number): Held[] {
    const owners = Array.from({ length: uploaders }, anUploader)
    for (const { account, advert } of owners) {
      paid.add(`${toHex(advert)}${account}`)
      swept.set(account, now - 10 * DAY)
    }
    const held = Array.from({ length: count }, (_, i) => hold(requester.secret, owners[i % uploaders] as never))
    for (const { placement, blob } of held) blobs.set(toHex(placement.blobId), blob)
    return held
  }

  function deposit(entries: readonly DepositEntry[], secret: Uint8Array, to = verifier.id): Promise<RightMessage> {
    return over(requester.node, targetOf(verifier.node), RIGHT_PROTOCOL, async (wire) => {
      const signature = signDigest(secret, depositDigest(to, entries))
      await wire.send(encodeRight({ kind: 'deposit', verifier: to, entries, signature }))
      return decodeRight(await wire.receive(MAX_RIGHT_BYTES))
    })
  }

  async function lendAll(held: readonly Held[]): Promise<void> {
    for (const owner of new Set(held.map(({ uploader }) => uploader)))
      await deposit(held.filter(({ uploader }) => uploader === owner).map(lent), owner.secret)
  }

  function ask(held: readonly Held[], change: Partial<RightRequest> = {}) {
    return askForRight(requester.node, targetOf(verifier.node), {
      secret: requester.secret,
      pool: POOL,
      verifier: verifier.id,
      audience: verifier.id,
      bytes: 6_000,
      ...(held.length === 0 ? {} : { inventory: treeOver(held) }),
      uploaders: new Set(held.map(({ uploader }) => uploader)).size,
      used: 0,
      now,
      receipt: receiptOf(held),
      answer: async ({ blobId }, nonce) => {
        const blob = blobs.get(toHex(blobId))
        return blob === undefined ? rng.bytes(32) : answerOf(MARKET, blobId, blob, nonce)
      },
      ...change,
    })
  }

  it('grants what a sound inventory covers, checked by reading with the lent tokens, and writes it down first', async () => {
    const held = anInventory(60, 8)
    await lendAll(held)
    const right = await ask(held)
    const check = { pool: POOL, audience: verifier.id, holder: requester.id, now, isTrusted: () => false }
    expect(assertRight(right, check)).to.equal(6_000)
    expect(read.length).to.be.at.least(16)
    expect((await RightRecords.open(journal)).givenTo(requester.id, now)).to.equal(6_000)
  })

  it('checks against sealed tickets without reading anything, and uses each once', async () => {
    const held = anInventory(40, 8)
    const tickets = (one: Held) =>
      [rng.bytes(32), rng.bytes(32)].map((nonce) =>
        sealTicket(nonce, answerOf(MARKET, one.placement.blobId, one.blob, nonce)),
      )
    for (const owner of new Set(held.map(({ uploader }) => uploader))) {
      const own = held.filter(({ uploader }) => uploader === owner)
      await deposit(
        own.map((one) => ({ ...lent(one), token: undefined, tickets: tickets(one) })),
        owner.secret,
      )
    }
    const nonces = new Set<string>()
    const answer: RightRequest['answer'] = async ({ blobId }, nonce) => {
      expect(nonces.has(toHex(nonce)), 'a nonce is shown once').to.equal(false)
      nonces.add(toHex(nonce))
      return answerOf(MARKET, blobId, blobs.get(toHex(blobId)) as Uint8Array, nonce)
    }
    await ask(held, { bytes: 3_000, answer })
    await ask(held, { bytes: 3_000, used: 3_000, answer })
    expect(read).to.deep.equal([])
    // two for each of 40: some placement runs out, and nobody lent a token
    await ask(held, { bytes: 3_000, used: 6_000, answer }).catch(() => undefined)
    expect(await failure(ask(held, { bytes: 1_000, used: 9_000, answer }))).to.equal('RIGHT_UNPROVEN')
  })

  it('fails for an answer that is wrong, also when the blob is there for readers', async () => {
    const held = anInventory(40, 8)
    await lendAll(held)
    expect(await failure(ask(held, { answer: async () => rng.bytes(32) }))).to.equal('RIGHT_UNPROVEN')
    expect(records.givenTo(requester.id, now)).to.equal(0)
  })

  it('fails for answers copied from elsewhere while readers get nothing', async () => {
    const held = anInventory(40, 8)
    await lendAll(held)
    const kept = new Map(blobs)
    blobs.clear()
    const answer: RightRequest['answer'] = async ({ blobId }, nonce) =>
      answerOf(MARKET, blobId, kept.get(toHex(blobId)) as Uint8Array, nonce)
    expect(await failure(ask(held, { answer }))).to.equal('RIGHT_UNPROVEN')
  })

  it('counts no placement whose advert nobody paid, or whose pair had no sweep in 35 days', async () => {
    const held = anInventory(40, 8)
    await lendAll(held)
    for (const account of swept.keys()) swept.set(account, now - 36 * DAY)
    expect(await failure(ask(held))).to.equal('RIGHT_UNPROVEN')
    for (const account of swept.keys()) swept.set(account, now - 34 * DAY)
    paid.clear()
    expect(await failure(ask(held))).to.equal('RIGHT_UNPROVEN')
  })

  it('is not impressed by one uploader with much', async () => {
    const held = anInventory(60, 5)
    await lendAll(held)
    expect(await failure(ask(held)), 'five sixths at most').to.equal('RIGHT_UNPROVEN')
  })

  it('grants no more than a quarter of the inventory, and holds the requester to what it says it uses', async () => {
    const held = anInventory(60, 8)
    await lendAll(held)
    await ask(held, { bytes: 10_000 })
    expect(await failure(ask(held, { bytes: 6_000, used: 10_000 })), '16,000 of 60,000').to.equal('RIGHT_UNPROVEN')
    expect(await failure(ask(held, { bytes: 1_000, used: 0 })), 'we gave 10,000').to.equal('RIGHT_INVALID')
    await ask(held, { bytes: 5_000, used: 10_000 })
    expect(await failure(ask(held, { bytes: 70_000 }))).to.equal('RIGHT_UNPROVEN')
  })

  it('refuses placements of others, unsigned ones, and a root that is not theirs', async () => {
    const held = anInventory(40, 8)
    await lendAll(held)
    const foreign = held.map((one) => ({ ...one, placement: { ...one.placement, steward: verifier.id } }))
    expect(await failure(ask(held, { receipt: receiptOf(foreign) }))).to.equal('RIGHT_UNPROVEN')
    const unsigned = held.map((one) => ({ ...one, countersignature: one.signature }))
    expect(await failure(ask(held, { receipt: receiptOf(unsigned) }))).to.equal('RIGHT_UNPROVEN')
    const other = treeOver(held.slice(1))
    const inflated = { ...treeOver(held), root: other.root }
    expect(await failure(ask(held, { inventory: inflated }))).to.equal('RIGHT_UNPROVEN')
  })

  it('refuses inflated sums in the tree: lengths are those that were signed', async () => {
    const held = anInventory(40, 8)
    await lendAll(held)
    const tree = treeOver(held)
    const grown = { ...tree, total: tree.total * 2, proveAt: (offset: number) => tree.proveAt(offset % tree.total) }
    expect(await failure(ask(held, { inventory: grown }))).to.equal('RIGHT_UNPROVEN')
  })

  it('gives a newcomer a little, once', async () => {
    const right = await ask([], { bytes: RIGHT_POLICY.allowance - 1_000 })
    expect(right.grant.bytes).to.equal(RIGHT_POLICY.allowance - 1_000)
    expect(await failure(ask([], { bytes: 1_001 }))).to.equal('RIGHT_UNPROVEN')
    await serve() // a restart forgets nothing
    expect(records.givenTo(requester.id, now)).to.equal(RIGHT_POLICY.allowance - 1_000)
    await ask([], { bytes: 1_000 })
    now += 300 * DAY
    await records.sweep(now)
    expect(records.givenTo(requester.id, now)).to.equal(0)
  })

  it('refuses requests that are not the peer\u2019s own, not for us, not of now, and those of strangers', async () => {
    expect(await failure(ask([], { secret: rng.bytes(32) }))).to.equal('RIGHT_INVALID')
    expect(await failure(ask([], { pool: rng.bytes(32) }))).to.equal('RIGHT_INVALID')
    expect(await failure(ask([], { now: now - 2 * DAY }))).to.equal('RIGHT_INVALID')
    expect(await failure(ask([], { audience: addressOf(rng.bytes(32)) })), 'we are no monitor').to.equal(
      'RIGHT_INVALID',
    )
    expect(await failure(ask([], { verifier: addressOf(rng.bytes(32)) }))).to.equal('RIGHT_INVALID')
    expect(await failure(ask([], { bytes: RIGHT_POLICY.most + 1 }))).to.equal('RIGHT_INVALID')
    registry.set(requester.id, { roles: ROLE.index })
    expect(await failure(ask([]))).to.equal('POOL_NO_ROLE')
    expect(records.givenTo(requester.id, now)).to.equal(0)
  })

  it('refuses a tampered commitment', async () => {
    const terms = {
      pool: POOL,
      requester: requester.id,
      verifier: verifier.id,
      audience: verifier.id,
      bytes: 100,
      total: 0,
      count: 0,
      uploaders: 0,
      root: new Uint8Array(32),
      used: 0,
      at: now,
    }
    const signature = signDigest(requester.secret, commitmentDigest(terms))
    const send = (commitment: typeof terms & { signature: Uint8Array }) =>
      over(requester.node, targetOf(verifier.node), RIGHT_PROTOCOL, async (wire) => {
        await wire.send(encodeRight({ kind: 'ask', commitment }))
        return only(decodeRight(await wire.receive(MAX_RIGHT_BYTES)), 'granted')
      })
    expect(await failure(send({ ...terms, bytes: 200, signature }))).to.equal('RIGHT_INVALID')
    expect((await send({ ...terms, signature })).right.grant.bytes).to.equal(100)
  })

  it('is busy for a requester that asks too often', async () => {
    for (let i = 0; i < 32; i++) await ask([], { bytes: 1 })
    expect(await failure(ask([], { bytes: 1 }))).to.equal('PEER_BUSY')
  })

  it('keeps deposits only of whom they concern: signed, with the right token, over an advert that was paid', async () => {
    const [one] = anInventory(1, 1) as [Held]
    const { secret } = one.uploader
    expect(await failure(deposit([lent(one)], rng.bytes(32)))).to.equal('RIGHT_INVALID')
    expect(await failure(deposit([{ ...lent(one), token: rng.bytes(32) }], secret))).to.equal('GRANT_WRONG')
    expect(await failure(deposit([lent(one)], secret, requester.id))).to.equal('RIGHT_INVALID')
    const ended = hold(requester.secret, one.uploader, undefined, { end: now - 1 })
    expect(await failure(deposit([lent(ended)], secret))).to.equal('RIGHT_INVALID')
    const poor = hold(requester.secret, anUploader())
    expect(await failure(deposit([lent(poor)], poor.uploader.secret))).to.equal('RIGHT_INVALID')
    expect(await records.deposit(one.digest)).to.equal(undefined)
    expect(await deposit([lent(one)], secret)).to.deep.equal({ kind: 'taken', count: 1 })
    expect((await records.deposit(one.digest))?.uploader).to.equal(one.uploader.account)
    const ticket = sealTicket(rng.bytes(32), rng.bytes(32))
    await deposit([{ ...lent(one), token: undefined, tickets: [ticket] }], secret)
    expect(await records.deposit(one.digest), 'no ticket comes later, and the token stays').to.deep.include({
      tickets: [],
      token: one.uploader.token,
    })
    now += 100 * DAY
    await records.sweep(now)
    expect(await records.deposit(one.digest)).to.equal(undefined)
  })

  it('names the same few verifiers of a steward to everybody, monitors first', () => {
    for (let i = 0; i < 40; i++) registry.set(addressOf(rng.bytes(32)), { roles: ROLE.repository, secureAddr: 'x' })
    const monitor = addressOf(rng.bytes(32))
    registry.set(monitor, { roles: ROLE.monitor, secureAddr: 'x' })
    const first = verifiersOf(registry, requester.id)
    expect(first).to.have.length(VERIFIERS_EACH)
    expect(first[0]).to.equal(monitor)
    expect(first).to.not.include(requester.id)
    expect(verifiersOf(registry, requester.id)).to.deep.equal(first)
  })
})
