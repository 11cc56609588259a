import { expect } from 'chai'
import type { Address } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { type Lots, openLots } from '../../uploader/lots.ts'
import type { Award, AwardedLot } from '../../uploader/put-book.ts'
import type { LotState } from '../../uploader/put-journal.ts'
import { silentLog } from './fixtures.ts'

const steward = (digit: number): Address => `0x${String(digit).repeat(40)}`
const lotOf = (lot: number, digit: number): AwardedLot => ({
  lot,
  steward: steward(digit),
  addresses: [],
  price: 1n,
  egressPrice: 0n,
  egressFree: 0,
  bond: 0n,
})
const WHY = new HoldfastError('NET_TIMEOUT', { what: 'it', limit: '1 s' })

function open(lots: readonly AwardedLot[], before: readonly LotState[], runnersUp: AwardedLot[] = []) {
  const saved: (readonly LotState[])[] = []
  const calls: string[] = []
  const book = {
    replace: async (_ref: string, lot: number, failed: Address) => {
      calls.push(`${lot} ${failed.slice(0, 3)}`)
      const next = runnersUp.shift()
      if (next === undefined) throw new HoldfastError('AUCTION_NO_BIDS', { have: 0, need: 1 })
      return { ...next, lot }
    },
  }
  const award = { ref: 'r', lots } as unknown as Award
  const opened: Promise<Lots> = openLots({
    book,
    award,
    n: 3,
    before,
    save: async (states) => void saved.push(states),
    log: silentLog,
  })
  return { opened, saved, calls }
}

describe('uploader/lots', () => {
  it('begins every lot with attempt 0 and writes the takers down', async () => {
    const { opened, saved } = open([lotOf(0, 1), lotOf(1, 2), lotOf(2, 3)], [])
    const lots = await opened
    expect((await lots.holderOf(2))?.attempt).to.equal(0)
    expect(saved.at(-1)).to.deep.equal([1, 2, 3].map((digit) => ({ steward: steward(digit), attempt: 0 })))
  })

  it('keeps the attempt of a steward that still has its lot, and never gives one attempt to two stewards', async () => {
    const before = [{ steward: steward(1), attempt: 4 }, { steward: steward(9), attempt: 0 }, { attempt: 2 }]
    const { opened } = open([lotOf(0, 1), lotOf(1, 2), lotOf(2, 3)], before)
    const lots = await opened
    const holders = await Promise.all([0, 1, 2].map((lot) => lots.holderOf(lot)))
    expect(holders.map((holder) => holder?.attempt)).to.deep.equal([4, 1, 2])
  })

  it('writes the new attempt down before anybody is asked to take it over', async () => {
    const { opened, saved, calls } = open([lotOf(0, 1), lotOf(1, 2), lotOf(2, 3)], [], [lotOf(0, 7)])
    const lots = await opened
    await lots.replace(1, steward(2), WHY)
    expect(calls).to.deep.equal(['1 0x2'])
    expect(saved.at(-2)?.[1]).to.deep.equal({ attempt: 1 })
    expect(saved.at(-1)?.[1]).to.deep.equal({ steward: steward(7), attempt: 1 })
    expect(await lots.holderOf(1)).to.deep.include({ attempt: 1 })
  })

  it('replaces once, however many blobs of the lot fail at the same time', async () => {
    const { opened, calls } = open([lotOf(0, 1), lotOf(1, 2), lotOf(2, 3)], [], [lotOf(0, 7), lotOf(0, 8)])
    const lots = await opened
    const failing = Promise.all([1, 2, 3].map(() => lots.replace(0, steward(1), WHY)))
    expect((await lots.holderOf(0))?.lot.steward, 'whoever asks meanwhile waits').to.equal(steward(7))
    await failing
    expect(calls).to.have.length(1)
  })

  it('has nobody when there is no runner-up, and asks again at the next run', async () => {
    const { opened } = open([lotOf(0, 1), lotOf(1, 2), lotOf(2, 3)], [])
    const lots = await opened
    await lots.replace(0, steward(1), WHY)
    expect(await lots.holderOf(0)).to.equal(undefined)
    expect(lots.attemptOf(0)).to.equal(1)
    const later = open([lotOf(1, 2), lotOf(2, 3)], lots.states(), [lotOf(0, 7)])
    const again = await later.opened
    expect(later.calls).to.deep.equal(['0 0x0'])
    expect(await again.holderOf(0)).to.deep.include({ attempt: 1 })
  })
})
