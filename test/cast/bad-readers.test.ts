/**
 * Stewards that keep their bytes and spoil the reading of them: what a reader gets and how long it waits, on real nodes; and what a year of
 * it earns, from a real controller. Its rows run low after 202 days of the ladder, and new ones take a read that is right.
 */

import { expect } from 'chai'
import { concat, toHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { placementDigest } from '../../base/typed-data.ts'
import { DAY, KiB, seconds, unixTime } from '../../base/units.ts'
import { createAdverts } from '../../controller/adverts.ts'
import { Controller } from '../../controller/controller.ts'
import { Jobs } from '../../controller/jobs.ts'
import { Ledger } from '../../controller/ledger.ts'
import { openPlacement } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { StewardCalls } from '../../controller/ports.ts'
import { getObject } from '../../uploader/get.ts'
import { putObject } from '../../uploader/put.ts'
import { RACE_LIMITS } from '../../uploader/race.ts'
import { createVault } from '../../uploader/vault.ts'
import { aBookedBlob } from '../controller/booked-blob.ts'
import { MemoryJournal, MemoryMarket, realClock, silent } from '../controller/memory-market.ts'
import { memoryJournal, memorySink, memorySource, seededRng, silentLog } from '../uploader/fixtures.ts'
import { createMemoryBook } from '../uploader/memory-book.ts'
import { openTestPool, type TestPool } from '../uploader/pool-fixture.ts'
import { show } from './show.ts'
import { throttled } from './throttling-steward.ts'
import { spoilt } from './wrong-bytes-steward.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const START = unixTime(1_800_000_000)
const YEAR = 365
/** Of the object that is read: a bad holder must not cost its delay once a segment. */
const SEGMENTS = 4
const SEGMENT = 256 * KiB

describe('cast: stewards that spoil reading', function () {
  this.timeout(60_000)

  describe('a reader of ten, three of whom', () => {
    let pool: TestPool | undefined
    afterEach(async () => {
      await pool?.close()
      pool = undefined
    })

    /** Puts an object, and measures reading it with all ten honest, and again with three that are not. Milliseconds. */
    async function measure(vice: typeof spoilt): Promise<{ honest: number; disturbed: number }> {
      const open = await openTestPool(10)
      pool = open
      const rng = seededRng('bad readers')
      const bytes = rng.bytes(SEGMENTS * SEGMENT)
      const { cap } = await putObject(
        {
          book: createMemoryBook({ winners: open.stewards.map(({ target }) => target) }),
          send: open.send,
          rng,
          clock: realClock,
          journal: memoryJournal(),
          vault: createVault(new Uint8Array(32).fill(3), rng),
          editorParent: new Uint8Array(32).fill(4),
          log: silentLog,
        },
        memorySource(bytes),
        { segmentSize: SEGMENT, k: 3, n: 10, term: seconds(90 * DAY), name: 'a', limits: {} },
      )
      await open.announced(10 * SEGMENTS + 10)
      const read = async () => {
        const sink = memorySink()
        const began = performance.now()
        await getObject({ ...open.getDeps, limits: RACE_LIMITS }, cap, sink)
        expect(toHex(sha256(sink.bytes())), 'every byte is right').to.equal(toHex(sha256(bytes)))
        return performance.now() - began
      }
      const honest = await read()
      // the holders of the primaries, whom a reader asks first
      for (const steward of open.stewards.slice(0, 3)) steward.disguise = vice
      return { honest, disturbed: await read() }
    }

    it('WrongBytesSteward: serve altered bytes: it gets every byte right, from the others, in the same second', async () => {
      const { honest, disturbed } = await measure(spoilt)
      show('WrongBytesSteward', { loss: (disturbed - 2 * honest) / 1000 })
    })

    it('ThrottlingSteward: stall at 99 %: they are replaced, and it waits some seconds at most', async () => {
      const { honest, disturbed } = await measure(throttled)
      show('ThrottlingSteward', { loss: (disturbed - 2 * honest) / 1000 })
    })
  })

  for (const [name, failure] of [
    ['WrongBytesSteward', 'BLOB_CORRUPT'],
    ['ThrottlingSteward', 'NET_TIMEOUT'],
  ] as const)
    it(`${name}: a year of it earns less than a year of honest holding, since new rows take a read`, async () => {
      const { villain, peer } = await aYear(failure)
      show(name, { gain: Number((10_000n * villain) / peer) / 100, peer: 100 })
    })
})

/** Wei of HOLD per GiB-month. */
const PRICE = 5_000_000_000_000_000_000_000n

/** Two stewards hold a blob each; reads from the first fail. What each was paid in a year. Gwei. */
async function aYear(failure: 'BLOB_CORRUPT' | 'NET_TIMEOUT'): Promise<{ villain: bigint; peer: bigint }> {
  const secret = new Uint8Array(32).fill(7)
  const nonceKey = new Uint8Array(32).fill(4)
  const account = addressOf(secret)
  const stewards = [10, 11].map((seed) => new Uint8Array(32).fill(seed))
  const [villain, peer] = stewards.map(addressOf) as [Address, Address]
  const blobOf = (steward: Address) => new Uint8Array(1000).fill(steward === villain ? 1 : 2)
  const journal = new MemoryJournal()
  const ledger = await Ledger.open(journal)
  const market = new MemoryMarket(account, START, 10n ** 21n)
  const ref = '00'.repeat(32)
  const jobs = new Jobs({
    ledger,
    domain,
    account,
    policy: POLICY,
    chainSecret: secret,
    nonceKey,
    now: () => market.time,
    clock: realClock,
    log: silent,
    calls: {
      terms: async () => ({ kind: 'quote', price: PRICE }),
      renew: async (steward, placement) =>
        signDigest(stewards[steward === villain ? 0 : 1] as Uint8Array, placementDigest(domain, placement)),
      announceRows: async () => undefined,
      handDocket: async () => undefined,
      read: async (steward, { blobId }) => {
        if (steward !== villain) return blobOf(steward)
        throw new HoldfastError(failure, { blob: toHex(blobId), what: 'the holder', limit: '1 s' })
      },
    } as Partial<StewardCalls> as StewardCalls, // nothing else is asked in a year without misses
  })
  const outbox = market.outbox(journal)
  const controller = new Controller({
    ledger,
    chain: market.chain(),
    outbox,
    domain,
    account,
    nonceKey,
    policy: POLICY,
    clock: realClock,
    log: silent,
    jobs,
    adverts: createAdverts(realClock, async () => true),
  })
  await controller.start()
  await controller.step((step) => {
    step.batch.object(
      { ref, repairKey: new Uint8Array(32), copyKey: new Uint8Array(32), segments: 1, createdAt: START } as never,
      '11'.repeat(32),
    )
    for (const [share, steward] of [villain, peer].entries()) {
      const blob = blobOf(steward)
      const { id, placement, answers } = aBookedBlob({
        domain,
        nonceKey,
        uploader: account,
        steward,
        blob,
        start: START,
        length: 1000,
        price: PRICE,
      })
      const digest = placementDigest(domain, placement)
      const signature = signDigest(secret, digest)
      const countersignature = signDigest(stewards[share] as Uint8Array, digest)
      step.add(openPlacement({ id, ref, kind: 'share', segment: 0, share, placement, rows: answers.length }), {
        kind: 'booked',
        at: START,
      })
      step.batch.receipt(id, {
        kind: 'share',
        segment: 0,
        share,
        ref,
        placement,
        signature,
        countersignature,
        salt: new Uint8Array(16),
        attempt: 0,
      })
      step.batch.answers(id, concat(...answers))
    }
  })
  const end = START + YEAR * DAY
  for (let hop = 0; market.time < end; hop++) {
    const block = market.blocks.length - 1
    const { idle, busy, nextDue } = await controller.tick(block)
    if (!idle) throw new Error(`not idle: ${busy}`)
    if (market.blocks.length - 1 !== block) continue
    market.time = Math.min(end, nextDue ?? end)
    market.mine([])
    if (hop > 5_000) throw new Error('too many hops')
  }
  await controller.stop()
  expect(controller.failure).to.equal(undefined)
  const paid = (steward: Address) =>
    market.posts
      .filter((post) => post.steward === steward && market.swept.includes(post.id))
      .reduce((sum, { amount }) => sum + amount, 0n)
  return { villain: paid(villain), peer: paid(peer) }
}
