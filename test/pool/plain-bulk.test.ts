/** Bytes over the plain endpoint: who listens in hears ciphertext and one-time ids, who changes it is noticed, and nothing can be had twice. */
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { encodeBulk } from '../../net/messages/bulk.ts'
import { FETCH_PROTOCOL } from '../../net/messages/fetch.ts'
import { dialPlain } from '../../net/plain-host.ts'
import { type FetchRequest, fetchBlob, type ServeFetchDeps, serveFetch } from '../../pool/fetch-blob.ts'
import { createTransfers } from '../../pool/transfers.ts'
import { aLog, clock, eventually, rng, stopNodes, targetOf } from '../net/nodes.ts'
import { aProxy, closeProxies } from '../net/plain-proxy.ts'
import { aBulk, aGate, aPlainEndpoint, closePlainEndpoints, type PlainMember } from './plain-nodes.ts'
import { aMember, FakeRegistry, type PoolNode } from './pool-nodes.ts'

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (cause) => (cause instanceof HoldfastError ? cause.code : String(cause)),
  )
}

describe('pool/plain-bulk', () => {
  const token = rng.bytes(32)
  const bytes = rng.bytes(700_000)
  const successor = rng.bytes(3_000)
  const blobId = blobIdOf(bytes)
  let registry: FakeRegistry
  let reader: PoolNode
  let steward: PoolNode & PlainMember
  let served: number[]

  beforeEach(async () => {
    registry = new FakeRegistry()
    reader = await aMember(registry, { anonymous: true })
    const member = await aMember(registry, { roles: 1 })
    const plain = await aPlainEndpoint(registry, member)
    served = []
    const deps: ServeFetchDeps = {
      find: async (id) =>
        toHex(id) === toHex(blobId)
          ? { length: bytes.length, tokenHashes: [sha256(token)], successor: async () => successor }
          : undefined,
      read: async function* (_id, from, length) {
        for (let at = from; at < from + length; at += 100_000)
          yield bytes.subarray(at, Math.min(at + 100_000, from + length))
      },
      served: ({ length }) => served.push(length),
      transfers: plain.transfers,
    }
    await member.node.handle(FETCH_PROTOCOL, (wire, peer) => serveFetch(wire, peer, deps), { maxStreams: 16 })
    steward = { ...member, ...plain }
  })
  afterEach(async () => {
    await stopNodes()
    await closePlainEndpoints()
    await closeProxies()
  })

  const fetch = (more: Partial<FetchRequest> = {}) =>
    fetchBlob(reader.node, targetOf(steward.node), { blobId, token, length: bytes.length, ...more })

  it('brings the blob, and its successor record over the encrypted channel', async () => {
    const counts: number[] = []
    const proxy = await aProxy(steward.address)
    registry.set(steward.id, { insecureAddr: proxy.address })
    const fetched = await fetch({ plain: aBulk(registry), onPlainBytes: (count) => counts.push(count) })
    expect(Buffer.from(fetched.bytes).equals(bytes)).to.equal(true)
    expect(Buffer.from(fetched.successor ?? []).equals(successor)).to.equal(true)
    expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(bytes.length)
    expect(served).to.deep.equal([bytes.length])
    expect(steward.transfers.open()).to.equal(0)
    const heard = Buffer.concat(proxy.heard)
    const wiretap = { includes: (bytes: Uint8Array) => heard.includes(Buffer.from(bytes)) }
    expect(wiretap.includes(bytes.subarray(1_000, 1_064)), 'the ciphertext went that way').to.equal(true)
    expect(wiretap.includes(token), 'the token').to.equal(false)
    expect(wiretap.includes(sha256(token)), 'nor what it is compared with').to.equal(false)
    expect(wiretap.includes(successor.subarray(0, 64)), 'the successor record').to.equal(false)
    expect(wiretap.includes(reader.secret) || wiretap.includes(steward.secret)).to.equal(false)
  })

  it('notices a change of one bit by the hash, and fetches the blob again over the encrypted channel', async () => {
    let passed = 0
    const proxy = await aProxy(steward.address, (chunk, toServer) => {
      if (toServer) return chunk
      const at = 300_000 - passed
      passed += chunk.length
      if (at < 0 || at >= chunk.length) return chunk
      const changed = Buffer.from(chunk)
      changed[at] = (changed[at] as number) ^ 1
      return changed
    })
    registry.set(steward.id, { insecureAddr: proxy.address })
    const plain = aBulk(registry)
    const fetched = await fetch({ plain })
    expect(Buffer.from(fetched.bytes).equals(bytes)).to.equal(true)
    expect(passed).to.be.above(bytes.length)
    await eventually(() => served.length === 2)
    expect(plain.isWorthTrying(steward.id), 'left alone for a while').to.equal(false)
    await fetch({ plain })
    expect(proxy.connections).to.equal(1)
  })

  it('falls back when the plain endpoint is closed, cut off in the middle, or answered by another member', async () => {
    registry.set(steward.id, { insecureAddr: '/ip4/127.0.0.1/tcp/1' })
    expect(Buffer.from((await fetch({ plain: aBulk(registry) })).bytes).equals(bytes)).to.equal(true)
    let passed = 0
    const proxy = await aProxy(steward.address, (chunk) => {
      passed += chunk.length
      return passed > 200_000 ? undefined : chunk
    })
    registry.set(steward.id, { insecureAddr: proxy.address })
    expect(Buffer.from((await fetch({ plain: aBulk(registry) })).bytes).equals(bytes)).to.equal(true)
    const other = await aMember(registry, { roles: 1 })
    const { address } = await aPlainEndpoint(registry, other)
    registry.set(steward.id, { insecureAddr: address })
    expect(Buffer.from((await fetch({ plain: aBulk(registry) })).bytes).equals(bytes)).to.equal(true)
    expect(served.length, 'all three came the encrypted way').to.equal(3)
  })

  it('is not asked of members without a plain endpoint, or without good standing', async () => {
    const plain = aBulk(registry)
    expect(plain.isWorthTrying(steward.id)).to.equal(true)
    registry.set(steward.id, { standing: 'banned' })
    expect(plain.isWorthTrying(steward.id)).to.equal(false)
    registry.set(steward.id, { standing: 'compliant', insecureAddr: '' })
    expect(plain.isWorthTrying(steward.id)).to.equal(false)
    expect(Buffer.from((await fetch({ plain })).bytes).equals(bytes)).to.equal(true)
    expect(steward.transfers.open()).to.equal(0)
  })

  describe('a transfer id', () => {
    const terms = { blobId, from: 0, length: bytes.length }
    const anonymous = { id: undefined, channel: reader?.id ?? (`0x${'1'.repeat(40)}` as const), roles: 0 }
    const read = async function* () {
      yield bytes
    }
    const dial = (gate = aGate(registry)) => dialPlain({ addresses: [steward.address], to: steward.id, gate, clock })
    const show = async (kind: 'take' | 'give', transfer: Uint8Array, gate = aGate(registry)) => {
      const wire = await dial(gate)
      await wire.send(encodeBulk({ kind, transfer }))
      return wire.receive(200)
    }

    it('serves once: who recorded it gets nothing', async () => {
      const id = steward.transfers.offer(anonymous, terms, read) as Uint8Array
      const into = new Uint8Array(bytes.length)
      await aBulk(registry).take(steward.id, id, into)
      expect(Buffer.from(into).equals(bytes)).to.equal(true)
      expect(await codeOf(aBulk(registry).take(steward.id, id, into))).to.equal('NET_TRANSFER')
      expect(await codeOf(show('take', rng.bytes(32))), 'invented').to.equal('NET_TRANSFER')
    })

    it('is spent by a use in the wrong direction, and bound to who agreed to it', async () => {
      const id = steward.transfers.offer(anonymous, terms, read) as Uint8Array
      expect(await codeOf(show('give', id))).to.equal('NET_TRANSFER')
      expect(await codeOf(show('take', id))).to.equal('NET_TRANSFER')
      const member = await aMember(registry)
      const mine = steward.transfers.offer({ id: member.id, channel: member.id, roles: 0 }, terms, read) as Uint8Array
      expect(await codeOf(show('take', mine)), 'an anonymous client that heard of it').to.equal('NET_TRANSFER')
      const own = steward.transfers.offer({ id: member.id, channel: member.id, roles: 0 }, terms, read) as Uint8Array
      const gate = aGate(registry, { identity: { secret: member.secret } })
      expect(await show('take', own, gate)).to.deep.equal({ bytes: { length: bytes.length } })
    })

    it('lives for a minute', () => {
      let now = 0
      const transfers = createTransfers({ clock: { ...clock, monotonic: () => now }, rng, log: aLog() })
      transfers.offer(anonymous, terms, read)
      now = 59_999
      expect(transfers.open()).to.equal(1)
      now = 60_000
      expect(transfers.open()).to.equal(0)
    })

    it('is one of 64 of a peer and 1,024 in all; and few bytes get none', () => {
      const transfers = createTransfers({ clock, rng, log: aLog() })
      const offers = (count: number, channel: `0x${string}`) =>
        Array.from({ length: count }, () => transfers.offer({ ...anonymous, channel }, terms, read)).filter(
          (id) => id !== undefined,
        ).length
      expect(offers(70, `0x${'2'.repeat(40)}`)).to.equal(64)
      let all = 64
      for (let peer = 0; peer < 20; peer++) all += offers(64, `0x${String(1000 + peer).padStart(40, '0')}`)
      expect(all).to.equal(1024)
      const few = createTransfers({ clock, rng, log: aLog() })
      expect(few.offer(anonymous, { ...terms, length: 65_535 }, read)).to.equal(undefined)
    })

    it('takes bytes once and no more of them than were agreed on, and none after it was called off', async () => {
      const chunks: Uint8Array[] = []
      const expected = { ...terms, length: 100_000 }
      const awaited = () => steward.transfers.await(anonymous, expected, async (chunk) => void chunks.push(chunk))
      const arrival = awaited()
      if (arrival === undefined) throw new Error('nothing is awaited')
      expect(await arrival.whole(), 'nobody showed it').to.equal(false)
      await aBulk(registry).give(steward.id, arrival.id, bytes.subarray(0, 100_000))
      expect(await arrival.whole()).to.equal(true)
      expect(Buffer.concat(chunks).equals(bytes.subarray(0, 100_000))).to.equal(true)
      expect(await codeOf(aBulk(registry).give(steward.id, arrival.id, bytes.subarray(0, 100_000)))).to.equal(
        'NET_TRANSFER',
      )
      const off = awaited()
      await off?.cancel()
      expect(await codeOf(aBulk(registry).give(steward.id, off?.id as Uint8Array, bytes))).to.equal('NET_TRANSFER')
      expect(chunks.reduce((sum, { length }) => sum + length, 0)).to.equal(100_000)
    })
  })
})
