import { expect } from 'chai'
import fc from 'fast-check'
import { ceilDiv, DAY, GiB, HOUR, MONTH } from '../../base/units.ts'
import type { PostEffect } from '../../controller/facts.ts'
import { isOpen, openRoundOf, type PlacementState } from '../../controller/placement-state.ts'
import { POLICY, type Policy } from '../../controller/policy.ts'
import { decide as decideSteward, type Effect as StewardEffect } from '../../steward/decide.ts'
import { type HeldPlacement, holdPlacement } from '../../steward/held-placement.ts'
import { aMarket } from './market-model.ts'
import { aPlacement, START, stewardOf } from './placement-builder.ts'

type Run = ReturnType<typeof aMarket>
const UNIT = BigInt(GiB) * BigInt(MONTH) * 10n ** 9n

/** Placements with some stewards, put at different times, of different lengths and prices; with two stewards each has its own time. */
function aPortfolio(count: number, stewards = 3): PlacementState[] {
  return Array.from({ length: count }, (_, i) =>
    aPlacement({
      n: i + 1,
      steward: 1 + (i % stewards),
      start: START + 977 * HOUR * (i % 2) + i,
      length: 1000 + i * 77_777,
      price: 10n ** 15n + BigInt(i),
      term: 60 * DAY,
    }),
  )
}

/** Posts of every round that was ever decided, by placement. */
function postsOf(run: Run): Map<string, PostEffect[]> {
  const posts = new Map<string, PostEffect[]>()
  for (const docket of run.market.dockets.values())
    for (const post of docket.posts) posts.set(post.placement, [...(posts.get(post.placement) ?? []), post])
  return posts
}

function assertSafe(run: Run): void {
  const { market } = run
  const covered = new Set<string>()
  for (const bounty of run.openOnChain().values())
    for (const id of bounty.placements) {
      expect(covered.has(id), 'two open bounties over one placement').to.equal(false)
      covered.add(id)
    }
  for (const posts of postsOf(run).values()) {
    const roundOfRow = new Map<number, number>()
    for (const { row, round } of posts) {
      expect(roundOfRow.get(row) ?? round, 'one row, one round').to.equal(round)
      roundOfRow.set(row, round)
    }
  }
  for (const placement of market.placements.values()) {
    const { totals } = placement
    expect(placement.rounds.filter((round) => round === openRoundOf(placement)).length).to.be.at.most(1)
    // whoever hands a share over is paid for one month more
    const last = placement.rounds.some(({ closing }) => closing) ? placement.end + MONTH : placement.end
    expect(totals.cut).to.be.within(placement.start, last)
    expect(totals.paid + totals.forfeited).to.be.at.most(totals.cut - placement.start)
    expect(placement.rows.next).to.be.at.most(placement.rows.total)
  }
}

/** What the chain paid, against what the placements say: no second is paid twice, none is paid that is not over. */
function assertBooks(run: Run): void {
  const { market } = run
  const swept = new Set(
    run
      .events()
      .filter(({ kind }) => kind === 'swept')
      .map(({ docket }) => docket),
  )
  const intervals = new Map<string, (readonly [number, number])[]>()
  let exact = 0n
  let paid = 0n
  for (const docket of swept) {
    const { posts, amount } = market.dockets.get(docket) as { posts: readonly PostEffect[]; amount: bigint }
    paid += amount
    for (const { placement, from, cut, price, length } of posts) {
      exact += price * BigInt(length) * BigInt(cut - from)
      intervals.set(placement, [...(intervals.get(placement) ?? []), [from, cut]])
    }
  }
  for (const [id, list] of intervals) {
    const sorted = [...list].sort((a, b) => a[0] - b[0])
    for (const [i, [from]] of sorted.entries()) if (i > 0) expect(from).to.be.at.least(sorted[i - 1]?.[1] as number)
    const seconds = sorted.reduce((sum, [from, cut]) => sum + cut - from, 0)
    expect(market.placements.get(id)?.totals.paid).to.equal(seconds)
  }
  expect(paid >= ceilDiv(exact, UNIT) && paid <= exact / UNIT + BigInt(swept.size)).to.equal(true)
}

