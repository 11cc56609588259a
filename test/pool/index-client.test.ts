import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { pathOf } from '../../net/messages/inclusion.ts'
import {
  announce,
  decodeIndex,
  encodeIndex,
  INDEX_PROTOCOL,
  type ProvenEntry,
  RECORD_LIFE,
  type Statement,
} from '../../net/messages/index-records.ts'
import { type BlobIndex, createBlobIndex } from '../../pool/blob-index.ts'
import { createIndexClient, type Holding, type IndexClient, type IndexTimes } from '../../pool/index-client.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { aLog, anIdentity, clock, eventually, rng, stopNodes } from '../net/nodes.ts'
import { aMember, FakeRegistry, type PoolNode } from './pool-nodes.ts'

const QUICK: Partial<IndexTimes> = { pollMs: 50, gatherMs: 10, askMs: 20_000 }

describe('pool/index-client', () => {
  let registry: FakeRegistry
  const clients: IndexClient[] = []
  beforeEach(() => {
    registry = new FakeRegistry()
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.stop()))
    await stopNodes()
  })

  async function anIndex(
    options: { secret?: Uint8Array; listen?: string[] } = {},
  ): Promise<PoolNode & { index: BlobIndex }> {
    const member = await aMember(registry, {
      roles: ROLE.index,
      ...(options.secret === undefined ? {} : { secret: options.secret }),
      ...(options.listen === undefined ? {} : { net: { listen: options.listen } }),
    })
    const index = createBlobIndex({ clock, log: aLog() })
    await member.node.handle(INDEX_PROTOCOL, index.serve, { maxStreams: 16 })
    return { ...member, index }
  }

  async function aHolder(
    holdings: Holding[],
    times: Partial<IndexTimes> = QUICK,
  ): Promise<PoolNode & { client: IndexClient }> {
    const member = await aMember(registry, { roles: ROLE.repository })
    const client = createIndexClient({
      net: member.node,
      registry,
      clock,
      log: aLog(),
      times,
      holder: { secret: member.secret, holdings: () => holdings },
    })
    clients.push(client)
    await client.start()
    return { ...member, client }
  }

  async function aReader(): Promise<IndexClient> {
    const member = await aMember(registry, { anonymous: true })
    const client = createIndexClient({ net: member.node, registry, clock, log: aLog(), times: QUICK })
    clients.push(client)
    return client
  }

  it('brings all holdings to all indexes, new ones at once, and a reader finds them', async () => {
    const indexes = [await anIndex(), await anIndex()]
    const locator = rng.bytes(32)
    const holdings: Holding[] = [{ key: rng.bytes(32) }, { key: locator, blobId: rng.bytes(32) }]
    const holder = await aHolder(holdings)
    await eventually(() => indexes.every(({ index }) => index.size().records === 2))
    expect(holder.client.state().known).to.equal(2)
    await eventually(() => holder.client.state().current === 2)
    const late = { key: rng.bytes(32) }
    holder.client.announce([late])
    await eventually(() => indexes.every(({ index }) => index.size().records === 3))

    const reader = await aReader()
    const { found, answered } = await reader.lookup([locator, late.key, rng.bytes(32)])
    expect(answered).to.equal(2)
    expect(found.size).to.equal(2)
    const copy = found.get(toHex(locator))?.[0]
    expect(copy?.holder).to.equal(holder.id)
    expect(copy?.blobId).to.deep.equal(holdings[1]?.blobId)
    expect(copy?.addresses).to.deep.equal([registry.member(holder.id)?.secureAddr])
  })

  it('fills an index again that was lost and came back empty, and one that appears later', async () => {
    const first = await anIndex()
    const holdings = Array.from({ length: 5 }, () => ({ key: rng.bytes(32) }))
    await aHolder(holdings)
    await eventually(() => first.index.size().records === 5)
    const listen = [(first.node.addresses()[0] as string).replace(/\/p2p.*/, '')]
    await first.node.stop()
    const second = await anIndex({ secret: first.secret, listen })
    await eventually(() => second.index.size().records === 5, 5_000, 'the refill')
    const third = await anIndex()
    await eventually(() => third.index.size().records === 5, 5_000, 'the first fill')
  })

  it('announces again before records expire', async () => {
    const { index } = await anIndex()
    let reads = 0
    const member = await aMember(registry, { roles: ROLE.repository })
    const client = createIndexClient({
      net: member.node,
      registry,
      clock,
      log: aLog(),
      times: { ...QUICK, announceMs: 100 },
      holder: {
        secret: member.secret,
        holdings: () => {
          reads++
          return [{ key: new Uint8Array(32) }]
        },
      },
    })
    clients.push(client)
    await client.start()
    await eventually(() => reads >= 3)
    expect(index.size().records).to.equal(1)
  })

  it('believes signatures and the registrar, not the index, and asks a liar last', async () => {
    const honest = await anIndex()
    const holdings = [{ key: rng.bytes(32) }]
    const holder = await aHolder(holdings)
    await eventually(() => honest.index.size().records === 1)
    const key = holdings[0]?.key as Uint8Array
    const banned = await aMember(registry, { roles: ROLE.repository })
    registry.set(banned.id, { standing: 'banned' })
    const stranger = anIdentity()
    const page: { statements: Statement[]; entries: ProvenEntry[] } = { statements: [], entries: [] }
    const lie = (who: { secret: Uint8Array; id: `0x${string}` }, about = key, change: Partial<Statement> = {}) => {
      const { statement, tree } = announce(
        who.secret,
        { holder: who.id, expires: clock.now() + RECORD_LIFE, ...change },
        [{ key: about, blobId: undefined }],
      )
      page.statements.push({ ...statement, ...change })
      page.entries.push({
        statement: page.statements.length - 1,
        key: about,
        blobId: undefined,
        position: 0,
        path: pathOf(tree, 0),
      })
    }
    lie(stranger, key, { holder: holder.id }) // invented
    lie(holder, key, { expires: clock.now() - 3_600 }) // stale
    lie(holder, rng.bytes(32)) // not asked for
    lie(holder)
    ;(page.entries.at(-1) as { blobId?: Uint8Array }).blobId = rng.bytes(32) // a true statement about something else
    page.entries.push({ ...(page.entries[0] as ProvenEntry), statement: 4_000 }) // no statement at all
    lie(banned) // the chain knows better
    lie(stranger) // not a member
    const liar = await aMember(registry, { roles: ROLE.index })
    let asked = 0
    await liar.node.handle(
      INDEX_PROTOCOL,
      async (wire) => {
        for (
          let frame = await wire.receiveOrEnd(300_000);
          frame !== undefined;
          frame = await wire.receiveOrEnd(300_000)
        ) {
          if (decodeIndex(frame).kind === 'announce') await wire.send(encodeIndex({ kind: 'taken', count: 0 }))
          else {
            asked++
            await wire.send(encodeIndex({ kind: 'found', ...page, more: 0 }))
          }
        }
      },
      { maxStreams: 16 },
    )
    const reader = await aReader()
    const { found, answered } = await reader.lookup([key])
    expect(answered).to.equal(2)
    expect(asked).to.equal(1)
    expect([...found].map(([name, holders]) => [name, holders.map((one) => one.holder)])).to.deep.equal([
      [toHex(key), [holder.id]],
    ])
    for (let i = 0; i < 2; i++) await anIndex()
    await reader.lookup([key])
    expect(asked).to.equal(1) // three others are asked first
  })

  it('says so when no index answers, and takes the others when one is silent', async () => {
    const silent = await aMember(registry, { roles: ROLE.index })
    await silent.node.handle(INDEX_PROTOCOL, async (wire) => void (await wire.receiveEnd({ within: 60_000 })), {
      maxStreams: 4,
    })
    const reader = await aReader()
    const error = await reader.lookup([rng.bytes(32)]).catch((cause) => cause)
    expect(error).to.be.instanceOf(HoldfastError).with.property('code', 'NET_UNREACHABLE')
    await anIndex()
    expect((await reader.lookup([rng.bytes(32)])).answered).to.equal(1)
  })

  it('refuses announcements of those without the repository role', async () => {
    const { index, node } = await anIndex()
    const member = await aMember(registry)
    const wire = await member.node.open({ id: node.actor, addresses: node.addresses() }, INDEX_PROTOCOL)
    const entries = [{ key: rng.bytes(32), blobId: undefined }]
    const { statement } = announce(member.secret, { holder: member.id, expires: clock.now() + 60 }, entries)
    await wire.send(encodeIndex({ kind: 'announce', statement, entries }))
    const error = await wire.receive(100).catch((cause) => cause)
    expect(error.code).to.equal('POOL_NO_ROLE')
    expect(index.size().records).to.equal(0)
  })

  it('finds 5,000 holdings over several pages', async () => {
    const { index } = await anIndex()
    const holdings = Array.from({ length: 5_000 }, () => ({ key: rng.bytes(32) }))
    await aHolder(holdings)
    await eventually(() => index.size().records === 5_000, 30_000)
    const { found } = await (await aReader()).lookup(holdings.map(({ key }) => key))
    expect(found.size).to.equal(5_000)
  })
})
