import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, seconds } from '../../base/units.ts'
import { locatorOf } from '../../blob/cap.ts'
import { editorSecretOf } from '../../blob/identity.ts'
import { repairKeyOf } from '../../blob/object-keys.ts'
import { sealSuccessor, signSuccessor } from '../../blob/successor.ts'
import { blobIdOf, whiten } from '../../blob/whiten.ts'
import { type GetDeps, type GetProgress, getObject } from '../../uploader/get.ts'
import type { FetchBlob, Finder, Holder } from '../../uploader/holders.ts'
import { putObject } from '../../uploader/put.ts'
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
} from './fixtures.ts'
import { createMemoryBook } from './memory-book.ts'

const OPTIONS: PutOptions = { segmentSize: 1000, k: 3, n: 10, term: seconds(90 * DAY), name: 'a.txt', limits: {} }
const ROOT = new Uint8Array(32).fill(4)

type Behaviour = 'sound' | 'dead' | 'stalled' | 'lying' | 'slow'

interface World {
  readonly stewards: readonly MapSteward[]
  readonly behaviour: Map<string, Behaviour>
  readonly successors: Map<string, Uint8Array>
  readonly deps: GetDeps
  readonly events: GetProgress[]
  readonly fetched: { holder: string; blobId: string }[]
  put(bytes: Uint8Array, options?: Partial<PutOptions>): Promise<PutSummary>
  get(cap: Uint8Array, range?: { from: number; to: number }): Promise<Uint8Array>
}

function aWorld(seed = 'get'): World {
  const stewards = Array.from({ length: 10 }, (_, i) => mapSteward(`${i}`))
  const byId = new Map(stewards.map((steward) => [steward.target.id as string, steward]))
  const behaviour = new Map<string, Behaviour>()
  const successors = new Map<string, Uint8Array>()
  const events: GetProgress[] = []
  const fetched: { holder: string; blobId: string }[] = []
  const holderOf = (steward: MapSteward): Holder => steward.target
  const finder: Finder = {
    blobs: async (ids) =>
      new Map(ids.map((id) => [toHex(id), stewards.filter((steward) => steward.blobs.has(toHex(id))).map(holderOf)])),
    copies: async (locator) =>
      stewards.flatMap((steward) =>
        (steward.copies.get(toHex(locator)) ?? []).map((id) => ({
          ...holderOf(steward),
          blobId: Uint8Array.from(Buffer.from(id, 'hex')),
        })),
      ),
  }
  const fetch: FetchBlob = async (holder, { blobId, token, signal, onBytes }) => {
    const steward = byId.get(holder.id) as MapSteward
    const key = toHex(blobId)
    fetched.push({ holder: holder.id, blobId: key })
    const how = behaviour.get(holder.id) ?? 'sound'
    if (how === 'dead') throw new HoldfastError('NET_UNREACHABLE', { what: holder.id })
    if (how === 'stalled') await realClock.sleep(60_000, signal)
    if (how === 'slow') await realClock.sleep(400, signal)
    const bytes = steward.blobs.get(key)
    if (bytes === undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: key })
    if (createHash('sha256').update(token).digest('hex') !== steward.tokens.get(key))
      throw new HoldfastError('GRANT_WRONG')
    if (how === 'lying') throw new HoldfastError('BLOB_CORRUPT', { blob: key })
    onBytes?.(bytes.length)
    const successor = successors.get(holder.id)
    return { bytes: bytes.slice(), ...(successor === undefined ? {} : { successor }) }
  }
  const deps: GetDeps = {
    finder,
    fetch,
    clock: realClock,
    log: silentLog,
    onProgress: (event) => void events.push(event),
    limits: { slowMs: 90, stallMs: 500 },
    patienceMs: 700,
  }
  const rng = seededRng(seed)
  return {
    stewards,
    behaviour,
    successors,
    deps,
    events,
    fetched,
    put: (bytes, options) =>
      putObject(
        {
          book: createMemoryBook({ winners: stewards.map(({ target }) => target) }),
          send: mapSend(stewards).send,
          rng,
          clock: realClock,
          journal: memoryJournal(),
          vault: createVault(new Uint8Array(32).fill(3), rng),
          editorParent: ROOT,
          log: silentLog,
        },
        memorySource(bytes),
        { ...OPTIONS, ...options },
      ),
    get: async (cap, range) => {
      const sink = memorySink()
      const summary = await getObject(deps, cap, sink, range === undefined ? {} : { range })
      expect(toHex(summary.contentHash)).to.equal(createHash('sha256').update(sink.bytes()).digest('hex'))
      return sink.bytes()
    },
  }
}

