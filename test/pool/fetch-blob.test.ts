import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { encodeFetch, FETCH_PROTOCOL } from '../../net/messages/fetch.ts'
import { fetchBlob, fetchOver, type HeldBlob, type ServeFetchDeps, serveFetch } from '../../pool/fetch-blob.ts'
import { rng, stopNodes, targetOf } from '../net/nodes.ts'
import { aMember, FakeRegistry, type PoolNode } from './pool-nodes.ts'

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (cause) => (cause instanceof HoldfastError ? cause.code : String(cause)),
  )
}

describe('pool/fetch-blob', () => {
  let registry: FakeRegistry
  let reader: PoolNode
  beforeEach(async () => {
    registry = new FakeRegistry()
    reader = await aMember(registry, { anonymous: true })
  })
  afterEach(stopNodes)

  const token = rng.bytes(32)
  const bytes = rng.bytes(700_000)
  const blobId = blobIdOf(bytes)

  /** A steward that holds `bytes` under `token`. */
  async function aSteward(change: Partial<ServeFetchDeps> & { held?: Partial<HeldBlob> } = {}): Promise<PoolNode> {
    const { held, ...deps } = change
    const member = await aMember(registry, { roles: 1 })
    const all: ServeFetchDeps = {
      find: async (id) =>
        toHex(id) === toHex(blobId)
          ? { length: bytes.length, tokenHashes: [sha256(rng.bytes(32)), sha256(token)], ...held }
          : undefined,
      read: async function* (_id, from, length) {
        for (let at = from; at < from + length; at += 100_000)
          yield bytes.subarray(at, Math.min(at + 100_000, from + length))
      },
      ...deps,
    }
    await member.node.handle(FETCH_PROTOCOL, (wire, peer) => serveFetch(wire, peer, all), { maxStreams: 16 })
    return member
  }

  it('gives an anonymous reader with the token the blob, and one with another token nothing', async () => {
    const served: number[] = []
    const steward = await aSteward({ served: ({ length }) => served.push(length) })
    const fetched = await fetchBlob(reader.node, targetOf(steward.node), { blobId, token, length: bytes.length })
    expect(Buffer.from(fetched.bytes).equals(bytes)).to.equal(true)
    expect(fetched.successor).to.equal(undefined)
    expect(await codeOf(fetchBlob(reader.node, targetOf(steward.node), { blobId, token: rng.bytes(32) }))).to.equal(
      'GRANT_WRONG',
    )
    expect(await codeOf(fetchBlob(reader.node, targetOf(steward.node), { blobId: rng.bytes(32), token }))).to.equal(
      'BLOB_UNKNOWN',
    )
    expect(served).to.deep.equal([bytes.length])
  })

  it('brings the successor record of a copy along', async () => {
    const successor = rng.bytes(5_000)
    const steward = await aSteward({ held: { successor: async () => successor } })
    const fetched = await fetchBlob(reader.node, targetOf(steward.node), { blobId, token })
    expect(Buffer.from(fetched.bytes).equals(bytes)).to.equal(true)
    expect(Buffer.from(fetched.successor ?? []).equals(successor)).to.equal(true)
  })

  it('serves ranges, and many requests on one stream', async () => {
    const steward = await aSteward()
    const wire = await reader.node.open(targetOf(steward.node), FETCH_PROTOCOL)
    for (const [from, length] of [
      [0, 10],
      [699_999, 1],
      [700_000, undefined],
      [5, 300_000],
      [600_000, 500_000],
    ] as const) {
      await wire.send(encodeFetch({ kind: 'get', blobId, token, from, length }))
      const count = Math.min(length ?? bytes.length, bytes.length - from)
      expect(await wire.receive(1024)).to.deep.equal({ blob: { length: count, total: bytes.length } })
      const part = new Uint8Array(count)
      await wire.receiveInto(part)
      expect(Buffer.from(part).equals(bytes.subarray(from, from + count))).to.equal(true)
    }
    const into = new Uint8Array(bytes.length + 10)
    for (let i = 0; i < 3; i++) {
      const fetched = await fetchOver(wire, { blobId, token, into })
      expect(fetched.bytes.buffer).to.equal(into.buffer)
      expect(Buffer.from(fetched.bytes).equals(bytes)).to.equal(true)
    }
    expect((await fetchOver(wire, { blobId, token, into: new Uint8Array(5) })).bytes.length).to.equal(bytes.length)
    await wire.send(encodeFetch({ kind: 'get', blobId, token, from: bytes.length + 1 }))
    expect(await codeOf(wire.receive(1024))).to.equal('INPUT_RANGE')
  })

  it('believes only the hash', async () => {
    const wrong = await aSteward({
      read: async function* () {
        yield new Uint8Array(bytes.length)
      },
    })
    expect(await codeOf(fetchBlob(reader.node, targetOf(wrong.node), { blobId, token }))).to.equal('BLOB_CORRUPT')
  })

  it('refuses another length than the known one before reading it', async () => {
    const steward = await aSteward()
    expect(await codeOf(fetchBlob(reader.node, targetOf(steward.node), { blobId, token, length: 699_999 }))).to.equal(
      'BLOB_CORRUPT',
    )
  })

  it('gives no answer that could be taken for the blob when the disk fails in the middle', async () => {
    const failing = await aSteward({
      read: async function* () {
        yield bytes.subarray(0, 100_000)
        throw new Error('EIO')
      },
    })
    expect(await codeOf(fetchBlob(reader.node, targetOf(failing.node), { blobId, token }))).to.equal('NET_CLOSED')
    const short = await aSteward({
      read: async function* () {
        yield bytes.subarray(0, 100_000)
      },
    })
    expect(await codeOf(fetchBlob(reader.node, targetOf(short.node), { blobId, token }))).to.equal('NET_CLOSED')
  })

  it('keeps the quota of its owner', async () => {
    let left = 1
    const steward = await aSteward({
      admit: async () => {
        if (left-- === 0) throw new HoldfastError('PEER_BUSY', { what: 'reads' })
      },
    })
    expect(await codeOf(fetchBlob(reader.node, targetOf(steward.node), { blobId, token }))).to.equal('none')
    expect(await codeOf(fetchBlob(reader.node, targetOf(steward.node), { blobId, token }))).to.equal('PEER_BUSY')
  })

  it('stops on a signal', async () => {
    const steward = await aSteward({ find: () => new Promise(() => undefined) })
    const stopper = new AbortController()
    const fetching = codeOf(fetchBlob(reader.node, targetOf(steward.node), { blobId, token, signal: stopper.signal }))
    setTimeout(() => stopper.abort(), 200)
    expect(await fetching).to.equal('INTERRUPTED')
  })
})
