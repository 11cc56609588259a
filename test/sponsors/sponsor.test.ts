import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, seconds } from '../../base/units.ts'
import { encodeSponsor, SPONSOR_PROTOCOL } from '../../net/messages/sponsor.ts'
import type { NetNode } from '../../net/node.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { encodeBody } from '../../sponsors/book-calls.ts'
import { openSponsor, type SponsorDeps } from '../../sponsors/sponsor.ts'
import { sponsoredBook, sponsoredSend } from '../../sponsors/sponsored.ts'
import { getObject } from '../../uploader/get.ts'
import { openPut, putObject } from '../../uploader/put.ts'
import type { PutBook, PutPlan } from '../../uploader/put-book.ts'
import type { PutOptions } from '../../uploader/put-run.ts'
import { createSendBlob } from '../../uploader/send-blob.ts'
import { createVault } from '../../uploader/vault.ts'
import { memoryJournal as aJournal, type MemoryJournal } from '../chain/memory-journal.ts'
import { clock, rng, targetOf } from '../net/nodes.ts'
import { aMember, type PoolNode } from '../pool/pool-nodes.ts'
import { over } from '../steward/client.ts'
import { memoryJournal, memorySink, memorySource, silentLog } from '../uploader/fixtures.ts'
import { createMemoryBook, DOMAIN, type MemoryBook } from '../uploader/memory-book.ts'
import { openTestPool, type TestPool } from '../uploader/pool-fixture.ts'

const NOW = 1_800_000_000
const OPTIONS: PutOptions = { segmentSize: 64 * 1024, k: 2, n: 4, term: seconds(90 * DAY), name: 'diary', limits: {} }

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (cause) => (cause instanceof HoldfastError ? String(cause.data['told'] ?? cause.code) : String(cause)),
  )
}

