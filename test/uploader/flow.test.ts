/** The small machinery of put and get: memory, gathering, racing, patience, records. */
import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { createBlobMemory } from '../../uploader/blob-memory.ts'
import { gather } from '../../uploader/gather.ts'
import { createSpeedBoard } from '../../uploader/holders.ts'
import { patientBook } from '../../uploader/patient-book.ts'
import { createPutRecords, type PutState } from '../../uploader/put-journal.ts'
import { race } from '../../uploader/race.ts'
import { createVault } from '../../uploader/vault.ts'
import { memoryJournal, realClock, seededRng, silentLog } from './fixtures.ts'
import { createMemoryBook } from './memory-book.ts'

const NEVER = new AbortController().signal

describe('uploader/blob-memory', () => {
  it('never has more than its pieces out, serves in order and uses them again', async () => {
    const memory = createBlobMemory({ bytes: 1000, longest: 300 })
    expect(memory.pieces).to.equal(3)
    const first = await memory.acquire(2, 100, NEVER)
    const order: string[] = []
    const second = memory.acquire(2, 300, NEVER).finally(() => order.push('second'))
    const third = memory.acquire(1, 10, NEVER).finally(() => order.push('third'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(order).to.deep.equal([])
    memory.release(first[0] as Uint8Array)
    const pieces = await second
    expect(order).to.deep.equal(['second'])
    memory.release(first[1] as Uint8Array)
    await third
    expect(new Set([...pieces, ...(await third)].map(({ buffer }) => buffer)).size).to.equal(3)
  })

  it('lets go of those who wait when the put stops', async () => {
    const memory = createBlobMemory({ bytes: 100, longest: 100 })
    const [piece] = await memory.acquire(1, 100, NEVER)
    const stop = new AbortController()
    const waiting = memory.acquire(1, 100, stop.signal).catch((cause) => cause)
    stop.abort(new HoldfastError('INTERRUPTED'))
    expect(await waiting).to.have.property('code', 'INTERRUPTED')
    memory.release(piece as Uint8Array)
    expect(await memory.acquire(1, 50, NEVER)).to.have.length(1)
  })
})

describe('uploader/gather', () => {
  it('asks one question at once and gathers what comes while the answer is awaited', async () => {
    const calls: number[][] = []
    const ask = gather(async (questions: readonly number[]) => {
      calls.push([...questions])
      await new Promise((resolve) => setTimeout(resolve, 5))
      return questions.map((question) => question * 2)
    }, 3)
    expect(await Promise.all([1, 2, 3, 4, 5].map(ask))).to.deep.equal([2, 4, 6, 8, 10])
    expect(calls).to.deep.equal([
      [1, 2, 3],
      [4, 5],
    ])
  })

  it('tells everybody of a call that it failed, and goes on', async () => {
    let failing = true
    const ask = gather(async (questions: readonly number[]) => {
      if (failing) throw new Error('no')
      return questions
    }, 9)
    const results = await Promise.allSettled([ask(1), ask(2)])
    expect(results.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    failing = false
    expect(await ask(3)).to.equal(3)
  })
})

describe('uploader/race', () => {
  const run = async (times: Readonly<Record<string, number>>, wanted: number) => {
    const got: string[] = []
    const failed: string[] = []
    const slow: string[] = []
    const left = Object.keys(times)
    const enough = await race<string, string>({
      clock: realClock,
      limits: { slowMs: 60, stallMs: 400 },
      signal: NEVER,
      needed: () => wanted - got.length,
      next: () => left.shift(),
      fetch: async (name, signal) => {
        const ms = times[name] as number
        if (ms < 0) throw new HoldfastError('NET_UNREACHABLE', { what: name })
        await realClock.sleep(ms, signal)
        return name
      },
      onResult: (_, name) => void got.push(name),
      onFailure: (name) => void failed.push(name),
      onSlow: (name) => void slow.push(name),
    })
    return { enough, got, failed, slow, untried: left }
  }

  it('starts no more than needed when all goes well', async () => {
    const { enough, got, untried } = await run({ a: 1, b: 2, c: 3, d: 1 }, 3)
    expect(enough).to.equal(true)
    expect(got.sort()).to.deep.equal(['a', 'b', 'c'])
    expect(untried).to.deep.equal(['d'])
  })

  it('replaces what fails at once, what falls behind soon, and gives up what says nothing', async () => {
    const { enough, got, failed, slow } = await run({ a: -1, b: 60_000, c: 5, d: 5, e: 5 }, 3)
    expect(enough).to.equal(true)
    expect(got.sort()).to.deep.equal(['c', 'd', 'e'])
    expect(failed).to.deep.equal(['a'])
    expect(slow).to.deep.equal(['b'])
  })

  it('takes a byte now and then for silence', async () => {
    const left = ['drips', 'sound']
    const slow: string[] = []
    const got: string[] = []
    const enough = await race<string, string>({
      clock: realClock,
      limits: { slowMs: 60, stallMs: 10_000 },
      signal: NEVER,
      needed: () => 1 - got.length,
      next: () => left.shift(),
      fetch: async (name, signal, onBytes) => {
        for (let i = 0; name === 'drips' && i < 1000; i++) {
          onBytes(1)
          await realClock.sleep(20, signal)
        }
        return name
      },
      onResult: (_, name) => void got.push(name),
      onFailure: () => undefined,
      onSlow: (name) => void slow.push(name),
    })
    expect({ enough, got, slow }).to.deep.equal({ enough: true, got: ['sound'], slow: ['drips'] })
  })

  it('says when nobody is left', async () => {
    const { enough, failed } = await run({ a: -1, b: 60_000, c: 5 }, 3)
    expect(enough).to.equal(false)
    expect(failed.sort()).to.deep.equal(['a', 'b'])
  })
})

describe('uploader/holders', () => {
  it('prefers the quick to the untried, the untried to the slow, those to the failed, and asks liars last', () => {
    const board = createSpeedBoard()
    const [quick, untried, failed, liar, slow] = ['0x1', '0x2', '0x3', '0x4', '0x5'] as const
    board.finished(slow, 2 ** 20, 10)
    board.slow(slow)
    board.slow(slow)
    board.finished(quick, 2 ** 20, 10)
    board.failed(failed, false)
    board.failed(liar, true)
    const inOrder = () =>
      [liar, slow, failed, untried, quick].sort((a, b) => board.expected(a, 2 ** 20) - board.expected(b, 2 ** 20))
    expect(inOrder()).to.deep.equal([quick, untried, slow, failed, liar])
    for (let i = 0; i < 8; i++) board.finished(slow, 2 ** 20, 5)
    expect(inOrder()[0], 'who comes to the end of it after all').to.equal(quick)
    expect(inOrder().indexOf(slow)).to.equal(1)
  })
})

describe('uploader/patient-book', () => {
  it('repeats a call until the keeper is back, and gives up in time', async () => {
    const book = createMemoryBook({ winners: [] })
    let away = 2
    book.nonces = async () => {
      if (away-- > 0) throw new HoldfastError('API_UNREACHABLE', { role: 'controller', url: 'x' })
      return []
    }
    const clock = { ...realClock, sleep: async () => {} }
    const patient = patientBook(book, { clock, log: silentLog, signal: NEVER, forMs: 10_000 })
    expect(await patient.nonces([], 9)).to.deep.equal([])
    away = 2
    const hasty = patientBook(book, { clock, log: silentLog, signal: NEVER, forMs: 0 })
    expect(await hasty.nonces([], 9).catch((cause) => cause)).to.have.property('code', 'API_UNREACHABLE')
  })

  it('passes on at once what the book itself says', async () => {
    const book = createMemoryBook({ winners: [] })
    let calls = 0
    book.sign = async () => {
      calls++
      throw new HoldfastError('PLACEMENT_INVALID', { what: 'no' })
    }
    const patient = patientBook(book, { clock: realClock, log: silentLog, signal: NEVER, forMs: 10_000 })
    expect(await patient.sign([]).catch((cause) => cause)).to.have.property('code', 'PLACEMENT_INVALID')
    expect(calls).to.equal(1)
  })
})

describe('uploader/put-journal', () => {
  const rng = seededRng('journal')
  const STATE: PutState = {
    objectKey: rng.bytes(32),
    indirectKey: rng.bytes(32),
    copySeed: rng.bytes(32),
    size: 5_000_000_000,
    segmentSize: 1000,
    k: 3,
    n: 10,
    name: 'a',
    lots: [{ steward: `0x${'ab'.repeat(20)}`, attempt: 2 }, { attempt: 1 }],
    frozen: [[0, 1]],
  }

  it('gives back what was written, and nothing of it in the clear', async () => {
    const journal = memoryJournal()
    const vault = createVault(rng.bytes(32), rng)
    const records = createPutRecords(journal, vault)
    await records.save(STATE)
    await records.writeHash(0, new Uint8Array(32).fill(1))
    await records.writeHash(1023, new Uint8Array(32).fill(2))
    await records.writeHash(1024, new Uint8Array(32).fill(3))
    const reopened = createPutRecords(journal, vault)
    expect(await reopened.load()).to.deep.equal(STATE)
    expect((await reopened.hashOf(1023))?.[0]).to.equal(2)
    expect((await reopened.hashOf(1024))?.[0]).to.equal(3)
    expect(await reopened.hashOf(5)).to.equal(undefined)
    expect(await reopened.hashOf(4000)).to.equal(undefined)
    for (const bytes of journal.records.values())
      expect(Buffer.from(bytes).includes(Buffer.from(STATE.objectKey))).to.equal(false)
  })

  it('does not open under another key', async () => {
    const journal = memoryJournal()
    await createPutRecords(journal, createVault(rng.bytes(32), rng)).save(STATE)
    const error = await createPutRecords(journal, createVault(rng.bytes(32), rng))
      .load()
      .catch((cause) => cause)
    expect(error).to.have.property('code', 'KEY_DAMAGED')
  })
})