describe('controller/market-model: a year without faults', () => {
  const run = aMarket(aPortfolio(12), START, POLICY, 1)
  const { market } = run
  const held = new Map<string, HeldPlacement>()
  const warnings: StewardEffect[] = []

  before(() => {
    for (const placement of market.placements.values())
      held.set(placement.id, holdPlacement(placement.id, { ...asTerms(placement) }))
    const until = START + 365 * DAY
    for (let hops = 0; market.now < until && hops < 5000; hops++) {
      run.tick()
      run.answerPeers()
      run.mine()
      run.follow()
      const open = [...run.openOnChain().keys()]
      run.mine(open)
      run.follow()
      for (const docket of open)
        for (const { placement, cut } of market.dockets.get(docket)?.posts ?? []) tellSteward(placement, docket, cut)
      run.mine() // one block more makes it final
      run.follow()
      market.now = Math.max(market.now + 1, Math.min(until, run.nextDue() ?? until))
    }
  })

  function tellSteward(id: string, bounty: string, cut: number): void {
    const { end, version } = market.placements.get(id) as PlacementState
    for (const fact of [
      { kind: 'tick' } as const,
      { kind: 'renewed', version, end, price: 1n, grace: 14 * DAY } as const,
      { kind: 'paid', bounty, at: market.now, cut } as const,
    ]) {
      const decision = decideSteward(held.get(id) as HeldPlacement, fact, market.now)
      held.set(id, decision.next)
      warnings.push(...decision.effects)
    }
  }

  it('sweeps every bounty and revokes none', () => {
    const kinds = run.events().map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'posted').length).to.equal(market.dockets.size)
    expect(kinds.filter((kind) => kind === 'swept').length).to.equal(market.dockets.size)
    expect(kinds).to.not.include('revoked')
    expect([...market.placements.values()].map(({ state }) => state)).to.deep.equal(Array(12).fill('held'))
    expect(market.alerts).to.deep.equal([])
  })

  it('backs off along the ladder: a day, a week, two, then a month, jitter and shared dockets included', () => {
    for (const posts of postsOf(run).values()) {
      const gaps = posts.map((post) => (post.cut - post.from) / DAY)
      const bounds = [
        [0.75, 1.05],
        [0.75 * 5.25, 8.8],
        [0.75 * 10.5, 17.6],
      ] as const
      expect(gaps.length).to.be.within(12, 22)
      for (const [i, gap] of gaps.entries()) {
        const [low, high] = bounds[i] ?? [0.75 * 22.5, 30]
        expect(gap, `gap ${i}`).to.be.within(low, high)
      }
    }
  })

  it('pays every interval exactly once, up to the last cut', () => {
    assertBooks(run)
    for (const { totals, start } of market.placements.values()) {
      expect(totals.forfeited).to.equal(0)
      expect(totals.paid).to.equal(totals.cut - start)
      expect(market.now - totals.cut).to.be.at.most(30 * DAY)
    }
  })

  it('renews every placement over and over, and tops up rows in time', () => {
    for (const { version, end, rows, totals } of market.placements.values()) {
      expect(version).to.be.within(6, 8)
      expect(end).to.be.above(market.now)
      expect(rows.next).to.equal(totals.rounds)
      expect(rows.total - rows.next).to.be.above(3)
    }
  })

  it('never lets a steward come near its unpaid notice', () => {
    expect(warnings).to.deep.equal([])
  })

  it('puts the placements of a steward onto ever fewer dockets', () => {
    const late = [...market.dockets.values()].filter(({ deadline }) => deadline > START + 250 * DAY)
    const posts = late.reduce((sum, { posts }) => sum + posts.length, 0)
    expect(posts / late.length).to.be.at.least(2)
  })

  it('says the same when all facts are told again', () => {
    for (const [id, placement] of market.placements) expect(run.replay(id)).to.deep.equal(placement)
  })
})

