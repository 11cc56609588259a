import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { addressOf, recoverSigner } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { DAY, GiB, HOUR, unixTime } from '../../base/units.ts'
import { mayRenew } from '../../controller/contract-life.ts'
import { Ledger } from '../../controller/ledger.ts'
import { POLICY } from '../../controller/policy.ts'
import type { StewardCalls } from '../../controller/ports.ts'
import type { ObjectRecord } from '../../controller/records.ts'
import { removeObject } from '../../controller/remove.ts'
import { Step } from '../../controller/step.ts'
import { noticeDigest } from '../../net/messages/store.ts'
import { MemoryJournal, silent } from './memory-market.ts'
import { aPlacement, draw, START } from './placement-builder.ts'

const REF = toHex(new Uint8Array(32))
const ID = sha256(new Uint8Array([7]))
const PRICE = 5_000_000_000_000_000n
const secret = sha256(new Uint8Array([1]))
const stewards = [1, 2].map((n) => addressOf(sha256(new Uint8Array([n + 1]))))
const NOW = START + 20 * DAY

/** An object of two placements, each with a steward of its own. @param away stewards that do not answer */
async function anObject(away: ReadonlySet<string> = new Set()) {
  const journal = new MemoryJournal()
  const ledger = await Ledger.open(journal)
  const taken: { steward: string; end: number; signature: Uint8Array; placement: Uint8Array }[] = []
  const step = async <Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result> => {
    const one = new Step(ledger, { now: NOW, policy: POLICY, draw })
    const result = await run(one)
    await ledger.commit(one.batch)
    return result
  }
  const object = { ref: REF, id: ID, name: 'photos', k: 1, n: 2, size: 10, segments: 1 } as unknown as ObjectRecord
  await step((one) => {
    one.batch.object({ ...object, createdAt: unixTime(START) }, toHex(ID))
    for (const [n, steward] of stewards.entries())
      one.add({ ...aPlacement({ n: n + 1, price: PRICE, length: GiB }), ref: REF, steward, share: n }, { kind: 'tick' })
  })
  ledger.placementsOfRef.set(REF, new Set(ledger.placements.keys()))
  const calls: Pick<StewardCalls, 'giveNotice'> = {
    giveNotice: async (steward, notice) => {
      if (away.has(steward)) throw new HoldfastError('NET_UNREACHABLE', { peer: steward })
      taken.push({ steward, ...notice })
    },
  }
  const deps = { ledger, chainSecret: secret, calls, step, log: silent, mayAsk: () => true, now: () => NOW }
  const stored = () => ledger.objects.get(toHex(ID)) as ObjectRecord
  const remove = (order: { soon: boolean; dryRun: boolean }) =>
    removeObject(deps, stored(), order, new AbortController().signal)
  const ends = () => [...ledger.placements.values()].map(({ end }) => end)
  return { ledger, journal, deps, taken, remove, ends, stored }
}

describe('controller/remove', () => {
  it('lets an object end with its terms: nothing of it is renewed, and nobody is told', async () => {
    const { ledger, remove, ends, taken, stored } = await anObject()
    const view = await remove({ soon: false, dryRun: false })
    expect(view).to.include({ name: 'photos', placements: 2, saved: '0' })
    expect(ends()).to.deep.equal([START + 90 * DAY, START + 90 * DAY])
    for (const placement of ledger.placements.values())
      expect(mayRenew(placement, POLICY, START + 80 * DAY)).to.equal(false)
    expect(taken).to.deep.equal([])
    expect(stored().removedAt).to.equal(NOW)
  })

  it('gives notice of 14 days, signed for each placement, and says what is saved', async () => {
    const { remove, ends, taken } = await anObject()
    const { saved, ends: last, away } = await remove({ soon: true, dryRun: false })
    expect(ends()).to.deep.equal([NOW + 14 * DAY, NOW + 14 * DAY])
    expect(last).to.equal(new Date((NOW + 14 * DAY) * 1000).toISOString().replace('.000', ''))
    expect(away).to.deep.equal([])
    expect(Number(saved)).to.be.closeTo((2 * 0.005 * (90 - 34)) / 30, 1e-9)
    expect(taken.map(({ steward }) => steward).sort()).to.deep.equal([...stewards].sort())
    for (const { placement, end, signature } of taken)
      expect(recoverSigner(noticeDigest(placement, end), signature)).to.equal(addressOf(secret))
  })

  it('changes nothing in a dry run, and says the same', async () => {
    const { remove, ends, taken, journal, stored } = await anObject()
    const before = journal.commits
    const view = await remove({ soon: true, dryRun: true })
    expect([journal.commits, taken.length, stored().removedAt]).to.deep.equal([before, 0, undefined])
    expect(ends()).to.deep.equal([START + 90 * DAY, START + 90 * DAY])
    expect(view).to.deep.equal(await remove({ soon: true, dryRun: false }))
  })

  it('names who was away; the same order again reaches them, and nobody is told twice of an end it knows', async () => {
    const away = new Set<string>([stewards[0] as string])
    const { remove, ends, taken } = await anObject(away)
    expect((await remove({ soon: true, dryRun: false })).away).to.deep.equal([stewards[0]])
    expect(ends().sort()).to.deep.equal([NOW + 14 * DAY, START + 90 * DAY])
    away.clear()
    expect((await remove({ soon: true, dryRun: false })).away).to.deep.equal([])
    expect(ends()).to.deep.equal([NOW + 14 * DAY, NOW + 14 * DAY])
    expect(taken).to.have.length(2)
  })

  it('never ends before a cut that was asked for', async () => {
    const { ledger, deps, remove, ends } = await anObject()
    const [id] = ledger.placements.keys() as IterableIterator<string>
    await deps.step((one) => one.tell(id as string, { kind: 'terminated', at: START + 90 * DAY }))
    const placement = ledger.placements.get(id as string)
    const cut = NOW + 15 * DAY
    ledger.placements.set(id as string, {
      ...(placement as NonNullable<typeof placement>),
      totals: { ...(placement as NonNullable<typeof placement>).totals, cut },
    })
    await remove({ soon: true, dryRun: false })
    expect(Math.max(...ends())).to.be.within(cut, cut + HOUR)
  })
})
