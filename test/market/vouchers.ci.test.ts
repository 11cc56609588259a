/**
 * Half a year of a market of four that settles by vouchers: no bounty for what goes well, one redeem a month and pair, and every gwei
 * accounted for, though the controller and a steward are killed with -9 in the middle of it.
 */
import { expect } from 'chai'
import { DAY } from '../../base/units.ts'
import { killHard, type Line } from '../processes.ts'
import { pidOf } from './after-crashes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, type Ready, useMarket } from './market.ts'

const STEWARDS = 4
const MONTHS = 6
const GWEI = 10n ** 9n

interface Account {
  readonly steward: string
  readonly rent: string
  readonly swept: string
  readonly vouched: string
  readonly redeemed: string
}

/** Gwei of a decimal of HOLD. */
const gweiOf = (text: string) => {
  const [whole = '0', part = ''] = text.split('.')
  return BigInt(whole) * GWEI + BigInt(part.padEnd(9, '0').slice(0, 9))
}

describe('market: half a year by voucher', function () {
  this.timeout(900_000)
  const market = useMarket(STEWARDS, { settle: 'vouchers' })
  let object: { id: string; sha256: string }
  let began = 0
  /** Chain time. */
  const time = async () => {
    const { chain } = (await market().ok(['controller', 'status'])).last as unknown as { chain: { time: string } }
    return Date.parse(chain.time) / 1000
  }
  const advance = (time: string) =>
    market().run(['devnet', 'advance', time, '--timeout', '120s'], { timeoutMs: 180_000 })
  const accounts = async () => {
    const { lines, last } = await market().ok(['controller', 'accounts'])
    const rounds = lines.filter(({ type }) => type === 'round')
    return { ...(last as Line & { stewards: Account[]; differences: object[] }), rounds }
  }

  it('stores an object with a share and a copy at each', async () => {
    const { path, sha256 } = await market().file('object', 300_000)
    object = { sha256, ...(await market().put(path, '--code', '2/4')) }
    expect(await market().shares(object.id)).to.have.length(2 * STEWARDS)
    began = await time()
  })

  it('settles two months without a bounty, and says why', async () => {
    await market().ok(['devnet', 'advance', '62d'], { timeoutMs: 300_000 })
    const { posted, redeemed } = await marketLogs(market())
    expect(posted, 'posted').to.have.length(0)
    expect(redeemed.length, 'redeemed').to.be.within(STEWARDS, 2 * STEWARDS)
    const { rounds } = await accounts()
    expect(new Set(rounds.map(({ way, why, state }) => `${way}, ${why}, ${state}`))).to.deep.equal(
      new Set(['voucher, wanted, promised']),
    )
    expect(rounds.length, 'rounds').to.be.at.least(3 * STEWARDS)
    const { lines: plan } = await market().ok(['controller', 'plan', '--days', '40'])
    expect(plan.filter(({ what }) => what === 'voucher')).to.have.length(STEWARDS)
  })

  it('goes on when the controller and a steward are killed in the middle of it', async () => {
    const steward = market().ready.stewards[0] as Ready['stewards'][number]
    for (const role of ['controller', 'steward'] as const) {
      const running = advance('30d')
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      await killHard(role === 'controller' ? await pidOf(market(), 'controller') : steward.pid)
      const args = role === 'controller' ? ['controller', 'start'] : ['steward', 'start', '--id', steward.id]
      await market().ok([...args, '--detach'], { timeoutMs: 60_000 })
      await running // it may have given up on the daemon that was gone
    }
    await market().ok(['devnet', 'advance', '20d'], { timeoutMs: 300_000 })
    const shares = await market().shares(object.id)
    expect(shares).to.have.length(2 * STEWARDS)
    expect(shares.map(({ state }) => state)).to.deep.equal(shares.map(() => 'held'))
  })

  it('after half a year every gwei is accounted for, with fewer transactions than bounties take', async () => {
    // what was killed may have stopped the clock before its time
    const left = began + MONTHS * 30 * DAY - (await time())
    await market().ok(['devnet', 'advance', `${Math.ceil(left / DAY)}d`], { timeoutMs: 300_000 })
    const { stewards, differences, rounds } = await accounts()
    expect(differences, 'the books balance').to.deep.equal([])
    const { posted, swept, revoked, redeemed, settling, deposited, withdrawn, advertFees, balances } = await marketLogs(
      market(),
    )
    const sum = (events: readonly { amount: bigint }[]) => events.reduce((total, { amount }) => total + amount, 0n)
    const paid = redeemed.reduce((total, each) => total + each.paid, 0n)
    expect(
      deposited - withdrawn - advertFees * GWEI - (sum(posted) - sum(swept) - sum(revoked)) * GWEI,
      'money',
    ).to.equal(balances)
    const promised = stewards.reduce((total, { vouched }) => total + gweiOf(vouched), 0n)
    expect(promised >= paid && paid > 0n, 'paid of what was promised').to.equal(true)
    for (const { steward, vouched } of stewards) {
      const mine = rounds.filter((round) => round.steward === steward && round.state === 'promised')
      const written = mine.reduce((total, { amount }) => total + gweiOf(String(amount)), 0n)
      expect(gweiOf(vouched), 'promised = the sum of its rounds').to.equal(written)
      // one a month; none for the month on chain that follows a round which a killed daemon could not settle off it
      expect(redeemed.filter(({ to }) => to === steward).length, 'redeems').to.be.within(1, MONTHS + 1)
    }
    const settled = rounds.filter(({ state }) => state === 'promised' || state === 'swept').length
    const blobMonths = 2 * STEWARDS * MONTHS
    const per = (transactions: number) => (transactions / blobMonths).toFixed(2)
    process.stdout.write(
      `      ${settled} rounds of ${STEWARDS} pairs: ${settling} transactions (${posted.length} posts, ${redeemed.length} redeems), ${per(settling)} a blob-month; by bounties alone ${2 * settled}, ${per(2 * settled)}\n`,
    )
    expect(settling, 'transactions').to.be.below(2 * settled)
    const out = market().sandbox.path('out')
    await market().ok(['get', object.id, '-o', out, '--overwrite', 'always'])
    expect(await hashFile(out)).to.equal(object.sha256)
  })
})
