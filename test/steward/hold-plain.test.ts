/** A blob that comes over the plain endpoint: offer, signature and token hash stay on the encrypted channel; what was changed on the way is noticed. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { recoverSigner } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { placementDigest } from '../../base/typed-data.ts'
import { openPlainHost, type PlainGate, type PlainHost } from '../../net/plain-host.ts'
import { createPlainBulk, type PlainBulk } from '../../pool/plain-bulk.ts'
import { createTransfers, type Transfers } from '../../pool/transfers.ts'
import { createSendBlob } from '../../uploader/send-blob.ts'
import { aLog, clock, rng, stopNodes } from '../net/nodes.ts'
import { aProxy, closeProxies, type PlainProxy } from '../net/plain-proxy.ts'
import { FakeRegistry } from '../pool/pool-nodes.ts'
import { aBlob, aDeal, aRig, closeRigs, DOMAIN, type Rig } from './rig.ts'

describe('steward/hold over the plain endpoint', () => {
  let host: PlainHost | undefined
  let rig: Rig
  let deal: Awaited<ReturnType<typeof aDeal>>
  let transfers: Transfers
  let registry: FakeRegistry
  let plain: PlainBulk
  let address: string

  beforeEach(async () => {
    transfers = createTransfers({ clock, rng, log: aLog() })
    rig = await aRig({ deps: { transfers } })
    deal = await aDeal(rig)
    registry = new FakeRegistry()
    // who is there is another test's business
    const gate: PlainGate = {
      greet: async (_wire, to) => ({ id: to, channel: to, roles: 0 }),
      admit: async () => ({ id: deal.net.actor, channel: deal.net.actor, roles: 0 }),
    }
    host = await openPlainHost({
      listen: ['/ip4/127.0.0.1/tcp/0'],
      gate,
      handler: (wire, peer) => transfers.serve(wire, peer),
      clock,
      log: aLog(),
    })
    address = host.addresses()[0] as string
    registry.set(rig.steward.id, { insecureAddr: address })
    plain = createPlainBulk({ registry, gate, clock, log: aLog() })
  })
  afterEach(async () => {
    await host?.stop()
    await closeRigs()
    await stopNodes()
    await closeProxies()
  })

  async function through(change?: Parameters<typeof aProxy>[1]): Promise<PlainProxy> {
    const proxy = await aProxy(address, change)
    registry.set(rig.steward.id, { insecureAddr: proxy.address })
    return proxy
  }

  async function send(blob: Uint8Array, bulk: PlainBulk | undefined = plain): Promise<number> {
    const offer = deal.offer(blob)
    let bytes = 0
    const signature = await createSendBlob(deal.net, bulk)(rig.target(), { ...offer, domain: DOMAIN }, blob, {
      signal: AbortSignal.timeout(20_000),
      onBytes: (count) => {
        bytes += count
      },
    })
    expect(recoverSigner(placementDigest(DOMAIN, offer.placement), signature)).to.equal(rig.steward.id)
    expect(Buffer.from(await rig.files.read(offer.placement.blobId)).equals(blob)).to.equal(true)
    return bytes
  }

  it('is held and countersigned like any other; who listens in hears neither token nor signature', async () => {
    const proxy = await through()
    const blob = aBlob(2 ** 20)
    expect(await send(blob)).to.equal(blob.length)
    expect(proxy.connections).to.equal(1)
    const heard = Buffer.concat(proxy.heard)
    const wiretap = { includes: (bytes: Uint8Array) => heard.includes(Buffer.from(bytes)) }
    const { placement, signature } = deal.offer(blob)
    expect(wiretap.includes(blob.subarray(5_000, 5_064)), 'the ciphertext went that way').to.equal(true)
    for (const [what, secret] of Object.entries({
      'the token hash': placement.tokenHash,
      'the token': deal.uploader.token,
      'the offer’s signature': signature.subarray(0, 64),
      'the answers’ root': placement.answersRoot,
      'the uploader’s account': fromHex(placement.uploader.slice(2)),
      'the uploader’s key': deal.uploader.secret,
      'the steward’s key': rig.secret,
    }))
      expect(wiretap.includes(secret), what).to.equal(false)
  })

  it('is asked for again over the encrypted channel when a bit was changed on the way, and nobody is blamed', async () => {
    let passed = 0
    const proxy = await through((chunk, toServer) => {
      if (!toServer) return chunk
      const at = 500_000 - passed
      passed += chunk.length
      if (at < 0 || at >= chunk.length) return chunk
      const changed = Buffer.from(chunk)
      changed[at] = (changed[at] as number) ^ 128
      return changed
    })
    const blob = aBlob(2 ** 20)
    expect(await send(blob)).to.equal(2 * blob.length)
    expect(passed).to.be.above(blob.length)
    expect(plain.isWorthTrying(rig.steward.id)).to.equal(false)
    await send(aBlob(2 ** 20))
    expect(proxy.connections, 'left alone for a while').to.equal(1)
    expect(await readdir(join(rig.dir, 'incoming'))).to.deep.equal([])
  })

  it('comes the encrypted way when the plain endpoint is gone, or breaks in the middle', async () => {
    registry.set(rig.steward.id, { insecureAddr: '/ip4/127.0.0.1/tcp/1' })
    await send(aBlob(2 ** 20))
    let passed = 0
    await through((chunk) => {
      passed += chunk.length
      return passed > 300_000 ? undefined : chunk
    })
    plain = createPlainBulk({
      registry,
      gate: {
        greet: async (_wire, to) => ({ id: to, channel: to, roles: 0 }),
        admit: () => Promise.reject(new Error()),
      },
      clock,
      log: aLog(),
    })
    await send(aBlob(2 ** 20))
    expect(passed).to.be.above(300_000)
    expect(rig.steward.book.holdings.size).to.equal(2)
    expect(transfers.open()).to.equal(0)
  })

  it('leaves nothing behind when its uploader goes away after half of it', async () => {
    const blob = aBlob(2 ** 20)
    const stop = new AbortController()
    await through((chunk) => chunk)
    let bytes = 0
    const sending = createSendBlob(deal.net, plain)(rig.target(), { ...deal.offer(blob), domain: DOMAIN }, blob, {
      signal: stop.signal,
      onBytes: (count) => {
        bytes += count
        if (bytes >= 2 ** 19) stop.abort(new HoldfastError('INTERRUPTED'))
      },
    })
    await sending.then(
      () => expect.fail('it was stopped'),
      (cause) => expect(cause.code).to.equal('INTERRUPTED'),
    )
    await send(blob, undefined)
  })

  it('is not offered by a steward without one, nor for a blob that is hardly worth it', async () => {
    const proxy = await through()
    await send(aBlob(10_000))
    await rig.restart({ transfers: undefined as never })
    await send(aBlob(2 ** 20))
    expect(proxy.connections).to.equal(0)
  })
})
