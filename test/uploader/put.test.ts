import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, seconds } from '../../base/units.ts'
import { locatorOf } from '../../blob/cap.ts'
import { openCopy } from '../../blob/copy.ts'
import { isIndirect } from '../../blob/manifest.ts'
import { putObject } from '../../uploader/put.ts'
import { planPut } from '../../uploader/put-plan.ts'
import type { PutDeps, PutOptions } from '../../uploader/put-run.ts'
import { createVault } from '../../uploader/vault.ts'
import { effort } from '../effort.ts'
import {
  type MapSteward,
  mapSend,
  mapSteward,
  memoryJournal,
  memorySource,
  realClock,
  seededRng,
  silentLog,
} from './fixtures.ts'
import { createMemoryBook, type MemoryBook } from './memory-book.ts'

const OPTIONS: PutOptions = { segmentSize: 1000, k: 3, n: 10, term: seconds(90 * DAY), name: 'a.txt', limits: {} }

interface World {
  readonly book: MemoryBook
  readonly stewards: readonly MapSteward[]
  readonly deps: PutDeps
  readonly sent: { bytes: number; blobs: number }
  readonly journal: ReturnType<typeof memoryJournal>
}

function aWorld({ winners = 10, runnersUp = 0, seed = 'put' } = {}): World {
  const stewards = Array.from({ length: winners + runnersUp }, (_, i) => mapSteward(`${i}`))
  const book = createMemoryBook({
    winners: stewards.slice(0, winners).map(({ target }) => target),
    runnersUp: stewards.slice(winners).map(({ target }) => target),
  })
  const { send, sent } = mapSend(stewards)
  const rng = seededRng(seed)
  const journal = memoryJournal()
  const deps: PutDeps = {
    book,
    send,
    rng,
    clock: realClock,
    journal,
    vault: createVault(new Uint8Array(32).fill(3), rng),
    editorParent: new Uint8Array(32).fill(4),
    log: silentLog,
    patience: { retryMs: 50, unreachableMs: 50 },
  }
  return { book, stewards, deps, sent, journal }
}

const someBytes = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255)

/** The source, and how often it was read. */
function countReads(source: ReturnType<typeof memorySource>) {
  let reads = 0
  const read = (at: number, length: number) => {
    reads++
    return source.read(at, length)
  }
  return { source: { ...source, read }, reads: () => reads }
}