const someBytes = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255)
const idOf = (world: World, i: number) => (world.stewards[i] as MapSteward).target.id

describe('uploader/get', () => {
  for (const size of [0, 1, 999, 1000, 1001, 4321]) {
    it(`gives ${size} bytes back`, async () => {
      const world = aWorld()
      const { cap } = await world.put(someBytes(size))
      expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(size)))).to.equal(true)
    })
  }

  it('needs any three of ten', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(2500))
    for (const alive of [
      [0, 1, 2],
      [7, 8, 9],
      [0, 5, 9],
      [2, 4, 6],
    ]) {
      for (let i = 0; i < 10; i++) world.behaviour.set(idOf(world, i), alive.includes(i) ? 'sound' : 'dead')
      expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(2500)))).to.equal(true)
    }
  })

  it('says clearly how many shares there are when only two can be had, and writes nothing', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(2500))
    for (let i = 2; i < 10; i++) world.behaviour.set(idOf(world, i), 'dead')
    const sink = memorySink()
    const error = await getObject(world.deps, cap, sink).catch((cause) => cause)
    expect(error).to.have.property('code', 'OBJECT_UNAVAILABLE')
    expect(error.data).to.include({ segment: 0, have: 2, need: 3 })
    expect(error.exit).to.equal(5)
    expect(sink.bytes()).to.have.length(0)
  })

  it('does not know an object whose copies nobody has', async () => {
    const world = aWorld()
    const error = await getObject(world.deps, new Uint8Array(32).fill(1), memorySink()).catch((cause) => cause)
    expect(error).to.have.property('code', 'OBJECT_UNKNOWN')
  })

  it('replaces holders that serve wrong bytes, and asks them last from then on', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(5000))
    for (const i of [0, 1, 2]) world.behaviour.set(idOf(world, i), 'lying')
    expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(5000)))).to.equal(true)
    const lies = world.events.filter((event) => event.kind === 'trouble' && event.trouble.kind === 'bad').length
    expect(lies).to.be.within(3, 9)
  })

  it('goes round a holder that stalls', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(5000))
    for (const i of [0, 1]) world.behaviour.set(idOf(world, i), 'stalled')
    const startedAt = Date.now()
    expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(5000)))).to.equal(true)
    expect(Date.now() - startedAt).to.be.below(5_000)
    expect(world.events.some((event) => event.kind === 'trouble' && event.trouble.kind === 'slow')).to.equal(true)
  })

  it('waits for a slow holder when there is no other', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(1500))
    for (let i = 3; i < 10; i++) world.behaviour.set(idOf(world, i), 'dead')
    world.behaviour.set(idOf(world, 0), 'slow')
    expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(1500)))).to.equal(true)
  })

  it('does not wait for holders that hang when one copy and enough shares are there', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(500), { k: 1, n: 3 })
    for (const i of [0, 1]) world.behaviour.set(idOf(world, i), 'stalled')
    const sink = memorySink()
    const startedAt = Date.now()
    await getObject({ ...world.deps, limits: { slowMs: 90, stallMs: 60_000 } }, cap, sink)
    expect(Date.now() - startedAt).to.be.below(15_000)
    expect(sink.bytes()).to.have.length(500)
  })

  it('fetches only the segments of a range', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(5000))
    for (const [from, to] of [
      [0, 1],
      [999, 1001],
      [1000, 2000],
      [4999, 5000],
      [300, 300],
    ] as const) {
      world.fetched.length = 0
      expect(
        Buffer.from(await world.get(cap, { from, to })).equals(Buffer.from(someBytes(5000).subarray(from, to))),
      ).to.equal(true)
      const segments = from === to ? 0 : Math.ceil(to / 1000) - Math.floor(from / 1000)
      expect(world.fetched.length).to.be.at.most(4 + 4 * segments)
    }
  })

  it('reads an object whose list of shares is an object itself', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(2500), { maxManifestBytes: 1500 })
    for (let i = 0; i < 7; i++) world.behaviour.set(idOf(world, i), 'dead')
    expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(2500)))).to.equal(true)
  })

  it('finds repaired shares by the newest successor record, and is not led astray by one that relocates to rubbish', async () => {
    const world = aWorld()
    const { cap } = await world.put(someBytes(900))
    const record = await objectOf(world, cap)
    // shares 0–7 are lost; 0 and 1 were repaired onto stewards 0 and 1 under new salts
    const entries = [0, 1].map((share) => {
      const old = record.blobIds[share] as Uint8Array
      const steward = world.stewards[share] as MapSteward
      const plain = whiten(
        record.repairKey,
        0,
        share,
        record.salts[share] as Uint8Array,
        steward.blobs.get(toHex(old)) as Uint8Array,
      )
      const salt = new Uint8Array(16).fill(share + 1)
      const blob = whiten(record.repairKey, 0, share, salt, plain)
      steward.blobs.set(toHex(blobIdOf(blob)), blob)
      steward.tokens.set(
        toHex(blobIdOf(blob)),
        createHash('sha256')
          .update(record.tokenOf(blobIdOf(blob)))
          .digest('hex'),
      )
      return { segment: 0, share, salt, blobId: blobIdOf(blob) }
    })
    for (let share = 0; share < 8; share++)
      (world.stewards[share] as MapSteward).blobs.delete(toHex(record.blobIds[share] as Uint8Array))
    const seal = (version: number, list: typeof entries) =>
      sealSuccessor(
        record.repairKey,
        signSuccessor(record.editorSecret, locatorOf(cap), { version, entries: list }),
        new Uint8Array(12).fill(version),
      )
    for (let i = 0; i < 10; i++) world.successors.set(idOf(world, i), seal(1, entries))
    expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(900)))).to.equal(true)

    // a record that names rubbish for share 2: ids fit, the tag does not, other subsets are tried
    const rubbish = new Uint8Array(record.length).fill(9)
    const at = world.stewards[2] as MapSteward
    at.blobs.set(toHex(blobIdOf(rubbish)), rubbish)
    at.tokens.set(
      toHex(blobIdOf(rubbish)),
      createHash('sha256')
        .update(record.tokenOf(blobIdOf(rubbish)))
        .digest('hex'),
    )
    const lured = [...entries, { segment: 0, share: 2, salt: new Uint8Array(16), blobId: blobIdOf(rubbish) }]
    for (let i = 0; i < 10; i++) world.successors.set(idOf(world, i), seal(2, lured))
    for (let i = 0; i < 10; i++) world.behaviour.set(idOf(world, i), i === 2 || i === 8 || i === 9 ? 'sound' : 'slow')
    expect(Buffer.from(await world.get(cap)).equals(Buffer.from(someBytes(900)))).to.equal(true)
  })
})

/** What an editor knows of an object, taken from one of its copies. */
async function objectOf(world: World, cap: Uint8Array) {
  const { openCopy } = await import('../../blob/copy.ts')
  const { readTokenOf } = await import('../../blob/object-keys.ts')
  const steward = world.stewards[0] as MapSteward
  const copyId = steward.copies.get(toHex(locatorOf(cap)))?.[0] as string
  const { manifest } = openCopy(cap, steward.blobs.get(copyId) as Uint8Array)
  if (!('segments' in manifest)) throw new Error('indirect')
  const [segment] = manifest.segments as [(typeof manifest.segments)[number]]
  const repairKey = repairKeyOf(manifest.objectKey)
  return {
    ...segment,
    repairKey,
    editorSecret: editorSecretOf(ROOT, manifest.objectKey),
    length: (steward.blobs.get(toHex(segment.blobIds[0] as Uint8Array)) as Uint8Array).length,
    tokenOf: (blobId: Uint8Array) => readTokenOf(repairKey, blobId),
  }
}
