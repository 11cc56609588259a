/**
 * A small pool with real nodes, real handshakes, real files and a real index; its stewards take whatever is offered and signed. What they
 * would earn is tested elsewhere: here they receive, keep, announce and serve, or misbehave as told.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { placementDigest } from '../../base/typed-data.ts'
import { FETCH_PROTOCOL } from '../../net/messages/fetch.ts'
import { only } from '../../net/messages/fields.ts'
import { INDEX_PROTOCOL } from '../../net/messages/index-records.ts'
import { decodeStore, encodeStore, MAX_STORE_BYTES, STORE_PROTOCOL } from '../../net/messages/store.ts'
import type { NetNode } from '../../net/node.ts'
import { createBlobIndex } from '../../pool/blob-index.ts'
import { serveFetch } from '../../pool/fetch-blob.ts'
import { createIndexClient, type Holding, type IndexClient } from '../../pool/index-client.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { type BlobFiles, openBlobFiles } from '../../store/blob-files.ts'
import { createFetchBlob } from '../../uploader/fetch-over-net.ts'
import type { GetDeps } from '../../uploader/get.ts'
import { createPoolFinder } from '../../uploader/pool-finder.ts'
import type { StewardTarget } from '../../uploader/put-book.ts'
import { createSendBlob } from '../../uploader/send-blob.ts'
import { clock, rng, stopNodes } from '../net/nodes.ts'
import { aMember, FakeRegistry } from '../pool/pool-nodes.ts'
import { silentLog } from './fixtures.ts'
import { DOMAIN } from './memory-book.ts'

const HOUR_MS = 3_600_000

export type Misdeed = 'none' | 'refuses' | 'wrong-bytes' | 'stalls-serving' | 'stalls-storing' | 'breaks-once'

export interface PoolSteward {
  readonly target: StewardTarget
  readonly id: Address
  readonly node: NetNode
  misdeed: Misdeed
  /** What its readers see of its files; left out: what is there. */
  disguise?: (files: BlobFiles) => BlobFiles
  /** Raw bytes that came in, by blob; and streams that brought some. */
  readonly received: Map<string, number>
  /** Streams that asked for a blob. */
  served: number
}

export interface TestPool {
  readonly stewards: readonly PoolSteward[]
  readonly client: NetNode
  readonly finder: GetDeps['finder']
  readonly getDeps: GetDeps
  readonly send: ReturnType<typeof createSendBlob>
  readonly index: IndexClient
  readonly registry: FakeRegistry
  stopIndex(): Promise<void>
  /** Resolves when the index knows `count` records. */
  announced(count: number): Promise<void>
  close(): Promise<void>
}

