/** When a backup is made, and when its pointer counts; the puts themselves are tried in test/market/recover.ci.test.ts. */
import { expect } from 'chai'
import { toHex, utf8 } from '../../base/bytes.ts'
import type { Change } from '../../base/ports.ts'
import { DAY, HOUR, unixTime } from '../../base/units.ts'
import { sealPointer } from '../../blob/pointer.ts'
import { Backups } from '../../controller/backup.ts'
import { decodeBackup } from '../../controller/backup-format.ts'
import { Ledger } from '../../controller/ledger.ts'
import { POLICY } from '../../controller/policy.ts'
import { type BackupRecord, KEYS, type ObjectRecord } from '../../controller/records.ts'
import { createDraw } from '../../controller/schedule.ts'
import { Step } from '../../controller/step.ts'
import type { PutBook } from '../../uploader/put-book.ts'
import { until } from '../processes.ts'
import { seededRng } from '../uploader/fixtures.ts'
import { MemoryJournal, realClock, silent } from './memory-market.ts'

const START = 1_800_000_000
const backupKey = new Uint8Array(32).fill(6)
const cap = new Uint8Array(32).fill(8)
const LINK = { version: 4, cap, ref: 'ef'.repeat(32), id: 'ab'.repeat(32), bytes: 10_000 }
const aBackup: BackupRecord = { links: [LINK], at: unixTime(START), tries: 0, pointed: true }

/** A journal that tells what the content of backups was. */
class Watched extends MemoryJournal {
  readonly contents: Uint8Array[] = []
  onDraft: (() => void) | undefined

  override async commit(changes: readonly Change[]): Promise<void> {
    await super.commit(changes)
    for (const { key, value } of changes) if (key === KEYS.backupContent && value) this.contents.push(value)
    if (changes.some(({ key, value }) => key === KEYS.backupDraft && value)) this.onDraft?.()
  }
}

async function aController(before: (ledger: Ledger) => Promise<void>) {
  const journal = new Watched()
  await before(await Ledger.open(journal))
  let ledger = await Ledger.open(journal)
  const world = { now: START, isSound: true }
  let queue: Promise<unknown> = Promise.resolve()
  const exclusive = <Result>(run: () => Promise<Result>): Promise<Result> => {
    const turn = queue.then(run, run)
    queue = turn.catch(() => undefined)
    return turn
  }
  const step = <Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result> =>
    exclusive(async () => {
      const each = new Step(ledger, { now: world.now, policy: POLICY, draw: createDraw(new Uint8Array(32)) })
      const result = await run(each)
      await ledger.commit(each.batch)
      return result
    })
  /** Nobody bids. */
  const book = new Proxy({} as PutBook, {
    get: () => async () => {
      throw new Error('no bidder')
    },
  })
  const open = () =>
    new Backups({
      ledger,
      journal,
      backupKey,
      book,
      send: async () => {
        throw new Error('nobody')
      },
      clock: realClock,
      rng: seededRng('backup'),
      log: silent,
      now: () => world.now,
      step,
      exclusive,
      stewards: () => 3,
      point: () => [],
      isSound: () => world.isSound,
      patience: HOUR,
    })
  return {
    journal,
    world,
    step,
    open,
    ledger: () => ledger,
    reopen: async () => {
      ledger = await Ledger.open(journal)
      return open()
    },
  }
}

const withBackup =
  (changes: Partial<BackupRecord> = {}) =>
  async (ledger: Ledger) => {
    const batch = ledger.batch()
    batch.backup({ ...aBackup, ...changes })
    batch.object({ id: utf8('x'), ref: LINK.ref, backup: 4 } as unknown as ObjectRecord, LINK.id)
    await ledger.commit(batch)
  }

