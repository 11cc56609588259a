import { expect } from 'chai'
import fc from 'fast-check'
import { DAY } from '../../base/units.ts'
import { differencesOf } from '../../controller/accounts.ts'
import { openPromises } from '../../controller/offers.ts'
import { openOf } from '../../steward/promise.ts'
import { effort } from '../effort.ts'
import { type Line, SettleWorld, START } from './settle-world.ts'

const aLine: fc.Arbitrary<Line> = fc.constantFrom(
  'ok',
  'unreachable',
  'refused',
  'lost-answer',
  'lost-voucher',
  'lost-taken',
)
/** What happens next: some days of time, conversations with their fate, a restart, a redeem. */
const aChapter = fc.record({
  days: fc.integer({ min: 1, max: 25 }),
  lines: fc.array(aLine, { maxLength: 6 }),
  kill: fc.boolean(),
  redeem: fc.boolean(),
})

/** Gwei by the ledger: what rounds were worth that were proved on chain, and off it. */
function sums({ ledger }: SettleWorld) {
  const of = (phase: string) =>
    [...ledger.bounties.values()].reduce((sum, one) => (one.phase === phase ? sum + one.amount : sum), 0n)
  return { swept: of('swept'), vouched: of('vouched') }
}

/** Nothing twice, nothing lost: what every world must show at any time. */
function check(world: SettleWorld): void {
  const { ledger, market } = world
  const posted = new Set(world.postedHashes())
  for (const round of world.rounds()) expect(posted.has(round), 'posted and vouched for').to.equal(false)
  expect(differencesOf(ledger, market.balance - 10n ** 21n), 'the books balance').to.deep.equal([])
  const { swept, vouched } = sums(world)
  const promised = [...ledger.promises.values()].reduce((sum, { cumulative }) => sum + cumulative, 0n)
  expect(promised, 'promised = vouched for').to.equal(vouched)
  const balance = (10n ** 21n - market.balance) / 10n ** 9n
  expect(balance + openPromises(ledger), 'out of the market, or promised').to.equal(swept + vouched)
  for (const promise of world.promises.values())
    expect(promise.cumulative <= (ledger.promises.get(promise.from) ?? { cumulative: promised }).cumulative).to.equal(
      true,
    )
  for (const { totals } of ledger.placements.values()) {
    expect(totals.forfeited, 'forfeited').to.equal(0)
    expect(totals.paid, 'every second is paid for once').to.equal(totals.cut - START)
  }
}

describe('controller/settle, whatever happens between two daemons', () => {
  it('sweeps and vouchers together are what was owed, to the second and to the gwei, and nothing is paid twice', async function () {
    this.timeout(240_000)
    await fc.assert(
      fc.asyncProperty(fc.array(aChapter, { minLength: 3, maxLength: 6 }), async (chapters) => {
        const world = new SettleWorld({ barred: (3 * DAY) as never })
        await world.open()
        await world.place(3)
        for (const { days, lines, kill, redeem } of chapters) {
          world.lines = [...lines]
          await world.advance(days)
          if (kill) await world.open()
          if (redeem) world.redeemAll()
          await world.advance(1)
          expect(world.controller.failure).to.equal(undefined)
        }
        // all is well again: what is open finds its end, and both sides say the same
        world.lines = []
        await world.advance(40)
        world.market.mine([])
        await world.advance(1)
        check(world)
        for (const [steward, { cumulative }] of world.ledger.promises)
          expect(world.promises.get(steward)?.cumulative ?? 0n, 'its steward has the newest').to.equal(cumulative)
        world.redeemAll()
        await world.advance(1)
        check(world)
        const open = [...world.promises.values()].reduce((sum, promise) => sum + openOf(promise), 0n)
        expect(openPromises(world.ledger), 'both sides know what was redeemed').to.equal(open)
        await world.controller.stop()
      }),
      { numRuns: effort(4, 8), endOnFailure: true },
    )
  })

  it('a year by voucher posts nothing at all where nothing goes wrong', async function () {
    this.timeout(60_000)
    const world = new SettleWorld({})
    await world.open()
    await world.place(3)
    for (let month = 0; month < 12; month++) {
      await world.advance(30)
      world.redeemAll()
    }
    await world.advance(5)
    check(world)
    expect(world.market.posts).to.have.length(0)
    expect([...world.ledger.placements.values()].every(({ totals }) => totals.checks >= 12)).to.equal(true)
    await world.controller.stop()
  })

  it('who does not answer off chain is asked on chain in the same round, and so are its next ones', async function () {
    this.timeout(60_000)
    const world = new SettleWorld({})
    await world.open()
    await world.place(1)
    world.lines = [
      'unreachable',
      'unreachable',
      'unreachable',
      'unreachable',
      'unreachable',
      'unreachable',
      'unreachable',
    ]
    await world.advance(2)
    expect(world.market.posts).to.have.length(1)
    expect((world.market.posts[0]?.time ?? 0) - START).to.be.within(DAY + 6 * 3600, DAY + 7 * 3600)
    world.lines = []
    await world.advance(28)
    expect(world.market.posts.length, 'silent in the last 30 days').to.be.at.least(3)
    await world.advance(120)
    const { vouched } = sums(world)
    expect(vouched > 0n, 'then off chain again').to.equal(true)
    check(world)
    await world.controller.stop()
  })
})