describe('sponsors', () => {
  let pool: TestPool
  let member: PoolNode
  let book: MemoryBook
  let journal: MemoryJournal
  let sponsor: Awaited<ReturnType<typeof openSponsor>>
  let seen: [string, readonly unknown[]][]

  beforeEach(async () => {
    pool = await openTestPool(4)
    member = await aMember(pool.registry, { roles: ROLE.repository })
    journal = aJournal()
    seen = []
    book = createMemoryBook({ winners: pool.stewards.map(({ target }) => target) })
    await open()
    await member.node.handle(SPONSOR_PROTOCOL, (wire) => sponsor.serve(wire), { maxStreams: 16 })
  })
  afterEach(() => pool.close())

  async function open(change: Partial<SponsorDeps> = {}): Promise<void> {
    const watched = Object.fromEntries(
      Object.entries(book)
        .filter(([, value]) => typeof value === 'function')
        .map(([name, value]) => [
          name,
          (...args: readonly unknown[]) => {
            seen.push([name, args])
            return (value as (...all: readonly unknown[]) => unknown)(...args)
          },
        ]),
    ) as unknown as PutBook
    sponsor = await openSponsor({
      book: {
        ...watched,
        quote: async (plan) => ({ ...(await watched.quote(plan)), uploader: book.uploader, balance: 77n }),
      },
      send: createSendBlob(member.node),
      registry: pool.registry,
      journal,
      domain: DOMAIN,
      quota: 2 ** 20,
      perPut: 2 ** 19,
      now: () => NOW,
      log: silentLog,
      ...change,
    })
  }

  async function store(bytes: Uint8Array, net: NetNode = pool.client, options: PutOptions = OPTIONS) {
    const [journal, vault] = [memoryJournal(), createVault(rng.bytes(32), rng)]
    const source = memorySource(bytes)
    const opened = await openPut({ journal, vault, rng }, source, options)
    const { ref } = opened.layout.plan
    const target = targetOf(member.node)
    const parts = { rng, clock, journal, vault, editorParent: rng.bytes(32), log: silentLog }
    const [remote, send] = [sponsoredBook(net, target), sponsoredSend(net, target, ref)]
    const patience = { retryMs: 500, unreachableMs: 500 }
    return { ref, ...(await putObject({ ...parts, book: remote, send, patience }, source, options, opened)) }
  }

  it('place an object for a client that has no id, under their account, and its cap opens it without them', async () => {
    const bytes = rng.bytes(200_000)
    const { cap, id } = await store(bytes)
    for (const { placement } of book.receipts.values()) expect(placement.uploader).to.equal(book.uploader)
    await member.node.stop()
    const sink = memorySink()
    await getObject(pool.getDeps, cap, sink)
    expect(Buffer.from(sink.bytes()).equals(bytes)).to.equal(true)
    const object = book.objects.get(toHex(id))
    expect(object).to.include({ size: 200_000 })
    expect(object?.name).to.equal(undefined)
    expect(object?.contentHash).to.equal(undefined)
    expect(object?.sealedCap.length).to.equal(0)
  })

  it('never learn a name, the content or the cap', async () => {
    const bytes = new Uint8Array(Buffer.from('a secret nobody but its owner should read. '.repeat(2_000)))
    const { cap } = await store(bytes)
    const heard = Buffer.concat(seen.map(([, args]) => Buffer.from(encodeBody(args))))
    for (const needle of ['diary', 'a secret nobody', toHex(cap), Buffer.from('a secret nobody').toString('hex')])
      expect(heard.includes(needle), needle).to.equal(false)
    for (const value of journal.content.values()) expect(Buffer.from(value).includes('diary')).to.equal(false)
  })

  it('say nothing of their money', async () => {
    const opened = await openPut(
      { journal: memoryJournal(), vault: createVault(rng.bytes(32), rng), rng },
      memorySource(rng.bytes(10)),
      OPTIONS,
    )
    const quote = await sponsoredBook(pool.client, targetOf(member.node)).quote(opened.layout.plan)
    expect(quote.balance).to.equal(0n)
  })

  it('promise so much and no more, for one put and in all, also after a restart', async () => {
    expect(await codeOf(store(rng.bytes(300_000)))).to.equal('PEER_BUSY')
    expect(journal.content.size).to.equal(0)
    await store(rng.bytes(200_000))
    await store(rng.bytes(200_000))
    expect(sponsor.promised()).to.be.greaterThan(800_000)
    expect(await codeOf(store(rng.bytes(200_000)))).to.equal('PEER_BUSY')
    await open()
    expect(await codeOf(store(rng.bytes(200_000)))).to.equal('PEER_BUSY')
    await open({ now: () => NOW + 92 * DAY })
    await store(rng.bytes(200_000))
  })

  it('refuse plans that are no ordinary put', async () => {
    const { layout } = await openPut(
      { journal: memoryJournal(), vault: createVault(rng.bytes(32), rng), rng },
      memorySource(rng.bytes(10)),
      OPTIONS,
    )
    const remote = sponsoredBook(pool.client, targetOf(member.node))
    const wrong: readonly unknown[] = [
      { ...layout.plan, backup: true },
      { ...layout.plan, mends: { ref: layout.plan.ref, blobs: [] } },
      { ...layout.plan, term: 180 * DAY },
      { ...layout.plan, shareLengths: 7 },
    ]
    for (const plan of wrong) expect(await codeOf(remote.award(plan as PutPlan, {}))).to.match(/INPUT_RANGE|INTERNAL/)
    expect(book.calls.award).to.equal(0)
  })

  it('sign, book and look up nothing of puts that are not their clients\u2019', async () => {
    const remote = sponsoredBook(pool.client, targetOf(member.node))
    const ref = 'ab'.repeat(32)
    expect(await codeOf(remote.progress(ref))).to.equal('LEDGER_CONFLICT')
    expect(await codeOf(remote.replace(ref, 0, book.uploader))).to.equal('LEDGER_CONFLICT')
    expect(await codeOf(remote.sign([{ ref } as never]))).to.equal('LEDGER_CONFLICT')
    expect(await codeOf(remote.book([{ ref } as never]))).to.equal('LEDGER_CONFLICT')
    expect(await codeOf(remote.finish({ ref, sealedCap: new Uint8Array() } as never))).to.equal('LEDGER_CONFLICT')
    expect(await codeOf(remote.nonces(Array(257).fill(rng.bytes(32)), 1))).to.equal('INPUT_RANGE')
    expect(book.calls).to.include({ sign: 0, book: 0, replace: 0, finish: 0, nonces: 0 })
  })

  it('ask for nonces as a stranger\u2019s: a blob that is placed keeps its secrets', async () => {
    await sponsoredBook(pool.client, targetOf(member.node)).nonces([rng.bytes(32)], 2)
    expect(seen.at(-1)?.[0]).to.equal('nonces')
    expect(seen.at(-1)?.[1][2]).to.equal(true)
  })

  it('pass on only the very blob of a placement that they signed', async () => {
    const { ref } = await store(rng.bytes(1_000))
    const [receipt] = book.receipts.values()
    const { placement, signature } = receipt as NonNullable<typeof receipt>
    const received = () => pool.stewards.reduce((sum, one) => sum + [...one.received.values()].length, 0)
    const before = received()
    const offer = { placement, signature, domain: DOMAIN }
    const target = { id: placement.steward, addresses: [] }
    const send = (change: Partial<typeof offer>, blob = rng.bytes(placement.length), name = ref) =>
      sponsoredSend(pool.client, targetOf(member.node), name)(target, { ...offer, ...change }, blob, {
        signal: AbortSignal.timeout(10_000),
      })
    expect(await codeOf(send({})), 'other bytes').to.equal('BLOB_CORRUPT')
    expect(await codeOf(send({ signature: rng.bytes(65) }))).to.equal('PLACEMENT_INVALID')
    expect(await codeOf(send({ placement: { ...placement, uploader: placement.steward as Address } }))).to.equal(
      'PLACEMENT_INVALID',
    )
    expect(await codeOf(send({}, undefined, 'cd'.repeat(32)))).to.equal('LEDGER_CONFLICT')
    expect(received()).to.equal(before)
  })

  it('store by their own right where they do not pay: the grant goes with each blob', async () => {
    const orders: unknown[] = []
    const shown: unknown[] = []
    const right = { grant: {}, signature: rng.bytes(65), transfers: [] } as never
    await open({
      order: async (wanted) => {
        orders.push(wanted)
        return pool.stewards.map(({ id, target }) => ({ steward: id, addresses: target.addresses, right }))
      },
      send: (target, offer, blob, options) => {
        shown.push(offer.right)
        const { right: _, ...paid } = offer
        return createSendBlob(member.node)(target, paid, blob, options)
      },
    })
    const { ref } = await store(rng.bytes(10_000))
    expect(orders).to.have.length(1)
    expect(orders[0]).to.include({ name: ref, to: book.uploader, want: 6 })
    expect(shown).to.have.length(8)
    expect(shown.every((one) => one === right)).to.equal(true)
    const [, limits] = (seen.find(([name]) => name === 'award') as (typeof seen)[0])[1] as [
      unknown,
      { granted: readonly { id: Address }[] },
    ]
    expect(limits.granted.map(({ id }) => id)).to.deep.equal(pool.stewards.map(({ id }) => id))
  })

  it('refuse what is no call', async () => {
    const send = (message: Parameters<typeof encodeSponsor>[0]) =>
      over(pool.client, targetOf(member.node), SPONSOR_PROTOCOL, async (wire) => {
        await wire.send(encodeSponsor(message))
        return wire.receive(1024)
      })
    const text = (value: string) => new Uint8Array(Buffer.from(value))
    expect(await codeOf(send({ kind: 'call', method: 'withdraw', args: text('[]') }))).to.equal('NET_PROTOCOL')
    expect(await codeOf(send({ kind: 'call', method: 'toString', args: text('[]') }))).to.equal('NET_PROTOCOL')
    expect(await codeOf(send({ kind: 'call', method: 'quote', args: text('{') }))).to.equal('NET_MALFORMED')
    expect(await codeOf(send({ kind: 'call', method: 'quote', args: text('{}') }))).to.equal('NET_MALFORMED')
    expect(await codeOf(send({ kind: 'call', method: 'quote', args: text('[1,2,3,4,5]') }))).to.equal('NET_MALFORMED')
    expect(await codeOf(send({ kind: 'call', method: 'finish', args: text('[null]') }))).to.equal('NET_MALFORMED')
    expect(await codeOf(send({ kind: 'call', method: 'sign', args: text('[[null]]') }))).to.equal('NET_MALFORMED')
    expect(await codeOf(send({ kind: 'signed', signature: new Uint8Array(65) }))).to.equal('NET_PROTOCOL')
    expect(seen).to.deep.equal([])
  })
})