const aCrash = fc.constantFrom('no' as const, 'no' as const, 'before-commit' as const, 'before-perform' as const)
const anOp = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('round' as const), crash: aCrash, sweeps: fc.nat(15) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('wait' as const), hours: fc.oneof(fc.nat(5), fc.nat(24 * 8)) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('tick' as const), crash: aCrash }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('follow' as const), crash: aCrash }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('mine' as const), takes: fc.nat(15), sweeps: fc.nat(15) }) },
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constant('reorganise' as const), depth: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('peers' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('release' as const), bits: fc.nat(15), crash: aCrash }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('damage' as const), bits: fc.nat(15), crash: aCrash }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('bisect' as const), bits: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('restart' as const) }) },
)
type Op = typeof anOp extends fc.Arbitrary<infer One> ? One : never

/** Dockets of two are many here. */
const SMALL: Policy = { ...POLICY, bisectFrom: 2 }

/** How often what was told, over all runs: a test that never saw a reorganisation has not tested one. */
const seen = new Map<string, number>()

function play(run: Run, ops: readonly Op[], deep: boolean, check: () => void): void {
  const sweepSome = (bits: number) => [...run.openOnChain().keys()].filter((_, i) => (bits >> (i % 4)) & 1)
  for (const step of ops) {
    if (step.op === 'round') {
      run.market.now = Math.max(run.market.now, run.nextDue() ?? 0)
      run.tick(step.crash)
      run.mine()
      run.follow(step.crash)
      run.mine(sweepSome(step.sweeps))
      run.follow()
    }
    if (step.op === 'wait') run.market.now += step.hours * HOUR
    if (step.op === 'tick') run.tick(step.crash)
    if (step.op === 'follow') run.follow(step.crash)
    if (step.op === 'peers') run.answerPeers()
    if (step.op === 'release') run.release(step.bits, step.crash)
    if (step.op === 'damage') {
      run.market.now = Math.max(run.market.now, run.nextDue() ?? 0)
      run.tick()
      for (let block = 0; block < 4; block++) mineAndFollow(run)
      run.release(step.bits, step.crash)
      for (let block = 0; block < 4; block++) mineAndFollow(run, block === 1 ? step.crash : 'no')
    }
    if (step.op === 'bisect') run.bisect(step.bits)
    if (step.op === 'restart') run.restart()
    if (step.op === 'reorganise') run.reorganise(step.depth, deep)
    if (step.op === 'mine') run.mine(sweepSome(step.sweeps), (n) => ((step.takes >> (n % 4)) & 1) === 1)
    check()
  }
  for (const told of run.market.told.values())
    for (const { fact } of told) {
      const kind = fact.kind === 'released' && !fact.lost ? 'released, not lost' : fact.kind
      seen.set(kind, (seen.get(kind) ?? 0) + 1)
    }
  seen.set('again', (seen.get('again') ?? 0) + run.events().filter(({ docket }) => isAgain(run, docket)).length)
}

function mineAndFollow(run: Run, crash: 'no' | 'before-commit' | 'before-perform' = 'no'): void {
  run.mine()
  run.follow(crash)
}

/** Time goes on, everyone works again, nobody sweeps: what is open closes, and the books can be compared. */
function comeToRest(run: Run): void {
  for (let i = 0; i < 40; i++) {
    run.tick()
    run.mine()
    run.follow()
    run.market.now += 12 * HOUR
  }
  for (let i = 0; i < 3; i++) {
    run.mine()
    run.follow()
  }
}