describe('uploader/put', () => {
  for (const size of [0, 1, 999, 1000, 1001, 2500]) {
    it(`places every share and a copy a lot for ${size} bytes, and plans the copy's length exactly`, async () => {
      const { book, stewards, deps, journal } = aWorld()
      const summary = await putObject(deps, memorySource(someBytes(size)), OPTIONS)
      const segments = Math.max(1, Math.ceil(size / 1000))
      expect(summary.shares).to.deep.equal({ need: 3, total: 10, held: 10 })
      expect(summary.blobs).to.deep.equal({ held: 10 * (segments + 1), wanted: 10 * (segments + 1) })
      expect(book.receipts.size).to.equal(10 * (segments + 1))
      for (const steward of stewards) expect(steward.blobs.size).to.equal(segments + 1)
      const copyId = stewards[4]?.copies.get(toHex(summary.id))?.[0] as string
      const copy = stewards[4]?.blobs.get(copyId) as Uint8Array
      expect(copy.length).to.equal(book.plans[0]?.copyLength)
      const { manifest } = openCopy(summary.cap, copy)
      expect(manifest.size).to.equal(size)
      expect(journal.records.size, 'the journal is gone').to.equal(0)
      expect(book.objects.get(toHex(summary.id))?.segments).to.equal(segments)
    })
  }

  it('gives no two stewards the same bytes', async () => {
    const { stewards, deps } = aWorld()
    await putObject(deps, memorySource(new Uint8Array(2500)), OPTIONS)
    const ids = stewards.flatMap((steward) => [...steward.blobs.keys()])
    expect(new Set(ids).size).to.equal(ids.length)
  })

  it('goes on after an interruption at any blob and sends only what is missing', async () => {
    for (const stopAt of [13, 39, 0, 29, 1, 4, 9, 20, 33].slice(0, effort(3, 9, 9))) {
      const { book, stewards, deps, sent, journal } = aWorld({ seed: `stop ${stopAt}` })
      let offers = 0
      const stop = new AbortController()
      for (const steward of stewards)
        steward.onOffer = () => {
          if (offers++ === stopAt) stop.abort(new HoldfastError('INTERRUPTED'))
        }
      const source = memorySource(someBytes(2500, stopAt))
      const error = await putObject(deps, source, { ...OPTIONS, signal: stop.signal }).then(
        () => undefined,
        (cause) => cause,
      )
      expect(error).to.have.property('code', 'INTERRUPTED')
      for (const steward of stewards) steward.onOffer = () => {}
      expect(journal.records.size).to.be.greaterThan(0)
      const summary = await putObject(deps, source, OPTIONS)
      expect(summary.resumed).to.equal(true)
      expect(summary.blobs.held).to.equal(40)
      expect(sent.blobs, 'each blob went once').to.equal(40)
      expect(new Set([...book.receipts.values()].map(({ ref }) => ref)).size, 'one put').to.equal(1)
    }
  })

  it('gives a lot to the runner-up when a steward refuses, under other salts, and leaves what the first one signed', async () => {
    const { book, stewards, deps } = aWorld({ runnersUp: 1 })
    const [, , failing] = stewards as [MapSteward, MapSteward, MapSteward]
    let taken = 0
    failing.onOffer = () => {
      if (taken++ >= 1) throw new HoldfastError('PEER_REFUSED', { peer: 'x', what: 'STORE_FULL' })
    }
    const summary = await putObject({ ...deps, threads: 0 }, memorySource(someBytes(2500)), OPTIONS)
    expect(summary.shares.held).to.equal(10)
    const second = stewards[10] as MapSteward
    expect(failing.blobs.size).to.equal(1)
    expect(second.blobs.size).to.equal(3)
    for (const receipt of book.receipts.values())
      expect(receipt.attempt).to.equal(receipt.placement.steward === second.target.id ? 1 : 0)
  })

  it('places what can be placed when there are too few stewards, and the rest when the same put runs again', async () => {
    const { book, stewards, deps, journal } = aWorld({ winners: 8 })
    const first = await putObject(deps, memorySource(someBytes(1500)), OPTIONS)
    expect(first.shares).to.deep.equal({ need: 3, total: 10, held: 8 })
    expect(first.copies).to.equal(8)
    expect(journal.records.size).to.be.greaterThan(0)
    // two newcomers: the book finds them when the lots are asked for again
    const late = [mapSteward('late 0'), mapSteward('late 1')]
    const { send } = mapSend([...stewards, ...late])
    book.replace = ((replace) => async (ref: string, lot: number, failed: `0x${string}`) => {
      const target = late[lot - 8]?.target
      await replace(ref, lot, failed).catch(() => undefined)
      if (target === undefined) throw new HoldfastError('AUCTION_NO_BIDS', {})
      return {
        lot,
        steward: target.id,
        addresses: target.addresses,
        price: 1n,
        egressPrice: 0n,
        egressFree: 0,
        bond: 0n,
      }
    })(book.replace)
    const sign = book.sign
    book.sign = (drafts) =>
      sign(
        drafts.map((draft) => ({
          ...draft,
          steward: draft.share < 8 ? draft.steward : (stewards[0] as MapSteward).target.id,
          share: draft.share < 8 ? draft.share : 0,
        })),
      ).then((signed) => signed)
    // the memory book signs for known lots only, so the late stewards sign what names steward 0: enough to see what is sent
    const { book: _, ...rest } = deps
    const bookless = { ...book, book: async () => {} }
    const again = await putObject({ ...rest, book: bookless, send }, memorySource(someBytes(1500)), OPTIONS)
    expect(toHex(again.cap), 'the manifest did not change').to.equal(toHex(first.cap))
    expect(again.shares.held).to.equal(10)
    expect(late.map((steward) => steward.blobs.size)).to.deep.equal([3, 3])
  })

  it('offers lots that nobody took again in the same command, and reads the source again only when somebody takes them', async () => {
    const { book, stewards, deps, journal } = aWorld()
    // All but one are too busy to be reached at first, and there is nobody else; they are back when asked again.
    let isBusy = true
    for (const steward of stewards.slice(1))
      steward.onOffer = () => {
        if (isBusy) throw new HoldfastError('NET_UNREACHABLE', { what: 'a busy computer' })
      }
    const { award } = book
    const given = new Map<string, Awaited<ReturnType<typeof award>>>()
    let asked = 0
    book.replace = async () => {
      throw new HoldfastError('AUCTION_NO_BIDS', { have: 0, need: 1 })
    }
    book.award = async (plan, limits) => {
      const first = given.get(plan.ref) ?? (await award(plan, limits))
      given.set(plan.ref, first)
      if (++asked === 2) isBusy = false
      return first
    }
    const counted = countReads(memorySource(someBytes(900)))
    const summary = await putObject(deps, counted.source, { ...OPTIONS, rounds: 3 })
    expect(summary.shares.held).to.equal(10)
    expect(summary.copies).to.equal(10)
    expect(journal.records.size).to.equal(0)
    expect(counted.reads(), 'two rounds').to.equal(2)
  })

  it('ends after one round when nobody takes what is left', async () => {
    const { deps } = aWorld({ winners: 8 })
    const counted = countReads(memorySource(someBytes(900)))
    const summary = await putObject(deps, counted.source, { ...OPTIONS, rounds: 3 })
    expect(summary.shares.held).to.equal(8)
    expect(counted.reads()).to.equal(1)
  })

  it('fails when fewer than k shares find a steward', async () => {
    const { deps } = aWorld({ winners: 2 })
    const error = await putObject(deps, memorySource(someBytes(10)), OPTIONS).catch((cause) => cause)
    expect(error).to.have.property('code', 'PLACEMENT_SHORT')
  })

  it('never encrypts another plaintext under the keys of a segment that may have left', async () => {
    const { book, deps, stewards, journal } = aWorld()
    const stop = new AbortController()
    ;(stewards[0] as MapSteward).onOffer = () => stop.abort(new HoldfastError('INTERRUPTED'))
    await putObject(deps, memorySource(someBytes(1500, 1)), { ...OPTIONS, signal: stop.signal }).catch(() => undefined)
    ;(stewards[0] as MapSteward).onOffer = () => {}
    const changed = await putObject(deps, memorySource(someBytes(1500, 2)), OPTIONS).catch((cause) => cause)
    expect(changed).to.have.property('code', 'INPUT_CHANGED')
    expect(journal.records.size).to.equal(0)
    const again = await putObject(deps, memorySource(someBytes(1500, 2)), OPTIONS)
    expect(again.resumed).to.equal(false)
    expect(new Set(book.plans.map(({ ref }) => ref)).size, 'another object key').to.equal(2)
  })

  it('puts a manifest that is too large for a copy as an object of its own', async () => {
    const { book, stewards, deps } = aWorld()
    const summary = await putObject(deps, memorySource(someBytes(2500)), { ...OPTIONS, maxManifestBytes: 1500 })
    expect(book.plans[0]?.shareLengths).to.have.length(3 + 2)
    const entry = book.objects.get(toHex(summary.id))
    expect(entry?.indirect?.segments).to.equal(2)
    const copyId = stewards[0]?.copies.get(toHex(summary.id))?.[0] as string
    const copy = stewards[0]?.blobs.get(copyId) as Uint8Array
    expect(copy.length).to.equal(book.plans[0]?.copyLength)
    const { manifest } = openCopy(summary.cap, copy)
    if (!isIndirect(manifest)) throw new Error('it lists its shares')
    const innerId = stewards[0]?.copies.get(toHex(locatorOf(manifest.indirect)))?.[0] as string
    const innerCopy = stewards[0]?.blobs.get(innerId) as Uint8Array
    expect(innerCopy.length).to.equal(book.plans[0]?.indirectCopyLength)
    const inner = openCopy(manifest.indirect, innerCopy).manifest
    expect(inner.size).to.equal(entry?.indirect?.size)
    expect(summary.blobs).to.deep.equal({ held: 70, wanted: 70 })
  })

  it('plans the length of a direct manifest without encoding it', () => {
    for (const count of [1, 23, 24, 255, 256, 300]) {
      const { plan } = planPut(new Uint8Array(32), { ...OPTIONS, size: count * 1000 })
      expect(plan.shareLengths).to.have.length(count)
    }
  })
})