describe('controller/backup', () => {
  it('is done when the pointer to this very object is final, not before', async () => {
    const { open, step, ledger } = await aController(withBackup({ pointed: false }))
    const backups = open()
    const pointer = (version: number, to: Uint8Array) => ({
      pointer: sealPointer(backupKey, { version, cap: to }, new Uint8Array(12)),
      block: 100,
    })
    const isDone = async (run: (each: Step) => void) => {
      await step(run)
      return !backups.isPending()
    }
    const other = new Uint8Array(32).fill(9)
    expect(await isDone((each) => backups.onPointer(each, pointer(4, other), true))).to.equal(false)
    expect(await isDone((each) => backups.onFinal(each, 100))).to.equal(false)
    expect(await isDone((each) => backups.onPointer(each, pointer(4, cap), true))).to.equal(false)
    expect(await isDone((each) => backups.onFinal(each, 99))).to.equal(false)
    const undone = (each: Step) => {
      backups.onPointer(each, pointer(4, cap), false)
      backups.onFinal(each, 100)
    }
    expect(await isDone(undone), 'its block is gone').to.equal(false)
    const again = (each: Step) => {
      backups.onPointer(each, pointer(4, cap), true)
      backups.onFinal(each, 100)
    }
    expect(await isDone(again)).to.equal(true)
    expect(ledger().backup?.pointed).to.equal(true)
  })

  it('takes the place of one of which too much is missing, also when that was noticed by a process before', async () => {
    const { world, open, reopen } = await aController(withBackup())
    const backups = open()
    backups.start()
    await backups.stop()
    expect(backups.nextDue(), 'all is well').to.equal(undefined)
    world.isSound = false
    backups.onMoved(new Set(['00'.repeat(32)]))
    expect(backups.nextDue(), 'another put').to.equal(undefined)
    backups.onMoved(new Set([LINK.ref]))
    expect(backups.nextDue(), 'a young one').to.equal(START + DAY)
    world.now += 2 * DAY
    backups.onMoved(new Set([LINK.ref]))
    expect(backups.nextDue()).to.equal(START + HOUR)
    const restarted = await reopen()
    restarted.start()
    await restarted.stop()
    expect(restarted.nextDue()).to.equal(world.now + HOUR)
  })

  it('makes none over a newer one of its owner’s until it is told to', async () => {
    const { open, step, ledger, reopen } = await aController(async (ledger) => {
      await withBackup()(ledger)
      const batch = ledger.batch()
      batch.also([{ key: KEYS.backupHeld, value: utf8('1') }])
      await ledger.commit(batch)
    })
    const backups = open()
    backups.start()
    await step((each) => each.batch.object({ id: utf8('y'), ref: '12' } as unknown as ObjectRecord, '12'.repeat(32)))
    expect(ledger().unsaved.has('soon')).to.equal(true)
    backups.hurry()
    expect([backups.nextDue(), backups.isBusy()]).to.deep.equal([undefined, false])
    await backups.stop()
    await backups.order()
    expect(backups.isDue()).to.equal(true)
    expect((await reopen()).nextDue, 'it stays so').to.be.a('function')
    expect(ledger().isBackupHeld).to.equal(false)
  })

  it('packs beside the steps, and loses nothing that changes meanwhile', async () => {
    const keyOf = (n: number) => KEYS.successor(toHex(new Uint8Array(32).fill(n)))
    const change = (n: number) => (each: Step) =>
      each.batch.successor({ id: toHex(new Uint8Array(32).fill(n)), ref: '12', version: n, handed: {} })
    const { journal, open, step, ledger } = await aController(withBackup())
    await step(change(1))
    // queued as soon as the draft stands: packing must not be before it
    let during: number | undefined
    journal.onDraft = () => {
      journal.onDraft = undefined
      void step((each) => {
        during = journal.contents.length
        change(2)(each)
      })
    }
    const backups = open()
    backups.start()
    try {
      await backups.order()
      await until(async () => journal.contents.length > 0, 10_000, 'a content')
    } finally {
      await backups.stop()
    }
    expect(during).to.equal(0)
    const { records } = await decodeBackup(journal.contents[0] as Uint8Array)
    expect(records.map(([key]) => key)).to.include(keyOf(1))
    const marks: string[] = []
    for await (const [key, generation] of ledger().marks(() => true)) if (generation > 5) marks.push(key)
    expect(marks, 'for the next one').to.include(keyOf(2))
  })
})