/** @param idleMs how long the client waits for a silent peer. Milliseconds. */
export async function openTestPool(count: number, idleMs = 30_000): Promise<TestPool> {
  const registry = new FakeRegistry()
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-uploader-'))
  const services: { stop(): Promise<void> }[] = []
  const indexMember = await aMember(registry, { roles: ROLE.index })
  const index = createBlobIndex({ clock, log: silentLog })
  await index.start()
  services.push(index)
  await indexMember.node.handle(INDEX_PROTOCOL, (wire, peer) => index.serve(wire, peer), { maxStreams: 8 })
  const stewards: PoolSteward[] = []
  for (let i = 0; i < count; i++) stewards.push(await openSteward(registry, join(directory, `${i}`), services))
  const client = await aMember(registry, { anonymous: true, net: { limits: { wire: { idleMs, messageMs: idleMs } } } })
  const net = client.node
  const indexClient = createIndexClient({ net, registry, clock, log: silentLog })
  services.push(indexClient)
  const finder = createPoolFinder({ index: indexClient, registry, rng, log: silentLog })
  return {
    stewards,
    client: net,
    finder,
    send: createSendBlob(net),
    index: indexClient,
    registry,
    getDeps: {
      finder,
      fetch: createFetchBlob(net),
      clock,
      log: silentLog,
      limits: { slowMs: 300, stallMs: 1_500 },
      patienceMs: 3_000,
    },
    stopIndex: () => indexMember.node.stop(),
    announced: async (records) => {
      const until = performance.now() + 10_000
      while (index.size().records < records) {
        if (performance.now() > until) throw new Error(`${index.size().records} of ${records} records were announced`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    close: async () => {
      await Promise.all(services.map((service) => service.stop()))
      await stopNodes()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function openSteward(
  registry: FakeRegistry,
  directory: string,
  services: { stop(): Promise<void> }[],
): Promise<PoolSteward> {
  const closing = new AbortController()
  services.push({ stop: async () => closing.abort() })
  const member = await aMember(registry, { roles: ROLE.repository })
  const files = await openBlobFiles(directory, { log: silentLog, keepPart: () => true })
  const holdings = new Map<string, Holding>()
  const tokens = new Map<string, Uint8Array>()
  const announcer = createIndexClient({
    net: member.node,
    registry,
    clock,
    log: silentLog,
    holder: { secret: member.secret, holdings: () => holdings.values() },
    times: { gatherMs: 20, pollMs: 100 },
  })
  await announcer.start()
  services.push(announcer)
  const steward: PoolSteward = {
    target: { id: member.id, addresses: member.node.addresses() },
    id: member.id,
    node: member.node,
    misdeed: 'none',
    received: new Map(),
    served: 0,
  }
  await member.node.handle(
    STORE_PROTOCOL,
    async (wire) => {
      for (;;) {
        const value = await wire.receiveOrEnd(MAX_STORE_BYTES)
        if (value === undefined) return
        const { placement, signature, locator } = only(decodeStore(value), 'offer')
        const digest = placementDigest(DOMAIN, placement)
        if (steward.misdeed === 'refuses') throw new HoldfastError('STORE_FULL', { what: 'a blob' })
        if (recoverSigner(digest, signature) !== placement.uploader)
          throw new HoldfastError('PLACEMENT_INVALID', { what: 'signature' })
        const key = toHex(placement.blobId)
        const sink = await files.write(placement.blobId, placement.length)
        try {
          await wire.send(encodeStore({ kind: 'go', offset: sink.offset }))
          if (steward.misdeed === 'stalls-storing') await clock.sleep(HOUR_MS, closing.signal)
          for await (const chunk of wire.receiveBytes(sink.length - sink.offset)) {
            await sink.write(chunk)
            steward.received.set(key, (steward.received.get(key) ?? 0) + chunk.length)
            if (steward.misdeed === 'breaks-once' && sink.offset > sink.length / 2) {
              steward.misdeed = 'none'
              await member.node.disconnect(wire.remote)
            }
          }
          await sink.finish()
        } finally {
          await sink.suspend()
        }
        tokens.set(key, placement.tokenHash)
        const holding: Holding =
          locator === undefined ? { key: placement.blobId } : { key: locator, blobId: placement.blobId }
        holdings.set(key, holding)
        announcer.announce([holding])
        await wire.send(encodeStore({ kind: 'signed', signature: signDigest(member.secret, digest) }))
      }
    },
    { maxStreams: 8 },
  )
  await member.node.handle(
    FETCH_PROTOCOL,
    (wire, peer) =>
      serveFetch(wire, peer, {
        find: async (blobId) => {
          steward.served++
          const tokenHash = tokens.get(toHex(blobId))
          const length = await files.size(blobId)
          return tokenHash === undefined || length === undefined ? undefined : { length, tokenHashes: [tokenHash] }
        },
        read: (blobId, offset, length) => read(blobId, offset, length),
      }),
    { maxStreams: 16 },
  )
  async function* read(blobId: Uint8Array, offset: number, length: number): AsyncIterable<Uint8Array> {
    if (steward.misdeed === 'stalls-serving') await clock.sleep(HOUR_MS, closing.signal)
    const shown = steward.disguise?.(files) ?? files
    for await (const chunk of shown.stream(blobId, { offset, length })) {
      if (steward.misdeed === 'wrong-bytes') chunk[0] = (chunk[0] as number) ^ 1
      yield chunk
    }
  }
  return steward
}

export const sha256Hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
