import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { INDEX_PROTOCOL } from '../../net/messages/index-records.ts'
import { createBlobIndex } from '../../pool/blob-index.ts'
import { createIndexClient, type IndexClient } from '../../pool/index-client.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { aLog, clock, eventually, rng, stopNodes } from '../net/nodes.ts'
import { aMember, clockOff, FakeRegistry } from '../pool/pool-nodes.ts'
import { show } from './show.ts'
import { staleIndex } from './stale-index.ts'

describe('cast: StaleIndex', () => {
  const clients: IndexClient[] = []
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.stop()))
    await stopNodes()
  })

  it('hides nothing and leads nobody astray: blobs are found through any other index, and it is asked last', async () => {
    const registry = new FakeRegistry()
    const liars = [
      await staleIndex(await aMember(registry, { roles: ROLE.index }), clock, 'omits'),
      await staleIndex(await aMember(registry, { roles: ROLE.index }), clock, 'invents'),
    ]
    const honest = await Promise.all(
      [0, 1, 2].map(async () => {
        const { node } = await aMember(registry, { roles: ROLE.index })
        const index = createBlobIndex({ clock, log: aLog() })
        await node.handle(INDEX_PROTOCOL, index.serve, { maxStreams: 16 })
        return index
      }),
    )
    const holdings = Array.from({ length: 20 }, () => ({ key: rng.bytes(32) }))
    const holder = await aMember(registry, { roles: ROLE.repository })
    const announcing = createIndexClient({
      net: holder.node,
      registry,
      clock,
      log: aLog(),
      times: { pollMs: 50, gatherMs: 10 },
      holder: { secret: holder.secret, holdings: () => holdings },
    })
    clients.push(announcing)
    await announcing.start()
    await eventually(() => honest.every((index) => index.size().records === holdings.length))
    // three minutes later: what only some know by then is left out by the others
    const later = clockOff(180)
    const reader = await aMember(registry, { anonymous: true })
    const client = createIndexClient({ net: reader.node, registry, clock: later, log: aLog() })
    clients.push(client)
    let wrong = 0
    let missing = 0
    for (let lookups = 0; lookups < 5; lookups++) {
      const { found } = await client.lookup(holdings.map(({ key }) => key))
      for (const { key } of holdings) {
        const holders = found.get(toHex(key)) ?? []
        if (holders.length === 0) missing++
        wrong += holders.filter((one) => one.holder !== holder.id).length
      }
    }
    show('StaleIndex', { gain: wrong, peer: 0, loss: missing })
    expect(
      liars.map(({ asked }) => asked()),
      'asked once, then after all others',
    ).to.deep.equal([1, 1])
  })
})
