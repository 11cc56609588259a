import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, MiB, seconds } from '../../base/units.ts'
import { getObject } from '../../uploader/get.ts'
import { createPoolFinder } from '../../uploader/pool-finder.ts'
import { putObject } from '../../uploader/put.ts'
import type { PutDeps, PutOptions } from '../../uploader/put-run.ts'
import { createVault } from '../../uploader/vault.ts'
import { effort } from '../effort.ts'
import { clock, rng } from '../net/nodes.ts'
import { memoryJournal, memorySink, memorySource, silentLog } from './fixtures.ts'
import { createMemoryBook, type MemoryBook } from './memory-book.ts'
import { openTestPool, type PoolSteward, sha256Hex, type TestPool } from './pool-fixture.ts'

const SEGMENT = 96 * 1024
const OPTIONS: PutOptions = { segmentSize: SEGMENT, k: 3, n: 10, term: seconds(90 * DAY), limits: {} }

describe('uploader over real nodes and files', () => {
  let pool: TestPool
  before(async () => {
    pool = await openTestPool(11)
  })
  after(() => pool.close())
  afterEach(() => {
    for (const steward of pool.stewards) {
      steward.misdeed = 'none'
      steward.received.clear()
    }
  })

  /** From here on stewards are stopped for good. */
  async function renewPool(stewards: number, idleMs?: number): Promise<void> {
    await pool.close()
    pool = await openTestPool(stewards, idleMs)
  }

  function aBook(): MemoryBook {
    const targets = pool.stewards.map(({ target }) => target)
    return createMemoryBook({ winners: targets.slice(0, -1), runnersUp: targets.slice(-1) })
  }

  function putDeps(book: MemoryBook, change: Partial<PutDeps> = {}): PutDeps {
    return {
      book,
      send: pool.send,
      rng,
      clock,
      journal: memoryJournal(),
      vault: createVault(new Uint8Array(32).fill(3), rng),
      editorParent: new Uint8Array(32).fill(4),
      log: silentLog,
      patience: { retryMs: 2_000, unreachableMs: 500 },
      ...change,
    }
  }

  const fetchAll = async (cap: Uint8Array) => {
    const sink = memorySink()
    const summary = await getObject(pool.getDeps, cap, sink)
    return { bytes: sink.bytes(), summary }
  }
  const misbehave = (misdeed: PoolSteward['misdeed'], ...places: readonly number[]) => {
    for (const place of places) (pool.stewards[place] as PoolSteward).misdeed = misdeed
  }

  it('stores 0, 1 and segment ± 1 bytes and gives them back', async () => {
    for (const size of [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1]) {
      const bytes = rng.bytes(size)
      const { cap } = await putObject(putDeps(aBook()), memorySource(bytes), OPTIONS)
      const got = await fetchAll(cap)
      expect(sha256Hex(got.bytes)).to.equal(sha256Hex(bytes))
    }
  })

  it('prepares large segments in threads and gives them back', async () => {
    const bytes = rng.bytes(5 * MiB + 1)
    const { cap, blobs } = await putObject(putDeps(aBook()), memorySource(bytes), { ...OPTIONS, segmentSize: 3 * MiB })
    expect(blobs.held).to.equal(30)
    expect(sha256Hex((await fetchAll(cap)).bytes)).to.equal(sha256Hex(bytes))
  })

  it('continues a blob at the byte where its stream broke', async () => {
    const bytes = rng.bytes(5 * MiB)
    misbehave('breaks-once', 4)
    const { blobs } = await putObject(putDeps(aBook()), memorySource(bytes), { ...OPTIONS, segmentSize: 6 * MiB })
    expect(blobs.held).to.equal(20)
    const steward = pool.stewards[4] as PoolSteward
    const share = Math.max(...steward.received.values())
    expect(share, 'no byte came twice').to.equal(Math.ceil((5 * MiB + 16) / 3))
  })

  it('replaces a steward that refuses', async () => {
    const bytes = rng.bytes(1000)
    misbehave('refuses', 3)
    const book = aBook()
    const { shares, cap } = await putObject(putDeps(book), memorySource(bytes), OPTIONS)
    expect(shares.held).to.equal(10)
    const runnerUp = (pool.stewards[10] as PoolSteward).id
    const taken = [...book.receipts.values()].filter(({ placement }) => placement.steward === runnerUp)
    expect(taken.map(({ kind, share }) => `${kind} ${share}`).sort()).to.deep.equal(['copy 3', 'share 3'])
    expect((await fetchAll(cap)).bytes).to.have.length(1000)
  })

  it('re-sends after a kill only the blobs whose bytes had not arrived', async () => {
    const bytes = rng.bytes(3 * SEGMENT)
    for (const stopAfter of [11, 2, 23, 35].slice(0, effort(1, 3, 4))) {
      const book = aBook()
      const stop = new AbortController()
      let signed = 0
      const send: PutDeps['send'] = async (...args) => {
        const countersignature = await pool.send(...args)
        if (++signed === stopAfter) stop.abort(new HoldfastError('INTERRUPTED'))
        return countersignature
      }
      const deps = putDeps(book, { send })
      const before = receivedBytes(pool)
      const first = await putObject(deps, memorySource(bytes), { ...OPTIONS, signal: stop.signal }).catch(
        (cause) => cause,
      )
      expect(first).to.have.property('code', 'INTERRUPTED')
      const summary = await putObject({ ...deps, send: pool.send }, memorySource(bytes), OPTIONS)
      expect(summary.blobs.held).to.equal(40)
      const share = Math.ceil((SEGMENT + 16) / 3)
      const copy = book.plans[0]?.copyLength as number
      expect(receivedBytes(pool) - before, 'no byte twice, whatever was under way').to.equal(30 * share + 10 * copy)
      expect(sha256Hex((await fetchAll(summary.cap)).bytes)).to.equal(sha256Hex(bytes))
    }
  })

  it('reads from 3 of 10, past wrong bytes and past a holder that stalls', async () => {
    const bytes = rng.bytes(2 * SEGMENT + 5)
    const { cap } = await putObject(putDeps(aBook()), memorySource(bytes), OPTIONS)
    await pool.announced(40)
    misbehave('wrong-bytes', 0)
    misbehave('stalls-serving', 1)
    const first = await fetchAll(cap)
    expect(sha256Hex(first.bytes)).to.equal(sha256Hex(bytes))
    expect(first.summary.holders).to.not.include((pool.stewards[0] as PoolSteward).id)
    misbehave('none', 0, 1)
    await Promise.all([0, 2, 4, 5, 6, 8, 9].map((place) => (pool.stewards[place] as PoolSteward).node.stop()))
    const second = await fetchAll(cap)
    expect(sha256Hex(second.bytes)).to.equal(sha256Hex(bytes))
    expect(second.summary.holders).to.have.length(3)
    await (pool.stewards[1] as PoolSteward).node.stop()
    const error = await fetchAll(cap).catch((cause) => cause)
    expect(error).to.have.property('code', 'OBJECT_UNAVAILABLE')
    expect(error.data).to.include({ have: 2, need: 3 })
  })

  it('fetches by the repositories alone when a ledger knows the copies and every index is gone', async () => {
    await renewPool(5)
    const bytes = rng.bytes(1000)
    const book = aBook()
    const { cap } = await putObject(putDeps(book), memorySource(bytes), { ...OPTIONS, k: 2, n: 4 })
    await pool.stopIndex()
    const copies = [...book.receipts.values()].filter(({ kind }) => kind === 'copy')
    const hints = { copies: copies.map(({ placement }) => ({ id: placement.steward, blobId: placement.blobId })) }
    const finder = createPoolFinder({ index: pool.index, registry: pool.registry, rng, log: silentLog, hints })
    const sink = memorySink()
    await getObject({ ...pool.getDeps, finder }, cap, sink)
    expect(sha256Hex(sink.bytes())).to.equal(sha256Hex(bytes))
  })

  it('replaces a steward that takes the offer and then says nothing', async () => {
    await renewPool(5, 2_000)
    misbehave('stalls-storing', 3)
    const deps = putDeps(aBook(), { patience: { retryMs: 1_000, unreachableMs: 1_000 } })
    const { shares } = await putObject(deps, memorySource(rng.bytes(1000)), { ...OPTIONS, k: 2, n: 4 })
    expect(shares.held).to.equal(4)
    expect((pool.stewards[4] as PoolSteward).received.size).to.equal(2)
  })
})

function receivedBytes(pool: TestPool): number {
  return pool.stewards.reduce((sum, steward) => sum + [...steward.received.values()].reduce((a, b) => a + b, 0), 0)
}
