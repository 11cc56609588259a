import { expect } from 'chai'
import { DAY, GiB } from '../../base/units.ts'
import { backingOf, createBondWatch, rentWith } from '../../controller/bonds.ts'
import { Ledger } from '../../controller/ledger.ts'
import { POLICY } from '../../controller/policy.ts'
import { KEYS } from '../../controller/records.ts'
import { Step } from '../../controller/step.ts'
import { MemoryJournal, silent } from './memory-market.ts'
import { aDriver, aPlacement, draw, START, stewardOf } from './placement-builder.ts'

const PRICE = 5_000_000_000_000_000n
const head = (number: number) => ({ number, hash: '0x00' as const })

describe('controller/bonds', () => {
  it('counts a stake by the part of a lot in all rent that is known to lie on it, and nothing where nothing stands', () => {
    const placements = [
      aPlacement({ n: 1, steward: 1, price: PRICE, length: GiB }),
      aPlacement({ n: 2, steward: 1, price: 2n * PRICE, length: GiB }),
      aPlacement({ n: 3, steward: 2, price: PRICE, length: GiB }),
    ]
    const inventory = rentWith(placements, stewardOf(1))
    expect(inventory).to.equal(3n * PRICE)
    expect(backingOf(1000n, { bytes: GiB, price: PRICE }, inventory)).to.equal(250n)
    expect(backingOf(1000n, { bytes: GiB, price: PRICE }, rentWith(placements, stewardOf(2)))).to.equal(500n)
    expect(backingOf(1000n, { bytes: GiB, price: PRICE }, rentWith(placements, stewardOf(3)))).to.equal(1000n)
    expect(backingOf(0n, { bytes: GiB, price: PRICE }, inventory)).to.equal(0n)
  })

  it('makes a placement due at once when its steward takes its bond back, once for a week of such acts', () => {
    const driver = aDriver(aPlacement())
    while ((driver.state.nextDue as number) < START + 40 * DAY) driver.pass(driver.state.nextDue as number)
    const usual = driver.state.nextDue as number
    const at = driver.state.totals.lastProof + DAY + 17
    expect(usual).to.be.above(at + DAY)
    const [alert] = driver.tell({ kind: 'unbonding', at }, at + 600)
    expect(alert).to.include({ kind: 'alert', code: 'unbonding' })
    const due = driver.state.nextDue as number
    expect(due).to.be.within(at, at + 3600)
    driver.tell({ kind: 'unbonding', at: at + DAY }, at + DAY)
    expect(driver.state.nextDue).to.equal(due)
    driver.pass(at + DAY)
    expect(driver.state.nextDue, 'asked, and proved').to.be.above(at + 2 * DAY)
    expect(driver.tell({ kind: 'unbonding', at: at + 3 * DAY }, at + 3 * DAY)).to.deep.equal([])
    driver.tell({ kind: 'unbonding', at: at + 8 * DAY }, at + 8 * DAY)
    expect(driver.state.nextDue).to.be.within(at + 8 * DAY, at + 8 * DAY + 3600)
  })

  it('asks for no more than is open: a round under way is enough of a check when its cut is later', () => {
    const driver = aDriver(aPlacement())
    const due = driver.state.nextDue as number
    const post = driver.open(due)
    driver.tell({ kind: 'unbonding', at: due - 600 }, due + 60)
    expect(driver.state.nextDue).to.equal(undefined)
    driver.posted(post.docket, due + 60)
    driver.swept(post.docket, due + 120)
    expect(driver.state.nextDue).to.be.above(due + DAY)
  })

  it('looks from where it stopped, at the stewards that hold something, four times a day', async () => {
    const ledger = await Ledger.open(new MemoryJournal())
    let now = START + 10 * DAY
    const step = async <Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result> => {
      const one = new Step(ledger, { now, policy: POLICY, draw })
      const result = await run(one)
      await ledger.commit(one.batch)
      return result
    }
    await step((one) => {
      for (const n of [1, 2]) one.add(aPlacement({ n, steward: n }), { kind: 'tick' })
    })
    const asked: { accounts: readonly string[]; from: number; to: number }[] = []
    let isDown = false
    const chain = {
      bondOf: async () => 0n,
      bondsSince: 3,
      unbondings: async (accounts: readonly `0x${string}`[], from: number, to: { number: number }) => {
        if (isDown) throw new Error('away')
        asked.push({ accounts, from, to: to.number })
        return from <= 7 && to.number >= 7 ? [{ account: stewardOf(2), at: START + 9 * DAY }] : []
      },
    }
    const watch = () => createBondWatch({ ledger, chain, log: silent, now: () => now })
    const look = watch()
    await look(step, head(5))
    await look(step, head(6)) // too soon
    now += DAY
    isDown = true
    await look(step, head(8))
    isDown = false
    now += DAY
    await look(step, head(9))
    await watch()(step, head(10)) // after a restart
    const accounts = [stewardOf(1), stewardOf(2)]
    expect(asked).to.deep.equal([
      { accounts, from: 3, to: 5 },
      { accounts, from: 6, to: 9 },
      { accounts, from: 10, to: 10 },
    ])
    expect([...ledger.placements.values()].map(({ unbondingAt }) => unbondingAt)).to.deep.equal([
      undefined,
      START + 9 * DAY,
    ])
    expect(await ledger.get(KEYS.bonds)).to.deep.equal(new Uint8Array([0, 0, 0, 10]))
  })
})