describe('controller/market-model: anything may happen', () => {
  it('never has two bounties open over a placement, no row in two rounds, no second paid twice, whatever crashes and whatever the chain undoes', () => {
    fc.assert(
      fc.property(fc.array(anOp, { minLength: 20, maxLength: 120 }), (ops) => {
        const run = aMarket(aPortfolio(6, 2), START, SMALL, 3)
        play(run, ops, false, () => assertSafe(run))
        comeToRest(run)
        assertSafe(run)
        assertBooks(run)
        assertClosing(run)
        for (const [id, placement] of run.market.placements) expect(run.replay(id)).to.deep.equal(placement)
      }),
      { numRuns: 150 },
    )
  })

  it('keeps rows and money right even when the chain undoes what was called final', () => {
    fc.assert(
      fc.property(fc.array(anOp, { minLength: 20, maxLength: 120 }), (ops) => {
        const run = aMarket(aPortfolio(6, 2), START, SMALL, 1)
        play(run, ops, true, () => {
          for (const posts of postsOf(run).values()) {
            const rounds = new Map<number, number>()
            for (const { row, round } of posts)
              expect(rounds.get(row) ?? round).to.equal(rounds.set(row, round).get(row))
          }
        })
        comeToRest(run)
        assertClosing(run)
        const paid = new Map<string, number>()
        for (const { kind, docket } of run.events())
          if (kind === 'swept')
            for (const { placement, from, cut } of run.market.dockets.get(docket)?.posts ?? [])
              paid.set(placement, (paid.get(placement) ?? 0) + cut - from)
        for (const [id, seconds] of paid)
          expect(seconds).to.be.at.most((run.market.placements.get(id)?.totals.cut ?? 0) - START)
      }),
      { numRuns: 100 },
    )
  })

  it('has seen every fact of the chain, its undoing included', () => {
    for (const kind of [
      'open',
      'posted-final',
      'swept-final',
      'revoked-final',
      'unposted',
      'unswept',
      'unrevoked',
      'post-failed',
      'revoke-failed',
      'released',
      'released, not lost',
      'again',
      'disproved',
    ])
      expect(seen.get(kind) ?? 0, kind).to.be.above(20)
  })

  it('comes to rest: when nobody answers any more, every placement is MIA or over, and nothing stays open', () => {
    fc.assert(
      fc.property(fc.array(anOp, { maxLength: 60 }), (ops) => {
        const run = aMarket(aPortfolio(6, 2), START, SMALL, 3)
        play(run, ops, false, () => undefined)
        for (let step = 0; step < 400 && !isAtRest(run); step++) {
          run.tick()
          run.mine()
          run.follow()
          run.market.now = Math.max(run.market.now + HOUR, run.nextDue() ?? 0)
        }
        for (const placement of run.market.placements.values()) {
          expect(openRoundOf(placement)).to.equal(undefined)
          expect(placement.state).to.equal('ended')
        }
        expect(run.openOnChain().size).to.equal(0)
      }),
      { numRuns: 40 },
    )
  })
})

/** A bounty over what a released one left. */
function isAgain(run: Run, docket: string): boolean {
  return run.market.dockets.get(docket)?.posts[0]?.again === true
}

/** Whatever is open is young: nothing waits for an answer that cannot come. */
function assertClosing(run: Run): void {
  for (const { rounds } of run.market.placements.values())
    for (const round of rounds.filter(isOpen))
      expect(run.market.now - round.openedAt, 'a round that nobody closes').to.be.below(5 * DAY)
}

function isAtRest(run: Run): boolean {
  return (
    run.nextDue() === undefined && [...run.market.placements.values()].every((placement) => !openRoundOf(placement))
  )
}

function asTerms(placement: PlacementState) {
  const zeros = new Uint8Array(32)
  const { start, end, length, price, steward } = placement
  return {
    uploader: stewardOf(0xffff),
    steward,
    blobId: zeros,
    length,
    price,
    egressPrice: 0n,
    egressFree: 0,
    start,
    end,
    grace: 14 * DAY,
    bond: 0n,
    answersRoot: zeros,
    tokenHash: zeros,
    advert: zeros,
    offerUntil: start,
    version: 1,
  }
}
